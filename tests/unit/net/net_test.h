/*
 * net_test.h - what the tests of the net layer share: a loop that runs until something holds, plain
 * clients, hand-made configurations, temporary directories.
 */
#ifndef TRIAGED_TESTS_NET_TEST_H
#define TRIAGED_TESTS_NET_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "triaged/base/buf.h"
#include "triaged/base/clock.h"
#include "triaged/base/mem.h"
#include "triaged/base/metrics.h"
#include "triaged/conf/conf.h"
#include "triaged/net/loop.h"

enum { WAIT_MS = 10000, REFS = 1000 };

typedef bool condition_fn(void *arg);

/* Runs the loop until the condition holds; fails the test after WAIT_MS. */
static inline void loop_until(struct event_base *base, condition_fn *holds, void *arg)
{
    int64_t end = clock_mono_ms() + WAIT_MS;

    while (!holds(arg)) {
        struct timeval tv = {0, 2000};

        if (clock_mono_ms() > end)
            fail_msg("the condition never came to hold");
        event_base_loopexit(base, &tv); /* or sooner, after one event */
        event_base_loop(base, EVLOOP_ONCE);
    }
}

static inline void loop_for(struct event_base *base, int64_t ms)
{
    int64_t end = clock_mono_ms() + ms;

    while (clock_mono_ms() < end) {
        struct timeval tv = {0, 2000};

        event_base_loopexit(base, &tv);
        event_base_loop(base, EVLOOP_ONCE);
    }
}

/* ---- clients -------------------------------------------------------------------------------- */

struct client {
    struct event_base *base;
    int fd;
    struct buf in;
    bool eof;
    const char *waits_for;
};

static inline void client_adopt(struct client *c, struct event_base *base, int fd)
{
    memset(c, 0, sizeof(*c));
    c->base = base;
    c->fd = fd;
    buf_init(&c->in, 64 << 20);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static inline int tcp_socket(unsigned port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    /* Else a small write waits for the acknowledgement of the last one, for 40 ms. */
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
    return fd;
}

static inline int unix_socket(const char *path, int type)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

static inline void client_connect(struct client *c, struct event_base *base, unsigned port)
{
    client_adopt(c, base, tcp_socket(port));
}

static inline void client_close(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    buf_finish(&c->in);
}

static inline void client_pump(struct client *c)
{
    for (;;) {
        ssize_t n;

        assert_true(buf_reserve(&c->in, 65536));
        n = recv(c->fd, c->in.p + c->in.n, 65536, 0);
        if (n > 0)
            c->in.n += (size_t)n;
        else if (n == 0 || errno != EAGAIN)
            c->eof = true;
        if (n <= 0)
            return;
    }
}

/* Gives up quietly when the server has closed. */
static inline void client_send(struct client *c, struct str s)
{
    int64_t end = clock_mono_ms() + WAIT_MS;

    while (s.n > 0 && clock_mono_ms() < end) {
        ssize_t n = send(c->fd, s.p, s.n, MSG_NOSIGNAL);

        if (n > 0)
            s = str_sub(s, (size_t)n, s.n);
        else if (errno != EAGAIN)
            return;
        else
            event_base_loop(c->base, EVLOOP_NONBLOCK);
    }
    assert_int_equal(s.n, 0);
}

static inline void client_send_c(struct client *c, const char *s)
{
    client_send(c, str_c(s));
}

static inline bool client_has(void *arg)
{
    struct client *c = arg;

    client_pump(c);
    return str_find(buf_str(&c->in), str_c(c->waits_for)) < c->in.n;
}

static inline void client_wait(struct client *c, const char *text)
{
    c->waits_for = text;
    loop_until(c->base, client_has, c);
}

static inline bool client_at_eof(void *arg)
{
    client_pump(arg);
    return ((struct client *)arg)->eof;
}

static inline void client_wait_eof(struct client *c)
{
    loop_until(c->base, client_at_eof, c);
}

/* How often the text stands in what was received. */
static inline size_t client_count(struct client *c, const char *text)
{
    struct str rest = buf_str(&c->in), t = str_c(text);
    size_t n = 0, at;

    while ((at = str_find(rest, t)) < rest.n) {
        n++;
        rest = str_sub(rest, at + t.n, rest.n);
    }
    return n;
}

/* ---- configurations ------------------------------------------------------------------------- */

/* A configuration that its owner frees: references are only counted, to see that none is lost. */
static inline struct conf *conf_by_hand(size_t n_http, size_t n_syslog)
{
    struct conf *c = NEW(struct conf);

    c->refs = REFS;
    c->n_http = n_http;
    c->n_syslog = n_syslog;
    c->http = NEW_ARRAY(struct conf_listener, n_http + 1);
    c->syslog = NEW_ARRAY(struct conf_listener, n_syslog + 1);
    c->limits = (struct conf_limits){
        .http_header = 4096,
        .http_body = 10000,
        .http_bodies = 100000,
        .http_connections = 100,
        .http_idle_ms = 20000,
        .http_answer_ms = 20000,
        .syslog_connections = 100,
    };
    return c;
}

static inline void conf_by_hand_free(struct conf *c)
{
    assert_int_equal(c->refs, REFS); /* no reference lost, none given back twice */
    free(c->http);
    free(c->syslog);
    free(c);
}

static inline struct conf_texts texts_of(struct conf_text *v, size_t n)
{
    return (struct conf_texts){v, n};
}

/* ---- the rest ------------------------------------------------------------------------------- */

static inline char *temp_dir(void)
{
    char *dir = xstrdup("/tmp/triaged-net-XXXXXX");

    assert_non_null(mkdtemp(dir));
    return dir;
}

static inline void temp_dir_remove(char *dir)
{
    char *cmd = xasprintf("rm -rf '%s'", dir);

    assert_int_equal(system(cmd), 0);
    free(cmd);
    free(dir);
}

/* The value of a series as it is exported, "0" when there is none. */
static inline double metric_value(const char *series)
{
    struct buf b;
    struct str rest, line;
    double v = 0;

    buf_init(&b, 1 << 20);
    assert_true(metrics_render(&b));
    for (rest = buf_str(&b); rest.n > 0;) {
        line = str_cut(rest, '\n', &rest);
        if (str_starts(line, str_c(series)) && line.p[strlen(series)] == ' ')
            v = strtod(line.p + strlen(series), NULL);
    }
    buf_finish(&b);
    return v;
}

#endif
