/*
 * incident_page.c - the walk over board and closed.
 * Owns: the order (score, team, id), the cursor's form, the bounds of a page.
 * Never: shows anything. Called by: the routes that list incidents.
 *
 *   round 1  from each team the next few ids behind the position, merged in order
 *   round 2  those incidents, filtered by their fields
 *   round 3  only with matchers on labels: up to 100 alerts of those that are left
 * and again, until the page is full, enough was looked at, or there are no more.
 */
#include "incident_page.h"

#include <stdio.h>

#include "triaged/base/mem.h"

enum { BATCH_MAX = 200, BATCH_MIN = 10, ALERTS_LOOKED_AT = 100, RANK_SHIFT = 4 };
static const int64_t rank_size = 10000000000000; /* score = rank * 10^13 + opened_at */

struct page_candidate {
    struct str team, id;
    int64_t score;
    struct incident inc;
    bool passed; /* the fields match; labels are asked */
};

static void next_round(struct page *p);

/* ---- the cursor: b.SCORE.TEAM.ID or c.… --------------------------------------------------------
 */

static bool read_cursor(struct page_position *at, struct str cursor, struct arena *a)
{
    struct str rest, set = str_cut(cursor, '.', &rest), score = str_cut(rest, '.', &rest);

    if (!str_eq(set, S("b")) && !str_eq(set, S("c")))
        return false;
    at->closed = str_eq(set, S("c"));
    if (score.n == 0)
        return true;
    at->begun = true;
    at->team = arena_str(a, str_cut(rest, '.', &rest));
    at->id = arena_str(a, rest);
    return str_to_i64(score, &at->score) && at->team.n && at->id.n && cursor.n < 512;
}

static struct str write_cursor(const struct page *p)
{
    struct arena *a = &p->api->arena;

    if (!p->at.begun)
        return p->at.closed ? arena_str(a, S("c.")) : arena_str(a, S("b."));
    return arena_printf(a, "%c.%lld.%.*s.%.*s", p->at.closed ? 'c' : 'b', (long long)p->at.score,
                        STR_ARG(p->at.team), STR_ARG(p->at.id));
}

struct page *page_create(struct api *api, struct query *query, size_t limit, struct str cursor)
{
    struct page *p = ARENA_NEW(&api->arena, struct page);

    p->api = api;
    p->query = query;
    p->limit = limit;
    p->look = API_LOOK_MAX;
    p->batch = query->n_teams ? BATCH_MAX / query->n_teams : BATCH_MAX;
    if (p->batch > limit)
        p->batch = limit;
    if (p->batch < BATCH_MIN)
        p->batch = BATCH_MIN;
    if (cursor.n && !read_cursor(&p->at, cursor, &api->arena))
        return NULL;
    p->found = ARENA_ARRAY(&api->arena, struct incident, limit + 1);
    p->offsets = ARENA_ARRAY(&api->arena, size_t, query->n_teams + 1);
    return p;
}

/* ---- round 1 -----------------------------------------------------------------------------------
 */

/* Ranks 1..4 are P1..P4, 5..8 the same but resolved: from the first wanted one to the last. */
static void board_bounds(const struct query *q, int64_t *from, int64_t *to)
{
    bool active = q->states & (QUERY_OPEN | QUERY_ACKNOWLEDGED);
    int first = 0, last = 0;

    for (int rank = 1; rank <= 2 * RANK_SHIFT; rank++) {
        bool wanted = rank <= RANK_SHIFT ? active : q->states & QUERY_RESOLVED;

        if (wanted && (q->priorities & 1u << (rank - 1) % RANK_SHIFT)) {
            first = first ? first : rank;
            last = rank;
        }
    }
    *from = first * rank_size;
    *to = (last + 1) * rank_size - 1;
}

static void ask_team(struct page *p, size_t i)
{
    struct str team = p->query->teams[i].name;
    const struct page_position *at = &p->at;
    char key[512], first[40], last[40], offset[24], count[24];
    int order = at->begun ? str_cmp(team, at->team) : 0;
    const char *open = at->begun && order < 0 ? "(" : "";
    int64_t from, to;

    board_bounds(p->query, &from, &to);
    snprintf(offset, sizeof(offset), "%zu", p->offsets[i]);
    snprintf(count, sizeof(count), "%zu", p->batch);
    if (at->closed) {
        if (at->begun)
            snprintf(first, sizeof(first), "%s%lld", open, (long long)at->score);
        else
            snprintf(first, sizeof(first), "+inf");
        FETCH(&p->api->fetch, S("ZREVRANGEBYSCORE"), api_key(p->api, team, "closed", key),
              str_c(first), S("-inf"), S("WITHSCORES"), S("LIMIT"), str_c(offset), str_c(count));
        return;
    }
    if (at->begun && at->score >= from)
        from = at->score;
    else
        open = "";
    snprintf(first, sizeof(first), "%s%lld", open, (long long)from);
    snprintf(last, sizeof(last), "%lld", (long long)to);
    FETCH(&p->api->fetch, S("ZRANGEBYSCORE"), api_key(p->api, team, "board", key), str_c(first),
          str_c(last), S("WITHSCORES"), S("LIMIT"), str_c(offset), str_c(count));
}

/* Is (score, team, id) behind the position? Of one score and team the closed ones run backwards. */
static bool is_behind(const struct page *p, int64_t score, struct str team, struct str id)
{
    const struct page_position *at = &p->at;
    int order;

    if (!at->begun)
        return true;
    if (score != at->score)
        return at->closed ? score < at->score : score > at->score;
    order = str_cmp(team, at->team);
    if (order != 0)
        return order > 0;
    order = str_cmp(id, at->id);
    return at->closed ? order < 0 : order > 0;
}

struct front { /* of a team: what was answered, and the next of it */
    const struct value *ids;
    size_t i;
};

static struct page_candidate peek(const struct page *p, const struct front *f, size_t team)
{
    struct page_candidate c = {.team = p->query->teams[team].name};

    c.id = value_at(f->ids, f->i)->s;
    c.score = value_at(f->ids, f->i + 1)->i;
    return c;
}

/* The team whose next id comes first. False: a team has no more here, but may have in Redis (then
 * nothing behind it may be taken yet), or nobody has any more. */
static bool first_of(const struct page *p, const struct front *fronts, size_t *team)
{
    struct page_candidate best = {0}, c;
    bool any = false;

    for (size_t i = 0; i < p->query->n_teams; i++) {
        const struct front *f = &fronts[i];

        if (f->i + 1 >= f->ids->n) {
            if (f->ids->n >= 2 * p->batch)
                return false;
            continue;
        }
        c = peek(p, f, i);
        if (any && (p->at.closed ? c.score <= best.score : c.score >= best.score))
            continue;
        best = c;
        *team = i;
        any = true;
    }
    return any;
}

static void merge(struct page *p)
{
    size_t n = p->query->n_teams, team = 0, max = n * p->batch;
    struct front *fronts = ARENA_ARRAY(&p->api->arena, struct front, n + 1);
    bool passed_over = false, full = false;

    p->n_candidates = 0;
    p->candidates = ARENA_ARRAY(&p->api->arena, struct page_candidate, max + 1);
    for (size_t i = 0; i < n; i++) {
        struct front *f = &fronts[i];

        f->ids = fetch_at(&p->api->fetch, i);
        full = full || f->ids->n >= 2 * p->batch;
        while (f->i + 1 < f->ids->n &&
               !is_behind(p, value_at(f->ids, f->i + 1)->i, p->query->teams[i].name,
                          value_at(f->ids, f->i)->s))
            f->i += 2;
        if (f->i + 1 >= f->ids->n && f->ids->n >= 2 * p->batch) {
            p->offsets[i] += p->batch; /* all of one score, and looked at: further */
            passed_over = true;
        }
    }
    while (!passed_over && first_of(p, fronts, &team)) {
        p->candidates[p->n_candidates++] = peek(p, &fronts[team], team);
        fronts[team].i += 2;
    }
    p->exhausted = !full;
}

/* ---- the end -----------------------------------------------------------------------------------
 */

static bool wants_closed(const struct page *p)
{
    return p->query->states & QUERY_CLOSED;
}

static bool wants_board(const struct page *p)
{
    return p->query->states & ~(unsigned)QUERY_CLOSED;
}

static void finish(struct page *p, bool more)
{
    if (more)
        p->next = write_cursor(p);
    p->done(p);
}

/* A set was walked to its end. */
static void end_of_set(struct page *p)
{
    if (p->at.closed || !wants_closed(p)) {
        finish(p, false);
        return;
    }
    p->at = (struct page_position){.closed = true};
    if (p->n_found >= p->limit || p->look == 0)
        finish(p, true);
    else
        next_round(p);
}

static void move_to(struct page *p, const struct page_candidate *c)
{
    p->at.begun = true;
    p->at.score = c->score;
    p->at.team = c->team;
    p->at.id = c->id;
    for (size_t i = 0; i < p->query->n_teams; i++)
        p->offsets[i] = 0;
    if (p->look)
        p->look--;
}

/* Takes what passed, in order, as far as the page goes. */
static void take(struct page *p)
{
    for (size_t i = 0; i < p->n_candidates; i++) {
        struct page_candidate *c = &p->candidates[i];

        move_to(p, c);
        if (c->passed)
            p->found[p->n_found++] = c->inc;
        if ((p->n_found >= p->limit || p->look == 0) &&
            (i + 1 < p->n_candidates || !p->exhausted)) {
            finish(p, true);
            return;
        }
    }
    if (p->exhausted)
        end_of_set(p);
    else
        next_round(p);
}

/* ---- rounds 2 and 3 ----------------------------------------------------------------------------
 */

static void on_alerts(struct api *api)
{
    struct page *p = api->more;
    size_t asked = 0;

    for (size_t i = 0; i < p->n_candidates; i++) {
        struct page_candidate *c = &p->candidates[i];
        const struct value *pairs;

        if (!c->passed)
            continue;
        pairs = value_at(fetch_at(&api->fetch, asked++), 1);
        c->passed = false;
        for (size_t k = 1; k < pairs->n && !c->passed; k += 2)
            c->passed = query_matches_alert(p->query, pairs->v[k].s, &api->arena);
    }
    take(p);
}

static void ask_alerts(struct page *p)
{
    char count[24];

    snprintf(count, sizeof(count), "%d", ALERTS_LOOKED_AT);
    api_round(p->api);
    for (size_t i = 0; i < p->n_candidates; i++)
        if (p->candidates[i].passed)
            FETCH(&p->api->fetch, S("HSCAN"),
                  api_key_id(p->api, p->candidates[i].team, "alerts", p->candidates[i].id), S("0"),
                  S("COUNT"), str_c(count));
    api_then(p->api, on_alerts);
}

static void on_incidents(struct api *api)
{
    struct page *p = api->more;

    for (size_t i = 0; i < p->n_candidates; i++) {
        struct page_candidate *c = &p->candidates[i];

        c->passed = incident_from_value(&c->inc, fetch_at(&api->fetch, i), &api->arena) &&
                    query_matches(p->query, &c->inc, &api->arena) &&
                    (!p->also || p->also(p, &c->inc));
    }
    if (p->query->labels)
        ask_alerts(p);
    else
        take(p);
}

static void on_ids(struct api *api)
{
    struct page *p = api->more;

    merge(p);
    if (p->n_candidates == 0) {
        if (p->exhausted)
            end_of_set(p);
        else
            next_round(p);
        return;
    }
    if (p->n_candidates > p->look) { /* the rest is for the next page */
        p->n_candidates = p->look;
        p->exhausted = false;
    }
    api_round(api);
    for (size_t i = 0; i < p->n_candidates; i++)
        FETCH(&api->fetch, S("HGETALL"),
              api_key_id(api, p->candidates[i].team, "incident", p->candidates[i].id));
    api_then(api, on_incidents);
}

static void next_round(struct page *p)
{
    api_round(p->api);
    for (size_t i = 0; i < p->query->n_teams; i++)
        ask_team(p, i);
    api_then(p->api, on_ids);
}

void page_run(struct page *p)
{
    p->api->more = p;
    if (!p->at.closed && !wants_board(p))
        p->at = (struct page_position){.closed = true};
    if (p->query->n_teams == 0 || (p->at.closed && !wants_closed(p)))
        finish(p, false);
    else
        next_round(p);
}
