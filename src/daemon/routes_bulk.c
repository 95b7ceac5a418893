/*
 * routes_bulk.c - POST /api/v1/incidents/bulk: one verb on many incidents, named by ids or found by
 * a query whose count must be as expected.
 * Owns: the list of what became of each. Called by: routes.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "incident_page.h"
#include "reply.h"
#include "routes_verbs.h"
#include "worker.h"
#include "triaged/base/clock.h"
#include "triaged/base/mem.h"

enum { BULK_MAX = 500, BULK_LOOK = 5000 };

struct bulk;

struct bulk_one {
    struct bulk *bulk;
    struct str team, id;
    struct str kept_as; /* its request id */
    int status;
    struct buf error; /* JSON object */
    bool changed;
    int64_t version;
};

struct bulk {
    struct write *wr;
    struct query query;
    struct bulk_one *v;
    size_t n, waiting;
    int64_t expected; /* -1: not said */
};

static const struct field bulk_fields[] = {
    {.name = "verb", .type = FIELD_NAME, .flags = FORM_REQUIRED | FORM_UNWRITTEN},
    {.name = "ids", .type = FIELD_NAMES, .flags = FORM_UNWRITTEN, .max = BULK_MAX},
    {.name = "where", .type = FIELD_FORM, .flags = FORM_UNWRITTEN, .of = &form_where},
    {.name = "expect_count", .type = FIELD_COUNT, .flags = FORM_UNWRITTEN},
    {.name = NULL},
};

static void cleanup(void *arg)
{
    struct bulk *bulk = arg;

    for (size_t i = 0; i < bulk->n; i++)
        buf_finish(&bulk->v[i].error);
    query_finish(&bulk->query);
    write_cleanup(bulk->wr);
}

/* ---- out ---------------------------------------------------------------------------------------
 */

static void put_one(struct buf *b, const struct bulk_one *one)
{
    if (b->p[b->n - 1] != '[')
        buf_put_char(b, ',');
    buf_put_c(b, "{\"id\":");
    buf_put_json(b, one->id);
    buf_printf(b, ",\"status\":%d", one->status);
    if (one->status == 200)
        buf_printf(b, ",\"changed\":%s", one->changed ? "true" : "false");
    if (one->version > 0)
        buf_printf(b, ",\"version\":%lld", (long long)one->version);
    if (one->error.n) {
        buf_put_c(b, ",\"error\":");
        buf_put_str(b, buf_str(&one->error));
    }
    buf_put_char(b, '}');
}

static void answer(struct bulk *bulk)
{
    struct buf *b = &bulk->wr->api->out;
    size_t done = 0;

    for (size_t i = 0; i < bulk->n; i++)
        done += bulk->v[i].status == 200;
    buf_printf(b, "{\"done\":%zu,\"failed\":%zu", done, bulk->n - done);
    json_put_text(b, "request_id", str_c(bulk->wr->request_id));
    buf_put_c(b, ",\"results\":[");
    for (size_t i = 0; i < bulk->n; i++)
        put_one(b, &bulk->v[i]);
    buf_put_c(b, "]}\n");
    write_end(bulk->wr, 200);
}

static void fail(struct bulk_one *one, int status, const char *code, const char *message)
{
    one->status = status;
    buf_printf(&one->error, "{\"code\":\"%s\",\"message\":\"%s\"}", code, message);
}

static void fail_away(struct bulk_one *one)
{
    struct verb_away away = verbs_away(one->bulk->wr->api->w->verbs);

    fail(one, 503, away.code, away.message);
}

static void on_one(void *arg, enum verb_outcome outcome, const jx *said)
{
    struct bulk_one *one = arg;
    struct bulk *bulk = one->bulk;
    int64_t status = 500;

    switch (outcome) {
    case VERB_ANSWERED:
        jx_int(jx_get(said, "status"), &status);
        one->status = (int)status;
        one->changed = jx_bool(jx_get(said, "changed"), false);
        jx_int(jx_get(said, "version"), &one->version);
        if (status != 200)
            json_put_value(&one->error, "error", jx_get(said, "error"));
        break;
    case VERB_TIMEOUT:
        fail(one, 504, "timeout", "Redis did not answer in time; it may still happen");
        break;
    case VERB_REFUSED:
        fail(one, 500, "internal", "Redis refused it; see the log");
        break;
    case VERB_AWAY:
        fail_away(one);
        break;
    }
    if (--bulk->waiting == 0)
        answer(bulk);
}

/* ---- in ----------------------------------------------------------------------------------------
 */

/* The verb's own fields were checked with all others by write_check; here they are written anew
 * for each incident, with a request id of its own. */
static void send_one(struct bulk *bulk, struct bulk_one *one, struct str uid, size_t head)
{
    struct write *wr = bulk->wr;

    wr->item.n = head;
    one->kept_as = arena_printf(&wr->api->arena, "bulk/%.*s/%.*s/%s", STR_ARG(wr->verb),
                                STR_ARG(one->id), wr->request_id);
    write_add(wr, "id", one->id);
    write_add(wr, "uid", uid);
    write_add(wr, "request_id", one->kept_as);
    buf_put_char(&wr->item, '}');
    if (wr->item.overflow)
        fail(one, 413, "too_large", "all fields together are larger than 1 MiB");
    else if (verbs_submit(wr->api->w->verbs, one->team, buf_str(&wr->item), one->kept_as, on_one,
                          one) == VERB_AWAY)
        fail_away(one);
    else
        bulk->waiting++;
}

static void on_uids(struct api *api)
{
    struct bulk *bulk = api->more;
    size_t head = bulk->wr->item.n, asked = 0;

    for (size_t i = 0; i < bulk->n; i++) {
        struct bulk_one *one = &bulk->v[i];
        struct str uid;

        if (one->team.n == 0) {
            fail(one, 404, "not_found", "there is no such incident");
            continue;
        }
        uid = fetch_at(&api->fetch, asked++)->s;
        if (uid.n == 0)
            fail(one, 404, "not_found", "there is no such incident");
        else
            send_one(bulk, one, uid, head);
    }
    if (bulk->waiting == 0)
        answer(bulk);
}

static void send_all(struct bulk *bulk)
{
    struct api *api = bulk->wr->api;
    char text[160];

    if (bulk->expected >= 0 && (size_t)bulk->expected != bulk->n) {
        struct buf *b = &api->out;

        snprintf(text, sizeof(text), "%zu match, %lld were expected; nothing was done", bulk->n,
                 (long long)bulk->expected);
        buf_put_c(b, "{\"error\":{\"code\":\"count\",\"message\":");
        buf_put_json(b, str_c(text));
        buf_printf(b, ",\"path\":\"expect_count\",\"count\":%zu}}\n", bulk->n);
        write_end(bulk->wr, 409);
        return;
    }
    api->more = bulk;
    api_round(api);
    for (size_t i = 0; i < bulk->n; i++)
        if (bulk->v[i].team.n)
            FETCH(&api->fetch, S("HGET"),
                  api_key_id(api, bulk->v[i].team, "incident", bulk->v[i].id), S("uid"));
    api_then(api, on_uids);
}

static struct bulk_one *add(struct bulk *bulk, struct str id)
{
    struct bulk_one *one = &bulk->v[bulk->n++];

    one->bulk = bulk;
    one->id = id;
    buf_init(&one->error, 64 * 1024);
    return one;
}

static void on_page(struct page *page)
{
    struct bulk *bulk = page->more;

    if (page->next.p) {
        write_error(bulk->wr, 409, "too_many",
                    "more than 500 match, or more than 5000 would have to be looked at; narrow it",
                    "where");
        return;
    }
    for (size_t i = 0; i < page->n_found; i++)
        add(bulk, incident_get(&page->found[i], "id"))->team =
            incident_get(&page->found[i], "team");
    send_all(bulk);
}

static void find(struct bulk *bulk, const jx *where)
{
    struct api *api = bulk->wr->api;
    struct form_error why;
    struct page *page;

    if (!query_read(&bulk->query, api, where, &why)) {
        char path[200];

        snprintf(path, sizeof(path), "where.%s", why.path);
        write_error(bulk->wr, 400, "bad_request", why.text, path);
        return;
    }
    page = page_create(api, &bulk->query, BULK_MAX, STR_NONE);
    page->look = BULK_LOOK;
    page->done = on_page;
    page->more = bulk;
    page_run(page);
}

/* The ids as given; of one given twice the second is left out. */
static void name_each(struct bulk *bulk, const jx *ids)
{
    struct api *api = bulk->wr->api;
    struct team team;

    for (size_t i = 0; i < jx_len(ids); i++) {
        struct str id = jx_str(jx_at(ids, i));
        bool twice = false;

        for (size_t k = 0; k < bulk->n; k++)
            twice = twice || str_eq(bulk->v[k].id, id);
        if (twice)
            continue;
        if (teams_of_incident(api->w->teams, api->conf, id, &api->arena, &team))
            add(bulk, id)->team = team.name;
        else
            add(bulk, id);
    }
    send_all(bulk);
}

static bool check(struct bulk *bulk)
{
    struct write *wr = bulk->wr;
    const jx *count = jx_get(wr->body, "expect_count");
    bool ids = jx_len(jx_get(wr->body, "ids")) > 0,
         where = jx_type(jx_get(wr->body, "where")) == JX_OBJECT;

    bulk->expected = -1;
    jx_int(count, &bulk->expected);
    if (ids == where)
        write_error(wr, 400, "bad_request", "ids: give either ids or where", "ids");
    else if (where && bulk->expected < 0)
        write_error(wr, 400, "bad_request", "expect_count: is missing: how many should it be?",
                    "expect_count");
    else if (jx_bool(jx_get(wr->body, "force"), false) && !api_is_manager(wr->api->token))
        write_error(wr, 403, "forbidden", "only a manager may force", "force");
    else
        return true;
    return false;
}

void route_bulk(const struct route_call *call)
{
    struct write *wr = write_begin(call, STR_NONE);
    struct form form = {bulk_fields, NULL};
    struct bulk *bulk;

    if (!wr)
        return;
    wr->verb = jx_str(jx_get(wr->body, "verb"));
    form.also = verb_form(wr->verb);
    if (!form.also) {
        write_error(wr, 400, "bad_request",
                    wr->verb.n ? "verb: there is no such verb" : "verb: is missing", "verb");
        return;
    }
    if (!write_check(wr, &form))
        return;
    bulk = ARENA_NEW(&wr->api->arena, struct bulk);
    bulk->wr = wr;
    bulk->v = ARENA_ARRAY(&wr->api->arena, struct bulk_one, BULK_MAX + 1);
    wr->api->cleanup = cleanup;
    wr->api->cleanup_arg = bulk;
    if (!check(bulk))
        return;
    if (jx_len(jx_get(wr->body, "ids")))
        name_each(bulk, jx_get(wr->body, "ids"));
    else
        find(bulk, jx_get(wr->body, "where"));
}
