/*
 * http.c - the evhttp room: listening, requests in, replies out.
 * Owns: every call of evhttp and what we know of its ways (libevent 2.1.12).
 * Never: decides what a request means; keeps a deadline (http_server.c does).
 *
 * What evhttp does, and what is done about it:
 * - It accepts connections itself and has no hook but the making of a bufferevent, before the
 * socket is known: http_conn.c looks at new connections later in the same turn of the loop.
 * - It answers bad requests itself, in HTML: http_conn.c catches its pages in the output buffer.
 * - Reading must not be enabled while a request is with us: a second request would reach a state in
 *   which evhttp ends the process. It enables reading itself while a reply is written, and would
 * give the reply up when a client has closed its sending side: we switch that off.
 * - Answers to HEAD, 204 and 304 must be given no body: it would write it.
 * - Its close callback gets a pointer of ours: it is set once per connection and ends with it.
 * - A request whose connection has died is freed by replying to it.
 * - It reads no body of HEAD, takes the first of two lengths, and knows of encodings only
 * "chunked": request_check_framing refuses what is left of a request in the stream.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>

#include "http_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "triaged/base/mem.h"

/* ---- connections, for http_conn.c ----------------------------------------------------------- */

static void on_close(struct evhttp_connection *evcon, void *arg)
{
    (void)evcon;
    conn_closed(arg);
}

void evcon_watch(struct http_conn *c)
{
    evhttp_connection_set_closecb(c->evcon, on_close, c);
}

void evcon_free(struct evhttp_connection *evcon)
{
    evhttp_connection_free(evcon); /* calls on_close */
}

void http_orphan(struct http_request *r)
{
    if (r->ev && evhttp_request_get_connection(r->ev))
        r->ev = NULL;
    r->conn->req = NULL;
    r->conn = NULL;
    if (r->streaming && r->on_closed)
        r->on_closed(r->on_closed_arg, r);
}

/* ---- a request ------------------------------------------------------------------------------ */

static enum http_method method_of(enum evhttp_cmd_type type)
{
    static const struct {
        enum evhttp_cmd_type type;
        enum http_method method;
    } methods[] = {
        {EVHTTP_REQ_GET, HTTP_GET},       {EVHTTP_REQ_HEAD, HTTP_HEAD},
        {EVHTTP_REQ_POST, HTTP_POST},     {EVHTTP_REQ_PUT, HTTP_PUT},
        {EVHTTP_REQ_DELETE, HTTP_DELETE}, {EVHTTP_REQ_OPTIONS, HTTP_OPTIONS},
    };

    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (methods[i].type == type)
            return methods[i].method;
    return HTTP_OTHER;
}

static void take_headers(struct http_request *r, struct evhttp_request *ev)
{
    struct evkeyval *h;

    for (h = evhttp_request_get_input_headers(ev)->tqh_first; h; h = h->next.tqe_next)
        request_add_header(r, h->key, h->value);
}

static void take_body(struct http_request *r, struct evhttp_request *ev)
{
    struct evbuffer *in = evhttp_request_get_input_buffer(ev);
    size_t n = evbuffer_get_length(in);

    if (n == 0)
        return;
    r->body = xmalloc(n);
    r->n_body = n;
    evbuffer_remove(in, r->body, n);
}

/* The bytes that were counted as the connection's are now the request's. */
static void take_held(struct http_request *r, struct http_conn *c)
{
    r->held = c->held;
    c->held = 0;
}

static void take_request(struct http_request *r, struct evhttp_request *ev, struct http_refusal *no)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(ev);
    struct http_server *s = r->server;

    take_headers(r, ev);
    request_check_framing(r, no);
    if (no->status == 0 && !net_set_has(&r->door->allow, &r->conn->sa.sa))
        *no = (struct http_refusal){403, "not_allowed", "your address is no longer allowed", true};
    if (no->status == 0 && s->held > s->limits.http_bodies)
        *no = (struct http_refusal){503, "busy",
                                    "too many bodies are in flight (limits.http_bodies)", true};
    if (no->status == 0)
        request_set_target(r, evhttp_uri_get_path(uri), evhttp_uri_get_query(uri), no);
    if (no->status == 0) {
        take_body(r, ev);
        request_decode_body(r, no);
    }
}

static void on_evrequest(struct evhttp_request *ev, void *arg)
{
    struct http_door *d = arg;
    struct http_server *s = d->server;
    struct bufferevent *bev = evhttp_connection_get_bufferevent(evhttp_request_get_connection(ev));
    int fd = bufferevent_getfd(bev);
    struct http_conn *c = fd >= 0 && (size_t)fd < s->n_by_fd ? s->by_fd[fd] : NULL;
    struct http_refusal no = {0};
    struct http_request *r;

    if (!c || c->bev != bev || c->refused) { /* cannot be: it settled before it was read */
        evhttp_send_error(ev, HTTP_SERVUNAVAIL, NULL);
        return;
    }
    r = request_create(c, method_of(evhttp_request_get_command(ev)));
    r->ev = ev;
    c->req = r;
    c->marks &= ~(unsigned)(MARK_TOO_LARGE | MARK_BUDGET);
    conn_move(c, PHASE_PENDING, http_deadline(s, PHASE_PENDING));
    take_held(r, c);
    take_request(r, ev, &no);
    if (no.status)
        http_refuse_request(r, &no);
    else
        s->cb.on_request(s->cb.arg, r);
}

/* ---- a reply -------------------------------------------------------------------------------- */

/* The reply is on its way out, or in the kernel's hands. */
static void on_written(struct evhttp_request *ev, void *arg)
{
    struct http_conn *c = arg;
    struct http_server *s = c->door->server;
    size_t early = evbuffer_get_length(bufferevent_get_input(c->bev));

    (void)ev;
    c->ours = false;
    s->held += early - c->held;
    c->held = early;
    conn_move(c, early ? PHASE_READING : PHASE_IDLE,
              http_deadline(s, early ? PHASE_READING : PHASE_IDLE));
}

static bool has_no_body(const struct http_request *r, int status)
{
    return r->method == HTTP_HEAD || status == HTTP_NOCONTENT || status == HTTP_NOTMODIFIED;
}

static void put_header(struct http_request *r, const char *name, const char *value)
{
    struct evkeyvalq *out = evhttp_request_get_output_headers(r->ev);

    evhttp_remove_header(out, name);
    evhttp_add_header(out, name, value);
}

void http_reply_header(struct http_request *r, const char *name, const char *value)
{
    if (r->ev) /* refuses values with line breaks */
        evhttp_add_header(evhttp_request_get_output_headers(r->ev), name, value);
}

/* How long the peer may take to read n bytes. */
static int64_t reading_time(const struct http_server *s, size_t n)
{
    if (s->limits.http_idle_ms <= 0)
        return 0;
    return http_now() + s->limits.http_idle_ms + (int64_t)(n * 1000 / HTTP_SLOW_READER);
}

void http_send(struct http_request *r, int status, const char *type, struct str body, bool close)
{
    struct http_conn *c = r->conn;
    struct evhttp_request *ev = r->ev;
    struct evbuffer *out = evhttp_request_get_output_buffer(ev);
    char length[24];

    if (type)
        put_header(r, "Content-Type", type);
    if (close)
        put_header(r, "Connection", "close");
    if (has_no_body(r, status)) {
        snprintf(length, sizeof(length), "%zu", body.n);
        if (r->method == HTTP_HEAD && status != HTTP_NOCONTENT)
            put_header(r, "Content-Length", length);
    } else {
        evbuffer_add(out, body.p, body.n);
    }
    r->ev = NULL;
    r->conn = NULL;
    if (c) {
        c->req = NULL;
        c->ours = true;
        evhttp_request_set_on_complete_cb(ev, on_written, c);
        conn_move(c, PHASE_WRITING, reading_time(c->door->server, body.n));
    }
    evhttp_send_reply(ev, status, http_phrase(status), NULL); /* without a connection: frees ev */
    if (c)
        bufferevent_disable(c->bev, EV_READ);
}

void http_drop_ev(struct http_request *r)
{
    if (r->ev && !evhttp_request_get_connection(r->ev))
        evhttp_request_free(r->ev);
    r->ev = NULL;
}

/* ---- a reply without an end ------------------------------------------------------------------ */

bool http_stream_start(struct http_request *r, int status, const char *content_type,
                       void (*on_closed)(void *arg, struct http_request *r), void *arg)
{
    if (!r->conn || !r->ev)
        return false;
    r->streaming = true;
    r->on_closed = on_closed;
    r->on_closed_arg = arg;
    if (content_type)
        put_header(r, "Content-Type", content_type);
    r->conn->ours = true;
    conn_move(r->conn, PHASE_STREAM, 0);
    http_count_reply(r->conn->door, status);
    evhttp_send_reply_start(r->ev, status, http_phrase(status));
    return true;
}

bool http_stream_write(struct http_request *r, struct str bytes)
{
    struct evbuffer *b;

    if (!r->conn || !r->ev || (r->conn->marks & MARK_KILL))
        return false;
    if (evbuffer_get_length(bufferevent_get_output(r->conn->bev)) + bytes.n > HTTP_STREAM_BUFFER) {
        http_count_refused(r->server, "slow_reader", r->conn->peer);
        conn_mark(r->conn, MARK_KILL);
        return false;
    }
    b = evbuffer_new();
    if (!b)
        return false;
    evbuffer_add(b, bytes.p, bytes.n);
    evhttp_send_reply_chunk(r->ev, b);
    evbuffer_free(b);
    return true;
}

void http_stream_end(struct http_request *r)
{
    struct http_conn *c = r->conn;

    if (c && r->ev) {
        c->req = NULL;
        evhttp_request_set_on_complete_cb(r->ev, on_written, c);
        conn_move(c, PHASE_WRITING, reading_time(r->server, 0));
        evhttp_send_reply_end(r->ev);
    } else {
        http_drop_ev(r);
    }
    request_destroy(r);
}

/* ---- doors ---------------------------------------------------------------------------------- */

void door_set_limits(struct http_door *d, const struct conf_limits *l)
{
    evhttp_set_max_headers_size(d->evhttp, (ev_ssize_t)l->http_header);
    evhttp_set_max_body_size(d->evhttp, (ev_ssize_t)l->http_body);
}

bool door_open(struct http_door *d)
{
    struct evconnlistener *lev;

    d->evhttp = evhttp_new(d->server->base);
    if (!d->evhttp)
        return false;
    evhttp_set_allowed_methods(d->evhttp, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
                                              EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
                                              EVHTTP_REQ_OPTIONS);
    evhttp_set_default_content_type(d->evhttp, NULL);
    evhttp_set_gencb(d->evhttp, on_evrequest, d);
    evhttp_set_bevcb(d->evhttp, conn_create, d);
    door_set_limits(d, &d->server->limits);
    lev = evconnlistener_new(d->server->base, NULL, NULL, LEV_OPT_CLOSE_ON_EXEC, 0, d->sock.fd);
    d->bound = lev ? evhttp_bind_listener(d->evhttp, lev) : NULL;
    if (!d->bound) {
        if (lev)
            evconnlistener_free(lev);
        return false;
    }
    acceptor_init(&d->acceptor, d->server->base, lev, d->cl->address);
    return true;
}

static void close_socket(struct http_door *d)
{
    if (!d->bound)
        return;
    acceptor_finish(&d->acceptor);
    evhttp_del_accept_socket(d->evhttp, d->bound);
    d->bound = NULL;
    listen_close(&d->sock);
}

static void on_shut(evutil_socket_t fd, short what, void *arg)
{
    struct http_door *d = arg;

    (void)fd;
    (void)what;
    close_socket(d);
    event_active(d->server->settle, EV_TIMEOUT, 1);
}

/* A timer that is due at once runs after the sockets of the same turn: by then evhttp has accepted
 * all that was queued. Closed earlier, the socket would reset those connections. */
void door_shut(struct http_door *d)
{
    struct timeval at_once = {0, 0};

    if (!d->bound || d->shut)
        return;
    d->shut = evtimer_new(d->server->base, on_shut, d);
    if (d->shut)
        evtimer_add(d->shut, &at_once);
    else
        close_socket(d);
}

void door_close(struct http_door *d)
{
    if (d->shut)
        event_free(d->shut);
    d->shut = NULL;
    close_socket(d);
    if (d->evhttp)
        evhttp_free(d->evhttp);
    d->evhttp = NULL;
}
