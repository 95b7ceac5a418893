/*
 * syslog_stream.c - connections that carry syslog: TCP, unix stream, TLS, RELP.
 * Owns: struct syslog_conn; what a peer may make us hold: one unfinished message each.
 * Never: parses a message.
 *
 * Plain bytes are read into one buffer of the server and framed there, so that a message that came
 * whole is never copied. Only TLS goes through a bufferevent, and RELP, which answers.
 */
#include "syslog_internal.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "triaged/base/clock.h"
#include "triaged/base/mem.h"

/* Dead peers of a connection that may be silent for ever are found by TCP's own probes. */
enum { PROBE_AFTER_S = 300, PROBE_EVERY_S = 60, PROBES = 5, BUFFERED_MAX = 64 * 1024 };

static void on_frame(void *arg, struct str frame, unsigned flags)
{
    struct syslog_conn *c = arg;
    struct syslog_server *s = c->listener->server;

    if (flags & FRAME_BAD_COUNT)
        syslog_say(&s->framing_rate, c->listener, c->peer,
                   "an octet count that cannot be right; read as lines");
    syslog_deliver(c->listener, c->peer, c->sa.sa.sa_family == AF_UNIX, frame, flags);
}

/* ---- the end of a connection ----------------------------------------------------------------- */

void stream_close(struct syslog_conn *c)
{
    struct syslog_listener *l = c->listener;

    list_remove(&c->node);
    l->server->n_conns--;
    l->n_conns--;
    metric_add(l->connections, -1);
    proxy_end(c);
    relp_end(c);
    if (c->readable)
        event_free(c->readable);
    if (c->bev)
        bufferevent_free(c->bev); /* closes fd */
    else
        close(c->fd);
    syslog_framer_finish(&c->framer);
    free(c);
}

/* The peer has closed, or the connection broke: what came of the last message is still something.
 */
static void end(struct syslog_conn *c)
{
    if (!c->relp) /* what RELP has not answered is sent again */
        syslog_framer_close(&c->framer, on_frame, c);
    syslog_batch_end(c->listener->server);
    stream_close(c);
}

void stream_refuse(struct syslog_conn *c, const char *reason, const char *what)
{
    syslog_count_dropped(c->listener, reason, 1);
    syslog_say(&c->listener->server->refused_rate, c->listener, c->peer, what);
    stream_close(c);
}

/* False: the connection is gone. */
static bool feed(struct syslog_conn *c, struct str bytes)
{
    c->last_ms = clock_mono_ms();
    list_remove(&c->node);
    list_append(&c->listener->server->conns, &c->node);
    if (c->relp)
        return relp_feed(c, bytes);
    if (syslog_framer_feed(&c->framer, bytes, on_frame, c))
        return true;
    syslog_batch_end(c->listener->server);
    stream_refuse(c, "tls", "TLS bytes on a plain listener, connection closed");
    return false;
}

/* ---- plain ---------------------------------------------------------------------------------- */

enum outcome { READ_SOME, READ_NONE, READ_ENDED };

static enum outcome read_once(struct syslog_conn *c, bool *full)
{
    struct syslog_server *s = c->listener->server;
    ssize_t n = read(c->fd, s->read_buffer, SYSLOG_READ_BUFFER);

    *full = n == SYSLOG_READ_BUFFER;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return READ_NONE;
    if (n <= 0) {
        end(c);
        return READ_ENDED;
    }
    return feed(c, (struct str){s->read_buffer, (size_t)n}) ? READ_SOME : READ_ENDED;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct syslog_conn *c = arg;
    struct syslog_server *s = c->listener->server;
    bool full = true;

    (void)fd;
    (void)what;
    for (unsigned i = 0; i < SYSLOG_READS && full; i++) {
        if (!syslog_may_read(s)) {
            syslog_pause(s);
            break;
        }
        if (read_once(c, &full) == READ_ENDED)
            return;
    }
    syslog_batch_end(s);
}

/* ---- TLS, RELP
 * ------------------------------------------------------------------------------------ */

static struct str front(struct evbuffer *in)
{
    size_t n = evbuffer_get_contiguous_space(in);

    return (struct str){(const char *)evbuffer_pullup(in, (ev_ssize_t)n), n};
}

/* False: the connection is gone. */
static bool feed_buffered(struct syslog_conn *c)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);

    while (evbuffer_get_length(in) > 0) {
        struct str bytes = front(in);

        if (!syslog_may_read(c->listener->server)) {
            syslog_pause(c->listener->server);
            return true;
        }
        if (c->relp && relp_must_wait(c))
            return true;
        if (!bytes.p || !feed(c, bytes))
            return false;
        evbuffer_drain(in, bytes.n);
    }
    return true;
}

static void on_buffered(struct bufferevent *bev, void *arg)
{
    struct syslog_conn *c = arg;
    struct syslog_server *s = c->listener->server;

    if (!feed_buffered(c))
        return;
    if (c->ended && evbuffer_get_length(bufferevent_get_input(bev)) == 0)
        end(c);
    else
        syslog_batch_end(s);
}

static void on_output_empty(struct bufferevent *bev, void *arg)
{
    struct syslog_conn *c = arg;

    (void)bev;
    if (c->relp)
        relp_written(c);
}

static void on_buffer_event(struct bufferevent *bev, short what, void *arg)
{
    struct syslog_conn *c = arg;
    char why[128], text[192];

    if (what & BEV_EVENT_CONNECTED)
        return;
    if (c->relp && tls_is_open(bev)) {
        /* What was read is taken now or not at all: later it would come after its own resend. */
        if (feed_buffered(c))
            end(c);
        return;
    }
    if (tls_is_open(bev)) {
        /* The end is told before the bytes that were read with it are in the buffer; and those may
         * have to wait for the owner. */
        c->ended = true;
        bufferevent_trigger(bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
        return;
    }
    tls_error_text(bev, why, sizeof(why));
    snprintf(text, sizeof(text), "TLS handshake failed: %s", why[0] ? why : "connection closed");
    stream_refuse(c, "tls", text);
}

/* ---- the beginning -------------------------------------------------------------------------- */

static void set_options(const struct syslog_conn *c)
{
    static const int on = 1, after = PROBE_AFTER_S, every = PROBE_EVERY_S, probes = PROBES;

    if (c->sa.sa.sa_family == AF_UNIX)
        return;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(c->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(c->fd, IPPROTO_TCP, TCP_KEEPIDLE, &after, sizeof(after));
    setsockopt(c->fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
    setsockopt(c->fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

static const char *objection(const struct syslog_listener *l, const struct syslog_conn *c)
{
    if (!net_set_has(&l->allow, &c->sa.sa))
        return "not_allowed";
    if (l->server->n_conns > l->server->limits.syslog_connections)
        return "connections";
    return NULL;
}

static struct bufferevent *open_buffer(struct syslog_conn *c)
{
    struct syslog_listener *l = c->listener;

    if (l->tls)
        return tls_bufferevent(l->tls, l->server->base, c->fd);
    return bufferevent_socket_new(l->server->base, c->fd, BEV_OPT_CLOSE_ON_FREE);
}

static bool open_reader(struct syslog_conn *c)
{
    struct syslog_listener *l = c->listener;
    bool is_relp = l->cl->transport == TRANSPORT_RELP;

    if (l->tls || is_relp) {
        c->bev = open_buffer(c);
        if (!c->bev)
            return false;
        if (is_relp)
            relp_begin(c);
        bufferevent_setwatermark(c->bev, EV_READ, 0, BUFFERED_MAX);
        bufferevent_setcb(c->bev, on_buffered, on_output_empty, on_buffer_event, c);
    } else {
        c->readable = event_new(l->server->base, c->fd, EV_READ | EV_PERSIST, on_readable, c);
        if (!c->readable)
            return false;
    }
    if (!l->server->paused)
        stream_set_reading(c, true);
    return true;
}

void stream_begin(struct syslog_conn *c)
{
    if (!open_reader(c))
        stream_refuse(c, "connections", "out of memory, connection closed");
}

static void take_connection(struct syslog_listener *l, int fd, const struct sockaddr *sa,
                            size_t len)
{
    struct syslog_server *s = l->server;
    struct syslog_conn *c = NEW(struct syslog_conn);
    const char *no;

    c->listener = l;
    c->fd = fd;
    memcpy(&c->sa, sa, len < sizeof(c->sa) ? len : sizeof(c->sa));
    net_peer_text(&c->sa.sa, c->peer);
    c->opened_ms = c->last_ms = clock_mono_ms();
    syslog_framer_init(&c->framer, syslog_max_message(l->cl));
    list_append(&s->conns, &c->node);
    s->n_conns++;
    l->n_conns++;
    metric_add(l->connections, 1);
    no = objection(l, c);
    if (no) {
        stream_refuse(c, no,
                      no[0] == 'n' ? "not in `allow`, connection closed"
                                   : "too many connections (limits.syslog_connections)");
        return;
    }
    set_options(c);
    if (!l->cl->proxy)
        stream_begin(c);
    else if (!proxy_start(c))
        stream_refuse(c, "connections", "out of memory, connection closed");
}

static void on_accept(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *sa, int len,
                      void *arg)
{
    (void)lev;
    take_connection(arg, fd, sa, (size_t)len);
}

void stream_accept_queued(struct syslog_listener *l)
{
    union net_sockaddr sa = {0};

    for (;;) {
        socklen_t len = sizeof(sa);
        int fd = accept4(l->sock.fd, &sa.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0)
            take_connection(l, fd, &sa.sa, len);
        else if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

bool stream_listen(struct syslog_listener *l)
{
    l->lev =
        evconnlistener_new(l->server->base, on_accept, l, LEV_OPT_CLOSE_ON_EXEC, 0, l->sock.fd);
    if (!l->lev)
        return false;
    acceptor_init(&l->acceptor, l->server->base, l->lev, l->cl->address);
    return true;
}

void stream_set_reading(struct syslog_conn *c, bool on)
{
    if (c->bev && on) {
        bufferevent_enable(c->bev, EV_READ);
        bufferevent_trigger(c->bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
    } else if (c->bev) {
        bufferevent_disable(c->bev, EV_READ);
    } else if (c->readable && on) {
        event_add(c->readable, NULL);
    } else if (c->readable) {
        event_del(c->readable);
    }
}

/* ---- idle, stop ------------------------------------------------------------------------------ */

void stream_check(struct syslog_conn *c, int64_t now)
{
    int64_t idle = c->listener->server->limits.syslog_idle_ms;

    if (c->proxy) {
        if (now - c->opened_ms >= SYSLOG_HANDSHAKE_MS)
            stream_refuse(c, "proxy", "no PROXY protocol header in time, connection closed");
    } else if (c->relp && !relp_check(c, now)) {
        stream_close(c);
    } else if (c->bev && !tls_is_open(c->bev)) {
        if (now - c->opened_ms >= SYSLOG_HANDSHAKE_MS)
            stream_refuse(c, "tls", "no TLS handshake in time, connection closed");
    } else if (idle > 0 && now - c->last_ms >= idle && !c->listener->server->paused) {
        end(c);
    }
}

/* One read of a TLS connection past its bufferevent. */
static bool read_tls_now(struct syslog_conn *c, bool *gone)
{
    struct syslog_server *s = c->listener->server;
    size_t n = tls_read_now(c->bev, s->read_buffer, SYSLOG_READ_BUFFER);

    *gone = n > 0 && !feed(c, (struct str){s->read_buffer, n});
    return n > 0;
}

void stream_drain_close(struct syslog_conn *c, int64_t deadline_ms)
{
    struct syslog_server *s = c->listener->server;
    bool full, gone = false;

    if (c->proxy || (c->bev && !tls_is_open(c->bev))) {
        stream_close(c);
        return;
    }
    if (c->relp) { /* what the kernel holds is sent again */
        relp_stop(c);
        return;
    }
    if (c->bev && !feed_buffered(c))
        return;
    while (syslog_may_read(s) && clock_mono_ms() < deadline_ms) {
        if (c->bev) {
            if (!read_tls_now(c, &gone))
                break;
            if (gone)
                return;
            continue;
        }
        switch (read_once(c, &full)) {
        case READ_ENDED:
            return;
        case READ_NONE:
            end(c);
            return;
        case READ_SOME:
            break;
        }
    }
    end(c);
}
