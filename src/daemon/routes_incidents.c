/*
 * routes_incidents.c - GET /api/v1/incidents, and one incident with what belongs to it: alerts,
 * timeline, what its systems logged lately, similar ones of the past.
 * Owns: the forms of these answers. Called by: routes.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "api.h"
#include "incident_json.h"
#include "incident_logs.h"
#include "incident_page.h"
#include "reply.h"
#include "worker.h"
#include "triaged/base/mem.h"

enum {
    DETAIL_ALERTS = 50,
    DETAIL_TIMELINE = 200,
    TIMELINE_MAX = 1000,
    SIMILAR_LOOK = 200, /* closed incidents of the team */
    SIMILAR_MAX = 10,
};

/* ---- the list ----------------------------------------------------------------------------------
 */

static void put_next(struct buf *b, struct str next)
{
    buf_put_c(b, ",\"next\":");
    if (next.p)
        buf_put_json(b, next);
    else
        buf_put_c(b, "null");
}

static void on_page(struct page *page)
{
    struct buf *b = &page->api->out;

    buf_put_c(b, "{\"incidents\":[");
    for (size_t i = 0; i < page->n_found; i++) {
        if (i)
            buf_put_char(b, ',');
        incident_put(b, &page->found[i]);
    }
    buf_put_char(b, ']');
    put_next(b, page->next);
    buf_put_c(b, "}\n");
    api_reply(page->api, 200);
}

static void cleanup_query(void *arg)
{
    query_finish(arg);
}

void route_incidents(const struct route_call *call)
{
    struct api *api = api_begin(call);
    struct form_error why;
    struct query *query;
    struct page *page;
    size_t limit;

    if (!api || !api_limit(api, &limit))
        return;
    query = ARENA_NEW(&api->arena, struct query);
    api->cleanup = cleanup_query;
    api->cleanup_arg = query;
    if (!query_read(query, api, NULL, &why)) {
        api_error(api, 400, "bad_request", why.text, why.path);
        return;
    }
    page = page_create(api, query, limit, http_request_query(api->req, "cursor"));
    if (!page) {
        api_error(api, 400, "bad_request", "cursor is none of ours", "cursor");
        return;
    }
    page->done = on_page;
    page_run(page);
}

/* ---- parts -------------------------------------------------------------------------------------
 */

/* HSCAN's answer. */
static void put_alerts(struct buf *b, const struct value *scan)
{
    const struct value *pairs = value_at(scan, 1);
    char head[300];

    buf_put_char(b, '[');
    for (size_t i = 0; i + 1 < pairs->n; i += 2) {
        struct buf h;

        buf_init(&h, sizeof(head));
        buf_put_c(&h, "\"fingerprint\":");
        buf_put_json(&h, pairs->v[i].s);
        json_put_stored(b, buf_str(&h), pairs->v[i + 1].s);
        buf_finish(&h);
    }
    buf_put_char(b, ']');
}

static void put_scan_cursor(struct buf *b, const char *name, const struct value *scan)
{
    struct str cursor = value_at(scan, 0)->s;

    buf_printf(b, ",\"%s\":", name);
    if (cursor.n == 0 || str_eq(cursor, S("0")))
        buf_put_c(b, "null");
    else
        buf_put_json(b, cursor);
}

static void put_timeline(struct buf *b, const struct value *lines)
{
    buf_put_char(b, '[');
    for (size_t i = 0; i < lines->n; i++)
        json_put_stored(b, STR_NONE, lines->v[i].s);
    buf_put_char(b, ']');
}

static void put_record_or_null(struct buf *b, const char *name, struct str team, struct str text)
{
    struct jx_error why;
    jx *doc = text.n ? jx_parse(text, &why) : NULL;

    buf_printf(b, ",\"%s\":", name);
    if (jx_type(doc) == JX_OBJECT) {
        buf_put_char(b, '{');
        json_put_text(b, "team", team);
        json_put_members(b, doc);
        buf_put_char(b, '}');
    } else {
        buf_put_c(b, "null");
    }
    jx_free(doc);
}

static bool found(struct api *api, struct str id, const struct value *hash, struct incident *inc)
{
    char text[200];

    if (incident_from_value(inc, hash, &api->arena))
        return true;
    snprintf(text, sizeof(text), "there is no incident %.*s", STR_ARG(id));
    api_error(api, 404, "not_found", text, NULL);
    return false;
}

static void put_etag(struct api *api, const struct incident *inc)
{
    char etag[40];

    snprintf(etag, sizeof(etag), "\"%lld\"", (long long)incident_number(inc, "version"));
    http_reply_header(api->req, "ETag", etag);
}

struct one { /* a call on one incident */
    struct str id;
    struct team team;
    struct incident inc;
    const struct value *alerts, *timeline;
    struct str review, problem;
    const struct value **closed; /* the newest of the team: candidates of `similar` */
    size_t n_closed;
    struct logs logs;
};

static struct one *one_begin(const struct route_call *call, struct api **out)
{
    struct api *api = api_begin(call);
    struct one *one;

    if (!api)
        return NULL;
    one = ARENA_NEW(&api->arena, struct one);
    one->id = arena_str(&api->arena, call->args[0]);
    api->more = one;
    *out = api;
    return api_team_of(api, one->id, &one->team) ? one : NULL;
}

/* ---- similar ones of the past ------------------------------------------------------------------
 */

static const char *const similar_fields[] = {
    "id",        "group_key",   "rule",       "service", "state", "title",    "priority",
    "opened_at", "resolved_at", "resolution", "kind",    "fix",   "assignee", "merged_into"};

static struct str similar_get(const struct value *v, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(similar_fields); i++)
        if (strcmp(similar_fields[i], name) == 0)
            return value_at(v, i)->s;
    return STR_NONE;
}

static bool same(const struct incident *inc, const struct value *other, const char *name)
{
    struct str mine = incident_get(inc, name);

    return mine.n && str_eq(mine, similar_get(other, name));
}

static const char *likeness(const struct incident *inc, const struct value *other)
{
    if (same(inc, other, "id") || similar_get(other, "id").n == 0 ||
        similar_get(other, "merged_into").n)
        return NULL;
    if (same(inc, other, "group_key"))
        return "cause";
    if (same(inc, other, "rule"))
        return "rule";
    return same(inc, other, "service") ? "service" : NULL;
}

static void put_similar_one(struct buf *b, const struct value *v, const char *like)
{
    static const char *const texts[] = {"title", "priority", "resolution", "kind",
                                        "fix",   "assignee", "state"};
    int64_t ms;

    if (b->p[b->n - 1] != '[')
        buf_put_char(b, ',');
    buf_put_c(b, "{\"id\":");
    buf_put_json(b, similar_get(v, "id"));
    buf_printf(b, ",\"like\":\"%s\"", like);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        json_put_text(b, texts[i], similar_get(v, texts[i]));
    if (str_to_i64(similar_get(v, "opened_at"), &ms))
        json_put_time(b, "opened_at", ms);
    if (str_to_i64(similar_get(v, "resolved_at"), &ms))
        json_put_time(b, "resolved_at", ms);
    buf_put_char(b, '}');
}

/* The same cause first, then the same rule, then the same service; of each the newest first. */
static void put_similar(struct buf *b, const struct incident *inc,
                        const struct value *const *closed, size_t n)
{
    static const char *const likes[] = {"cause", "rule", "service"};
    size_t shown = 0;

    buf_put_char(b, '[');
    for (size_t k = 0; k < ARRAY_LEN(likes); k++)
        for (size_t i = 0; i < n && shown < SIMILAR_MAX; i++) {
            const char *like = likeness(inc, closed[i]);

            if (!like || strcmp(like, likes[k]) != 0)
                continue;
            put_similar_one(b, closed[i], like);
            shown++;
        }
    buf_put_char(b, ']');
}

/* ---- one incident ------------------------------------------------------------------------------
 */

static void put_detail(struct api *api)
{
    struct one *one = api->more;
    struct buf *b = &api->out;

    put_etag(api, &one->inc);
    buf_put_c(b, "{\"incident\":");
    incident_put(b, &one->inc);
    buf_put_c(b, ",\"alerts\":");
    put_alerts(b, one->alerts);
    put_scan_cursor(b, "alerts_next", one->alerts);
    buf_put_c(b, ",\"timeline\":");
    put_timeline(b, one->timeline);
    buf_put_c(b, ",\"recent_logs\":");
    logs_put(b, &one->logs);
    buf_put_c(b, ",\"similar\":");
    put_similar(b, &one->inc, one->closed, one->n_closed);
    put_record_or_null(b, "review", one->team.name, one->review);
    put_record_or_null(b, "problem", one->team.name, one->problem);
    buf_put_c(b, "}\n");
    api_reply(api, 200);
}

static void on_similar(struct api *api)
{
    struct one *one = api->more;

    one->closed = ARENA_ARRAY(&api->arena, const struct value *, one->n_closed + 1);
    for (size_t i = 0; i < one->n_closed; i++)
        one->closed[i] = fetch_at(&api->fetch, i);
    logs_find(api, &one->inc, one->team.name, &one->logs, put_detail);
}

static void on_parts(struct api *api)
{
    struct one *one = api->more;
    struct str args[2 + ARRAY_LEN(similar_fields)] = {S("HMGET")};
    const struct value *closed = fetch_at(&api->fetch, 3);

    if (!found(api, one->id, fetch_at(&api->fetch, 0), &one->inc))
        return;
    one->alerts = fetch_at(&api->fetch, 1);
    one->timeline = fetch_at(&api->fetch, 2);
    one->review = fetch_at(&api->fetch, 4)->s;
    one->problem = fetch_at(&api->fetch, 5)->s;
    one->n_closed = closed->n;
    for (size_t i = 0; i < ARRAY_LEN(similar_fields); i++)
        args[2 + i] = str_c(similar_fields[i]);
    api_round(api);
    for (size_t i = 0; i < closed->n; i++) {
        args[1] = api_key_id(api, one->team.name, "incident", closed->v[i].s);
        fetch_send(&api->fetch, args, ARRAY_LEN(args));
    }
    api_then(api, on_similar);
}

/* The problem that the incident names. */
static void on_problem_id(struct api *api)
{
    struct one *one = api->more;
    struct str problem = fetch_at(&api->fetch, 0)->s;
    struct fetch *f = &api->fetch;
    char count[24], last[24], first[24], key[512];

    snprintf(count, sizeof(count), "%d", DETAIL_ALERTS);
    snprintf(first, sizeof(first), "-%d", DETAIL_TIMELINE);
    snprintf(last, sizeof(last), "%d", SIMILAR_LOOK - 1);
    api_round(api);
    FETCH(f, S("HGETALL"), api_key_id(api, one->team.name, "incident", one->id));
    FETCH(f, S("HSCAN"), api_key_id(api, one->team.name, "alerts", one->id), S("0"), S("COUNT"),
          str_c(count));
    FETCH(f, S("LRANGE"), api_key_id(api, one->team.name, "timeline", one->id), str_c(first),
          S("-1"));
    FETCH(f, S("ZREVRANGE"), api_key(api, one->team.name, "closed", key), S("0"), str_c(last));
    FETCH(f, S("HGET"), api_key(api, one->team.name, "reviews", key), one->id);
    FETCH(f, S("HGET"), api_key(api, one->team.name, "problems", key),
          problem.n ? problem : S("-"));
    api_then(api, on_parts);
}

void route_incident(const struct route_call *call)
{
    struct api *api;
    struct one *one = one_begin(call, &api);

    if (!one)
        return;
    FETCH(&api->fetch, S("HGET"), api_key_id(api, one->team.name, "incident", one->id),
          S("problem"));
    api_then(api, on_problem_id);
}

/* ---- its alerts, its timeline ------------------------------------------------------------------
 */

static void on_alerts(struct api *api)
{
    struct one *one = api->more;
    struct buf *b = &api->out;

    if (!found(api, one->id, fetch_at(&api->fetch, 0), &one->inc))
        return;
    buf_put_c(b, "{\"alerts\":");
    put_alerts(b, fetch_at(&api->fetch, 1));
    put_scan_cursor(b, "next", fetch_at(&api->fetch, 1));
    buf_put_c(b, "}\n");
    api_reply(api, 200);
}

void route_incident_alerts(const struct route_call *call)
{
    struct api *api;
    struct one *one = one_begin(call, &api);
    struct str cursor;
    char count[24];
    uint64_t number;
    size_t limit;

    if (!one || !api_limit(api, &limit))
        return;
    cursor = http_request_query(api->req, "cursor");
    if (cursor.p && !str_to_u64(cursor, &number)) {
        api_error(api, 400, "bad_request", "cursor is none of ours", "cursor");
        return;
    }
    snprintf(count, sizeof(count), "%zu", limit);
    FETCH(&api->fetch, S("HGETALL"), api_key_id(api, one->team.name, "incident", one->id));
    FETCH(&api->fetch, S("HSCAN"), api_key_id(api, one->team.name, "alerts", one->id),
          cursor.p ? cursor : S("0"), S("COUNT"), str_c(count));
    api_then(api, on_alerts);
}

static void on_timeline(struct api *api)
{
    struct one *one = api->more;
    struct buf *b = &api->out;
    int64_t dropped;

    if (!found(api, one->id, fetch_at(&api->fetch, 0), &one->inc))
        return;
    dropped = incident_number(&one->inc, "timeline_dropped");
    buf_put_c(b, "{\"timeline\":");
    put_timeline(b, fetch_at(&api->fetch, 1));
    if (dropped > 0)
        buf_printf(b, ",\"dropped\":%lld", (long long)dropped);
    buf_put_c(b, "}\n");
    api_reply(api, 200);
}

void route_incident_timeline(const struct route_call *call)
{
    struct api *api;
    struct one *one = one_begin(call, &api);
    uint64_t limit = TIMELINE_MAX;
    struct str text;
    char first[24];

    if (!one)
        return;
    text = http_request_query(api->req, "limit");
    if (text.p && (!str_to_u64(text, &limit) || limit < 1 || limit > TIMELINE_MAX)) {
        api_error(api, 400, "bad_request", "limit must be a number from 1 to 1000", "limit");
        return;
    }
    snprintf(first, sizeof(first), "-%llu", (unsigned long long)limit);
    FETCH(&api->fetch, S("HGETALL"), api_key_id(api, one->team.name, "incident", one->id));
    FETCH(&api->fetch, S("LRANGE"), api_key_id(api, one->team.name, "timeline", one->id),
          str_c(first), S("-1"));
    api_then(api, on_timeline);
}
