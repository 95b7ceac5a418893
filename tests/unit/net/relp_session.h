/*
 * relp_session.h - a RELP client and the server that it talks to, for the tests of sessions.
 */
#ifndef TRIAGED_TESTS_RELP_SESSION_H
#define TRIAGED_TESTS_RELP_SESSION_H

#include "syslog_app.h"

#define OPEN "1 open 30 relp_version=0\ncommands=syslog\n"

struct fixture {
    struct log_app app;
    struct client c;
    char *dir, *path;
};

static inline int setup(void **state)
{
    struct fixture *f = NEW(struct fixture);

    log_app_init(&f->app, 1);
    f->app.conf->syslog[0].address = S("127.0.0.1:0");
    f->app.conf->syslog[0].transport = TRANSPORT_RELP;
    f->app.conf->syslog[0].max_message = 1000;
    log_app_start(&f->app);
    f->dir = temp_dir();
    f->path = xasprintf("%s/resends", f->dir);
    f->c.fd = -1;
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;

    client_close(&f->c);
    log_app_finish(&f->app);
    temp_dir_remove(f->dir);
    free(f->path);
    free(f);
    return 0;
}

static inline void connect_plain(struct fixture *f)
{
    client_connect(&f->c, f->app.base, log_app_port(&f->app, 0));
}

static inline void open_session(struct fixture *f)
{
    connect_plain(f);
    client_send_c(&f->c, OPEN);
    client_wait(&f->c, "1 rsp ");
    buf_reset(&f->c.in);
}

static inline bool connections_gone(void *arg)
{
    (void)arg;
    return metric_value("triaged_syslog_connections{listener=\"127.0.0.1:0\"}") <= 0;
}

/* The client goes away without a word. */
static inline void break_off(struct fixture *f)
{
    client_close(&f->c);
    loop_until(f->app.base, connections_gone, NULL);
}

static inline void send_message(struct fixture *f, unsigned txnr, const char *text)
{
    char frame[1200];

    snprintf(frame, sizeof(frame), "%u syslog %zu %s\n", txnr, strlen(text), text);
    client_send_c(&f->c, frame);
}

static inline void expect_sent(struct fixture *f, const char *bytes)
{
    client_wait(&f->c, bytes);
    assert_string_equal((buf_put_char(&f->c.in, '\0'), f->c.in.p), bytes);
    buf_reset(&f->c.in);
}

static inline void expect_nothing_sent(struct fixture *f)
{
    loop_for(f->app.base, 30);
    client_pump(&f->c);
    assert_int_equal(f->c.in.n, 0);
    assert_false(f->c.eof);
}

static inline void durable(struct fixture *f, uint64_t receipt)
{
    syslog_server_durable(f->app.server, receipt);
}

static inline void write_down(struct fixture *f, uint64_t receipt)
{
    static const struct syslog_place place;

    syslog_server_writing(f->app.server, receipt, &place);
    syslog_server_written(f->app.server);
}

#endif
