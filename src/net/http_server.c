/*
 * http_server.c - the server around evhttp: the set of listeners, deadlines, stopping.
 * Owns: doors (a listener with its evhttp), the list that each connection is on, the tick.
 * Never: calls evhttp (http.c does); looks into a request.
 *
 * Deadlines are ours, because evhttp's count from byte to byte: a peer that sends one byte a minute
 * would stay for ever. Connections in a phase stand in the order of their coming into it, and the
 * time allowed is one per phase (but for PHASE_WRITING, where it grows with the reply), so a tick
 * looks at the head of each list.
 */
#include "http_internal.h"

#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "triaged/base/clock.h"
#include "triaged/base/log.h"
#include "triaged/base/mem.h"

static struct metric_family requests_total = {
    .name = "triaged_http_requests_total",
    .help = "HTTP requests answered, by listener and class of status.",
    .type = METRIC_COUNTER,
    .labels = {"listener", "code"},
};
static struct metric_family connections = {
    .name = "triaged_http_connections",
    .help = "Open HTTP connections by listener.",
    .type = METRIC_GAUGE,
    .labels = {"listener"},
};
static struct metric_family refused_total = {
    .name = "triaged_http_refused_total",
    .help = "HTTP connections and requests refused before a handler saw them, by reason.",
    .type = METRIC_COUNTER,
    .labels = {"reason"},
};

/* Used until a configuration is given. */
static const struct conf_limits default_limits = {
    .http_header = 64 << 10,
    .http_body = 8 << 20,
    .http_bodies = 64 << 20,
    .http_connections = 4096,
    .http_idle_ms = 60000,
    .http_answer_ms = 30000,
};

int64_t http_now(void)
{
    return clock_mono_ms();
}

/* ---- counting ------------------------------------------------------------------------------- */

void http_count_refused(struct http_server *s, const char *reason, const char *peer)
{
    uint64_t held;

    metric_add(metric_cell(&refused_total, reason), 1);
    if (log_rate_pass(&s->refused_rate, http_now(), &held))
        log_warn("net", "http: refused %s reason=%s others_since_last_line=%llu", peer, reason,
                 (unsigned long long)held);
}

void http_count_reply(struct http_door *d, int status)
{
    static const char *const classes[HTTP_CLASSES] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
    int class = status >= 100 && status < 600 ? status / 100 : 0;
    char *label;

    if (!d->requests[class]) {
        label = xstrndup(d->cl->address.p, d->cl->address.n);
        d->requests[class] = metric_cell(&requests_total, label, classes[class]);
        free(label);
    }
    metric_add(d->requests[class], 1);
}

/* ---- answers -------------------------------------------------------------------------------- */

/* RFC 9110 section 15. evhttp's own table ends before 418. */
const char *http_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };

    for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Status";
}

struct str http_error_body(const struct http_refusal *why, char *out, size_t size)
{
    struct buf b;
    struct str s;

    buf_init(&b, size - 1);
    buf_put_c(&b, "{\"error\":{\"code\":");
    buf_put_json(&b, str_c(why->code));
    buf_put_c(&b, ",\"message\":");
    buf_put_json(&b, str_c(why->message));
    buf_put_c(&b, "}}\n");
    s = (struct str){out, b.overflow ? 0 : b.n};
    memcpy(out, b.p ? b.p : "", s.n);
    out[s.n] = '\0';
    buf_finish(&b);
    return s;
}

static void send_reply(struct http_request *r, int status, const char *type, struct str body,
                       bool close)
{
    if (!r->ev)
        return; /* answered for the owner, or the client has gone */
    if (r->conn)
        http_count_reply(r->conn->door, status);
    http_send(r, status, type, body, close || r->server->stopping);
}

/* The owner's own answer, if there is one to come, will be ignored. */
static void answer_for_owner(struct http_request *r, const struct http_refusal *why)
{
    char text[1024];
    struct str body = http_error_body(why, text, sizeof(text));

    http_count_refused(r->server, why->code, r->peer);
    if (why->status == 503)
        http_reply_header(r, "Retry-After", "5");
    send_reply(r, why->status, "application/json", body, why->close);
}

void http_refuse_request(struct http_request *r, const struct http_refusal *why)
{
    answer_for_owner(r, why);
    request_destroy(r);
}

void http_reply(struct http_request *r, int status, const char *content_type, struct str body)
{
    send_reply(r, status, content_type, body, false);
    http_drop_ev(r);
    request_destroy(r);
}

/* ---- phases and their deadlines ------------------------------------------------------------- */

void conn_move(struct http_conn *c, enum http_phase phase, int64_t deadline_ms)
{
    list_remove(&c->node);
    c->phase = phase;
    c->deadline_ms = deadline_ms;
    list_append(&c->door->server->phases[phase], &c->node);
}

int64_t http_deadline(const struct http_server *s, enum http_phase phase)
{
    int64_t ms = phase == PHASE_PENDING ? s->limits.http_answer_ms : s->limits.http_idle_ms;

    if (s->stopping && phase == PHASE_IDLE)
        ms = HTTP_TICK_MAX_MS; /* its request may be on the way */
    return ms > 0 ? http_now() + ms : 0;
}

static void expire(struct http_conn *c)
{
    static const struct http_refusal too_slow = {
        408, "request_timeout", "the request did not arrive in time (limits.http_idle)", true};
    static const struct http_refusal no_answer = {
        503, "answer_timeout", "no answer in time (limits.http_answer); it may still take effect",
        false};

    switch (c->phase) {
    case PHASE_READING:
        conn_refuse(c, &too_slow);
        break;
    case PHASE_PENDING:
        answer_for_owner(c->req, &no_answer);
        break;
    case PHASE_WRITING:
        http_count_refused(c->door->server, "slow_reader", c->peer);
        conn_kill(c);
        break;
    case PHASE_FRESH:
    case PHASE_IDLE:
    case PHASE_STREAM:
    case PHASE_CLOSING:
    case PHASE_N:
        conn_kill(c);
        break;
    }
}

static bool is_due(const struct http_conn *c, int64_t now)
{
    return c->deadline_ms != 0 && c->deadline_ms <= now;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    static const enum http_phase in_order[] = {PHASE_IDLE, PHASE_READING, PHASE_PENDING,
                                               PHASE_CLOSING};
    struct http_server *s = arg;
    struct http_conn *c;
    int64_t now = http_now();

    (void)fd;
    (void)what;
    for (size_t i = 0; i < ARRAY_LEN(in_order); i++)
        while ((c = LIST_FIRST(&s->phases[in_order[i]], struct http_conn, node)) && is_due(c, now))
            expire(c);
    LIST_FOR_EACH_SAFE (w, next, &s->phases[PHASE_WRITING], struct http_conn, node)
        if (is_due(w, now))
            expire(w);
}

static int64_t tick_ms(const struct conf_limits *l)
{
    int64_t shortest = HTTP_TICK_MAX_MS * 4;

    if (l->http_idle_ms > 0 && l->http_idle_ms < shortest)
        shortest = l->http_idle_ms;
    if (l->http_answer_ms > 0 && l->http_answer_ms < shortest)
        shortest = l->http_answer_ms;
    return shortest / 4 > HTTP_TICK_MIN_MS ? shortest / 4 : HTTP_TICK_MIN_MS;
}

static void start_tick(struct http_server *s)
{
    int64_t ms = tick_ms(&s->limits);
    struct timeval tv = {ms / 1000, ms % 1000 * 1000};

    event_add(s->tick, &tv);
}

/* ---- doors ---------------------------------------------------------------------------------- */

static void out_of_memory(const struct conf_listener *l, struct diag *why)
{
    diag_error(why, l->place.file, l->place.line, l->place.column, l->place.path,
               "%.*s: out of memory", STR_ARG(l->address));
}

static struct metric_cell *connections_of(const struct conf_listener *l)
{
    char *label = xstrndup(l->address.p, l->address.n);
    struct metric_cell *cell = metric_cell(&connections, label);

    free(label);
    return cell;
}

/* A door on no list yet. NULL with *why. fd -1: bind. */
static struct http_door *door_create(struct http_server *s, const struct conf *conf,
                                     const struct conf_listener *l, int fd, bool reuseport,
                                     struct diag *why)
{
    struct http_door *d = NEW(struct http_door);

    d->server = s;
    d->cl = l;
    d->conf = conf ? conf_ref(conf) : NULL;
    d->sock.fd = fd;
    list_init(&d->node);
    net_set_init(&d->allow, &l->allow);
    d->connections = connections_of(l);
    if (l->tls.certificate.n && !(d->tls = tls_context_create(&l->tls, &l->place, why)))
        goto fail;
    if (fd < 0 && !listen_open(&d->sock, l, SOCK_STREAM, reuseport ? LISTEN_REUSEPORT : 0, why))
        goto fail;
    d->port = listen_port(d->sock.fd);
    if (!door_open(d)) {
        out_of_memory(l, why);
        goto fail;
    }
    return d;
fail:
    if (fd >= 0)
        d->sock.fd = -1; /* stays the caller's */
    http_door_destroy(d);
    return NULL;
}

void http_door_destroy(struct http_door *d)
{
    door_close(d);
    LIST_FOR_EACH (r, &d->server->requests, struct http_request, node)
        if (r->door == d)
            r->door = NULL;
    listen_close(&d->sock);
    tls_context_destroy(d->tls);
    tls_context_destroy(d->next_tls);
    net_set_finish(&d->allow);
    list_remove(&d->node);
    conf_unref(d->conf);
    free(d);
}

static void door_leave(struct http_door *d)
{
    list_remove(&d->node);
    list_append(&d->server->leaving, &d->node);
    door_shut(d);
}

/* Idle connections of a door that no longer accepts; those with bytes waiting are served first. */
static void close_idle(struct http_server *s, const struct http_door *only)
{
    LIST_FOR_EACH_SAFE (c, next, &s->phases[PHASE_IDLE], struct http_conn, node)
        if ((!only || c->door == only) && !conn_has_input(c))
            conn_kill(c);
}

/* ---- server --------------------------------------------------------------------------------- */

struct http_server *http_server_create(struct event_base *base, const struct http_callbacks *cb)
{
    struct http_server *s = NEW(struct http_server);

    s->base = base;
    s->cb = *cb;
    s->limits = default_limits;
    list_init(&s->doors);
    list_init(&s->leaving);
    list_init(&s->marked);
    list_init(&s->requests);
    for (size_t i = 0; i < PHASE_N; i++)
        list_init(&s->phases[i]);
    s->settle = event_new(base, -1, 0, http_on_settle, s);
    s->tick = event_new(base, -1, EV_PERSIST, on_tick, s);
    if (!s->settle || !s->tick)
        abort(); /* out of memory, as in xmalloc */
    start_tick(s);
    return s;
}

bool http_server_listen(struct http_server *s, const struct conf_listener *l, int fd,
                        bool reuseport, struct diag *why)
{
    struct http_door *d = door_create(s, NULL, l, fd, reuseport, why);

    if (!d)
        return false;
    list_append(&s->doors, &d->node);
    log_info("net", "http: listening address=%.*s tls=%s", STR_ARG(l->address),
             d->tls ? "yes" : "no");
    return true;
}

static struct http_door *find_kept(struct http_server *s, const struct conf_listener *l)
{
    LIST_FOR_EACH (d, &s->doors, struct http_door, node)
        if (!d->keep && str_eq(d->cl->address, l->address))
            return d;
    return NULL;
}

/* The door for one listener of the new configuration: one that is there, or a new one on `fresh`.
 */
static bool prepare(struct http_server *s, const struct conf *conf, const struct conf_listener *l,
                    bool reuseport, struct list *fresh, struct diag *why)
{
    struct http_door *d = find_kept(s, l);

    if (!d) {
        d = door_create(s, conf, l, -1, reuseport, why);
        if (d)
            list_append(fresh, &d->node);
        return d;
    }
    d->keep = true;
    if (l->tls.certificate.n)
        d->next_tls = tls_context_create(&l->tls, &l->place, why);
    return d->next_tls || !l->tls.certificate.n;
}

static void take_back(struct http_server *s, struct list *fresh)
{
    struct http_door *d;

    while ((d = LIST_FIRST(fresh, struct http_door, node)))
        http_door_destroy(d);
    LIST_FOR_EACH (k, &s->doors, struct http_door, node) {
        tls_context_destroy(k->next_tls);
        k->next_tls = NULL;
        k->keep = false;
    }
}

static void door_renew(struct http_door *d, const struct conf *conf, const struct conf_listener *l)
{
    tls_context_destroy(d->tls);
    d->tls = d->next_tls;
    d->next_tls = NULL;
    d->keep = false;
    net_set_finish(&d->allow);
    net_set_init(&d->allow, &l->allow);
    conf_unref(d->conf);
    d->conf = conf_ref(conf);
    d->cl = l;
}

static void commit(struct http_server *s, const struct conf *conf, struct list *fresh)
{
    struct list old = {&old, &old};
    struct http_door *d;

    while ((d = LIST_FIRST(&s->doors, struct http_door, node))) {
        list_remove(&d->node);
        list_append(&old, &d->node);
    }
    for (size_t i = 0; i < conf->n_http; i++) {
        const struct conf_listener *l = &conf->http[i];

        d = NULL;
        LIST_FOR_EACH (k, &old, struct http_door, node)
            if (!d && k->keep && str_eq(k->cl->address, l->address))
                d = k;
        if (d) {
            door_renew(d, conf, l);
        } else {
            d = LIST_FIRST(fresh, struct http_door, node);
            log_info("net", "http: listening address=%.*s tls=%s", STR_ARG(l->address),
                     d->tls ? "yes" : "no");
        }
        list_remove(&d->node);
        list_append(&s->doors, &d->node);
    }
    while ((d = LIST_FIRST(&old, struct http_door, node))) {
        log_info("net", "http: no longer listening address=%.*s", STR_ARG(d->cl->address));
        door_leave(d);
        close_idle(s, d);
    }
}

bool http_server_configure(struct http_server *s, const struct conf *conf, bool reuseport,
                           struct diag *why)
{
    struct list fresh = {&fresh, &fresh};

    for (size_t i = 0; i < conf->n_http; i++) {
        if (!prepare(s, conf, &conf->http[i], reuseport, &fresh, why)) {
            take_back(s, &fresh);
            return false;
        }
    }
    commit(s, conf, &fresh);
    conf_ref(conf);
    conf_unref(s->conf);
    s->conf = conf;
    s->limits = conf->limits;
    LIST_FOR_EACH (d, &s->doors, struct http_door, node)
        door_set_limits(d, &s->limits);
    start_tick(s);
    return true;
}

void http_server_stop_accepting(struct http_server *s)
{
    struct http_door *d;

    s->stopping = true;
    while ((d = LIST_FIRST(&s->doors, struct http_door, node)))
        door_leave(d);
    close_idle(s, NULL);
    LIST_FOR_EACH (c, &s->phases[PHASE_IDLE], struct http_conn, node)
        c->deadline_ms = http_deadline(s, PHASE_IDLE);
    LIST_FOR_EACH (c, &s->phases[PHASE_STREAM], struct http_conn, node)
        conn_mark(c, MARK_KILL);
}

size_t http_server_pending(const struct http_server *s)
{
    size_t n = 0;

    LIST_FOR_EACH (r, &s->requests, struct http_request, node)
        n += !r->streaming;
    LIST_FOR_EACH (c, &s->phases[PHASE_WRITING], struct http_conn, node)
        n++;
    return n;
}

void http_server_destroy(struct http_server *s)
{
    struct http_door *d;
    struct http_request *r;

    if (!s)
        return;
    http_on_settle(-1, 0, s); /* so that every connection is known to evhttp and to us */
    while ((d = LIST_FIRST(&s->doors, struct http_door, node)))
        http_door_destroy(d);
    while ((d = LIST_FIRST(&s->leaving, struct http_door, node)))
        http_door_destroy(d);
    while ((r = LIST_FIRST(&s->requests, struct http_request, node))) {
        http_drop_ev(r);
        request_destroy(r);
    }
    event_free(s->settle);
    event_free(s->tick);
    conf_unref(s->conf);
    free(s->by_fd);
    free(s);
}

unsigned http_server_port(const struct http_server *s, size_t i)
{
    LIST_FOR_EACH (d, &s->doors, struct http_door, node)
        if (i-- == 0)
            return d->port;
    return 0;
}
