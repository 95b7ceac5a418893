/*
 * routes_stats.c - GET /api/v1/stats and /whoami: how it goes, and who asks.
 * Owns: the figures of one answer; the work for it is bounded (STATS_LOOK closed incidents a team).
 * Called by: routes.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "api.h"
#include "incident_json.h"
#include "reply.h"
#include "worker.h"
#include "triaged/base/clock.h"
#include "triaged/base/mem.h"

enum { STATS_LOOK = 2000, RULES_MAX = 1000, WITHIN_DEFAULT_MS = 7 * 24 * 3600 * 1000 };

static const char *const fields[] = {
    "priority", "opened_at", "acknowledged_at", "resolved_at", "closed_at",
    "count",    "rule",      "noise",           "unattended",  "merged_into"};
enum { PRIORITY, OPENED, ACKNOWLEDGED, RESOLVED, CLOSED, COUNT, RULE, NOISE, UNATTENDED, MERGED };

static const char *const noises[] = {"false_positive", "not_actionable", "poor_details"};

struct spans {
    int64_t *v;
    size_t n;
};

struct row { /* of a team and priority */
    int64_t active, resolved, closed;
    struct spans acknowledge, resolve, close;
};

struct rule {
    struct str name;
    int64_t incidents, noise[ARRAY_LEN(noises)];
};

struct stats {
    struct team *teams;
    size_t n_teams;
    int64_t within_ms, now_ms;
    bool truncated;
    struct row (*rows)[PRIORITY_N];
    int64_t *incidents, *messages, *unattended;
    struct rule *rules;
    size_t n_rules;
    const struct value **ids; /* by team */
};

static int64_t number(const struct value *v, size_t field)
{
    int64_t n;

    return str_to_i64(value_at(v, field)->s, &n) ? n : 0;
}

static void note_rule(struct stats *s, struct str name, struct str noise)
{
    struct rule *r = NULL;

    if (name.n == 0)
        return;
    for (size_t i = 0; i < s->n_rules && !r; i++)
        if (str_eq(s->rules[i].name, name))
            r = &s->rules[i];
    if (!r && s->n_rules == RULES_MAX)
        return;
    if (!r) {
        r = &s->rules[s->n_rules++];
        r->name = name;
    }
    r->incidents++;
    for (size_t i = 0; i < ARRAY_LEN(noises); i++)
        r->noise[i] += str_eq_c(noise, noises[i]);
}

static void note_span(struct spans *s, int64_t from, int64_t to)
{
    if (from > 0 && to >= from)
        s->v[s->n++] = to - from;
}

static void note(struct stats *s, size_t team, const struct value *v)
{
    struct row *row = NULL;

    for (size_t p = 0; p < PRIORITY_N; p++)
        if (str_eq_c(value_at(v, PRIORITY)->s, priority_name((enum priority)p)))
            row = &s->rows[team][p];
    if (!row)
        return;
    s->messages[team] += number(v, COUNT);
    if (value_at(v, MERGED)->s.n) /* is part of another */
        return;
    s->incidents[team]++;
    s->unattended[team] += value_at(v, UNATTENDED)->s.n > 0;
    row->closed++;
    note_span(&row->acknowledge, number(v, OPENED), number(v, ACKNOWLEDGED));
    note_span(&row->resolve, number(v, OPENED), number(v, RESOLVED));
    note_span(&row->close, number(v, OPENED), number(v, CLOSED));
    note_rule(s, value_at(v, RULE)->s, value_at(v, NOISE)->s);
}

/* ---- out ---------------------------------------------------------------------------------------
 */

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static void put_spread(struct buf *b, const char *name, struct spans *s)
{
    double sum = 0;

    if (s->n == 0)
        return;
    qsort(s->v, s->n, sizeof(*s->v), ascending);
    for (size_t i = 0; i < s->n; i++)
        sum += (double)s->v[i];
    buf_printf(b, ",\"%s\":{\"n\":%zu,\"mean\":%lld,\"median\":%lld,\"p90\":%lld}", name, s->n,
               (long long)(sum / (double)s->n), (long long)s->v[(s->n - 1) / 2],
               (long long)s->v[(s->n - 1) * 9 / 10]);
}

static void put_team(struct buf *b, struct stats *s, size_t i)
{
    buf_put_c(b, i ? ",{\"team\":" : "{\"team\":");
    buf_put_json(b, s->teams[i].name);
    buf_printf(b, ",\"incidents\":%lld,\"messages\":%lld,\"unattended\":%lld,\"priorities\":[",
               (long long)s->incidents[i], (long long)s->messages[i], (long long)s->unattended[i]);
    for (size_t p = 0; p < PRIORITY_N; p++) {
        struct row *row = &s->rows[i][p];

        buf_printf(b, "%s{\"priority\":\"%s\",\"active\":%lld,\"resolved\":%lld,\"closed\":%lld",
                   p ? "," : "", priority_name((enum priority)p), (long long)row->active,
                   (long long)row->resolved, (long long)row->closed);
        put_spread(b, "time_to_acknowledge_ms", &row->acknowledge);
        put_spread(b, "time_to_resolve_ms", &row->resolve);
        put_spread(b, "time_to_close_ms", &row->close);
        buf_put_char(b, '}');
    }
    buf_put_c(b, "]}");
}

static int64_t noise_of(const struct rule *r)
{
    return r->noise[0] + r->noise[1] + r->noise[2];
}

static int noisiest_first(const void *a, const void *b)
{
    int64_t x = noise_of(a), y = noise_of(b);

    return x > y ? -1 : x < y;
}

static void put_noise(struct buf *b, struct stats *s)
{
    if (s->n_rules)
        qsort(s->rules, s->n_rules, sizeof(*s->rules), noisiest_first);
    for (size_t i = 0; i < s->n_rules && noise_of(&s->rules[i]); i++) {
        const struct rule *r = &s->rules[i];

        buf_put_c(b, i ? ",{\"rule\":" : "{\"rule\":");
        buf_put_json(b, r->name);
        buf_printf(b, ",\"incidents\":%lld", (long long)r->incidents);
        for (size_t k = 0; k < ARRAY_LEN(noises); k++)
            buf_printf(b, ",\"%s\":%lld", noises[k], (long long)r->noise[k]);
        buf_put_char(b, '}');
    }
}

static void put_stats(struct api *api, struct stats *s)
{
    struct buf *b = &api->out;

    buf_printf(b, "{\"within_ms\":%lld", (long long)s->within_ms);
    json_put_time(b, "as_of", s->now_ms);
    if (s->truncated)
        buf_put_c(b, ",\"truncated\":true");
    buf_put_c(b, ",\"teams\":[");
    for (size_t i = 0; i < s->n_teams; i++)
        put_team(b, s, i);
    buf_put_c(b, "],\"noise\":[");
    put_noise(b, s);
    buf_put_c(b, "]}\n");
    api_reply(api, 200);
}

/* ---- in ----------------------------------------------------------------------------------------
 */

static void on_incidents(struct api *api)
{
    struct stats *s = api->more;
    size_t at = 0;

    for (size_t i = 0; i < s->n_teams; i++)
        for (size_t k = 0; k < s->ids[i]->n; k++)
            note(s, i, fetch_at(&api->fetch, at++));
    put_stats(api, s);
}

static void make_room(struct api *api, struct row *row, size_t n)
{
    row->acknowledge.v = ARENA_ARRAY(&api->arena, int64_t, n + 1);
    row->resolve.v = ARENA_ARRAY(&api->arena, int64_t, n + 1);
    row->close.v = ARENA_ARRAY(&api->arena, int64_t, n + 1);
}

static void on_counts(struct api *api)
{
    struct stats *s = api->more;
    struct str args[2 + ARRAY_LEN(fields)] = {S("HMGET")};
    size_t at = 0;

    for (size_t i = 0; i < s->n_teams; i++) {
        s->ids[i] = fetch_at(&api->fetch, at++);
        s->truncated = s->truncated || s->ids[i]->n == STATS_LOOK;
        for (size_t p = 0; p < PRIORITY_N; p++) {
            s->rows[i][p].active = fetch_at(&api->fetch, at++)->i;
            s->rows[i][p].resolved = fetch_at(&api->fetch, at++)->i;
            make_room(api, &s->rows[i][p], s->ids[i]->n);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        args[2 + i] = str_c(fields[i]);
    api_round(api);
    for (size_t i = 0; i < s->n_teams; i++)
        for (size_t k = 0; k < s->ids[i]->n; k++) {
            args[1] = api_key_id(api, s->teams[i].name, "incident", s->ids[i]->v[k].s);
            fetch_send(&api->fetch, args, ARRAY_LEN(args));
        }
    api_then(api, on_incidents);
}

/* Ranks 1..4 are P1..P4, 5..8 the same but resolved: score = rank * 10^13 + opened_at. */
static void count_rank(struct api *api, struct str board, size_t rank)
{
    char from[32], to[32];

    snprintf(from, sizeof(from), "%zu0000000000000", rank);
    snprintf(to, sizeof(to), "(%zu0000000000000", rank + 1);
    FETCH(&api->fetch, S("ZCOUNT"), board, str_c(from), str_c(to));
}

static void ask(struct api *api, struct stats *s)
{
    char since[24], look[24], key[512];

    snprintf(since, sizeof(since), "%lld", (long long)(s->now_ms - s->within_ms));
    snprintf(look, sizeof(look), "%d", STATS_LOOK);
    for (size_t i = 0; i < s->n_teams; i++) {
        struct str team = s->teams[i].name;

        FETCH(&api->fetch, S("ZREVRANGEBYSCORE"), api_key(api, team, "closed", key), S("+inf"),
              str_c(since), S("LIMIT"), S("0"), str_c(look));
        api_key(api, team, "board", key);
        for (size_t p = 1; p <= PRIORITY_N; p++) {
            count_rank(api, str_c(key), p);
            count_rank(api, str_c(key), p + PRIORITY_N);
        }
    }
    api_then(api, on_counts);
}

void route_stats(const struct route_call *call)
{
    struct api *api = api_begin(call);
    struct str within;
    struct stats *s;

    if (!api)
        return;
    s = ARENA_NEW(&api->arena, struct stats);
    s->now_ms = clock_wall_ms();
    s->within_ms = WITHIN_DEFAULT_MS;
    within = http_request_query(api->req, "within");
    if (within.p && (!str_to_duration_ms(within, &s->within_ms) || s->within_ms <= 0 ||
                     s->within_ms > s->now_ms)) {
        api_error(api, 400, "bad_request", "within: must be a span such as 24h or 7d", "within");
        return;
    }
    if (!api_teams(api, &s->teams, &s->n_teams))
        return;
    s->rows = arena_calloc(&api->arena, s->n_teams + 1, sizeof(*s->rows));
    s->incidents = ARENA_ARRAY(&api->arena, int64_t, s->n_teams + 1);
    s->messages = ARENA_ARRAY(&api->arena, int64_t, s->n_teams + 1);
    s->unattended = ARENA_ARRAY(&api->arena, int64_t, s->n_teams + 1);
    s->rules = ARENA_ARRAY(&api->arena, struct rule, RULES_MAX);
    s->ids = arena_calloc(&api->arena, s->n_teams + 1, sizeof(*s->ids));
    api->more = s;
    ask(api, s);
}

/* ---- whoami: also while Redis is away -----------------------------------------------------------
 */

void route_whoami(const struct route_call *call)
{
    struct team *teams;
    struct arena a;
    struct buf b;
    size_t n;

    arena_init(&a, 0);
    buf_init(&b, API_BODY_MAX);
    n = teams_all(call->w->teams, call->w->conf, &a, &teams);
    buf_put_c(&b, "{\"name\":");
    if (call->token)
        buf_put_json(&b, call->token->name);
    else
        buf_put_c(&b, "null");
    buf_printf(&b, ",\"role\":\"%s\",\"team\":", api_role(call->token));
    if (call->token && call->token->team.n)
        buf_put_json(&b, call->token->team);
    else
        buf_put_c(&b, "null");
    buf_put_c(&b, ",\"version\":\"" TRIAGED_VERSION "\",\"teams\":[");
    for (size_t i = 0; i < n; i++) {
        buf_put_c(&b, i ? ",{\"name\":" : "{\"name\":");
        buf_put_json(&b, teams[i].name);
        buf_put_c(&b, ",\"id\":");
        buf_put_json(&b, teams[i].id);
        buf_put_char(&b, '}');
    }
    buf_put_c(&b, "]}\n");
    http_reply(call->req, 200, TYPE_JSON, buf_str(&b));
    buf_finish(&b);
    arena_finish(&a);
}
