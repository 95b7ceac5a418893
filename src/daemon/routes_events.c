/*
 * routes_events.c - GET /api/v1/events: the event streams of all teams as server-sent events.
 * Owns: the listeners of a worker, each with its position; one timer while there are any.
 * Called by: routes.c.
 *
 * A position is (ms, seq, team): everything up to it was told. Ids of Redis' streams are times, so
 * the streams of all teams have one order, and one id (MS-SEQ.TEAM) is enough to go on from. An
 * event that is older than Redis' clock was when we began to read can have no unseen one before
 * it; younger ones wait for the next look. Listeners that have heard everything share one look.
 */
#include "routes_events.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "api.h"
#include "incident_json.h"
#include "reply.h"
#include "worker.h"
#include "triaged/base/clock.h"
#include "triaged/base/list.h"
#include "triaged/base/mem.h"
#include "triaged/base/metrics.h"

enum {
    LOOK_EVERY_MS = 250,
    BEHIND_EVERY_MS = 20, /* while somebody catches up */
    KEEP_ALIVE_MS = 15000,
    SETTLED_MS = 20, /* an event this old has no unseen one before it */
    LISTENERS_MAX = 64,
    COUNT = 200, /* of a team, at one look */
    TEAM_SIZE = 256,
    FILTER_MAX = 100,
    EVENT_MAX = 512 * 1024,
};

static struct metric_family listeners_gauge = {
    .name = "triaged_event_listeners",
    .help = "Clients that follow the events.",
    .type = METRIC_GAUGE,
    .labels = {"worker"},
};

struct position {
    uint64_t ms, seq;
    char team[TEAM_SIZE];
};

struct listener {
    struct list node;
    struct listeners *all;
    struct http_request *req;
    struct arena arena;
    struct str *teams, *incidents; /* n 0: all */
    size_t n_teams, n_incidents;
    struct position at;
    bool fresh; /* begins now: its position is not known yet */
    bool deaf;  /* does not read; on its way out */
    size_t group;
    int64_t written_ms;
};

struct listeners {
    struct worker *w;
    struct list list;
    size_t n;
    struct event *timer;
    bool looking, behind;
    struct arena arena; /* of the present look */
    struct fetch fetch;
    uint64_t now_ms; /* Redis' clock when it began */
    struct team *teams;
    size_t n_teams;
    struct position *groups;
    size_t n_groups;
    struct buf text;
};

static void count(const struct listeners *l)
{
    char index[16];

    snprintf(index, sizeof(index), "%u", l->w->index);
    metric_set(metric_cell(&listeners_gauge, index), (int64_t)l->n);
}

/* ---- positions ---------------------------------------------------------------------------------
 */

static bool position_read(struct position *at, struct str text)
{
    struct str rest, ms = str_cut(text, '-', &rest), seq = str_cut(rest, '.', &rest);

    if (!str_to_u64(ms, &at->ms) || !str_to_u64(seq, &at->seq) || rest.n >= TEAM_SIZE)
        return false;
    snprintf(at->team, sizeof(at->team), "%.*s", STR_ARG(rest));
    return true;
}

static int position_cmp(const struct position *a, uint64_t ms, uint64_t seq, struct str team)
{
    if (a->ms != ms)
        return a->ms < ms ? -1 : 1;
    if (a->seq != seq)
        return a->seq < seq ? -1 : 1;
    return str_cmp(str_c(a->team), team);
}

static bool position_same(const struct position *a, const struct position *b)
{
    return position_cmp(a, b->ms, b->seq, str_c(b->team)) == 0;
}

/* The id behind which a team's unseen events lie. */
static struct str position_id(const struct position *at, struct str team, struct arena *a)
{
    if (str_cmp(team, str_c(at->team)) <= 0)
        return arena_printf(a, "%llu-%llu", (unsigned long long)at->ms,
                            (unsigned long long)at->seq);
    if (at->seq > 0)
        return arena_printf(a, "%llu-%llu", (unsigned long long)at->ms,
                            (unsigned long long)at->seq - 1);
    return arena_printf(a, "%llu-%llu", (unsigned long long)(at->ms ? at->ms - 1 : 0),
                        (unsigned long long)UINT64_MAX);
}

/* ---- telling -----------------------------------------------------------------------------------
 */

static bool in_list(const struct str *v, size_t n, struct str s)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(v[i], s))
            return true;
    return n == 0;
}

static void tell(struct listener *r, struct str text)
{
    if (r->deaf)
        return;
    r->written_ms = clock_mono_ms();
    r->deaf = !http_stream_write(r->req, text);
}

static void put_event(struct buf *b, struct str id, struct str team, const struct value *fields)
{
    static const char *const texts[] = {"event", "uid",   "state", "priority",
                                        "tier",  "actor", "title"};
    struct str incident = value_member(fields, "incident"), detail = value_member(fields, "detail");
    int64_t at = 0, version = 0;
    struct jx_error why;
    jx *doc;

    buf_reset(b);
    buf_printf(b, "id: %.*s.%.*s\ndata: {", STR_ARG(id), STR_ARG(team));
    str_to_i64(value_member(fields, "at"), &at);
    str_to_i64(value_member(fields, "version"), &version);
    json_put_time(b, "at", at);
    buf_printf(b, ",\"version\":%lld", (long long)version);
    json_put_text(b, "team", team);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        json_put_text(b, texts[i], value_member(fields, texts[i]));
    buf_put_c(b, ",\"incident\":");
    if (incident.n)
        buf_put_json(b, incident);
    else
        buf_put_c(b, "null");
    doc = detail.n ? jx_parse(detail, &why) : NULL;
    buf_put_c(b, ",\"detail\":{");
    json_put_members(b, doc);
    buf_put_c(b, "}}\n\n");
    jx_free(doc);
}

struct found { /* an event of a look */
    uint64_t ms, seq;
    struct str team, id;
    const struct value *fields;
};

static void tell_group(struct listeners *l, size_t group, const struct found *e)
{
    struct str incident = value_member(e->fields, "incident");
    bool written = false;

    LIST_FOR_EACH (r, &l->list, struct listener, node) {
        if (r->group != group || r->fresh || !in_list(r->teams, r->n_teams, e->team) ||
            !in_list(r->incidents, r->n_incidents, incident))
            continue;
        if (!written)
            put_event(&l->text, e->id, e->team, e->fields);
        written = true;
        if (!l->text.overflow)
            tell(r, buf_str(&l->text));
    }
}

/* ---- a look ------------------------------------------------------------------------------------
 */

static int found_order(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    if (x->ms != y->ms)
        return x->ms < y->ms ? -1 : 1;
    if (x->seq != y->seq)
        return x->seq < y->seq ? -1 : 1;
    return str_cmp(x->team, y->team);
}

static void move_group(struct listeners *l, size_t group, uint64_t ms, uint64_t seq,
                       struct str team)
{
    LIST_FOR_EACH (r, &l->list, struct listener, node) {
        if (r->group != group || r->fresh)
            continue;
        r->at.ms = ms;
        r->at.seq = seq;
        snprintf(r->at.team, sizeof(r->at.team), "%.*s", STR_ARG(team));
    }
}

/* Reads the entries of XREAD's answer for one stream: [[key, [[id, fields], …]]]. */
static size_t gather(const struct value *answer, struct str team, struct found *out)
{
    const struct value *entries = value_at(value_at(answer, 0), 1);
    size_t n = 0;

    for (size_t i = 0; i < entries->n; i++) {
        struct found *e = &out[n];
        struct str seq, ms;

        e->id = value_at(&entries->v[i], 0)->s;
        ms = str_cut(e->id, '-', &seq);
        e->team = team;
        e->fields = value_at(&entries->v[i], 1);
        if (str_to_u64(ms, &e->ms) && str_to_u64(seq, &e->seq))
            n++;
    }
    return n;
}

static void tell_new(struct listeners *l, size_t group)
{
    struct found *all = ARENA_ARRAY(&l->arena, struct found, l->n_teams * COUNT + 1), last = {0};
    size_t n = 0;
    bool bounded = false;

    for (size_t t = 0; t < l->n_teams; t++) {
        size_t more =
            gather(fetch_at(&l->fetch, group * l->n_teams + t), l->teams[t].name, all + n);

        /* this team has more: beyond its last here, nothing may be told yet */
        if (more == COUNT && (!bounded || found_order(&all[n + more - 1], &last) < 0)) {
            last = all[n + more - 1];
            bounded = true;
        }
        n += more;
    }
    qsort(all, n, sizeof(*all), found_order);
    for (size_t i = 0; i < n; i++) {
        if (all[i].ms >= l->now_ms || (bounded && found_order(&all[i], &last) > 0))
            break;
        tell_group(l, group, &all[i]);
    }
    l->behind = l->behind || bounded;
    if (bounded && last.ms < l->now_ms)
        move_group(l, group, last.ms, last.seq, last.team);
    else
        move_group(l, group, l->now_ms, 0, STR_NONE);
}

static void on_events(void *arg, struct fetch *f)
{
    struct listeners *l = arg;

    l->looking = false;
    if (f->lost)
        return;
    l->behind = false;
    for (size_t g = 0; g < l->n_groups; g++)
        tell_new(l, g);
}

/* Those at the same position look together. */
static void make_groups(struct listeners *l)
{
    l->groups = ARENA_ARRAY(&l->arena, struct position, l->n + 1);
    l->n_groups = 0;
    LIST_FOR_EACH (r, &l->list, struct listener, node) {
        size_t g = 0;

        if (r->fresh)
            r->at = (struct position){.ms = l->now_ms};
        r->fresh = false;
        while (g < l->n_groups && !position_same(&l->groups[g], &r->at))
            g++;
        if (g == l->n_groups)
            l->groups[l->n_groups++] = r->at;
        r->group = g;
    }
}

static void on_time(void *arg, struct fetch *f)
{
    struct listeners *l = arg;
    const struct value *time = fetch_at(f, 0);
    uint64_t seconds, micros;
    char key[512], limit[16];

    if (f->lost || !str_to_u64(value_at(time, 0)->s, &seconds) ||
        !str_to_u64(value_at(time, 1)->s, &micros)) {
        l->looking = false;
        return;
    }
    l->now_ms = seconds * 1000 + micros / 1000 - SETTLED_MS;
    make_groups(l);
    l->n_teams = teams_all(l->w->teams, l->w->conf, &l->arena, &l->teams);
    snprintf(limit, sizeof(limit), "%d", COUNT);
    fetch_init(f, l->w->store, &l->arena);
    for (size_t g = 0; g < l->n_groups; g++)
        for (size_t t = 0; t < l->n_teams; t++) {
            snprintf(key, sizeof(key), "%.*s:{%.*s}:events", STR_ARG(l->w->conf->prefix),
                     STR_ARG(l->teams[t].name));
            FETCH(f, S("XREAD"), S("COUNT"), str_c(limit), S("STREAMS"), str_c(key),
                  position_id(&l->groups[g], l->teams[t].name, &l->arena));
        }
    fetch_then(f, on_events, l);
}

static void look(struct listeners *l)
{
    if (l->looking || atomic_load(&l->w->status.store_state) != STORE_S_READY)
        return;
    l->looking = true;
    arena_reset(&l->arena);
    fetch_init(&l->fetch, l->w->store, &l->arena);
    FETCH(&l->fetch, S("TIME"));
    fetch_then(&l->fetch, on_time, l);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct listeners *l = arg;
    struct timeval every = {0, (l->behind ? BEHIND_EVERY_MS : LOOK_EVERY_MS) * 1000};
    int64_t now = clock_mono_ms();

    (void)fd;
    (void)what;
    if (l->n == 0)
        return;
    LIST_FOR_EACH (r, &l->list, struct listener, node)
        if (now - r->written_ms >= KEEP_ALIVE_MS)
            tell(r, S(": still here\n\n"));
    look(l);
    event_add(l->timer, &every);
}

/* ---- coming and going --------------------------------------------------------------------------
 */

static void on_closed(void *arg, struct http_request *req)
{
    struct listener *r = arg;

    list_remove(&r->node);
    r->all->n--;
    count(r->all);
    http_stream_end(req);
    arena_finish(&r->arena);
    free(r);
}

static size_t read_list(struct http_request *req, const char *name, struct arena *a,
                        struct str **out)
{
    struct str value;
    size_t n = 0;

    while (n < FILTER_MAX && (value = http_request_query_at(req, name, n)).p) {
        if (!*out)
            *out = ARENA_ARRAY(a, struct str, FILTER_MAX);
        (*out)[n++] = arena_str(a, value);
    }
    return n;
}

static bool read_call(struct listener *r, const struct route_call *call)
{
    struct str last = http_request_header(call->req, "Last-Event-ID");
    struct team team;
    struct arena a;
    bool known = true;

    if (!last.p)
        last = http_request_query(call->req, "last_event_id");
    r->fresh = last.n == 0;
    if (last.n && !position_read(&r->at, last)) {
        reply_error(call->req, 400, "bad_request", "Last-Event-ID is none of ours",
                    "Last-Event-ID");
        return false;
    }
    r->n_teams = read_list(call->req, "team", &r->arena, &r->teams);
    r->n_incidents = read_list(call->req, "incident", &r->arena, &r->incidents);
    arena_init(&a, 0);
    for (size_t i = 0; i < r->n_teams; i++)
        known = known && teams_find(call->w->teams, call->w->conf, r->teams[i], &a, &team);
    arena_finish(&a);
    if (!known)
        reply_error(call->req, 400, "bad_request", "team: there is no such team", "team");
    return known;
}

static bool may_listen(const struct route_call *call)
{
    if (call->w->stopping) {
        reply_unavailable(call->req, "stopping", "triaged is stopping; come again");
    } else if (atomic_load(&call->w->status.store_state) != STORE_S_READY) {
        reply_unavailable(call->req, "redis_away", "Redis is away; come again");
    } else if (call->w->listeners->n >= LISTENERS_MAX) {
        reply_unavailable(call->req, "busy", "too many follow the events already");
    } else if (http_request_method(call->req) == HTTP_HEAD) {
        http_reply(call->req, 200, "text/event-stream", STR_NONE);
    } else {
        return true;
    }
    return false;
}

void route_events(const struct route_call *call)
{
    struct listeners *l = call->w->listeners;
    struct listener *r;

    if (!may_listen(call))
        return;
    r = NEW(struct listener);
    arena_init(&r->arena, 1024);
    r->all = l;
    r->req = call->req;
    r->written_ms = clock_mono_ms();
    if (!read_call(r, call)) {
        arena_finish(&r->arena);
        free(r);
        return;
    }
    http_reply_header(r->req, "Cache-Control", "no-store");
    if (!http_stream_start(r->req, 200, "text/event-stream", on_closed, r)) {
        http_stream_end(r->req);
        arena_finish(&r->arena);
        free(r);
        return;
    }
    list_append(&l->list, &r->node);
    l->n++;
    count(l);
    r->group = SIZE_MAX;
    tell(r, S("retry: 2000\n\n"));
    event_active(l->timer, EV_TIMEOUT, 0);
}

struct listeners *listeners_create(struct worker *w)
{
    struct listeners *l = NEW(struct listeners);

    l->w = w;
    list_init(&l->list);
    arena_init(&l->arena, 0);
    buf_init(&l->text, EVENT_MAX);
    l->timer = event_new(w->base, -1, 0, on_timer, l);
    return l;
}

void listeners_destroy(struct listeners *l)
{
    if (!l)
        return;
    if (l->timer)
        event_free(l->timer);
    fetch_finish(&l->fetch);
    arena_finish(&l->arena);
    buf_finish(&l->text);
    free(l);
}
