/*
 * routes_reviews.c - post-incident reviews: what is owed, one of them (as JSON or as a document),
 * and writing to it. Owns: the forms of these answers. Called by: routes.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "incident_page.h"
#include "matchers_check.h"
#include "reply.h"
#include "review_document.h"
#include "routes_verbs.h"
#include "worker.h"
#include "triaged/base/clock.h"
#include "triaged/base/mem.h"

/* ---- the list: closed incidents that have a review ---------------------------------------------
 */

static const char *const states[] = {"due", "overdue", "done", NULL};

struct list_call {
    struct query query;
    unsigned states; /* bits; 0 = all */
    int64_t now_ms;
};

static bool is_overdue(const struct incident *inc, int64_t now_ms)
{
    int64_t due = incident_number(inc, "review_due");

    return str_eq(incident_get(inc, "review"), S("due")) && due > 0 && due < now_ms;
}

static bool has_review(const struct page *page, const struct incident *inc)
{
    const struct list_call *l = page->more;
    struct str state = incident_get(inc, "review");
    bool due = str_eq(state, S("due"));

    if (state.n == 0)
        return false;
    return l->states == 0 || ((l->states & 1) && due) ||
           ((l->states & 2) && is_overdue(inc, l->now_ms)) ||
           ((l->states & 4) && str_eq(state, S("done")));
}

static void put_item(struct buf *b, const struct incident *inc, int64_t now_ms)
{
    if (b->p[b->n - 1] != '[')
        buf_put_char(b, ',');
    buf_put_char(b, '{');
    json_put_text(b, "id", incident_get(inc, "id"));
    json_put_text(b, "team", incident_get(inc, "team"));
    json_put_text(b, "state", incident_get(inc, "review"));
    buf_printf(b, ",\"overdue\":%s", is_overdue(inc, now_ms) ? "true" : "false");
    json_put_time(b, "due_at", incident_number(inc, "review_due"));
    buf_put_c(b, ",\"title\":");
    buf_put_json(b, incident_get(inc, "title"));
    json_put_text(b, "priority", incident_get(inc, "priority"));
    json_put_text(b, "service", incident_get(inc, "service"));
    json_put_time(b, "closed_at", incident_number(inc, "closed_at"));
    buf_put_char(b, '}');
}

static void on_page(struct page *page)
{
    const struct list_call *l = page->more;
    struct buf *b = &page->api->out;

    buf_put_c(b, "{\"reviews\":[");
    for (size_t i = 0; i < page->n_found; i++)
        put_item(b, &page->found[i], l->now_ms);
    buf_put_c(b, "],\"next\":");
    if (page->next.p)
        buf_put_json(b, page->next);
    else
        buf_put_c(b, "null");
    buf_put_c(b, "}\n");
    api_reply(page->api, 200);
}

static bool read_states(struct api *api, struct list_call *l)
{
    struct str state;

    for (size_t i = 0; (state = http_request_query_at(api->req, "state", i)).p; i++) {
        unsigned bit = 0;

        while (states[bit] && !str_eq_c(state, states[bit]))
            bit++;
        if (!states[bit]) {
            api_error(api, 400, "bad_request", "state: must be due, overdue or done", "state");
            return false;
        }
        l->states |= 1u << bit;
    }
    return true;
}

void route_reviews(const struct route_call *call)
{
    struct api *api = api_begin(call);
    struct list_call *l;
    struct page *page;
    size_t limit;

    if (!api)
        return;
    l = ARENA_NEW(&api->arena, struct list_call);
    if (!api_limit(api, &limit) || !read_states(api, l) ||
        !api_teams(api, &l->query.teams, &l->query.n_teams))
        return;
    l->now_ms = clock_wall_ms();
    l->query.states = QUERY_CLOSED;
    l->query.priorities = 15;
    query_sort_teams(&l->query);
    page = page_create(api, &l->query, limit, http_request_query(api->req, "cursor"));
    if (!page) {
        api_error(api, 400, "bad_request", "cursor is none of ours", "cursor");
        return;
    }
    page->more = l;
    page->also = has_review;
    page->done = on_page;
    page_run(page);
}

/* ---- one review --------------------------------------------------------------------------------
 */

struct one {
    struct str id;
    struct team team;
    struct incident inc;
    const struct value *timeline;
    bool document;
    jx *review, **actions;
    size_t n_actions;
};

static void cleanup(void *arg)
{
    struct one *one = arg;

    jx_free(one->review);
    for (size_t i = 0; i < one->n_actions; i++)
        jx_free(one->actions[i]);
}

static void put_review(struct buf *b, const struct one *one)
{
    struct str state = incident_get(&one->inc, "review");

    buf_put_c(b, "{\"review\":{");
    if (one->review) {
        json_put_members(b, one->review);
    } else {
        json_put_text(b, "id", one->id);
        json_put_text(b, "state", state.n ? state : S("none"));
        buf_put_c(b, ",\"actions\":[]");
    }
    json_put_time(b, "due_at", incident_number(&one->inc, "review_due"));
    buf_put_c(b, "},\"incident\":");
    incident_put(b, &one->inc);
    buf_put_c(b, ",\"actions\":[");
    for (size_t i = 0; i < one->n_actions; i++) {
        int64_t due = 0;

        if (i)
            buf_put_char(b, ',');
        buf_put_c(b, "{\"team\":");
        buf_put_json(b, one->team.name);
        buf_printf(b, ",\"overdue\":%s",
                   str_eq(jx_str(jx_get(one->actions[i], "state")), S("open")) &&
                           jx_int(jx_get(one->actions[i], "due_at"), &due) && due > 0 &&
                           due < clock_wall_ms()
                       ? "true"
                       : "false");
        json_put_members(b, one->actions[i]);
        buf_put_char(b, '}');
    }
    buf_put_c(b, "]}\n");
}

static void on_actions(struct api *api)
{
    struct one *one = api->more;
    struct jx_error why;

    one->actions = ARENA_ARRAY(&api->arena, jx *, fetch_at(&api->fetch, 0)->n + 1);
    for (size_t i = 0; i < fetch_at(&api->fetch, 0)->n; i++) {
        struct str text = fetch_at(&api->fetch, 0)->v[i].s;

        if (text.n && (one->actions[one->n_actions] = jx_parse(text, &why)))
            one->n_actions++;
    }
    if (!one->document) {
        put_review(&api->out, one);
        api_reply(api, 200);
        return;
    }
    review_document_put(&api->out, &one->inc, one->timeline, one->review, one->actions,
                        one->n_actions);
    api_reply_as(api, 200, "text/markdown; charset=utf-8");
}

static void on_parts(struct api *api)
{
    struct one *one = api->more;
    const jx *ids;
    struct jx_error why;
    struct str *args;
    size_t n = 2;
    char key[512];

    if (!incident_from_value(&one->inc, fetch_at(&api->fetch, 0), &api->arena)) {
        api_error(api, 404, "not_found", "there is no such incident", NULL);
        return;
    }
    one->timeline = fetch_at(&api->fetch, 1);
    if (fetch_at(&api->fetch, 2)->s.n)
        one->review = jx_parse(fetch_at(&api->fetch, 2)->s, &why);
    ids = jx_get(one->review, "actions");
    api_round(api);
    args = ARENA_ARRAY(&api->arena, struct str, jx_len(ids) + 2);
    args[0] = S("HMGET");
    args[1] = api_key(api, one->team.name, "actions", key);
    for (size_t i = 0; i < jx_len(ids); i++)
        if (jx_str(jx_at(ids, i)).n)
            args[n++] = jx_str(jx_at(ids, i));
    if (n > 2)
        fetch_send(&api->fetch, args, n);
    api_then(api, on_actions);
}

static bool accepts_markdown(const struct http_request *req)
{
    struct str accept = http_request_header(req, "Accept");

    return str_find(accept, S("text/markdown")) < accept.n;
}

void route_review(const struct route_call *call)
{
    struct api *api = api_begin(call);
    struct str format;
    struct one *one;
    char key[512];

    if (!api)
        return;
    one = ARENA_NEW(&api->arena, struct one);
    api->more = api->cleanup_arg = one;
    api->cleanup = cleanup;
    one->id = arena_str(&api->arena, call->args[0]);
    format = http_request_query(api->req, "format");
    if (format.p && !str_eq(format, S("json")) && !str_eq(format, S("markdown"))) {
        api_error(api, 400, "bad_request", "format: must be json or markdown", "format");
        return;
    }
    one->document = format.p ? str_eq(format, S("markdown")) : accepts_markdown(api->req);
    if (!api_team_of(api, one->id, &one->team))
        return;
    FETCH(&api->fetch, S("HGETALL"), api_key_id(api, one->team.name, "incident", one->id));
    FETCH(&api->fetch, S("LRANGE"), api_key_id(api, one->team.name, "timeline", one->id), S("0"),
          S("-1"));
    FETCH(&api->fetch, S("HGET"), api_key(api, one->team.name, "reviews", key), one->id);
    api_then(api, on_parts);
}

/* ---- writing -----------------------------------------------------------------------------------
 */

void route_write_review(const struct route_call *call)
{
    struct write *wr = write_begin(call, S("review"));
    const jx *known_error;
    struct form_error why;
    struct team team;

    if (!wr)
        return;
    wr->is_record = true;
    wr->id = arena_str(&wr->api->arena, call->args[0]);
    if (!api_team_of(wr->api, wr->id, &team) || !write_check(wr, &form_review))
        return;
    wr->team = team.name;
    known_error = jx_get(wr->body, "known_error");
    wr->declares = jx_type(known_error) == JX_OBJECT;
    if (wr->declares &&
        !matchers_check(jx_get(known_error, "match"), "known_error.match", &wr->api->arena, &why)) {
        write_error(wr, 400, "bad_request", why.text, why.path);
        return;
    }
    write_send(wr);
}
