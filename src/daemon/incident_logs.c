/*
 * incident_logs.c - finds log alerts of an incident's systems among the incidents that are urgent
 * or had something happen lately: no look at all incidents, however many there are. Owns: the
 * bounds of that search. Called by: routes_incidents.c.
 */
#include "incident_logs.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "triaged/base/map.h"
#include "worker.h"

struct candidate {
    struct str team, id;
    int64_t last_ms;
};

struct search {
    struct logs *out;
    void (*then)(struct api *api);
    void *more; /* the caller's */
    struct str self;
    struct str *systems;
    size_t n_systems;
    struct team *teams; /* the incident's own first */
    size_t n_teams;
    struct candidate *v;
    size_t n;
};

static void end(struct api *api)
{
    struct search *s = api->more;

    api->more = s->more;
    s->then(api);
}

/* ---- names of systems --------------------------------------------------------------------------
 */

static bool is_short_for(struct str name, struct str whole)
{
    bool letters = false;

    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '.' || name.p[i] == ':')
            return false;
        letters = letters || name.p[i] < '0' || name.p[i] > '9';
    }
    return letters && whole.n > name.n && whole.p[name.n] == '.' &&
           strncasecmp(name.p, whole.p, name.n) == 0;
}

bool logs_same_system(struct str a, struct str b)
{
    if (a.n == 0 || b.n == 0)
        return false;
    if (a.n == b.n)
        return strncasecmp(a.p, b.p, a.n) == 0;
    return a.n < b.n ? is_short_for(a, b) : is_short_for(b, a);
}

static bool is_ours(const struct search *s, struct str system)
{
    for (size_t i = 0; i < s->n_systems; i++)
        if (logs_same_system(system, s->systems[i]))
            return true;
    return false;
}

/* A list of names as JSON, copied. */
static size_t read_names(struct str text, struct arena *a, struct str **out)
{
    struct jx_error why;
    jx *doc = text.n ? jx_parse(text, &why) : NULL;
    size_t n = jx_len(doc);

    *out = ARENA_ARRAY(a, struct str, n + 1);
    for (size_t i = 0; i < n; i++)
        (*out)[i] = arena_str(a, jx_str(jx_at(doc, i)));
    jx_free(doc);
    return n;
}

/* ---- the alerts that were found ----------------------------------------------------------------
 */

/* Into its place; the oldest falls out. */
static void keep(struct logs *out, const struct log_line *line)
{
    size_t at = out->n < LOGS_MAX ? out->n++ : LOGS_MAX;

    while (at > 0 && out->v[at - 1].last_ms < line->last_ms) {
        if (at < LOGS_MAX)
            out->v[at] = out->v[at - 1];
        at--;
    }
    if (at < LOGS_MAX)
        out->v[at] = *line;
}

static void read_alert(struct api *api, const struct search *s, const struct candidate *c,
                       struct str text)
{
    struct jx_error why;
    jx *doc = jx_parse(text, &why);
    const jx *labels = jx_get(doc, "labels");
    struct str message = jx_str(jx_get(doc, "message"));
    struct log_line line = {.incident = c->id, .team = c->team};

    if (!message.n)
        message = jx_str(jx_get(labels, "message"));
    jx_int(jx_get(doc, "last_at"), &line.last_ms);
    if (message.n && is_ours(s, jx_str(jx_get(labels, "host"))) &&
        (s->out->n < LOGS_MAX || s->out->v[LOGS_MAX - 1].last_ms < line.last_ms)) {
        line.system = arena_str(&api->arena, jx_str(jx_get(labels, "host")));
        line.app = arena_str(&api->arena, jx_str(jx_get(labels, "app")));
        line.state = arena_str(&api->arena, jx_str(jx_get(doc, "state")));
        line.message = arena_str(&api->arena, message);
        jx_int(jx_get(doc, "count"), &line.count);
        jx_int(jx_get(doc, "first_at"), &line.first_ms);
        keep(s->out, &line);
    }
    jx_free(doc);
}

static void on_alerts(struct api *api)
{
    struct search *s = api->more;

    for (size_t i = 0; i < s->n; i++) {
        const struct value *pairs = value_at(fetch_at(&api->fetch, i), 1);

        for (size_t k = 1; k < pairs->n && k / 2 < LOGS_ALERTS; k += 2)
            read_alert(api, s, &s->v[i], pairs->v[k].s);
    }
    end(api);
}

/* ---- the incidents that may hold them ----------------------------------------------------------
 */

static bool on_our_systems(struct api *api, const struct search *s, struct str systems)
{
    struct str *names;
    size_t n = read_names(systems, &api->arena, &names);

    for (size_t i = 0; i < n; i++)
        if (is_ours(s, names[i]))
            return true;
    return false;
}

static int newest_first(const void *x, const void *y)
{
    const struct candidate *a = x, *b = y;

    return a->last_ms > b->last_ms ? -1 : a->last_ms < b->last_ms;
}

static void on_candidates(struct api *api)
{
    struct search *s = api->more;
    char count[16];
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++) {
        const struct value *v = fetch_at(&api->fetch, i);

        if (!str_eq(value_at(v, 0)->s, S("syslog")) || !on_our_systems(api, s, value_at(v, 1)->s))
            continue;
        s->v[n] = s->v[i];
        str_to_i64(value_at(v, 2)->s, &s->v[n].last_ms);
        n++;
    }
    qsort(s->v, n, sizeof(*s->v), newest_first);
    s->n = n < LOGS_INCIDENTS ? n : LOGS_INCIDENTS;
    snprintf(count, sizeof(count), "%d", LOGS_ALERTS);
    api_round(api);
    for (size_t i = 0; i < s->n; i++)
        FETCH(&api->fetch, S("HSCAN"), api_key_id(api, s->v[i].team, "alerts", s->v[i].id), S("0"),
              S("COUNT"), str_c(count));
    api_then(api, on_alerts);
}

static void add(struct search *s, struct map *seen, struct str team, struct str id)
{
    if (s->n == LOGS_LOOK_MAX || id.n == 0 || str_eq(id, s->self) || map_get(seen, id))
        return;
    map_put(seen, id, s); /* ids of two teams differ in their first part */
    s->v[s->n++] = (struct candidate){.team = team, .id = id};
}

static void on_lists(struct api *api)
{
    struct search *s = api->more;
    struct map seen = {0};

    s->v = ARENA_ARRAY(&api->arena, struct candidate, LOGS_LOOK_MAX);
    for (size_t t = 0; t < s->n_teams; t++) {
        const struct value *board = fetch_at(&api->fetch, 2 * t);
        const struct value *events = fetch_at(&api->fetch, 2 * t + 1);

        for (size_t i = 0; i < events->n; i++)
            add(s, &seen, s->teams[t].name,
                value_member(value_at(value_at(events, i), 1), "incident"));
        for (size_t i = 0; i < board->n; i++)
            add(s, &seen, s->teams[t].name, value_at(board, i)->s);
    }
    map_finish(&seen);
    api_round(api);
    for (size_t i = 0; i < s->n; i++)
        FETCH(&api->fetch, S("HMGET"), api_key_id(api, s->v[i].team, "incident", s->v[i].id),
              S("source"), S("systems"), S("last_at"));
    api_then(api, on_candidates);
}

/* How many of a team are asked for, where `most` are of the incident's own. */
static size_t share(const struct search *s, size_t t, size_t most)
{
    size_t n = t == 0 || s->n_teams < 2 ? most : LOGS_OTHERS / (s->n_teams - 1);

    return n > most ? most : n < LOGS_LEAST ? LOGS_LEAST : n;
}

static void ask_lists(struct api *api, const struct search *s)
{
    char key[512], urgent[16], events[16];

    api_round(api);
    for (size_t t = 0; t < s->n_teams; t++) {
        snprintf(urgent, sizeof(urgent), "%zu", share(s, t, LOGS_URGENT) - 1);
        snprintf(events, sizeof(events), "%zu", share(s, t, LOGS_EVENTS));
        FETCH(&api->fetch, S("ZRANGE"), api_key(api, s->teams[t].name, "board", key), S("0"),
              str_c(urgent));
        FETCH(&api->fetch, S("XREVRANGE"), api_key(api, s->teams[t].name, "events", key), S("+"),
              S("-"), S("COUNT"), str_c(events));
    }
    api_then(api, on_lists);
}

void logs_find(struct api *api, const struct incident *inc, struct str team, struct logs *out,
               void (*then)(struct api *api))
{
    struct search *s = ARENA_NEW(&api->arena, struct search);

    *s = (struct search){
        .out = out, .then = then, .more = api->more, .self = incident_get(inc, "id")};
    out->n = 0;
    api->more = s;
    s->n_systems = read_names(incident_get(inc, "systems"), &api->arena, &s->systems);
    if (s->n_systems == 0) {
        end(api);
        return;
    }
    s->n_teams = teams_all(api->w->teams, api->conf, &api->arena, &s->teams);
    for (size_t t = 1; t < s->n_teams; t++)
        if (str_eq(s->teams[t].name, team)) {
            struct team own = s->teams[t];

            s->teams[t] = s->teams[0];
            s->teams[0] = own;
        }
    ask_lists(api, s);
}

void logs_put(struct buf *b, const struct logs *logs)
{
    buf_put_char(b, '[');
    for (size_t i = 0; i < logs->n; i++) {
        const struct log_line *l = &logs->v[i];

        buf_put_c(b, i ? ",{\"incident\":" : "{\"incident\":");
        buf_put_json(b, l->incident);
        json_put_text(b, "team", l->team);
        json_put_text(b, "system", l->system);
        json_put_text(b, "app", l->app);
        json_put_text(b, "state", l->state);
        json_put_text(b, "message", l->message);
        buf_printf(b, ",\"count\":%lld", (long long)l->count);
        json_put_time(b, "first_at", l->first_ms);
        json_put_time(b, "last_at", l->last_ms);
        buf_put_char(b, '}');
    }
    buf_put_char(b, ']');
}
