/*
 * machine.c - the states of the connection: which one, why, and when the next attempt is.
 * Owns: the timers, the back-off, the choice of the address (sentinel, name look-up).
 * Never: sends a call; frees a connection within its own callbacks (redis_conn.c sees to that).
 *
 *   DOWN -> CONNECTING -> PRIMING -> READY
 *             any failure -> BACKOFF -> CONNECTING
 * One deadline covers look-up, sentinel, connect and priming together. The back-off doubles from
 * 100 ms to 10 s with jitter, so that many daemons do not knock at the same moment; a connection
 * that held for five seconds begins again at 100 ms.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "store_internal.h"
#include "triaged/base/clock.h"
#include "triaged/base/hash.h"
#include "triaged/base/mem.h"

enum { BACKOFF_MIN_MS = 100, BACKOFF_MAX_MS = 10000, STEADY_MS = 5000, MINUTE_MS = 60000 };

static struct metric_family connected_gauge = {
    .name = "triaged_redis_connected",
    .help = "1 while the connection to Redis is ready.",
    .type = METRIC_GAUGE,
    .labels = {"name"},
};
static struct metric_family reconnects_total = {
    .name = "triaged_redis_reconnects_total",
    .help = "Connections to Redis that became ready after an earlier one was lost.",
    .type = METRIC_COUNTER,
    .labels = {"name"},
};

const char *store_state_name(enum store_state state)
{
    switch (state) {
    case STORE_S_DOWN:
        return "down";
    case STORE_S_CONNECTING:
        return "connecting";
    case STORE_S_PRIMING:
        return "priming";
    case STORE_S_READY:
        return "ready";
    case STORE_S_BACKOFF:
        return "backoff";
    }
    return "unknown";
}

static void arm(struct event *e, int64_t ms)
{
    struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    evtimer_add(e, &tv);
}

void store_set_state(struct store *s, enum store_state state, const char *why)
{
    s->state = state;
    s->health.state = state;
    metric_set(s->connected, state == STORE_S_READY);
    if (s->on_state)
        s->on_state(s->arg, state, why);
}

/* ---- failing and retrying -----------------------------------------------------------------------
 */

static int64_t next_backoff(struct store *s)
{
    uint16_t random;

    if (s->asking_sentinel && s->sentinel % s->url.n_hosts != 0)
        return BACKOFF_MIN_MS; /* this one was of no use: the next is asked before we back off */
    if (s->state == STORE_S_READY && clock_mono_ms() - s->ready_since_ms >= STEADY_MS)
        s->backoff_ms = 0;
    s->backoff_ms = s->backoff_ms ? 2 * s->backoff_ms : BACKOFF_MIN_MS;
    if (s->backoff_ms > BACKOFF_MAX_MS)
        s->backoff_ms = BACKOFF_MAX_MS;
    hash_random(&random, sizeof(random));
    return s->backoff_ms / 2 + s->backoff_ms / 2 * random / UINT16_MAX;
}

static void say_failure(struct store *s, int64_t wait_ms)
{
    bool news = s->state == STORE_S_READY || strcmp(s->why, s->logged_why) != 0;

    log_line(news ? LOG_WARN_ : LOG_DEBUG_, "store", "%s: %s redis %s: %s; next attempt in %lld ms",
             s->name, s->state == STORE_S_READY ? "lost" : "cannot use", s->url.display, s->why,
             (long long)wait_ms);
    snprintf(s->logged_why, sizeof(s->logged_why), "%s", s->why);
}

void store_fail(struct store *s, const char *why)
{
    struct redis_conn *conn = s->conn;
    int64_t wait_ms = next_backoff(s);

    snprintf(s->why, sizeof(s->why), "%s", why);
    snprintf(s->health.why, sizeof(s->health.why), "%s", why);
    say_failure(s, wait_ms);
    s->conn = NULL;
    s->reloading = false;
    resolver_cancel(s->resolver);
    if (s->state != STORE_S_READY)
        resolver_try_another(s->resolver);
    evtimer_del(s->deadline);
    evtimer_del(s->call_timer);
    evtimer_del(s->minute);
    arm(s->retry, wait_ms);
    if (conn)
        redis_conn_close(conn);
    store_set_state(s, STORE_S_BACKOFF, s->why);
    store_answer_lost(s); /* last: a callback may end the store */
}

static void on_down(void *arg, const char *why)
{
    struct store *s = arg;

    s->conn = NULL;
    store_fail(s, why);
}

/* ---- the address --------------------------------------------------------------------------------
 */

static void on_up(void *arg);

static void open_conn(struct store *s, const char *address, unsigned port)
{
    struct redis_conn_callbacks cb = {.on_up = on_up, .on_down = on_down, .arg = s};
    struct redis_address to = {.host = address, .port = port};
    char why[ERROR_MAX];

    if (s->url.tls) {
        to.tls = s->tls;
        to.tls_name = s->tls->server_name[0] ? s->tls->server_name : s->dial_name;
    }
    s->conn = redis_conn_open(s->base, &s->conns, &to, &cb, why, sizeof(why));
    if (!s->conn)
        store_fail(s, why);
}

static void on_resolved(void *arg, const char *address, const char *why)
{
    struct store *s = arg;
    char text[ERROR_MAX];

    if (address) {
        open_conn(s, address, s->dial_port);
        return;
    }
    snprintf(text, sizeof(text), "cannot look its name up: %s", why);
    store_fail(s, text);
}

static void dial(struct store *s, const char *host, unsigned port)
{
    s->dial_port = port;
    snprintf(s->dial_name, sizeof(s->dial_name), "%s", host);
    resolver_lookup(s->resolver, host, on_resolved, s);
}

/* Closes the connection, so that on_sentinel is not called, when the answer is an error. */
static bool sentinel_refused(struct store *s, const struct store_reply *reply)
{
    char text[ERROR_MAX];

    if (store_reply_type(reply) != REPLY_ERROR)
        return false;
    snprintf(text, sizeof(text), "the sentinel refused to answer: %.*s",
             STR_ARG(store_reply_str(reply)));
    store_fail(s, text);
    return true;
}

static void on_sentinel_login(void *arg, const struct store_reply *reply)
{
    sentinel_refused(arg, reply);
}

/* ["address", "port"] of the master, or nil. */
static void on_sentinel(void *arg, const struct store_reply *reply)
{
    struct store *s = arg;
    struct str host = store_reply_str(store_reply_at(reply, 0));
    int64_t port = store_reply_int(store_reply_at(reply, 1));
    struct redis_conn *conn = s->conn;
    char text[ERROR_MAX];

    if (sentinel_refused(s, reply))
        return;
    if (host.n == 0 || host.n > 128 || port <= 0 || port > 65535) {
        snprintf(text, sizeof(text), "the sentinel knows no master \"%s\"", s->url.master);
        store_fail(s, text);
        return;
    }
    s->asking_sentinel = false;
    s->conn = NULL;
    redis_conn_close(conn);
    snprintf(text, sizeof(text), "%.*s", STR_ARG(host));
    dial(s, text, (unsigned)port);
}

static bool ask_sentinel(struct store *s)
{
    const char *const ask[] = {"SENTINEL", "get-master-addr-by-name", s->url.master, NULL};
    const char *login[] = {"AUTH", s->url.sentinel_password, NULL, NULL};

    if (s->url.sentinel_user) {
        login[1] = s->url.sentinel_user;
        login[2] = s->url.sentinel_password;
    }
    return (!login[1] || store_send_words(s, on_sentinel_login, s, login)) &&
           store_send_words(s, on_sentinel, s, ask);
}

static void on_up(void *arg)
{
    struct store *s = arg;

    if (s->asking_sentinel) {
        if (!ask_sentinel(s))
            store_fail(s, "cannot ask the sentinel");
        return;
    }
    store_set_state(s, STORE_S_PRIMING, "");
    store_prime(s);
}

void store_begin(struct store *s)
{
    const struct store_host *h;

    arm(s->deadline, s->connect_timeout_ms);
    store_set_state(s, STORE_S_CONNECTING, "");
    if (s->url.path) {
        open_conn(s, s->url.path, 0);
        return;
    }
    s->asking_sentinel = s->url.sentinel;
    h = &s->url.hosts[s->url.sentinel ? s->sentinel++ % s->url.n_hosts : 0];
    dial(s, h->name, h->port);
}

void store_ready(struct store *s)
{
    struct store_health *h = &s->health;

    evtimer_del(s->deadline);
    h->run_id_changed = s->run_id[0] && strcmp(s->run_id, s->prime.run_id) != 0;
    snprintf(s->run_id, sizeof(s->run_id), "%s", s->prime.run_id);
    snprintf(h->run_id, sizeof(h->run_id), "%s", s->prime.run_id);
    h->aof = s->prime.aof;
    h->noeviction = s->prime.noeviction;
    h->why[0] = s->why[0] = s->logged_why[0] = '\0';
    s->ready_since_ms = clock_mono_ms();
    if (s->was_ready)
        metric_add(s->reconnects, 1);
    s->was_ready = true;
    log_info("store", "%s: ready redis %s version=%s run_id=%s%s aof=%s", s->name, s->url.display,
             s->prime.version, s->run_id, h->run_id_changed ? " (another than before)" : "",
             h->aof ? "yes" : "no");
    if (!h->noeviction)
        log_warn(
            "store",
            "%s: redis may evict keys: set maxmemory-policy to noeviction, or incidents vanish",
            s->name);
    arm(s->minute, MINUTE_MS);
    store_set_state(s, STORE_S_READY, "");
}

/* ---- timers -------------------------------------------------------------------------------------
 */

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    store_begin(arg);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct store *s = arg;
    char why[ERROR_MAX];

    (void)fd;
    (void)what;
    if (s->conn && redis_conn_is_shaking_hands(s->conn)) /* a Redis without TLS waits for more */
        snprintf(why, sizeof(why), "no TLS handshake within %lld ms; does it speak TLS there?",
                 (long long)s->connect_timeout_ms);
    else
        snprintf(why, sizeof(why), "not %s within %lld ms",
                 s->state == STORE_S_PRIMING ? "answering" : "connected",
                 (long long)s->connect_timeout_ms);
    store_fail(s, why);
}

static void on_call_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    store_on_call_timer(arg);
}

static void on_minute(evutil_socket_t fd, short what, void *arg)
{
    struct store *s = arg;

    (void)fd;
    (void)what;
    store_ask_time(s);
    arm(s->minute, MINUTE_MS);
}

static void on_answer_down(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    store_on_answer_down(arg);
}

bool store_make_events(struct store *s)
{
    s->retry = evtimer_new(s->base, on_retry, s);
    s->deadline = evtimer_new(s->base, on_deadline, s);
    s->call_timer = evtimer_new(s->base, on_call_timer, s);
    s->minute = evtimer_new(s->base, on_minute, s);
    s->answer_down = event_new(s->base, -1, 0, on_answer_down, s);
    s->connected = metric_cell(&connected_gauge, s->name);
    s->reconnects = metric_cell(&reconnects_total, s->name);
    if (!s->retry || !s->deadline || !s->call_timer || !s->minute || !s->answer_down)
        return false;
    arm(s->retry, 0); /* the first attempt: the next turn, when the owner has its pointer */
    return true;
}

void store_free_events(struct store *s)
{
    struct event *const all[] = {s->retry, s->deadline, s->call_timer, s->minute, s->answer_down};

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (all[i])
            event_free(all[i]);
}
