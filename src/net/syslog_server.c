/*
 * syslog_server.c - the syslog listeners of a worker as one thing.
 * Owns: the set of listeners and its change by a reload; pause and resume; stop; the metrics.
 * Never: reads a socket itself; looks into a message.
 *
 * A listener is the same over a reload if address and kind of socket are: TLS may be switched on or
 * off, networks and limits change, without the socket closing. Connections outlive even a listener
 * that has gone.
 */
#include "syslog_internal.h"

#include <event2/event.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <unistd.h>

#include "relp_memory.h"
#include "triaged/base/clock.h"
#include "triaged/base/mem.h"

static struct metric_family messages_total = {
    .name = "triaged_syslog_messages_total",
    .help = "Syslog messages received, by listener and transport.",
    .type = METRIC_COUNTER,
    .labels = {"listener", "transport"},
};
static struct metric_family dropped_total = {
    .name = "triaged_syslog_dropped_total",
    .help = "Messages and connections dropped, by listener and reason.",
    .type = METRIC_COUNTER,
    .labels = {"listener", "reason"},
};
static struct metric_family truncated_total = {
    .name = "triaged_syslog_truncated_total",
    .help = "Syslog messages of which only the head was kept (max_message, or a lost connection).",
    .type = METRIC_COUNTER,
    .labels = {"listener"},
};
static struct metric_family connections = {
    .name = "triaged_syslog_connections",
    .help = "Open syslog connections by listener.",
    .type = METRIC_GAUGE,
    .labels = {"listener"},
};

/* Used until a configuration is given. */
static const struct conf_limits default_limits = {.syslog_connections = 4096};

static const char *const transport_names[] = {
    [TRANSPORT_UDP] = "udp",
    [TRANSPORT_TCP] = "tcp",
    [TRANSPORT_TLS] = "tls",
    [TRANSPORT_UNIX] = "unix",
    [TRANSPORT_UNIX_DGRAM] = "unix-dgram",
    [TRANSPORT_RELP] = "relp",
};

/* ---- towards the owner ----------------------------------------------------------------------- */

bool syslog_may_read(struct syslog_server *s)
{
    return !s->cb.may_read || s->cb.may_read(s->cb.arg);
}

void syslog_batch_end(struct syslog_server *s)
{
    if (s->cb.on_batch_end)
        s->cb.on_batch_end(s->cb.arg);
}

void syslog_deliver(struct syslog_listener *l, const char *peer, bool is_unix, struct str message,
                    unsigned flags)
{
    if (syslog_wanted(l, peer, message))
        syslog_hand_over(l, peer, is_unix, message, flags, 0);
}

void syslog_hand_over(struct syslog_listener *l, const char *peer, bool is_unix, struct str message,
                      unsigned flags, uint64_t receipt)
{
    struct syslog_peer p = {l->cl, str_c(peer), is_unix, receipt};

    metric_add(l->messages, 1);
    if (flags & FRAME_TRUNCATED) {
        metric_add(l->truncated, 1);
        syslog_say(&l->server->truncated_rate, l, peer, "a message was cut (max_message)");
    }
    l->server->cb.on_message(l->server->cb.arg, &p, message, flags);
}

void syslog_count_dropped(struct syslog_listener *l, const char *reason, int64_t n)
{
    char *label = xstrndup(l->cl->address.p, l->cl->address.n);

    metric_add(metric_cell(&dropped_total, label, reason), n);
    free(label);
}

void syslog_say(struct log_rate *rate, const struct syslog_listener *l, const char *peer,
                const char *what)
{
    uint64_t held;

    if (log_rate_pass(rate, clock_mono_ms(), &held))
        log_warn("net", "syslog: %s %.*s: peer %s: %s others_since_last_line=%llu",
                 transport_names[l->cl->transport], STR_ARG(l->cl->address), peer, what,
                 (unsigned long long)held);
}

/* ---- pause and resume ------------------------------------------------------------------------ */

void syslog_pause(struct syslog_server *s)
{
    if (s->paused)
        return;
    s->paused = true;
    LIST_FOR_EACH (c, &s->conns, struct syslog_conn, node)
        stream_set_reading(c, false);
}

void syslog_server_resume(struct syslog_server *s)
{
    if (!s->paused)
        return;
    s->paused = false;
    LIST_FOR_EACH (c, &s->conns, struct syslog_conn, node)
        stream_set_reading(c, true);
}

/* ---- the tick -------------------------------------------------------------------------------- */

static void listener_destroy(struct syslog_listener *l);

/* Of those whose last connection has ended. */
static void destroy_left(struct syslog_server *s)
{
    LIST_FOR_EACH_SAFE (l, next, &s->leaving, struct syslog_listener, node)
        if (l->n_conns == 0)
            listener_destroy(l);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct syslog_server *s = arg;
    int64_t now = clock_mono_ms();

    (void)fd;
    (void)what;
    LIST_FOR_EACH_SAFE (c, next, &s->conns, struct syslog_conn, node)
        stream_check(c, now);
    LIST_FOR_EACH (l, &s->listeners, struct syslog_listener, node)
        if (l->cl->transport == TRANSPORT_UDP)
            datagram_count_drops(l);
    destroy_left(s);
}

static void start_tick(struct syslog_server *s)
{
    int64_t ms = SYSLOG_TICK_MAX_MS;
    struct timeval tv;

    if (s->limits.syslog_idle_ms > 0 && s->limits.syslog_idle_ms / 4 < ms)
        ms = s->limits.syslog_idle_ms / 4;
    if (ms < SYSLOG_TICK_MIN_MS)
        ms = SYSLOG_TICK_MIN_MS;
    tv = (struct timeval){ms / 1000, ms % 1000 * 1000};
    event_add(s->tick, &tv);
}

/* ---- listeners ------------------------------------------------------------------------------- */

static int type_of(const struct conf_listener *l)
{
    return l->transport == TRANSPORT_UDP || l->transport == TRANSPORT_UNIX_DGRAM ? SOCK_DGRAM
                                                                                 : SOCK_STREAM;
}

static bool wants_tls(const struct conf_listener *l)
{
    return l->transport == TRANSPORT_TLS ||
           (l->transport == TRANSPORT_RELP && l->tls.certificate.n > 0);
}

static void set_metrics(struct syslog_listener *l)
{
    char *label = xstrndup(l->cl->address.p, l->cl->address.n);

    l->messages = metric_cell(&messages_total, label, transport_names[l->cl->transport]);
    l->truncated = metric_cell(&truncated_total, label);
    if (l->cl->floor > 0)
        l->too_mild = metric_cell(&dropped_total, label, "severity");
    if (l->cl->transport == TRANSPORT_RELP)
        relp_set_metrics(l, label);
    if (l->type == SOCK_STREAM)
        l->connections = metric_cell(&connections, label);
    free(label);
}

/* What all listeners of a kind share. */
static void make_buffers(struct syslog_server *s, const struct syslog_listener *l)
{
    if (l->type == SOCK_STREAM) {
        if (!s->read_buffer)
            s->read_buffer = xmalloc(SYSLOG_READ_BUFFER);
    } else if (!datagrams_fit(s->datagrams, syslog_max_message(l->cl))) {
        datagrams_destroy(s->datagrams);
        s->datagrams = datagrams_create(syslog_max_message(l->cl));
    }
}

static void close_socket(struct syslog_listener *l)
{
    if (l->readable)
        event_free(l->readable);
    l->readable = NULL;
    acceptor_finish(&l->acceptor);
    if (l->lev)
        evconnlistener_free(l->lev);
    l->lev = NULL;
    listen_close(&l->sock);
}

static void listener_destroy(struct syslog_listener *l)
{
    close_socket(l);
    tls_context_destroy(l->tls);
    tls_context_destroy(l->next_tls);
    net_set_finish(&l->allow);
    syslog_rates_destroy(l->rates);
    list_remove(&l->node);
    conf_unref(l->conf);
    free(l);
}

static bool make_tls(const struct conf_listener *cl, struct tls_context **out, struct diag *why)
{
    *out = NULL;
    if (!wants_tls(cl))
        return true;
    *out = tls_context_create(&cl->tls, &cl->place, why);
    return *out;
}

static struct syslog_listener *listener_create(struct syslog_server *s, const struct conf *conf,
                                               const struct conf_listener *cl, bool reuseport,
                                               struct diag *why)
{
    struct syslog_listener *l = NEW(struct syslog_listener);
    unsigned flags = (reuseport ? LISTEN_REUSEPORT : 0) | LISTEN_OPEN_TO_ALL;

    l->server = s;
    l->conf = conf_ref(conf);
    l->cl = cl;
    l->type = type_of(cl);
    l->sock.fd = -1;
    list_init(&l->node);
    net_set_init(&l->allow, &cl->allow);
    set_metrics(l);
    if (!make_tls(cl, &l->tls, why) || !listen_open(&l->sock, cl, l->type, flags, why)) {
        listener_destroy(l);
        return NULL;
    }
    l->port = listen_port(l->sock.fd);
    make_buffers(s, l);
    if (l->type == SOCK_STREAM ? !stream_listen(l) : !datagram_listen(l)) {
        diag_error(why, cl->place.file, cl->place.line, cl->place.column, cl->place.path,
                   "%.*s: out of memory", STR_ARG(cl->address));
        listener_destroy(l);
        return NULL;
    }
    return l;
}

/* Reads what has come for it, then closes its socket; its connections go on. */
static void listener_leave(struct syslog_listener *l)
{
    int64_t deadline = clock_mono_ms() + SYSLOG_STOP_MS;

    list_remove(&l->node);
    list_append(&l->server->leaving, &l->node);
    if (l->type == SOCK_STREAM)
        stream_accept_queued(l);
    else
        while (!datagram_read(l, SYSLOG_BATCHES) && clock_mono_ms() < deadline)
            ;
    if (l->cl->transport == TRANSPORT_UDP)
        datagram_count_drops(l);
    close_socket(l);
    if (l->n_conns == 0)
        listener_destroy(l);
}

/* ---- configure ------------------------------------------------------------------------------- */

static bool is_same(const struct syslog_listener *l, const struct conf_listener *cl)
{
    return l->type == type_of(cl) && str_eq(l->cl->address, cl->address);
}

static bool prepare(struct syslog_server *s, const struct conf *conf,
                    const struct conf_listener *cl, bool reuseport, struct list *fresh,
                    struct diag *why)
{
    struct syslog_listener *l = NULL;

    LIST_FOR_EACH (k, &s->listeners, struct syslog_listener, node)
        if (!l && !k->keep && is_same(k, cl))
            l = k;
    if (l) {
        l->keep = true;
        return make_tls(cl, &l->next_tls, why);
    }
    l = listener_create(s, conf, cl, reuseport, why);
    if (l)
        list_append(fresh, &l->node);
    return l;
}

static void take_back(struct syslog_server *s, struct list *fresh)
{
    struct syslog_listener *l;

    while ((l = LIST_FIRST(fresh, struct syslog_listener, node)))
        listener_destroy(l);
    LIST_FOR_EACH (k, &s->listeners, struct syslog_listener, node) {
        tls_context_destroy(k->next_tls);
        k->next_tls = NULL;
        k->keep = false;
    }
}

static void renew(struct syslog_listener *l, const struct conf *conf,
                  const struct conf_listener *cl)
{
    tls_context_destroy(l->tls);
    l->tls = l->next_tls;
    l->next_tls = NULL;
    l->keep = false;
    net_set_finish(&l->allow);
    net_set_init(&l->allow, &cl->allow);
    conf_unref(l->conf);
    l->conf = conf_ref(conf);
    l->cl = cl;
    set_metrics(l);
    make_buffers(l->server, l);
}

static void commit(struct syslog_server *s, const struct conf *conf, struct list *fresh)
{
    struct list old = {&old, &old};
    struct syslog_listener *l;

    while ((l = LIST_FIRST(&s->listeners, struct syslog_listener, node))) {
        list_remove(&l->node);
        list_append(&old, &l->node);
    }
    for (size_t i = 0; i < conf->n_syslog; i++) {
        const struct conf_listener *cl = &conf->syslog[i];

        l = NULL;
        LIST_FOR_EACH (k, &old, struct syslog_listener, node)
            if (!l && k->keep && is_same(k, cl))
                l = k;
        if (l) {
            renew(l, conf, cl);
        } else {
            l = LIST_FIRST(fresh, struct syslog_listener, node);
            log_info("net", "syslog: listening transport=%s address=%.*s",
                     transport_names[cl->transport], STR_ARG(cl->address));
        }
        list_remove(&l->node);
        list_append(&s->listeners, &l->node);
    }
    while ((l = LIST_FIRST(&old, struct syslog_listener, node))) {
        log_info("net", "syslog: no longer listening transport=%s address=%.*s",
                 transport_names[l->cl->transport], STR_ARG(l->cl->address));
        listener_leave(l);
    }
}

/* Peers that the new configuration no longer allows. */
static void close_strangers(struct syslog_server *s)
{
    LIST_FOR_EACH_SAFE (c, next, &s->conns, struct syslog_conn, node) {
        if (net_set_has(&c->listener->allow, &c->sa.sa))
            continue;
        syslog_count_dropped(c->listener, "not_allowed", 1);
        syslog_say(&s->refused_rate, c->listener, c->peer, "no longer in `allow`");
        stream_close(c);
    }
}

bool syslog_server_configure(struct syslog_server *s, const struct conf *conf, bool reuseport,
                             struct diag *why)
{
    struct list fresh = {&fresh, &fresh};

    for (size_t i = 0; i < conf->n_syslog; i++) {
        if (!prepare(s, conf, &conf->syslog[i], reuseport, &fresh, why)) {
            take_back(s, &fresh);
            return false;
        }
    }
    commit(s, conf, &fresh);
    conf_ref(conf);
    conf_unref(s->conf);
    s->conf = conf;
    s->limits = conf->limits;
    close_strangers(s);
    start_tick(s);
    return true;
}

/* ---- server ---------------------------------------------------------------------------------- */

struct syslog_server *syslog_server_create(struct event_base *base,
                                           const struct syslog_callbacks *cb)
{
    struct syslog_server *s = NEW(struct syslog_server);

    s->base = base;
    s->cb = *cb;
    s->limits = default_limits;
    list_init(&s->listeners);
    list_init(&s->leaving);
    list_init(&s->conns);
    list_init(&s->relp);
    s->relp_memory = relp_memory_open();
    s->relp_writer = relp_memory_writer(s->relp_memory);
    s->tick = event_new(base, -1, EV_PERSIST, on_tick, s);
    if (!s->tick)
        abort(); /* out of memory, as in xmalloc */
    start_tick(s);
    return s;
}

bool syslog_server_remember(struct syslog_server *s, const char *path,
                            syslog_was_written_fn *was_written, void *arg)
{
    return relp_memory_use_file(s->relp_memory, path, was_written, arg);
}

void syslog_server_stop(struct syslog_server *s)
{
    int64_t deadline = clock_mono_ms() + SYSLOG_STOP_MS;
    struct syslog_listener *l;

    while ((l = LIST_FIRST(&s->listeners, struct syslog_listener, node)))
        listener_leave(l);
    LIST_FOR_EACH_SAFE (c, next, &s->conns, struct syslog_conn, node)
        stream_drain_close(c, deadline);
    destroy_left(s);
}

void syslog_server_destroy(struct syslog_server *s)
{
    struct syslog_conn *c;
    struct syslog_listener *l;

    if (!s)
        return;
    while ((c = LIST_FIRST(&s->conns, struct syslog_conn, node)))
        stream_close(c);
    while ((l = LIST_FIRST(&s->listeners, struct syslog_listener, node)))
        listener_destroy(l);
    while ((l = LIST_FIRST(&s->leaving, struct syslog_listener, node)))
        listener_destroy(l);
    event_free(s->tick);
    datagrams_destroy(s->datagrams);
    free(s->read_buffer);
    relp_memory_close(s->relp_memory);
    conf_unref(s->conf);
    free(s);
}

unsigned syslog_server_port(const struct syslog_server *s, size_t i)
{
    LIST_FOR_EACH (l, &s->listeners, struct syslog_listener, node)
        if (i-- == 0)
            return l->port;
    return 0;
}
