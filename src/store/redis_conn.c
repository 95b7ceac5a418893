/*
 * redis_conn.c - one connection: a socket, TLS on it or not, commands out and answers in.
 * Owns: the socket from connect to close, the commands that wait for their answer, the deferred
 *       free.
 * Never: reconnects, knows scripts, states or time-outs (machine.c, store.c); knows OpenSSL
 * (whoever made the store hands in a struct store_tls) or hiredis (reply.c).
 *
 *   connecting --writable--> (TLS: handshake -->) up --end of file, error, nonsense--> down
 *
 * Nothing is freed within a callback: an end is noted at once, so that nobody is called any more,
 * and the rest goes in the next turn of the loop. Redis answers in order, so the oldest command
 * that waits is the one that an answer belongs to.
 */
#include "redis_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "reply.h"
#include "triaged/base/buf.h"
#include "triaged/base/mem.h"

enum {
    COMMAND_MAX = 256 * 1024 * 1024, /* a record is at most 16 MiB */
    WHY_MAX = 320,
    AHEAD = 1024 * 1024,    /* asked for in the buffer of a unix socket: what Redis works on while
                               the loop is busy elsewhere. TCP finds its own size. */
    WRITE_MAX = 256 * 1024, /* in one call; libevent's own limit is 16 KiB. Not over TLS: where
                               OpenSSL takes only the first record of a piece, libevent 2.1 goes on
                               with the next piece. */
};

struct redis_conn {
    struct list on_owner;
    struct event_base *base;
    const struct store_tls *tls; /* or NULL */
    char *tls_name;
    int fd;                   /* until bev has it; -1 */
    struct event *connecting; /* while fd is */
    struct bufferevent *bev;  /* once connected */
    struct reply_reader *reader;
    struct list waiting; /* struct request, oldest first */
    struct redis_conn_callbacks cb;
    struct event *reap;
    struct buf out; /* the command that is being put together */
    unsigned depth; /* within callbacks of the loop */
    bool up, closed;
};

struct request {
    struct list node;
    redis_reply_fn *fn;
    void *arg;
};

/* ---- the end ------------------------------------------------------------------------------------
 */

static void forget_waiting(struct redis_conn *c)
{
    while (!list_empty(&c->waiting)) {
        struct request *r = LIST_FIRST(&c->waiting, struct request, node);

        list_remove(&r->node);
        free(r);
    }
}

static void conn_free(struct redis_conn *c)
{
    list_remove(&c->on_owner);
    forget_waiting(c);
    if (c->bev)
        bufferevent_free(c->bev); /* closes the socket */
    if (c->fd >= 0)
        close(c->fd);
    event_free(c->connecting);
    event_free(c->reap);
    reply_reader_destroy(c->reader);
    buf_finish(&c->out);
    free(c->tls_name);
    free(c);
}

static void on_reap(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    conn_free(arg);
}

void redis_conn_close(struct redis_conn *c)
{
    if (c->closed)
        return;
    c->closed = true;
    event_del(c->connecting);
    if (c->bev)
        bufferevent_disable(c->bev, EV_READ | EV_WRITE);
    event_active(c->reap, EV_TIMEOUT, 0);
}

void redis_conn_close_all(struct list *owner)
{
    LIST_FOR_EACH_SAFE (c, next, owner, struct redis_conn, on_owner) {
        redis_conn_close(c);
        if (c->depth == 0)
            conn_free(c);
        else /* the turn after this one frees it */
            list_remove(&c->on_owner);
    }
}

static void down(struct redis_conn *c, const char *why)
{
    if (c->closed)
        return;
    redis_conn_close(c);
    c->cb.on_down(c->cb.arg, why);
}

/* ---- answers ------------------------------------------------------------------------------------
 */

static void answer(struct redis_conn *c, const struct store_reply *reply)
{
    struct request *r = LIST_FIRST(&c->waiting, struct request, node);
    struct request own;
    char why[WHY_MAX];

    if (!r) { /* "-ERR max number of clients reached", before the end */
        struct str text = store_reply_str(reply);

        snprintf(why, sizeof(why), "an answer that nobody asked for: %.*s",
                 text.n < 200 ? (int)text.n : 200, text.n ? text.p : "");
        down(c, why);
        return;
    }
    own = *r;
    list_remove(&r->node);
    free(r);
    own.fn(own.arg, reply);
}

static void answer_all(struct redis_conn *c)
{
    struct store_reply *reply;
    char why[WHY_MAX];

    while (!c->closed && (reply = reply_reader_next(c->reader, why, sizeof(why)))) {
        answer(c, reply);
        reply_free(reply);
    }
    if (!c->closed && why[0])
        down(c, why);
}

static void on_read(struct bufferevent *bev, void *arg)
{
    struct redis_conn *c = arg;
    struct evbuffer *in = bufferevent_get_input(bev);
    size_t n;

    c->depth++;
    while (!c->closed && (n = evbuffer_get_contiguous_space(in)) > 0) {
        reply_reader_feed(c->reader, evbuffer_pullup(in, (ev_ssize_t)n), n);
        evbuffer_drain(in, n);
        answer_all(c);
    }
    c->depth--;
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct redis_conn *c = arg;
    int error = errno;
    char why[WHY_MAX] = "";

    if (c->closed)
        return;
    c->depth++;
    if (what & BEV_EVENT_CONNECTED) { /* with TLS alone: the handshake is through */
        c->up = true;
        c->cb.on_up(c->cb.arg);
    } else {
        if (c->tls)
            c->tls->explain(c->tls->arg, bev, c->tls_name, why, sizeof(why));
        if (!why[0])
            snprintf(why, sizeof(why), "%s%s",
                     (what & BEV_EVENT_ERROR) && error ? strerror(error) : "connection closed",
                     c->up ? "" : " during the TLS handshake");
        down(c, why);
    }
    c->depth--;
}

/* ---- open ---------------------------------------------------------------------------------------
 */

/* The socket is connected: TLS on it, or up. */
static void go_up(struct redis_conn *c)
{
    char why[WHY_MAX] = "no memory";

    c->bev = c->tls ? c->tls->wrap(c->tls->arg, c->base, c->fd, c->tls_name, why, sizeof(why))
                    : bufferevent_socket_new(c->base, c->fd, BEV_OPT_CLOSE_ON_FREE);
    if (!c->bev) {
        down(c, why);
        return;
    }
    c->fd = -1;
    bufferevent_setcb(c->bev, on_read, NULL, on_event, c);
    bufferevent_enable(c->bev, EV_READ | EV_WRITE);
    if (!c->tls) {
        bufferevent_set_max_single_write(c->bev, WRITE_MAX);
        c->up = true;
        c->cb.on_up(c->cb.arg);
    }
}

static void on_connected(evutil_socket_t fd, short what, void *arg)
{
    struct redis_conn *c = arg;
    socklen_t size = sizeof(int);
    int error = 0;

    (void)what;
    c->depth++;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    if (error)
        down(c, strerror(error));
    else
        go_up(c);
    c->depth--;
}

bool redis_conn_is_shaking_hands(const struct redis_conn *c)
{
    return c->bev && !c->up;
}

union any_address {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
};

/* 0 when the text is none. */
static socklen_t make_address(const struct redis_address *to, union any_address *a)
{
    memset(a, 0, sizeof(*a));
    if (to->port == 0) {
        a->un.sun_family = AF_UNIX;
        if (strlen(to->host) >= sizeof(a->un.sun_path))
            return 0;
        memcpy(a->un.sun_path, to->host, strlen(to->host));
        return sizeof(a->un);
    }
    if (inet_pton(AF_INET, to->host, &a->in.sin_addr) == 1) {
        a->in.sin_family = AF_INET;
        a->in.sin_port = htons((uint16_t)to->port);
        return sizeof(a->in);
    }
    if (inet_pton(AF_INET6, to->host, &a->in6.sin6_addr) == 1) {
        a->in6.sin6_family = AF_INET6;
        a->in6.sin6_port = htons((uint16_t)to->port);
        return sizeof(a->in6);
    }
    return 0;
}

/* A socket that connects, or -1 with errno. */
static int begin_connect(const struct redis_address *to)
{
    union any_address a;
    socklen_t size = make_address(to, &a);
    int fd, error, one = 1, ahead = AHEAD;

    if (size == 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    fd = socket(a.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (to->port)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    else
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &ahead, sizeof(ahead));
    if (connect(fd, &a.sa, size) == 0 || errno == EINPROGRESS)
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

struct redis_conn *redis_conn_open(struct event_base *base, struct list *owner,
                                   const struct redis_address *to,
                                   const struct redis_conn_callbacks *cb, char *why,
                                   size_t why_size)
{
    int fd = begin_connect(to);
    struct redis_conn *c;

    if (fd < 0) {
        snprintf(why, why_size, "%s", strerror(errno));
        return NULL;
    }
    c = NEW(struct redis_conn);
    c->base = base;
    c->fd = fd;
    c->tls = to->tls;
    c->tls_name = xstrdup(to->tls_name ? to->tls_name : "");
    c->cb = *cb;
    list_init(&c->waiting);
    c->reader = reply_reader_create();
    c->connecting = event_new(base, fd, EV_WRITE, on_connected, c);
    c->reap = event_new(base, -1, 0, on_reap, c);
    if (!c->connecting || !c->reap)
        abort(); /* small allocations, as NEW */
    buf_init(&c->out, COMMAND_MAX);
    list_append(owner, &c->on_owner);
    if (event_add(c->connecting, NULL) == 0)
        return c;
    snprintf(why, why_size, "cannot watch the socket");
    conn_free(c);
    return NULL;
}

/* ---- send ---------------------------------------------------------------------------------------
 */

/* "<mark>n\r\n" */
static void put_count(struct buf *b, char mark, size_t n)
{
    char text[24], *at = text + sizeof(text);

    *--at = '\n';
    *--at = '\r';
    do
        *--at = (char)('0' + n % 10);
    while (n /= 10);
    *--at = mark;
    buf_put(b, at, (size_t)(text + sizeof(text) - at));
}

void redis_conn_begin(struct redis_conn *c, size_t n_words)
{
    buf_reset(&c->out);
    put_count(&c->out, '*', n_words);
}

void redis_conn_put(struct redis_conn *c, struct str word)
{
    put_count(&c->out, '$', word.n);
    buf_put(&c->out, word.p ? word.p : "", word.n);
    buf_put(&c->out, "\r\n", 2);
}

bool redis_conn_send(struct redis_conn *c, redis_reply_fn *fn, void *arg)
{
    struct request *r;

    if (c->closed || !c->up || c->out.overflow ||
        bufferevent_write(c->bev, c->out.p, c->out.n) != 0)
        return false;
    r = NEW(struct request);
    r->fn = fn;
    r->arg = arg;
    list_append(&c->waiting, &r->node);
    return true;
}
