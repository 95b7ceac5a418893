/*
 * store.c - calls of scripts and plain commands, and exactly one answer to each.
 * Owns: the calls in flight (oldest first, as Redis answers in order) and those that could not be
 *       sent, the deadline of the oldest, the meaning of errors.
 * Never: connects (machine.c).
 *
 * A callback of the owner may do anything, also store_destroy. `destroyed` then points to a flag on
 * the stack of whoever called it; after each callback that flag is looked at before the store is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "store_internal.h"
#include "triaged/base/clock.h"
#include "triaged/base/mem.h"

struct call {
    struct list node;
    struct store *s;
    store_done_fn *done; /* or NULL */
    void *arg;
    enum store_script script; /* SCRIPT_N = a plain command */
    int64_t sent_ns;
};

static const int64_t call_bounds_us[] = {100,   250,   500,    1000,   2500,   5000,    10000,
                                         25000, 50000, 100000, 250000, 500000, 1000000, 5000000};
static struct metric_family calls_total = {
    .name = "triaged_redis_calls_total",
    .help = "Calls of scripts and commands, by how they ended.",
    .type = METRIC_COUNTER,
    .labels = {"script", "status"},
};
static struct metric_family call_seconds = {
    .name = "triaged_redis_call_seconds",
    .help = "Time from sending a call to its answer.",
    .type = METRIC_HISTOGRAM,
    .labels = {"script"},
    .scale = 1e-6,
    .bounds = call_bounds_us,
    .n_bounds = ARRAY_LEN(call_bounds_us),
};

static const char *status_name(enum store_status st)
{
    static const char *const names[] = {"ok", "wait", "refused", "lost", "down"};

    return names[st];
}

/* ---- the meaning of errors ----------------------------------------------------------------------
 */

#define DENIED_WITHIN "NOPERM within a script"

/* First words of errors that pass by themselves. MOVED and ASK: a cluster node, which configuration
 * can mend; a record must not be given up for it. Nor for a right that was taken away: the next
 * connection is ready when it was given back (prime.c). */
static const struct {
    const char *word;
    bool reconnect; /* this connection will not get better */
} passing[] = {
    {"ASK", false},       {"BUSY", false},       {"CLUSTERDOWN", false}, {"LOADING", false},
    {"MASTERDOWN", true}, {"MISCONF", false},    {"MOVED", false},       {"NOAUTH", true},
    {"NOPERM", false},    {"NOREPLICAS", false}, {"NOSCRIPT", false},    {"OOM", false},
    {"READONLY", true},   {"TRYAGAIN", false},   {DENIED_WITHIN, true},
};

/* What a command within a script is told that its user may not use: by Redis 7.0; by later ones. */
static bool denied_within(struct str error)
{
    return str_find(error, S("The user executing the script can't")) < error.n ||
           str_find(error, S("ACL failure in script")) < error.n;
}

static int find_passing(struct str error)
{
    struct str rest, word = str_cut(error, ' ', &rest);

    if (denied_within(error))
        word = S(DENIED_WITHIN);
    for (size_t i = 0; i < ARRAY_LEN(passing); i++)
        if (str_eq_c(word, passing[i].word))
            return (int)i;
    return -1;
}

bool store_error_passes(struct str error)
{
    return find_passing(error) >= 0;
}

/* ---- answers ------------------------------------------------------------------------------------
 */

static void count_call(struct store *s, enum store_script script, enum store_status st)
{
    struct metric_cell **cell = &s->calls[script][st];

    if (!*cell)
        *cell = metric_cell(&calls_total, store_script_name(script), status_name(st));
    metric_add(*cell, 1);
}

static void observe_call(struct store *s, const struct call *c)
{
    struct metric_cell **cell = &s->seconds[c->script];

    if (!*cell)
        *cell = metric_cell(&call_seconds, store_script_name(c->script));
    metric_observe(*cell, (clock_mono_ns() - c->sent_ns) / 1000);
}

/* Gives the one answer and frees the call. False when the callback destroyed the store. */
static bool answer(struct call *c, enum store_status st, const struct store_reply *reply,
                   struct str error)
{
    struct store *s = c->s;
    struct call own = *c;
    bool destroyed = false, *outer = s->destroyed;

    free(c);
    count_call(s, own.script, st);
    if (!own.done) {
        if (st != STORE_OK)
            log_debug("store", "%s: nobody waits for this error: %.*s", s->name, STR_ARG(error));
        return true;
    }
    s->destroyed = &destroyed;
    own.done(own.arg, st, reply, error);
    if (destroyed) {
        if (outer)
            *outer = true;
        return false;
    }
    s->destroyed = outer;
    return true;
}

static void after_error(struct store *s, int kind, const struct redis_conn *conn, const char *text)
{
    if (s->conn != conn || !conn) /* gone meanwhile */
        return;
    if (strcmp(passing[kind].word, "NOSCRIPT") == 0)
        store_reload_scripts(s);
    else if (passing[kind].reconnect)
        store_fail(s, text);
}

void store_distrust(struct store *s)
{
    if (s->state == STORE_S_READY)
        store_fail(s, "its answers do not belong to what was asked");
}

static void on_reply(void *arg, const struct store_reply *reply)
{
    struct call *c = arg;
    struct store *s = c->s;
    const struct redis_conn *conn = s->conn;
    enum store_reply_type type = store_reply_type(reply);
    char text[ERROR_MAX];
    int kind;

    if (c->script != SCRIPT_N && type != REPLY_ARRAY && type != REPLY_ERROR) {
        store_distrust(s); /* scripts answer with lists; this call is LOST with the others */
        return;
    }
    list_remove(&c->node);
    s->n_in_flight--;
    observe_call(s, c);
    if (type != REPLY_ERROR) {
        answer(c, STORE_OK, reply, STR_NONE);
        return;
    }
    kind = find_passing(store_reply_str(reply));
    snprintf(text, sizeof(text), "%.*s", STR_ARG(store_reply_str(reply)));
    if (answer(c, kind >= 0 ? STORE_WAIT : STORE_REFUSED, NULL, store_reply_str(reply)) &&
        kind >= 0)
        after_error(s, kind, conn, text);
}

void store_answer_lost(struct store *s)
{
    while (!list_empty(&s->in_flight)) {
        struct call *c = LIST_FIRST(&s->in_flight, struct call, node);

        list_remove(&c->node);
        s->n_in_flight--;
        if (!answer(c, STORE_LOST, NULL, str_c(s->why)))
            return;
    }
}

/* Answers those that were not sent before now; a callback may add others, which wait a turn. */
void store_on_answer_down(struct store *s)
{
    struct call *last =
        list_empty(&s->not_sent) ? NULL : container_of(s->not_sent.prev, struct call, node);
    bool more = last != NULL;

    while (more) {
        struct call *c = LIST_FIRST(&s->not_sent, struct call, node);

        more = c != last;
        list_remove(&c->node);
        if (!answer(c, STORE_DOWN, NULL, str_c(s->why[0] ? s->why : "not connected yet")))
            return;
    }
}

void store_on_call_timer(struct store *s)
{
    char why[ERROR_MAX];
    int64_t left;
    struct timeval tv;

    if (list_empty(&s->in_flight))
        return;
    left = s->call_timeout_ms -
           (clock_mono_ns() - LIST_FIRST(&s->in_flight, struct call, node)->sent_ns) / 1000000;
    if (left > 0) {
        tv = (struct timeval){.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000};
        evtimer_add(s->call_timer, &tv);
        return;
    }
    snprintf(why, sizeof(why), "no answer within %lld ms", (long long)s->call_timeout_ms);
    store_fail(s, why);
}

/* ---- sending ------------------------------------------------------------------------------------
 */

/* A call that waits for its command: sent, or answered in the next turn. */
static struct call *new_call(struct store *s, enum store_script script, store_done_fn *done,
                             void *arg)
{
    struct call *c = NEW(struct call);

    *c = (struct call){.s = s, .done = done, .arg = arg, .script = script};
    c->sent_ns = clock_mono_ns();
    return c;
}

static void not_sent(struct store *s, struct call *c)
{
    list_append(&s->not_sent, &c->node);
    event_active(s->answer_down, EV_TIMEOUT, 0);
}

static void send_call(struct store *s, struct call *c)
{
    struct timeval tv = {.tv_sec = s->call_timeout_ms / 1000,
                         .tv_usec = s->call_timeout_ms % 1000 * 1000};

    if (!redis_conn_send(s->conn, on_reply, c)) {
        not_sent(s, c);
        return;
    }
    list_append(&s->in_flight, &c->node);
    if (s->n_in_flight++ == 0 && !evtimer_pending(s->call_timer, NULL))
        evtimer_add(s->call_timer, &tv);
}

static void put_all(struct redis_conn *conn, const struct str *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        redis_conn_put(conn, words[i]);
}

void store_call(struct store *s, enum store_script script, const struct str *keys, size_t n_keys,
                const struct str *args, size_t n_args, store_done_fn *done, void *arg)
{
    struct call *c = new_call(s, script, done, arg);
    char count[24];

    if (s->state != STORE_S_READY) {
        not_sent(s, c);
        return;
    }
    snprintf(count, sizeof(count), "%zu", n_keys);
    redis_conn_begin(s->conn, 3 + n_keys + n_args);
    redis_conn_put(s->conn, S("EVALSHA"));
    redis_conn_put(s->conn, str_c(store_script_sha1(script)));
    redis_conn_put(s->conn, str_c(count));
    put_all(s->conn, keys, n_keys);
    put_all(s->conn, args, n_args);
    send_call(s, c);
}

void store_command(struct store *s, const struct str *args, size_t n_args, store_done_fn *done,
                   void *arg)
{
    struct call *c = new_call(s, SCRIPT_N, done, arg);

    if (s->state != STORE_S_READY) {
        not_sent(s, c);
        return;
    }
    redis_conn_begin(s->conn, n_args);
    put_all(s->conn, args, n_args);
    send_call(s, c);
}

bool store_send_words(struct store *s, redis_reply_fn *fn, void *arg, const char *const *words)
{
    size_t n = 0;

    if (!s->conn)
        return false;
    while (words[n])
        n++;
    redis_conn_begin(s->conn, n);
    for (size_t i = 0; i < n; i++)
        redis_conn_put(s->conn, str_c(words[i]));
    return redis_conn_send(s->conn, fn, arg);
}

/* ---- life ---------------------------------------------------------------------------------------
 */

struct store *store_create(struct event_base *base, const struct store_options *o)
{
    struct store *s = NEW(struct store);
    struct diag why;

    s->base = base;
    s->tls = o->tls;
    s->name = xstrdup(o->name ? o->name : "triaged");
    s->key = o->key ? xstrdup(o->key) : NULL;
    s->connect_timeout_ms = o->connect_timeout_ms > 0 ? o->connect_timeout_ms : 5000;
    s->call_timeout_ms = o->call_timeout_ms > 0 ? o->call_timeout_ms : 30000;
    s->on_state = o->on_state;
    s->arg = o->arg;
    s->health.noeviction = true; /* until a Redis says otherwise */
    list_init(&s->conns);
    list_init(&s->in_flight);
    list_init(&s->not_sent);
    s->resolver = resolver_create(base);
    diag_init(&why);
    if (!store_url_parse(o->url, &s->url, &why)) {
        log_error("store", "%s: %s", s->name, why.items[0].text);
        snprintf(s->why, sizeof(s->why), "%s", why.items[0].text);
    } else if (s->url.tls && !s->tls) {
        snprintf(s->why, sizeof(s->why), "there is no TLS here for %s", s->url.display);
        store_url_finish(&s->url);
    }
    memcpy(s->health.why, s->why, sizeof(s->health.why));
    diag_finish(&why);
    if (!store_make_events(s))
        abort(); /* small allocations, as NEW */
    if (!s->url.display)
        evtimer_del(s->retry); /* a url that store_url_check would have refused: DOWN for good */
    return s;
}

void store_destroy(struct store *s)
{
    bool destroyed = false;

    if (!s)
        return;
    if (s->destroyed)
        *s->destroyed = true;
    s->destroyed = &destroyed; /* a callback that comes back here finds nothing left to do */
    s->state = STORE_S_DOWN;
    s->on_state = NULL;
    s->conn = NULL;
    snprintf(s->why, sizeof(s->why), "stopping");
    store_answer_lost(s);
    store_on_answer_down(s);
    redis_conn_close_all(&s->conns);
    resolver_destroy(s->resolver);
    store_free_events(s);
    metric_set(s->connected, 0);
    store_url_finish(&s->url);
    free(s->name);
    free(s->key);
    free(s);
}

void store_health(const struct store *s, struct store_health *out)
{
    *out = s->health;
}

size_t store_in_flight(const struct store *s)
{
    return s->n_in_flight;
}
