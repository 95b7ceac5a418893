/*
 * incident_metrics.c - looks at the store every few seconds and publishes what it sees.
 * Owns: a connection of its own, the place in each team's event stream, the public status (under a
 *       lock: workers read it).
 * Never: writes to the store. Called by: supervisor.c; the status routes.
 *
 * Gauges come from lengths and ranges (ZCOUNT, XLEN), counters and histograms from the event
 * streams: every daemon counts all events since it started, so take the maximum over daemons, not
 * the sum. A look asks 40 commands a team and at most EVENTS_AT_ONCE events.
 */
#include "incident_metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "fetch.h"
#include "incident_json.h"
#include "public_status.h"
#include "redis_access.h"
#include "store_keys.h"
#include "supervisor.h"
#include "triaged/base/clock.h"
#include "triaged/base/mem.h"
#include "triaged/base/metrics.h"

enum {
    LOOK_EVERY_MS = 15000,
    LOOK_AGAIN_MS = 1000, /* while events wait */
    EVENTS_AT_ONCE = 500, /* of a team */
    TEAMS_MAX = 1000,
    TIERS = 4,
};

static const char *const tiers[TIERS] = {"tier1", "tier2", "tier3", "manager"};

static const int64_t bounds_ms[] = {60000,     300000,    900000,    1800000,  3600000,
                                    7200000,   14400000,  28800000,  86400000, 172800000,
                                    259200000, 604800000, 1209600000};

static struct metric_family owed_gauge = {
    .name = "triaged_reviews_owed",
    .help = "Reviews that are owed, overdue ones among them.",
    .type = METRIC_GAUGE,
    .labels = {"team"},
};
static struct metric_family overdue_gauge = {
    .name = "triaged_reviews_overdue",
    .help = "Reviews that are owed and past their due date.",
    .type = METRIC_GAUGE,
    .labels = {"team"},
};
static struct metric_family queue_gauge = {
    .name = "triaged_queue_entries",
    .help = "Entries of the work queues.",
    .type = METRIC_GAUGE,
    .labels = {"team", "tier", "priority"},
};
static struct metric_family oldest_gauge = {
    .name = "triaged_oldest_unassigned_seconds",
    .help = "Age of the oldest incident at the head of a queue; 0 = none waits.",
    .type = METRIC_GAUGE,
    .labels = {"team"},
    .scale = 1e-3,
};
static struct metric_family events_total = {
    .name = "triaged_incident_events_total",
    .help = "Events of incidents, by any daemon, since this one started.",
    .type = METRIC_COUNTER,
    .labels = {"team", "event"},
};
static struct metric_family missed_total = {
    .name = "triaged_deadlines_missed_total",
    .help = "Deadlines that went by, by clock.",
    .type = METRIC_COUNTER,
    .labels = {"team", "clock"},
};
static struct metric_family opened_total = {
    .name = "triaged_incidents_opened_total",
    .help = "Incidents opened.",
    .type = METRIC_COUNTER,
    .labels = {"team", "priority", "category"},
};
static struct metric_family unattended_total = {
    .name = "triaged_incidents_unattended_total",
    .help = "Incidents resolved before anybody had acknowledged them.",
    .type = METRIC_COUNTER,
    .labels = {"team"},
};
#define SPAN_FAMILY(name_, help_)                                                                  \
    {                                                                                              \
        .name = name_, .help = help_, .type = METRIC_HISTOGRAM, .labels = {"team", "priority"},    \
        .scale = 1e-3, .bounds = bounds_ms, .n_bounds = ARRAY_LEN(bounds_ms)                       \
    }
static struct metric_family acknowledge_seconds =
    SPAN_FAMILY("triaged_time_to_acknowledge_seconds", "From opening to the acknowledgement.");
static struct metric_family resolve_seconds =
    SPAN_FAMILY("triaged_time_to_resolve_seconds", "From opening to the resolve.");
static struct metric_family close_seconds =
    SPAN_FAMILY("triaged_time_to_close_seconds", "From opening to closing.");

struct team_place { /* how far its events were read */
    char *name;
    char id[48];
};

struct incident_metrics {
    const struct conf *conf; /* owns a reference */
    struct store *store;
    bool ready, looking, again;
    int64_t next_ms;
    struct arena arena; /* of the present look */
    struct fetch fetch;
    struct str *teams;
    size_t n_teams;
    struct team_place *places; /* never forgotten: a handful */
    size_t n_places;
    const struct value **events; /* by team: what was read in this look */
    size_t n_urgent;             /* incidents for the status, asked first */
    struct public_status next, status;
    pthread_mutex_t lock; /* of status */
};

/* ---- gauges ------------------------------------------------------------------------------------
 */

static void ask_team(struct incident_metrics *m, struct str team)
{
    char board[STORE_KEY_SIZE], key[STORE_KEY_SIZE], from[40], to[40], name[64];

    store_key(m->conf->prefix, team, "board", board);
    for (int rank = 1; rank <= PRIORITY_N; rank++) { /* not resolved */
        snprintf(from, sizeof(from), "%d0000000000000", rank);
        snprintf(to, sizeof(to), "(%d0000000000000", rank + 1);
        FETCH(&m->fetch, S("ZCOUNT"), str_c(board), str_c(from), str_c(to));
    }
    for (int t = 0; t < TIERS; t++)
        for (int p = 0; p < PRIORITY_N; p++) {
            snprintf(name, sizeof(name), "queue:%s:%s", tiers[t], priority_name((enum priority)p));
            FETCH(&m->fetch, S("XLEN"), store_key(m->conf->prefix, team, name, key));
            FETCH(&m->fetch, S("XRANGE"), str_c(key), S("-"), S("+"), S("COUNT"), S("1"));
        }
    snprintf(to, sizeof(to), "%lld", (long long)clock_wall_ms());
    store_key(m->conf->prefix, team, "reviews_due", key);
    FETCH(&m->fetch, S("ZCARD"), str_c(key));
    FETCH(&m->fetch, S("ZCOUNT"), str_c(key), S("-inf"), str_c(to));
    FETCH(&m->fetch, S("ZRANGEBYSCORE"), str_c(board), S("10000000000000"), S("(30000000000000"),
          S("LIMIT"), S("0"), S("50"));
}

static int64_t show_queues(const struct incident_metrics *m, const char *team, size_t *at)
{
    int64_t oldest = 0, opened;

    for (int t = 0; t < TIERS; t++)
        for (int p = 0; p < PRIORITY_N; p++, *at += 2) {
            const struct value *head = value_at(fetch_at(&m->fetch, *at + 1), 0);

            metric_set(metric_cell(&queue_gauge, team, tiers[t], priority_name((enum priority)p)),
                       fetch_at(&m->fetch, *at)->i);
            if (str_to_i64(value_member(value_at(head, 1), "opened_at"), &opened) &&
                (!oldest || opened < oldest))
                oldest = opened;
        }
    return oldest;
}

static void show_team(struct incident_metrics *m, const char *team, size_t *at, int64_t now)
{
    int64_t oldest;

    for (int p = 0; p < PRIORITY_N; p++)
        m->next.open[p] += fetch_at(&m->fetch, (*at)++)->i;
    oldest = show_queues(m, team, at);
    metric_set(metric_cell(&owed_gauge, team), fetch_at(&m->fetch, (*at)++)->i);
    metric_set(metric_cell(&overdue_gauge, team), fetch_at(&m->fetch, (*at)++)->i);
    metric_set(metric_cell(&oldest_gauge, team), oldest && now > oldest ? now - oldest : 0);
}

/* ---- events ------------------------------------------------------------------------------------
 */

static struct team_place *place_of(struct incident_metrics *m, struct str team)
{
    for (size_t i = 0; i < m->n_places; i++)
        if (str_eq_c(team, m->places[i].name))
            return &m->places[i];
    m->places = xrealloc_array(m->places, m->n_places + 1, sizeof(*m->places));
    m->places[m->n_places] = (struct team_place){.name = xstrndup(team.p, team.n)};
    return &m->places[m->n_places++];
}

/* The first time: only where the stream ends now. */
static void ask_events(struct incident_metrics *m, struct str team)
{
    struct team_place *place = place_of(m, team);
    char key[STORE_KEY_SIZE], count[16];

    snprintf(count, sizeof(count), "%d", EVENTS_AT_ONCE);
    store_key(m->conf->prefix, team, "events", key);
    if (!*place->id)
        FETCH(&m->fetch, S("XREVRANGE"), str_c(key), S("+"), S("-"), S("COUNT"), S("1"));
    else
        FETCH(&m->fetch, S("XRANGE"), str_c(key), arena_printf(&m->arena, "(%s", place->id), S("+"),
              S("COUNT"), str_c(count));
}

static const struct value *take_events(struct incident_metrics *m, struct str team,
                                       const struct value *entries)
{
    static const struct value none = {.type = REPLY_NIL};
    struct team_place *place = place_of(m, team);
    bool first = !*place->id;

    if (entries->n == 0) {
        if (first)
            snprintf(place->id, sizeof(place->id), "0-0");
        return &none;
    }
    snprintf(place->id, sizeof(place->id), "%.*s",
             STR_ARG(value_at(&entries->v[entries->n - 1], 0)->s));
    m->again = m->again || entries->n == EVENTS_AT_ONCE;
    return first ? &none : entries;
}

static const struct {
    const char *event, *clock;
} missed[] = {
    {"unassigned", "acknowledge"}, {"stalled", "reacknowledge"}, {"escalated", "tier"},
    {"update_overdue", "update"},  {"unconfirmed", "confirm"},   {"unclosed", "close"},
    {"review_overdue", "review"},
};

static void count_event(const char *team, const struct value *fields)
{
    struct str event = value_member(fields, "event");
    bool by_clock = str_eq(value_member(fields, "actor"), S("clock"));
    char text[64];

    snprintf(text, sizeof(text), "%.*s", event.n < 60 ? (int)event.n : 60, event.p ? event.p : "");
    metric_add(metric_cell(&events_total, team, text), 1);
    for (size_t i = 0; by_clock && i < ARRAY_LEN(missed); i++)
        if (str_eq_c(event, missed[i].event))
            metric_add(metric_cell(&missed_total, team, missed[i].clock), 1);
}

static bool wants_incident(struct str event)
{
    return str_eq(event, S("opened")) || str_eq(event, S("acknowledged")) ||
           str_eq(event, S("resolved")) || str_eq(event, S("closed"));
}

static void observe(struct metric_family *family, const char *team, const char *priority,
                    const struct incident *inc, const char *field)
{
    int64_t from = incident_number(inc, "opened_at"), to = incident_number(inc, field);

    if (from > 0 && to >= from)
        metric_observe(metric_cell(family, team, priority), to - from);
}

static void count_incident(const char *team, struct str event, const struct incident *inc)
{
    char priority[8], category[64];
    struct str c = incident_get(inc, "category");

    snprintf(priority, sizeof(priority), "%.4s",
             incident_get(inc, "priority").n == 2 ? incident_get(inc, "priority").p : "");
    snprintf(category, sizeof(category), "%.*s", c.n < 60 ? (int)c.n : 60, c.p ? c.p : "");
    if (str_eq(event, S("opened"))) {
        metric_add(metric_cell(&opened_total, team, priority, category), 1);
    } else if (str_eq(event, S("acknowledged"))) {
        observe(&acknowledge_seconds, team, priority, inc, "acknowledged_at");
    } else if (str_eq(event, S("resolved"))) {
        observe(&resolve_seconds, team, priority, inc, "resolved_at");
        if (incident_get(inc, "unattended").n)
            metric_add(metric_cell(&unattended_total, team), 1);
    } else if (incident_get(inc, "merged_into").n == 0) {
        observe(&close_seconds, team, priority, inc, "closed_at");
    }
}

/* ---- the public status -------------------------------------------------------------------------
 */

static struct str first_bytes(struct str s, size_t n)
{
    if (s.n <= n)
        return s;
    while (n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    return str_sub(s, 0, n);
}

static void show_urgent(struct public_status *s, const struct incident *inc)
{
    struct status_incident *out = &s->incidents[s->n];
    struct arena *a = &s->arena;

    if (s->n == STATUS_INCIDENTS_MAX)
        return;
    s->n++;
    out->id = arena_str(a, incident_get(inc, "id"));
    out->title = arena_str(a, first_bytes(incident_get(inc, "title"), 300));
    out->state = arena_str(a, incident_get(inc, "state"));
    out->service = arena_str(a, incident_get(inc, "service"));
    out->update_text = arena_str(a, first_bytes(incident_get(inc, "update_text"), 2000));
    out->priority = str_eq(incident_get(inc, "priority"), S("P1")) ? P1 : P2;
    out->opened_ms = incident_number(inc, "opened_at");
    out->update_ms = incident_number(inc, "update_at");
}

static int most_urgent_first(const void *a, const void *b)
{
    const struct status_incident *x = a, *y = b;

    if (x->priority != y->priority)
        return x->priority < y->priority ? -1 : 1;
    return x->opened_ms < y->opened_ms ? -1 : x->opened_ms > y->opened_ms;
}

static void publish(struct incident_metrics *m)
{
    struct arena old;

    if (m->next.n)
        qsort(m->next.incidents, m->next.n, sizeof(m->next.incidents[0]), most_urgent_first);
    m->next.as_of_ms = clock_wall_ms();
    pthread_mutex_lock(&m->lock);
    old = m->status.arena;
    m->status = m->next;
    pthread_mutex_unlock(&m->lock);
    m->next = (struct public_status){.arena = old};
    arena_reset(&m->next.arena);
}

void incident_metrics_put_json(struct incident_metrics *m, struct buf *b)
{
    pthread_mutex_lock(&m->lock);
    public_status_put_json(&m->status, clock_wall_ms(), b);
    pthread_mutex_unlock(&m->lock);
}

void incident_metrics_put_html(struct incident_metrics *m, struct buf *b)
{
    pthread_mutex_lock(&m->lock);
    public_status_put_html(&m->status, clock_wall_ms(), b);
    pthread_mutex_unlock(&m->lock);
}

/* ---- a look ------------------------------------------------------------------------------------
 */

static const char *team_text(struct incident_metrics *m, size_t i)
{
    return m->teams[i].p; /* arena texts end with NUL */
}

static void on_incidents(void *arg, struct fetch *f)
{
    struct incident_metrics *m = arg;
    struct incident inc;
    size_t at = 0;

    m->looking = false;
    if (f->lost)
        return;
    for (; at < m->n_urgent; at++)
        if (incident_from_value(&inc, fetch_at(f, at), &m->arena))
            show_urgent(&m->next, &inc);
    for (size_t t = 0; t < m->n_teams; t++)
        for (size_t i = 0; i < m->events[t]->n; i++) {
            struct str event = value_member(value_at(value_at(m->events[t], i), 1), "event");

            if (wants_incident(event) && incident_from_value(&inc, fetch_at(f, at++), &m->arena))
                count_incident(team_text(m, t), event, &inc);
        }
    publish(m);
}

static void ask_incident(struct incident_metrics *m, struct str team, struct str id)
{
    FETCH(&m->fetch, S("HGETALL"),
          arena_printf(&m->arena, "%.*s:{%.*s}:incident:%.*s", STR_ARG(m->conf->prefix),
                       STR_ARG(team), STR_ARG(id)));
}

static void on_teams_answers(void *arg, struct fetch *f)
{
    struct incident_metrics *m = arg;
    const struct value **urgent = arena_calloc(&m->arena, m->n_teams + 1, sizeof(*urgent));
    int64_t now = clock_wall_ms();
    size_t at = 0;

    if (f->lost) {
        m->looking = false;
        return;
    }
    memset(m->next.open, 0, sizeof(m->next.open));
    m->next.n = m->n_urgent = 0;
    arena_reset(&m->next.arena);
    for (size_t t = 0; t < m->n_teams; t++) {
        show_team(m, team_text(m, t), &at, now);
        urgent[t] = fetch_at(f, at++);
        m->events[t] = take_events(m, m->teams[t], fetch_at(f, at++));
        for (size_t i = 0; i < m->events[t]->n; i++)
            count_event(team_text(m, t), value_at(value_at(m->events[t], i), 1));
    }
    fetch_init(f, m->store, &m->arena);
    for (size_t t = 0; t < m->n_teams; t++)
        for (size_t i = 0; i < urgent[t]->n; i++, m->n_urgent++)
            ask_incident(m, m->teams[t], urgent[t]->v[i].s);
    for (size_t t = 0; t < m->n_teams; t++)
        for (size_t i = 0; i < m->events[t]->n; i++) {
            const struct value *fields = value_at(value_at(m->events[t], i), 1);

            if (wants_incident(value_member(fields, "event")))
                ask_incident(m, m->teams[t], value_member(fields, "incident"));
        }
    fetch_then(f, on_incidents, m);
}

static void on_team_names(void *arg, struct fetch *f)
{
    struct incident_metrics *m = arg;
    const struct value *names = fetch_at(f, 0);

    if (f->lost) {
        m->looking = false;
        return;
    }
    m->teams = ARENA_ARRAY(&m->arena, struct str, names->n + 1);
    m->events = arena_calloc(&m->arena, names->n + 1, sizeof(*m->events));
    for (m->n_teams = 0; m->n_teams < names->n && m->n_teams < TEAMS_MAX; m->n_teams++)
        m->teams[m->n_teams] = names->v[m->n_teams].s;
    fetch_init(f, m->store, &m->arena);
    for (size_t t = 0; t < m->n_teams; t++) {
        ask_team(m, m->teams[t]);
        ask_events(m, m->teams[t]);
    }
    fetch_then(f, on_teams_answers, m);
}

void incident_metrics_second(struct incident_metrics *m)
{
    char key[STORE_KEY_SIZE];
    int64_t now = clock_mono_ms();

    if (!m->ready || m->looking ||
        now < (m->again ? m->next_ms - LOOK_EVERY_MS + LOOK_AGAIN_MS : m->next_ms))
        return;
    m->next_ms = now + LOOK_EVERY_MS;
    m->looking = true;
    m->again = false;
    arena_reset(&m->arena);
    fetch_init(&m->fetch, m->store, &m->arena);
    snprintf(key, sizeof(key), "%.*s:teams", STR_ARG(m->conf->prefix));
    FETCH(&m->fetch, S("SMEMBERS"), str_c(key));
    fetch_then(&m->fetch, on_team_names, m);
}

/* ---- life --------------------------------------------------------------------------------------
 */

static void on_state(void *arg, enum store_state state, const char *why)
{
    struct incident_metrics *m = arg;

    (void)why;
    m->ready = state == STORE_S_READY;
    if (m->ready)
        m->next_ms = 0;
}

struct incident_metrics *incident_metrics_create(struct supervisor *sup, const struct conf *conf)
{
    struct incident_metrics *m = NEW(struct incident_metrics);

    m->conf = conf_ref(conf);
    pthread_mutex_init(&m->lock, NULL);
    arena_init(&m->arena, 0);
    arena_init(&m->next.arena, 0);
    arena_init(&m->status.arena, 0);
    m->store = redis_access_open(sup->redis, sup->base, "triaged-metrics", on_state, m);
    return m;
}

void incident_metrics_configure(struct incident_metrics *m, const struct conf *conf)
{
    conf_unref(m->conf);
    m->conf = conf_ref(conf);
}

void incident_metrics_destroy(struct incident_metrics *m)
{
    if (!m)
        return;
    store_destroy(m->store);
    fetch_finish(&m->fetch);
    arena_finish(&m->arena);
    arena_finish(&m->next.arena);
    arena_finish(&m->status.arena);
    for (size_t i = 0; i < m->n_places; i++)
        free(m->places[i].name);
    free(m->places);
    pthread_mutex_destroy(&m->lock);
    conf_unref(m->conf);
    free(m);
}
