/*
 * routes_queues.c - GET /api/v1/queues, and POST /api/v1/next: the most urgent incident of some
 * queues, acknowledged.
 * Owns: the order in which queues are looked at, and those who wait for an incident.
 * Called by: routes.c.
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "reply.h"
#include "routes_verbs.h"
#include "worker.h"
#include "triaged/base/clock.h"
#include "triaged/base/hash.h"
#include "triaged/base/mem.h"

enum {
    LOOK_EVERY_MS = 500, /* while somebody waits */
    WAIT_MAX_MS = 25000, /* below limits.http_answer */
    WAITING_MAX = 64,
    ATTEMPTS_MAX = 5, /* others may be quicker */
    TIERS = 4,
};

/* ---- what waits --------------------------------------------------------------------------------
 */

struct queues {
    struct team *teams;
    size_t n;
};

static void put_entry(struct buf *b, const struct value *fields)
{
    static const char *const texts[] = {"incident", "reason",  "title",
                                        "for",      "service", "category"};
    static const char *const times[] = {"at", "opened_at", "acknowledge_by"};
    int64_t ms;

    buf_put_c(b, ",\"first\":{");
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        json_put_text(b, texts[i], value_member(fields, texts[i]));
    for (size_t i = 0; i < ARRAY_LEN(times); i++)
        if (str_to_i64(value_member(fields, times[i]), &ms))
            json_put_time(b, times[i], ms);
    buf_put_char(b, '}');
}

static void on_queues(struct api *api)
{
    struct queues *q = api->more;
    struct buf *b = &api->out;
    size_t at = 0;

    buf_put_c(b, "{\"queues\":[");
    for (size_t t = 0; t < q->n; t++)
        for (size_t tier = 0; tier < TIERS; tier++)
            for (size_t p = 0; p < PRIORITY_N; p++, at += 2) {
                int64_t length = fetch_at(&api->fetch, at)->i;
                const struct value *first = value_at(fetch_at(&api->fetch, at + 1), 0);

                if (length == 0)
                    continue;
                if (b->p[b->n - 1] != '[')
                    buf_put_char(b, ',');
                buf_put_c(b, "{\"team\":");
                buf_put_json(b, q->teams[t].name);
                buf_printf(b, ",\"tier\":\"%s\",\"priority\":\"%s\",\"length\":%lld",
                           form_queue_tiers[tier], form_priorities[p], (long long)length);
                if (first->n == 2)
                    put_entry(b, value_at(first, 1));
                buf_put_char(b, '}');
            }
    buf_put_c(b, "]}\n");
    api_reply(api, 200);
}

static struct str queue_key(struct api *api, struct str team, const char *tier,
                            const char *priority)
{
    return arena_printf(&api->arena, "%.*s:{%.*s}:queue:%s:%s", STR_ARG(api->conf->prefix),
                        STR_ARG(team), tier, priority);
}

void route_queues(const struct route_call *call)
{
    struct api *api = api_begin(call);
    struct queues *q;

    if (!api)
        return;
    q = ARENA_NEW(&api->arena, struct queues);
    if (!api_teams(api, &q->teams, &q->n))
        return;
    api->more = q;
    for (size_t t = 0; t < q->n; t++)
        for (size_t tier = 0; tier < TIERS; tier++)
            for (size_t p = 0; p < PRIORITY_N; p++) {
                struct str key =
                    queue_key(api, q->teams[t].name, form_queue_tiers[tier], form_priorities[p]);

                FETCH(&api->fetch, S("XLEN"), key);
                FETCH(&api->fetch, S("XRANGE"), key, S("-"), S("+"), S("COUNT"), S("1"));
            }
    api_then(api, on_queues);
}

/* ---- next --------------------------------------------------------------------------------------
 */

/* The contract's one-liner (docs/REDIS.md section 1), which also passes over what waits for another
 * person: such an entry stays undelivered, and the one behind it is named without being read (the
 * acknowledgement takes it off the queue all the same). */
static const char take_script[] =
    "local me = ARGV[1]\n"
    "for _, k in ipairs(KEYS) do\n"
    "  local groups, last = redis.pcall('XINFO', 'GROUPS', k), '0'\n"
    "  for _, g in ipairs(groups.err and {} or groups) do\n"
    "    for i = 1, #g, 2 do\n"
    "      if g[i] == 'last-delivered-id' then last = g[i + 1] end\n"
    "    end\n"
    "  end\n"
    "  for n, e in ipairs(redis.call('XRANGE', k, '(' .. last, '+', 'COUNT', 50)) do\n"
    "    local incident, whose = '', ''\n"
    "    for i = 1, #e[2], 2 do\n"
    "      if e[2][i] == 'incident' then incident = e[2][i + 1] end\n"
    "      if e[2][i] == 'for' then whose = e[2][i + 1] end\n"
    "    end\n"
    "    if whose == '' or whose == me then\n"
    "      if n == 1 and not groups.err then\n"
    "        redis.call('XREADGROUP', 'GROUP', 'responders', me, 'COUNT', 1, 'STREAMS', k, '>')\n"
    "      end\n"
    "      return incident\n"
    "    end\n"
    "  end\n"
    "end\n"
    "return false\n";

struct step { /* queues of one team, looked at by one call */
    struct str team;
    struct str *keys;
    size_t n;
};

struct taking {
    struct write *wr;
    struct step *steps;
    size_t n_steps, at, n_teams;
    struct team *teams;
    unsigned attempts;
    size_t item_head; /* length of the item before an incident is named */
    struct str actor;
    int64_t until_ms; /* monotonic */
    struct event *again;
    bool waiting;
};

static void cleanup(void *arg)
{
    struct taking *t = arg;

    if (t->waiting)
        t->wr->api->w->next_waiting--;
    if (t->again)
        event_free(t->again);
    write_cleanup(t->wr);
}

static void look(struct taking *t);

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    struct taking *t = arg;

    (void)fd;
    (void)what;
    if (http_request_is_abandoned(t->wr->api->req)) { /* nobody to give it to */
        write_end(t->wr, 204);
        return;
    }
    t->at = 0;
    look(t);
}

static void wait_or_end(struct taking *t)
{
    static const struct timeval every = {0, LOOK_EVERY_MS * 1000};
    struct worker *w = t->wr->api->w;

    if (clock_mono_ms() + LOOK_EVERY_MS > t->until_ms || w->stopping) {
        write_end(t->wr, 204);
        return;
    }
    if (!t->waiting && w->next_waiting >= WAITING_MAX) {
        http_reply_header(t->wr->api->req, "Retry-After", "5");
        write_error(t->wr, 503, "busy", "too many wait for an incident already", NULL);
        return;
    }
    if (!t->waiting)
        w->next_waiting++;
    t->waiting = true;
    if (!t->again)
        t->again = event_new(w->base, -1, 0, on_again, t);
    if (!t->again || event_add(t->again, &every) < 0)
        write_end(t->wr, 204);
}

static void on_acknowledged(struct write *wr, enum verb_outcome outcome, const jx *answer)
{
    struct taking *t = wr->more;
    int64_t status = 0;

    jx_int(jx_get(answer, "status"), &status);
    if (outcome == VERB_ANSWERED && status != 200 && ++t->attempts < ATTEMPTS_MAX) {
        t->at = 0; /* somebody was quicker */
        look(t);
        return;
    }
    if (outcome == VERB_ANSWERED && status == 409)
        wait_or_end(t);
    else
        write_answer(wr, outcome, answer);
}

static void on_uid(struct api *api)
{
    struct taking *t = api->more;
    struct write *wr = t->wr;
    unsigned char random[4];

    wr->item.n = t->item_head;
    write_add(wr, "id", wr->id);
    write_add(wr, "uid", fetch_at(&api->fetch, 0)->s);
    wr->kept_as = arena_printf(&api->arena, "next/%s", wr->request_id);
    if (t->attempts) { /* the first answer to the request's own id was a refusal */
        hash_random(random, sizeof(random));
        wr->kept_as = arena_printf(&api->arena, "next/%s/%02x%02x%02x%02x", wr->request_id,
                                   random[0], random[1], random[2], random[3]);
    }
    write_send(wr);
}

static void on_taken(struct api *api)
{
    struct taking *t = api->more;
    const struct value *incident = fetch_at(&api->fetch, 0);

    if (incident->s.n == 0) {
        t->at++;
        look(t);
        return;
    }
    t->wr->id = incident->s;
    t->wr->team = t->steps[t->at].team;
    api_round(api);
    FETCH(&api->fetch, S("HGET"), api_key_id(api, t->wr->team, "incident", t->wr->id), S("uid"));
    api_then(api, on_uid);
}

static void look(struct taking *t)
{
    struct api *api = t->wr->api;
    const struct step *step = &t->steps[t->at];
    struct str *args;
    char count[24];

    if (t->at == t->n_steps) {
        wait_or_end(t);
        return;
    }
    args = ARENA_ARRAY(&api->arena, struct str, step->n + 4);
    snprintf(count, sizeof(count), "%zu", step->n);
    args[0] = S("EVAL");
    args[1] = str_c(take_script);
    args[2] = str_c(count);
    for (size_t i = 0; i < step->n; i++)
        args[3 + i] = step->keys[i];
    args[3 + step->n] = t->actor;
    api_round(api);
    fetch_send(&api->fetch, args, step->n + 4);
    api_then(api, on_taken);
}

/* A request id that was answered before: the first answer again, not another incident. */
static void on_earlier(struct api *api)
{
    struct taking *t = api->more;
    struct jx_error why;

    for (size_t i = 0; i < t->n_teams; i++) {
        struct str text = fetch_at(&api->fetch, i)->s;
        jx *answer = text.n ? jx_parse(text, &why) : NULL;
        int64_t status = 0;

        jx_int(jx_get(answer, "status"), &status);
        if (status == 200) {
            t->wr->id = arena_str(&api->arena, jx_str(jx_get(answer, "id")));
            t->wr->team = t->teams[i].name;
            jx_free(answer);
            api_round(api);
            FETCH(&api->fetch, S("HGET"), api_key_id(api, t->wr->team, "incident", t->wr->id),
                  S("uid"));
            api_then(api, on_uid); /* the script knows the id, and repeats itself */
            return;
        }
        jx_free(answer);
    }
    look(t);
}

/* ---- what is asked for -------------------------------------------------------------------------
 */

static bool fault(struct taking *t, const char *path, const char *sentence)
{
    write_error(t->wr, 400, "bad_request", sentence, path);
    return false;
}

static bool read_tiers(struct taking *t, const char *tiers[TIERS], size_t *n)
{
    const jx *list = jx_get(t->wr->body, "tiers");

    *n = 0;
    for (size_t i = 0; i < jx_len(list); i++) {
        size_t k = 0;

        while (k < TIERS && !str_eq_c(jx_str(jx_at(list, i)), form_queue_tiers[k]))
            k++;
        if (k == TIERS)
            return fault(t, "tiers", "tiers: must be tier1, tier2, tier3 or manager");
        tiers[(*n)++] = form_queue_tiers[k];
    }
    if (*n == 0)
        tiers[(*n)++] = form_queue_tiers[0];
    return true;
}

static bool read_teams(struct taking *t)
{
    struct api *api = t->wr->api;
    const jx *list = jx_get(t->wr->body, "teams");
    size_t n = jx_len(list);

    if (n == 0 && !(api->token && api->token->team.n)) {
        t->n_teams = teams_all(api->w->teams, api->conf, &api->arena, &t->teams);
        return true;
    }
    t->teams = ARENA_ARRAY(&api->arena, struct team, n + 1);
    for (size_t i = 0; i < (n ? n : 1); i++) {
        struct str name = n ? jx_str(jx_at(list, i)) : api->token->team;

        if (!teams_find(api->w->teams, api->conf, name, &api->arena, &t->teams[t->n_teams++]))
            return fault(t, "teams", "teams: there is no such team");
    }
    return true;
}

/* One team: all its queues in one call. Several: P1 of each, then P2 of each …, since a call may
 * touch keys of one team only. */
static void plan(struct taking *t, const char *const *tiers, size_t n_tiers)
{
    struct api *api = t->wr->api;
    bool one = t->n_teams == 1;

    t->steps = ARENA_ARRAY(&api->arena, struct step, t->n_teams * PRIORITY_N + 1);
    for (size_t p = 0; p < PRIORITY_N; p++)
        for (size_t i = 0; i < t->n_teams; i++) {
            struct step *step = one ? &t->steps[0] : &t->steps[t->n_steps++];

            if (!step->keys)
                step->keys = ARENA_ARRAY(&api->arena, struct str, PRIORITY_N * TIERS);
            step->team = t->teams[i].name;
            for (size_t k = 0; k < n_tiers; k++)
                step->keys[step->n++] = queue_key(api, step->team, tiers[k], form_priorities[p]);
        }
    if (one)
        t->n_steps = 1;
}

static bool read_wait(struct taking *t)
{
    const jx *wait = jx_get(t->wr->body, "wait");
    int64_t ms = 0;

    if (!jx_int(wait, &ms))
        str_to_duration_ms(jx_str(wait), &ms);
    if (ms > WAIT_MAX_MS)
        return fault(t, "wait", "wait: must be at most 25s");
    t->until_ms = clock_mono_ms() + ms;
    return true;
}

void route_next(const struct route_call *call)
{
    struct write *wr = write_begin(call, S("acknowledge"));
    const char *tiers[TIERS];
    struct taking *t;
    struct api *api;
    size_t n_tiers;
    char key[512];

    if (!wr || !write_check(wr, &form_next))
        return;
    api = wr->api;
    t = ARENA_NEW(&api->arena, struct taking);
    t->wr = wr;
    wr->more = t;
    wr->answered = on_acknowledged;
    api->more = api->cleanup_arg = t;
    api->cleanup = cleanup;
    if (!read_tiers(t, tiers, &n_tiers) || !read_teams(t) || !read_wait(t))
        return;
    plan(t, tiers, n_tiers);
    t->item_head = wr->item.n;
    t->actor = jx_str(jx_get(wr->body, "actor"));
    if (t->actor.n == 0 && api->token)
        t->actor = api->token->name;
    for (size_t i = 0; jx_str(jx_get(wr->body, "request_id")).n && i < t->n_teams; i++)
        FETCH(&api->fetch, S("HGET"), api_key(api, t->teams[i].name, "requests", key),
              arena_printf(&api->arena, "next/%s", wr->request_id));
    api_then(api, on_earlier);
}
