/*
 * shipper.c - from the spool to Redis.
 * Owns: which records are in flight, and what to do about each answer. The record order of a team
 *       is kept by the scripts' (stream, seq, prev) rule; this file only has to go back far enough.
 * Never: changes a record; decides about alerts.
 * Called by: pipeline.c (kick), worker.c (ready, tick). Its other halves: shipper_back.c (GAP,
 * adopt) and shipper_refused.c (dead letters, skip).
 *
 *   OK, SKIP            acknowledged
 *   GAP applied         stop sending, let what is in flight come back, then go back to the record
 *                       that follows `applied`; if that one is no longer kept, or if Redis knows
 *                       nothing of a stream that it once acknowledged: adopt
 *   WAIT (OOM …)        as GAP, from the record itself, after a pause
 *   REFUSED             dead letter, then script `skip` moves past it; never sent again
 *   LOST                all that is kept is sent again when the store is ready
 *
 * Nothing is sent before the ticker has stored the settings in this Redis (it may be an empty one):
 * else incidents would be opened by the built-in SLA table.
 */
#include "shipper_internal.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_keys.h"
#include "supervisor.h"
#include "ticker.h"
#include "worker.h"
#include "triaged/alert/observation.h"
#include "triaged/alert/observe_args.h"
#include "triaged/base/clock.h"
#include "triaged/base/log.h"
#include "triaged/base/mem.h"
#include "triaged/base/metrics.h"

enum {
    IN_FLIGHT_RECORDS = 128,
    IN_FLIGHT_ITEMS = 4096,
    IN_FLIGHT_BYTES = 16 * 1024 * 1024, /* at least one record, whatever its size */
    HEAD_ARGS = 7,
    TEXTS_CHUNK = 16 * 1024,
    WAIT_MS = 250, /* pause after an error that passes by itself */
    SETTINGS_LOOK_MS = 20,
};

struct metric_family shipped_total = {
    .name = "triaged_shipped_records_total",
    .help = "Records answered by Redis, by answer.",
    .type = METRIC_COUNTER,
    .labels = {"answer"}, /* ok, skip, gap, wait, refused, lost */
};

static const int64_t ship_bounds_ms[] = {5,    10,   25,    50,    100,    250,     500,
                                         1000, 5000, 15000, 60000, 300000, 1800000, 7200000};

static struct metric_family effects_total = {
    .name = "triaged_incident_effects_total",
    .help = "What observations did to incidents.",
    .type = METRIC_COUNTER,
    .labels = {"effect"},
};
static struct metric_family resent_total = {
    .name = "triaged_ship_resent_records_total",
    .help = "Records sent again though Redis had acknowledged them, in case it lost them.",
    .type = METRIC_COUNTER,
};
static struct metric_family ship_seconds = {
    .name = "triaged_ship_seconds",
    .help = "Time from a record's append to the spool to its first acknowledgement by Redis.",
    .type = METRIC_HISTOGRAM,
    .scale = 1e-3,
    .bounds = ship_bounds_ms,
    .n_bounds = ARRAY_LEN(ship_bounds_ms),
};
/* Also what `adopt` lifts the counter of a Redis over that forgot it: shared by all workers. */
static struct metric_family highest_number = {
    .name = "triaged_incident_number_highest",
    .help = "Highest incident number that this daemon has seen, by team.",
    .type = METRIC_GAUGE,
    .labels = {"team"},
};
static void on_later(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    shipper_kick(arg);
}

struct shipper *shipper_create(struct worker *w, struct spool *spool, shipper_verb_fn *on_verb,
                               void *arg)
{
    struct shipper *s = NEW(struct shipper);

    s->w = w;
    s->spool = spool;
    s->on_verb = on_verb;
    s->arg = arg;
    s->later = evtimer_new(w->base, on_later, s);
    arena_init(&s->texts, TEXTS_CHUNK);
    shipper_back_init(); /* zero from the start: an alert rule sees the first one */
    shipper_refused_init();
    metric_cell(&resent_total);
    return s;
}

void shipper_destroy(struct shipper *s)
{
    if (!s)
        return;
    while (s->free) {
        struct flight *f = s->free;

        s->free = f->next_free;
        free(f);
    }
    for (size_t i = 0; i < s->n_teams; i++)
        free((char *)s->teams[i].name.p);
    if (s->later)
        event_free(s->later);
    free(s->teams);
    free(s->args);
    free(s->fields);
    arena_finish(&s->texts);
    free(s);
}

size_t shipper_team(struct shipper *s, struct str team)
{
    for (size_t i = 0; i < s->n_teams; i++)
        if (str_eq(s->teams[i].name, team))
            return i;
    s->teams = xrealloc_array(s->teams, s->n_teams + 1, sizeof(*s->teams));
    s->teams[s->n_teams].name = (struct str){xstrndup(team.p, team.n), team.n};
    s->teams[s->n_teams].highest = metric_cell(&highest_number, s->teams[s->n_teams].name.p);
    return s->n_teams++;
}

/* Now, as Redis' clock shows it. */
int64_t shipper_now(const struct shipper *s)
{
    struct store_health health;

    store_health(s->w->store, &health);
    return clock_wall_ms() + health.clock_offset_ms;
}

static void look_later(struct shipper *s, int64_t ms)
{
    struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    if (s->later && !evtimer_pending(s->later, NULL))
        evtimer_add(s->later, &tv);
}

void shipper_pause(struct shipper *s)
{
    s->wait_until_ms = clock_mono_ms() + WAIT_MS;
    look_later(s, WAIT_MS + 1);
}

struct flight *shipper_flight(struct shipper *s)
{
    struct flight *f = s->free;

    if (f)
        s->free = f->next_free;
    else
        f = NEW(struct flight);
    f->s = s;
    return f;
}

static void flight_done(struct flight *f)
{
    struct shipper *s = f->s;

    s->records--;
    s->resent -= f->again;
    s->items -= f->items;
    s->bytes -= f->bytes;
    f->next_free = s->free;
    s->free = f;
}

/* ---- sending ------------------------------------------------------------------------------------
 */

static void on_answer(void *arg, enum store_status status, const struct store_reply *reply,
                      struct str error);

/* Room for the fields of a record, and for what its script makes of them. */
static void make_room(struct shipper *s, const struct record_header *h)
{
    size_t of_item = h->n_fields > OBSERVE_ARGS_AN_ITEM ? h->n_fields : OBSERVE_ARGS_AN_ITEM;
    size_t n = HEAD_ARGS + h->n_items * of_item;

    if (n <= s->args_cap)
        return;
    s->args = xrealloc_array(s->args, n, sizeof(*s->args));
    s->fields = xrealloc_array(s->fields, n, sizeof(*s->fields));
    s->args_cap = n;
}

/* The arguments that stand before the items. text keeps those that are numbers. */
static void head_args(struct shipper *s, const struct spool_record *r, uint32_t n_items,
                      char text[5][24])
{
    struct store_health health;

    store_health(s->w->store, &health);
    snprintf(text[0], 24, "%lld", (long long)(clock_wall_ms() + health.clock_offset_ms));
    snprintf(text[1], 24, "%llu", (unsigned long long)r->seq);
    snprintf(text[2], 24, "%llu", (unsigned long long)r->prev);
    snprintf(text[3], 24, "%lld", (long long)health.clock_offset_ms);
    snprintf(text[4], 24, "%u", n_items);
    s->args[0] = str_c(text[0]);
    s->args[1] = str_c(r->stream);
    s->args[2] = str_c(text[1]);
    s->args[3] = str_c(text[2]);
    s->args[4] = str_c(text[3]);
    s->args[5] = r->acked ? S("1") : S("0");
    s->args[6] = str_c(text[4]);
}

/* The arguments of a record as its script takes them: how many; 0 when the payload is malformed. */
static size_t build_args(struct shipper *s, const struct spool_record *r, char text[5][24],
                         struct record_header *h)
{
    struct record_reader reader;
    struct str *fields;
    size_t n;

    if (!record_read(r->payload, h, &reader) ||
        (h->script == RECORD_OBSERVE && h->n_fields != OBSERVE_N))
        return 0;
    make_room(s, h);
    n = (size_t)h->n_fields * h->n_items;
    fields = h->script == RECORD_OBSERVE ? s->fields : s->args + HEAD_ARGS;
    for (size_t i = 0; i < n; i++)
        if (!record_next(&reader, &fields[i]))
            return 0;
    if (h->script == RECORD_OBSERVE) {
        arena_reset(&s->texts);
        n = observe_args(fields, h->n_items, &s->texts, s->args + HEAD_ARGS);
    }
    head_args(s, r, h->n_items, text);
    return HEAD_ARGS + n;
}

static void send_record(struct shipper *s, const struct spool_record *r)
{
    char text[5][24], key_text[STORE_KEY_SIZE];
    struct str key = store_key(s->w->conf->prefix, r->team, "applied", key_text);
    struct record_header h;
    struct flight *f;
    size_t n_args = build_args(s, r, text, &h);

    if (n_args == 0) {
        shipper_refuse(s, r, S("malformed record"));
        return;
    }
    f = shipper_flight(s);
    memcpy(f->stream, r->stream, sizeof(f->stream));
    f->seq = r->seq;
    f->prev = r->prev;
    f->position = r->position;
    f->appended_ms = r->appended_ms;
    f->items = h.n_items;
    f->team = shipper_team(s, r->team);
    f->is_verb = h.script == RECORD_VERB;
    f->again = r->acked;
    f->first = r->own && r->position > s->sent_upto;
    if (r->position > s->sent_upto)
        s->sent_upto = r->position;
    if (r->acked)
        metric_add(metric_cell(&resent_total), 1);
    s->records++;
    s->resent += f->again;
    s->items += h.n_items;
    f->bytes = r->payload.n;
    s->bytes += f->bytes;
    store_call(s->w->store, h.script == RECORD_VERB ? SCRIPT_VERB : SCRIPT_OBSERVE, &key, 1,
               s->args, n_args, on_answer, f);
}

/* Whether the ticker has stored the settings in the Redis that this connection leads to. */
static bool settings_are_stored(struct shipper *s)
{
    struct store_health health;

    if (clock_mono_ms() >= s->patience_ms)
        return true;
    store_health(s->w->store, &health);
    return atomic_load(&s->w->supervisor->settings_in) == ticker_run_hash(health.run_id);
}

void shipper_kick(struct shipper *s)
{
    struct spool_record r;

    s->exhausted = false;
    if (!s->ready || s->draining || clock_mono_ms() < s->wait_until_ms)
        return;
    if (!settings_are_stored(s)) {
        look_later(s, SETTINGS_LOOK_MS);
        return;
    }
    while (!s->draining && s->records < IN_FLIGHT_RECORDS && s->items < IN_FLIGHT_ITEMS &&
           s->bytes < IN_FLIGHT_BYTES) {
        if (!spool_next(s->spool, &r)) {
            s->exhausted = true;
            return;
        }
        if (r.aside)
            shipper_move_past(s, &r);
        else
            send_record(s, &r);
    }
    if (s->draining && s->records == 0) /* a malformed one that could not be put aside */
        shipper_drained(s);
}

/* ---- answers ------------------------------------------------------------------------------------
 */

static void count_effects(const struct store_reply *reply)
{
    static const char *const names[] = {"opened",  "reopened", "raised", "resolved",
                                        "updated", "held",     "queued"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        int64_t n = store_reply_int(store_reply_at(reply, 2 + i));

        if (n > 0)
            metric_add(metric_cell(&effects_total, names[i]), n);
    }
}

static void raise_highest(struct shipper *s, size_t team, int64_t number)
{
    _Atomic int64_t *value = &s->teams[team].highest->value;
    int64_t seen = atomic_load(value);

    while (number > seen && !atomic_compare_exchange_weak(value, &seen, number))
        ;
}

void shipper_saw_incident(struct shipper *s, struct str team, struct str id)
{
    struct str number = STR_NONE;
    int64_t n;

    while (id.n > 0) /* behind the last "-" */
        number = str_cut(id, '-', &id);
    if (str_to_i64(number, &n))
        raise_highest(s, shipper_team(s, team), n);
}

static void on_applied(struct shipper *s, const struct flight *f, const struct store_reply *reply)
{
    if (!f->again)
        metric_observe(metric_cell(&ship_seconds), clock_wall_ms() - f->appended_ms);
    if (f->is_verb)
        return;
    count_effects(reply);
    raise_highest(s, f->team, store_reply_int(store_reply_at(reply, 10)));
}

enum said shipper_read(struct shipper *s, const struct flight *f, const struct store_reply *reply)
{
    struct str word = store_reply_str(store_reply_at(reply, 0));
    uint64_t seq = (uint64_t)store_reply_int(store_reply_at(reply, 1));

    if (str_eq(word, S("OK")) && seq == f->seq)
        return SAID_OK;
    if (str_eq(word, S("SKIP")) && seq >= f->seq)
        return SAID_SKIP;
    if (str_eq(word, S("GAP")))
        return SAID_GAP;
    metric_add(metric_cell(&shipped_total, "lost"), 1);
    store_distrust(s->w->store);
    shipper_lost(s, f);
    return SAID_NONSENSE;
}

static void on_reply(struct shipper *s, const struct flight *f, const struct store_reply *reply)
{
    enum said said = shipper_read(s, f, reply);

    if (said == SAID_GAP)
        shipper_on_gap(s, f, reply);
    if (said == SAID_GAP || said == SAID_NONSENSE)
        return;
    metric_add(metric_cell(&shipped_total, said == SAID_OK ? "ok" : "skip"), 1);
    if (said == SAID_OK)
        on_applied(s, f, reply);
    else if (f->first && !shipper_on_foreign(s, f))
        return;
    if (f->is_verb && s->on_verb)
        s->on_verb(s->arg, s->teams[f->team].name, f->position, reply, STR_NONE);
    spool_ack(s->spool, f->position, clock_wall_ms());
}

/* The connection is gone: shipper_on_store goes back to the beginning. If the store says that it is
 * there, the call alone was not sent: from there again. */
void shipper_lost(struct shipper *s, const struct flight *f)
{
    struct store_health health;

    store_health(s->w->store, &health);
    if (health.state != STORE_S_READY) {
        s->ready = false;
        return;
    }
    shipper_pause(s);
    shipper_drain_to(s, f->position);
}

void shipper_landed(struct flight *f)
{
    struct shipper *s = f->s;

    flight_done(f);
    if (s->draining && s->records == 0)
        shipper_drained(s);
    else if (!s->exhausted)
        shipper_kick(s);
}

static void on_answer(void *arg, enum store_status status, const struct store_reply *reply,
                      struct str error)
{
    struct flight *f = arg;
    struct shipper *s = f->s;

    switch (status) {
    case STORE_OK:
        on_reply(s, f, reply);
        break;
    case STORE_WAIT:
        metric_add(metric_cell(&shipped_total, "wait"), 1);
        shipper_pause(s);
        shipper_drain_to(s, f->position);
        break;
    case STORE_REFUSED:
        metric_add(metric_cell(&shipped_total, "refused"), 1);
        if (f->is_verb && s->on_verb)
            s->on_verb(s->arg, s->teams[f->team].name, f->position, NULL, error);
        shipper_refuse_flight(s, f, error);
        break;
    case STORE_LOST:
    case STORE_DOWN:
        metric_add(metric_cell(&shipped_total, "lost"), 1);
        shipper_lost(s, f);
        break;
    }
    shipper_landed(f);
}

/* ---- the store ----------------------------------------------------------------------------------
 */

void shipper_on_store(struct shipper *s, bool ready)
{
    s->ready = ready;
    if (!ready)
        return;
    s->draining = s->rewind_needed = s->gap = false;
    s->wait_until_ms = 0;
    s->patience_ms = clock_mono_ms() + SETTINGS_PATIENCE_MS;
    spool_rewind_all(s->spool);
    shipper_kick(s);
}

void shipper_resend(struct shipper *s)
{
    if (!s->ready)
        return;
    spool_rewind_all(s->spool);
    shipper_kick(s);
}

/* Redis may forget it, in a while: the tick sees to that. */
static void on_stream_gone(void *arg, const char *stream, struct str team)
{
    struct shipper *s = arg;
    char key_text[STORE_KEY_SIZE], now[24];
    struct str args[] = {S("ZADD"), store_key(s->w->conf->prefix, team, "gone", key_text), STR_NONE,
                         str_c(stream)};

    snprintf(now, sizeof(now), "%lld", (long long)shipper_now(s));
    args[2] = str_c(now);
    store_command(s->w->store, args, ARRAY_LEN(args), NULL, NULL);
}

/* A sign of life of a Redis that has nothing to acknowledge. Being connected is none: a Redis that
 * hangs may come back without what it acknowledged last. */
static void on_pong(void *arg, enum store_status status, const struct store_reply *reply,
                    struct str error)
{
    struct shipper *s = arg;

    (void)reply;
    (void)error;
    if (status == STORE_OK)
        spool_alive(s->spool, clock_wall_ms());
}

void shipper_tick(struct shipper *s, int64_t now_ms)
{
    static const struct str ping[] = {{"PING", 4}};

    if (s->ready) { /* what is forgotten here is to be forgotten there too */
        if (s->records == 0)
            store_command(s->w->store, ping, ARRAY_LEN(ping), on_pong, s);
        if (s->resent == 0 && !s->draining)
            spool_resent(s->spool);
        spool_tick(s->spool, now_ms, on_stream_gone, s);
    }
    shipper_kick(s);
}

unsigned shipper_behind(const struct shipper *s)
{
    unsigned items = s->items * 24 / IN_FLIGHT_ITEMS, records = s->records * 24 / IN_FLIGHT_RECORDS;

    return !s->ready ? 24 : items > records ? items : records;
}

bool shipper_idle(const struct shipper *s)
{
    return s->records == 0 && s->exhausted && !s->draining;
}
