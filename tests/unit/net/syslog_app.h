/*
 * syslog_app.h - a syslog server for tests that keeps what it was handed.
 */
#ifndef TRIAGED_TESTS_SYSLOG_APP_H
#define TRIAGED_TESTS_SYSLOG_APP_H

#include "net_test.h"
#include "triaged/net/syslog_frame.h"
#include "triaged/net/syslog_server.h"

enum { TAKEN_MAX = 4096 };

struct taken {
    char *text, *host;
    size_t n;
    unsigned flags;
    bool is_unix;
    uint64_t receipt;
};

struct log_app {
    struct event_base *base;
    struct syslog_server *server;
    struct conf *conf;
    bool full;   /* no room: may_read says no */
    size_t room; /* > 0: full after so many more messages */
    struct taken taken[TAKEN_MAX];
    size_t n; /* all messages; those beyond TAKEN_MAX are only counted */
    size_t batches;
    size_t wants; /* for log_app_has */
};

static inline void log_app_message(void *arg, const struct syslog_peer *peer, struct str m,
                                   unsigned flags)
{
    struct log_app *a = arg;

    assert_false(a->full);
    assert_non_null(peer->listener);
    if (a->n < TAKEN_MAX)
        a->taken[a->n] = (struct taken){xstrndup(m.p, m.n), xstrndup(peer->host.p, peer->host.n),
                                        m.n, flags, peer->is_unix, peer->receipt};
    a->n++;
    if (a->room > 0 && --a->room == 0)
        a->full = true;
}

static inline void log_app_batch_end(void *arg)
{
    ((struct log_app *)arg)->batches++;
}

static inline bool log_app_may_read(void *arg)
{
    return !((struct log_app *)arg)->full;
}

static inline bool log_app_has(void *arg)
{
    return ((struct log_app *)arg)->n >= ((struct log_app *)arg)->wants;
}

static inline void log_app_wait(struct log_app *a, size_t n)
{
    a->wants = n;
    loop_until(a->base, log_app_has, a);
    assert_int_equal(a->n, n);
}

static inline void log_app_init(struct log_app *a, size_t n_listeners)
{
    memset(a, 0, sizeof(*a));
    net_loop_log();
    a->base = net_loop_create();
    assert_non_null(a->base);
    a->conf = conf_by_hand(0, n_listeners);
}

static inline bool log_app_configure(struct log_app *a, const struct conf *conf)
{
    struct diag why;
    bool ok;

    diag_init(&why);
    ok = syslog_server_configure(a->server, conf, false, &why);
    diag_finish(&why);
    return ok;
}

static inline void log_app_start(struct log_app *a)
{
    struct syslog_callbacks cb = {log_app_message, log_app_batch_end, log_app_may_read, a};

    a->server = syslog_server_create(a->base, &cb);
    assert_true(log_app_configure(a, a->conf));
}

static inline void log_app_forget(struct log_app *a)
{
    for (size_t i = 0; i < a->n && i < TAKEN_MAX; i++) {
        free(a->taken[i].text);
        free(a->taken[i].host);
    }
    a->n = 0;
}

static inline void log_app_finish(struct log_app *a)
{
    syslog_server_destroy(a->server);
    event_base_free(a->base);
    log_app_forget(a);
    conf_by_hand_free(a->conf);
}

static inline unsigned log_app_port(struct log_app *a, size_t i)
{
    unsigned port = syslog_server_port(a->server, i);

    assert_true(port != 0);
    return port;
}

static inline int udp_socket(unsigned port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static inline void datagram(int fd, struct str s)
{
    assert_int_equal(send(fd, s.p, s.n, MSG_NOSIGNAL), s.n);
}

#endif
