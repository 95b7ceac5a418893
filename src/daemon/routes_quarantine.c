/*
 * routes_quarantine.c - what is kept in PREFIX:quarantine: listed, shown, and tried again after the
 * configuration (a mapping, a limit) was mended.
 * Called by: routes.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "reply.h"
#include "routes.h"
#include "routes_intake.h"
#include "worker.h"
#include "triaged/base/clock.h"
#include "triaged/base/log.h"
#include "triaged/base/mem.h"

#define CLAIM_SECONDS "60" /* longer than Redis and the disk together are waited for */

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 500, ANSWER_MAX = 32 * 1024 * 1024, ID_MAX = 64 };

struct ask { /* a request that waits for Redis */
    struct worker *w;
    struct http_request *req;
    uint64_t limit;
    size_t accepted, invalid; /* replayed */
    char id[ID_MAX];
};

/* ---- an entry -----------------------------------------------------------------------------------
 */

/* [ID, [name, value, …]] */
static struct str field(const struct store_reply *entry, const char *name)
{
    const struct store_reply *fields = store_reply_at(entry, 1);

    for (size_t i = 0; i + 1 < store_reply_len(fields); i += 2)
        if (str_eq_c(store_reply_str(store_reply_at(fields, i)), name))
            return store_reply_str(store_reply_at(fields, i + 1));
    return STR_NONE;
}

static void put_member(struct buf *b, const char *name, struct str value)
{
    buf_printf(b, ",\"%s\":", name);
    buf_put_json(b, value);
}

static void put_entry(struct buf *b, const struct store_reply *entry, bool whole)
{
    struct str body = field(entry, "body"), bytes = field(entry, "bytes");
    char at[CLOCK_RFC3339_SIZE];
    int64_t ms = 0;
    uint64_t n = body.n;

    str_to_i64(field(entry, "at"), &ms);
    str_to_u64(bytes, &n);
    buf_put_c(b, "{\"id\":");
    buf_put_json(b, store_reply_str(store_reply_at(entry, 0)));
    put_member(b, "at", clock_format_ms(ms, at));
    put_member(b, "webhook", field(entry, "webhook"));
    put_member(b, "format", field(entry, "format"));
    put_member(b, "peer", field(entry, "peer"));
    put_member(b, "reason", field(entry, "reason"));
    buf_printf(b, ",\"bytes\":%llu,\"cut\":%s", (unsigned long long)n,
               n > body.n ? "true" : "false");
    if (whole)
        put_member(b, "body", body);
    buf_put_c(b, "}");
}

/* ---- asking -------------------------------------------------------------------------------------
 */

static bool is_id(struct str id)
{
    for (size_t i = 0; i < id.n; i++)
        if (!((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] == '-' && i > 0)))
            return false;
    return id.n > 0 && id.n < ID_MAX;
}

/* NULL when it was answered already. */
static struct ask *begin(const struct route_call *call, struct str id)
{
    struct ask *a;

    if (call->token && call->token->team.n) {
        reply_error(call->req, 403, "forbidden",
                    "quarantine belongs to no team: this token has one", NULL);
        return NULL;
    }
    if (id.p && !is_id(id)) {
        reply_error(call->req, 400, "bad_request", "not an ID of the quarantine", "id");
        return NULL;
    }
    if (atomic_load(&call->w->status.store_state) != STORE_S_READY) {
        reply_unavailable(call->req, "redis_away", "Redis is away; nothing was done, try again");
        return NULL;
    }
    a = NEW(struct ask);
    a->w = call->w;
    a->req = call->req;
    if (id.n)
        memcpy(a->id, id.p, id.n);
    return a;
}

static struct str stream_key(const struct ask *a, char text[256])
{
    snprintf(text, 256, "%.*s:quarantine", STR_ARG(a->w->conf->prefix));
    return str_c(text);
}

static void answer(struct ask *a, struct buf *b)
{
    if (b->overflow)
        reply_error(a->req, 500, "too_large", "the answer is larger than the API sends", NULL);
    else
        http_reply(a->req, 200, TYPE_JSON, buf_str(b));
    buf_finish(b);
    free(a);
}

/* The reply's first element; NULL after having answered why there is none. Frees the ask then. */
static const struct store_reply *single(struct ask *a, enum store_status status,
                                        const struct store_reply *reply)
{
    if (status == STORE_OK && store_reply_len(reply) > 0)
        return store_reply_at(reply, 0);
    if (status == STORE_OK)
        reply_error(a->req, 404, "not_found", "the quarantine has no such entry", NULL);
    else
        reply_unavailable(a->req, "redis_away", "Redis went away; try again");
    free(a);
    return NULL;
}

static void ask_single(struct ask *a, store_done_fn *done)
{
    char key[256];
    struct str args[] = {S("XRANGE"), stream_key(a, key), str_c(a->id), str_c(a->id)};

    store_command(a->w->store, args, ARRAY_LEN(args), done, a);
}

/* ---- list and show ------------------------------------------------------------------------------
 */

static void on_list(void *arg, enum store_status status, const struct store_reply *reply,
                    struct str error)
{
    struct ask *a = arg;
    size_t n = store_reply_len(reply);
    struct buf b;

    (void)error;
    if (status != STORE_OK) {
        reply_unavailable(a->req, "redis_away", "Redis went away; try again");
        free(a);
        return;
    }
    buf_init(&b, ANSWER_MAX);
    buf_put_c(&b, "{\"quarantine\":[");
    for (size_t i = 0; i < n && i < a->limit; i++) {
        buf_put_c(&b, i ? "," : "");
        put_entry(&b, store_reply_at(reply, i), false);
    }
    buf_put_c(&b, "],\"next\":");
    if (n > a->limit)
        buf_put_json(&b, store_reply_str(store_reply_at(store_reply_at(reply, a->limit - 1), 0)));
    else
        buf_put_c(&b, "null");
    buf_put_c(&b, "}\n");
    answer(a, &b);
}

/* ?limit=, ?cursor= (the last ID of the page before). Newest first. */
void route_quarantine(const struct route_call *call)
{
    struct str text = http_request_query(call->req, "limit");
    struct str cursor = http_request_query(call->req, "cursor");
    uint64_t limit = LIMIT_DEFAULT;
    char key[256], count[24], from[ID_MAX + 1] = "+";
    struct ask *a;

    if (text.p && (!str_to_u64(text, &limit) || limit < 1 || limit > LIMIT_MAX)) {
        reply_error(call->req, 400, "bad_request", "must be 1 to 500", "limit");
        return;
    }
    a = begin(call, cursor);
    if (!a)
        return;
    a->limit = limit;
    if (cursor.n)
        snprintf(from, sizeof(from), "(%s", a->id);
    snprintf(count, sizeof(count), "%llu", (unsigned long long)limit + 1);
    store_command(a->w->store,
                  (struct str[]){S("XREVRANGE"), stream_key(a, key), str_c(from), S("-"),
                                 S("COUNT"), str_c(count)},
                  6, on_list, a);
}

static void on_show(void *arg, enum store_status status, const struct store_reply *reply,
                    struct str error)
{
    struct ask *a = arg;
    const struct store_reply *entry = single(a, status, reply);
    struct buf b;

    (void)error;
    if (!entry)
        return;
    buf_init(&b, ANSWER_MAX);
    put_entry(&b, entry, true);
    buf_put_c(&b, "\n");
    answer(a, &b);
}

void route_quarantine_entry(const struct route_call *call)
{
    struct ask *a = begin(call, call->args[0]);

    if (a)
        ask_single(a, on_show);
}

/* ---- replay -------------------------------------------------------------------------------------
 * Claimed (by a key that expires), read, taken in; taken out of the quarantine once that is
 * durable, and then answered. So it is taken in once, by whomever and however often it is asked
 * for, and a spool that refuses it leaves it where it is.
 */

static struct str claim_key(const struct ask *a, char text[256])
{
    snprintf(text, 256, "%.*s:replaying:%s", STR_ARG(a->w->conf->prefix), a->id);
    return str_c(text);
}

static void let_go(const struct ask *a)
{
    char key[256];
    struct str args[] = {S("DEL"), claim_key(a, key)};

    store_command(a->w->store, args, ARRAY_LEN(args), NULL, NULL);
}

/* It was taken in, whatever became of the entry. */
static void on_removed(void *arg, enum store_status status, const struct store_reply *reply,
                       struct str error)
{
    struct ask *a = arg;
    char text[96];
    int n = snprintf(text, sizeof(text), "{\"accepted\":%zu,\"invalid\":%zu,\"removed\":%s}\n",
                     a->accepted, a->invalid, status == STORE_OK ? "true" : "false");

    (void)reply;
    if (status == STORE_OK)
        let_go(a);
    else
        log_warn("quarantine", "%s was taken in, but is still kept: %.*s", a->id, STR_ARG(error));
    http_reply(a->req, 200, TYPE_JSON, (struct str){text, (size_t)n});
    free(a);
}

static void on_taken(void *arg, const char *code, const char *why)
{
    struct ask *a = arg;
    char key[256];
    struct str args[] = {S("XDEL"), stream_key(a, key), str_c(a->id)};

    if (!code) {
        store_command(a->w->store, args, ARRAY_LEN(args), on_removed, a);
        return;
    }
    let_go(a);
    reply_unavailable(a->req, code, why);
    free(a);
}

/* Why the payload still makes no alert, or NULL. */
static const char *still_useless(const struct ask *a, const struct decode_result *res)
{
    if (res->refused)
        return res->problems[0].text;
    if (a->w->batch.n == 0)
        return *res->useless ? res->useless : "no alert in it can be used";
    return NULL;
}

static void on_replay(void *arg, enum store_status status, const struct store_reply *reply,
                      struct str error)
{
    struct ask *a = arg;
    const struct store_reply *entry;
    struct decode_result res;
    struct str webhook;
    const char *no;

    (void)error;
    if (status == STORE_OK && store_reply_len(reply) == 0)
        let_go(a);
    entry = single(a, status, reply);
    if (!entry)
        return;
    webhook = field(entry, "webhook");
    if (spool_is_full(a->w->spool) || a->w->stopping) {
        reply_unavailable(a->req, "spool_full", "nothing was kept, try again later");
    } else if (!intake_decode(a->w, webhook, field(entry, "peer"), field(entry, "body"), &res)) {
        reply_error(a->req, 409, "no_such_webhook", "its webhook is no longer configured", NULL);
    } else if ((no = still_useless(a, &res))) {
        reply_error(a->req, 409, "still_useless", no, res.refused ? res.problems[0].path : NULL);
    } else {
        a->accepted = a->w->batch.n;
        a->invalid = res.bad;
        pipeline_take_batch_then(a->w, a->req, on_taken, a);
        return;
    }
    let_go(a);
    free(a);
}

static void on_claimed(void *arg, enum store_status status, const struct store_reply *reply,
                       struct str error)
{
    struct ask *a = arg;

    (void)error;
    if (status == STORE_OK && store_reply_type(reply) != REPLY_NIL) {
        ask_single(a, on_replay);
        return;
    }
    if (status == STORE_OK)
        reply_error(a->req, 409, "under_way", "it is being replayed by somebody else", NULL);
    else
        reply_unavailable(a->req, "redis_away", "Redis went away; try again");
    free(a);
}

void route_quarantine_replay(const struct route_call *call)
{
    struct ask *a = begin(call, call->args[0]);
    char key[256];

    if (a)
        store_command(
            a->w->store,
            (struct str[]){S("SET"), claim_key(a, key), S("1"), S("NX"), S("EX"), S(CLAIM_SECONDS)},
            6, on_claimed, a);
}
