/*
 * http_conn.c - the connections under evhttp: looking at new ones, counting bytes, taking over.
 * Owns: struct http_conn, the order of things within a turn of the loop (settling).
 * Never: calls evhttp (http.c does); reads a request.
 *
 * - A new connection is put on a list, and settled at the end of the same turn of the loop, before
 *   anything can be read from it: TCP_NODELAY, `allow`, the limit of connections.
 * - A bufferevent hook that returns NULL makes a plain-text connection. Ours never does: a
 * connection whose TLS cannot be set up is refused while settling, and never served.
 * - evhttp answers bad requests itself, in HTML. Its pages are caught in the output buffer, before
 * the socket can take them, and the connection is taken over: our JSON goes out instead.
 * - evhttp bounds each body, not all together, and a line of chunk sizes not at all. Bytes are
 * counted as they come in.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "http_internal.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "triaged/base/mem.h"

static void on_input(struct evbuffer *b, const struct evbuffer_cb_info *info, void *arg);
static void on_output(struct evbuffer *b, const struct evbuffer_cb_info *info, void *arg);

/* ---- a connection comes and goes ------------------------------------------------------------ */

struct bufferevent *conn_create(struct event_base *base, void *arg)
{
    struct http_door *d = arg;
    struct http_conn *c = NEW(struct http_conn);
    struct bufferevent *bev = d->tls ? tls_bufferevent(d->tls, base, -1) : NULL;

    if (!bev) {
        c->refused = d->tls != NULL;
        bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    }
    if (!bev)
        abort(); /* out of memory, as in xmalloc */
    bufferevent_incref(bev);
    c->bev = bev;
    c->door = d;
    c->fd = -1;
    list_init(&c->marked);
    list_append(&d->server->phases[PHASE_FRESH], &c->node);
    d->n_conns++;
    d->server->n_conns++;
    metric_add(d->connections, 1);
    event_active(d->server->settle, EV_TIMEOUT, 1);
    return bev;
}

static void conn_forget(struct http_conn *c)
{
    struct http_server *s = c->door->server;

    list_remove(&c->node);
    list_remove(&c->marked);
    if (c->fd >= 0)
        s->by_fd[c->fd] = NULL;
    s->held -= c->held;
    s->n_conns--;
    metric_add(c->door->connections, -1);
    if (--c->door->n_conns == 0)
        event_active(s->settle, EV_TIMEOUT, 1); /* the door may be leaving */
    free(c);
}

void conn_closed(struct http_conn *c)
{
    evbuffer_remove_cb(bufferevent_get_input(c->bev), on_input, c);
    evbuffer_remove_cb(bufferevent_get_output(c->bev), on_output, c);
    if (c->req)
        http_orphan(c->req);
    conn_forget(c);
}

void conn_kill(struct http_conn *c)
{
    evcon_free(c->evcon); /* calls conn_closed */
}

static const char *objection(const struct http_conn *c)
{
    const struct http_server *s = c->door->server;

    if (c->refused)
        return "tls_setup";
    if (!net_set_has(&c->door->allow, &c->sa.sa))
        return "not_allowed";
    if (s->n_conns > s->limits.http_connections)
        return "connections";
    return NULL;
}

static void remember_fd(struct http_server *s, struct http_conn *c)
{
    size_t want = (size_t)c->fd + 1;

    if (want > s->n_by_fd) {
        want += want / 2;
        s->by_fd = xrealloc_array(s->by_fd, want, sizeof(struct http_conn *));
        memset(s->by_fd + s->n_by_fd, 0, (want - s->n_by_fd) * sizeof(struct http_conn *));
        s->n_by_fd = want;
    }
    s->by_fd[c->fd] = c;
}

static void settle_fresh(struct http_server *s, struct http_conn *c)
{
    socklen_t len = sizeof(c->sa);
    struct bufferevent *bev = c->bev;
    void *evcon = NULL;
    int on = 1;
    const char *no;

    /* evhttp's callbacks have the connection as argument; NULL when it gave up on it. */
    bufferevent_getcb(bev, NULL, NULL, NULL, &evcon);
    if (!evcon) {
        conn_forget(c);
        bufferevent_decref(bev);
        return;
    }
    c->evcon = evcon;
    c->fd = bufferevent_getfd(bev);
    remember_fd(s, c);
    if (getpeername(c->fd, &c->sa.sa, &len) < 0)
        c->sa.sa.sa_family = AF_UNSPEC; /* gone already; no network has it */
    net_peer_text(&c->sa.sa, c->peer);
    evcon_watch(c);
    evbuffer_add_cb(bufferevent_get_input(bev), on_input, c);
    evbuffer_add_cb(bufferevent_get_output(bev), on_output, c);
    bufferevent_decref(bev);
    conn_move(c, PHASE_IDLE, http_deadline(s, PHASE_IDLE));
    no = objection(c);
    if (no) {
        http_count_refused(s, no, c->peer);
        conn_kill(c);
        return;
    }
    if (c->sa.sa.sa_family != AF_UNIX)
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* ---- bytes are counted, evhttp's own pages caught -------------------------------------------- */

void conn_mark(struct http_conn *c, unsigned mark)
{
    struct http_server *s = c->door->server;

    c->marks |= mark;
    if (list_empty(&c->marked))
        list_append(&s->marked, &c->marked);
    event_active(s->settle, EV_TIMEOUT, 1);
}

static void on_input(struct evbuffer *b, const struct evbuffer_cb_info *info, void *arg)
{
    struct http_conn *c = arg;
    struct http_server *s = c->door->server;
    const struct conf_limits *l = &s->limits;

    if (info->n_added == 0)
        return;
    if (c->phase == PHASE_CLOSING) {
        conn_mark(c, MARK_DRAIN);
        return;
    }
    c->held += info->n_added;
    s->held += info->n_added;
    if (c->phase == PHASE_IDLE)
        conn_move(c, PHASE_READING, http_deadline(s, PHASE_READING));
    if (c->phase == PHASE_READING) {
        /* Chunks have an overhead: a size and two line ends each. */
        if (c->held > l->http_header + 2 * l->http_body)
            conn_mark(c, MARK_TOO_LARGE);
        if (s->held > l->http_bodies)
            conn_mark(c, MARK_BUDGET);
    } else if (evbuffer_get_length(b) > HTTP_EARLY_BYTES) {
        bufferevent_disable(c->bev, EV_READ); /* evhttp reads on when the reply is out */
    }
}

static void on_output(struct evbuffer *b, const struct evbuffer_cb_info *info, void *arg)
{
    struct http_conn *c = arg;

    (void)b;
    if (info->n_added > 0 && !c->ours)
        conn_mark(c, MARK_CAUGHT);
}

/* ---- taking a connection over --------------------------------------------------------------- */

static void on_closing_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    (void)what;
    conn_mark(arg, MARK_KILL);
}

/* All is written. The peer may still be sending: were the socket closed now, its bytes would be
 * answered by a reset, which can overtake our words. So we say goodbye and read on for a while. */
static void on_closing_written(struct bufferevent *bev, void *arg)
{
    struct http_conn *c = arg;

    shutdown(c->fd, SHUT_WR);
    bufferevent_enable(bev, EV_READ); /* evhttp's read callback is no longer on it */
}

/* A socket's output buffer is frozen at its front once it was written from: then it can neither be
 * read nor drained. Copies up to n bytes off the front, and drains `drain` bytes. */
static size_t take_output(struct evbuffer *out, char *copy, size_t n, size_t drain)
{
    ev_ssize_t got = evbuffer_copyout(out, copy, n);
    bool frozen = got < 0;

    if (frozen) {
        evbuffer_unfreeze(out, 1);
        got = evbuffer_copyout(out, copy, n);
    }
    evbuffer_drain(out, drain);
    if (frozen)
        evbuffer_freeze(out, 1);
    return got > 0 ? (size_t)got : 0;
}

/* Length of an interim "100 Continue" at the front of what evhttp wrote: it may go out. */
static size_t interim_bytes(const char *head, size_t n)
{
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    size_t len = sizeof(interim) - 1;

    return n >= len && memcmp(head, interim, len) == 0 ? len : 0;
}

/* Drops what evhttp wrote, but for "100 Continue". */
static void drop_output(struct evbuffer *out)
{
    char head[64];
    size_t n = take_output(out, head, sizeof(head), evbuffer_get_length(out));

    evbuffer_add(out, head, interim_bytes(head, n));
}

void conn_refuse(struct http_conn *c, const struct http_refusal *why)
{
    struct http_server *s = c->door->server;
    struct evbuffer *out = bufferevent_get_output(c->bev);
    char text[1024];
    struct str body = http_error_body(why, text, sizeof(text));

    http_count_refused(s, why->code, c->peer);
    http_count_reply(c->door, why->status);
    if (!tls_is_open(c->bev)) {
        conn_kill(c);
        return;
    }
    c->ours = true;
    s->held -= c->held;
    c->held = 0;
    conn_move(c, PHASE_CLOSING, http_now() + HTTP_CLOSING_MS);
    bufferevent_disable(c->bev, EV_READ);
    bufferevent_setcb(c->bev, NULL, on_closing_written, on_closing_event, c);
    evbuffer_drain(bufferevent_get_input(c->bev),
                   evbuffer_get_length(bufferevent_get_input(c->bev)));
    drop_output(out);
    evbuffer_add_printf(out,
                        "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n%sConnection: close\r\n\r\n%.*s",
                        why->status, http_phrase(why->status), body.n,
                        why->status == 503 ? "Retry-After: 5\r\n" : "", STR_ARG(body));
    bufferevent_enable(c->bev, EV_WRITE);
}

/* The refusal that says in JSON what evhttp's page says in HTML. */
static void refuse_as_evhttp(struct http_conn *c, int status)
{
    static const struct http_refusal said[] = {
        {400, "bad_request", "the request cannot be read", true},
        {413, "body_too_large", "the body is over the limit (limits.http_body), or badly chunked",
         true},
        {417, "bad_expectation", "Expect must be 100-continue", true},
        {431, "header_too_large", "the header is over the limit (limits.http_header)", true},
        {501, "bad_method", "the method is not supported", true},
    };

    if (status == 400 && c->held > c->door->server->limits.http_header)
        status = 431; /* evhttp knows 400 only */
    if (status == 0)
        status = 501; /* a method that evhttp has never heard of */
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        if (said[i].status == status) {
            conn_refuse(c, &said[i]);
            return;
        }
    }
    conn_refuse(c, &said[0]);
}

static void settle_caught(struct http_conn *c)
{
    char head[96] = "";
    size_t n, skip;
    int status;

    if (c->phase == PHASE_CLOSING)
        return;
    n = take_output(bufferevent_get_output(c->bev), head, sizeof(head) - 1, 0);
    skip = interim_bytes(head, n);
    if (n == skip)
        return; /* only "go on" was said */
    if (sscanf(head + skip, "HTTP/%*d.%*d %d", &status) == 1)
        refuse_as_evhttp(c, status);
    else
        conn_kill(c);
}

static void settle_marked(struct http_conn *c)
{
    static const struct http_refusal too_large = {
        413, "body_too_large", "the body is over the limit (limits.http_body)", true};
    static const struct http_refusal no_room = {
        503, "busy", "too many bodies are in flight (limits.http_bodies)", true};
    struct evbuffer *in = bufferevent_get_input(c->bev);
    unsigned marks = c->marks;

    c->marks = 0;
    if (marks & MARK_KILL)
        conn_kill(c);
    else if (marks & MARK_CAUGHT)
        settle_caught(c);
    else if ((marks & MARK_TOO_LARGE) && c->phase == PHASE_READING)
        conn_refuse(c, &too_large);
    else if ((marks & MARK_BUDGET) && c->phase == PHASE_READING)
        conn_refuse(c, &no_room);
    else if (marks & MARK_DRAIN)
        evbuffer_drain(in, evbuffer_get_length(in));
}

void http_on_settle(int fd, short what, void *server)
{
    struct http_server *s = server;
    struct http_conn *c;

    (void)fd;
    (void)what;
    while ((c = LIST_FIRST(&s->phases[PHASE_FRESH], struct http_conn, node)))
        settle_fresh(s, c);
    while ((c = LIST_FIRST(&s->marked, struct http_conn, marked))) {
        list_remove(&c->marked);
        settle_marked(c);
    }
    LIST_FOR_EACH_SAFE (d, next, &s->leaving, struct http_door, node)
        if (d->n_conns == 0 && !d->bound)
            http_door_destroy(d);
}

bool conn_has_input(const struct http_conn *c)
{
    int n = 0;

    return ioctl(c->fd, FIONREAD, &n) == 0 && n > 0;
}

bool http_request_is_abandoned(const struct http_request *r)
{
    struct pollfd p = {.events = POLLRDHUP};

    if (!r->conn)
        return true;
    p.fd = r->conn->fd;
    return poll(&p, 1, 0) == 1 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}
