/*
 * routes_records.c - what is kept beside incidents: problems, action items, known errors, and how
 * often fixes were used. Lists, single ones, and writing to them.
 * Owns: a row for each kind of record. Called by: routes.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "incident_json.h"
#include "matchers_check.h"
#include "reply.h"
#include "routes_verbs.h"
#include "worker.h"
#include "triaged/base/clock.h"
#include "triaged/base/mem.h"

enum { ROUNDS_MAX = 20 /* HSCANs for one page */ };

static const char *const problem_states[] = {"candidate", "open", "known", "closed", NULL};
static const char *const action_states[] = {"open", "overdue", "done", NULL};
static const char *const fix_states[] = {"seen", "candidate", NULL};

static const struct kind {
    const char *list;   /* member of the answer */
    const char *hash;   /* in Redis */
    const char *verb;   /* of the script */
    const char *member; /* of the item: which record */
    const char *a_name; /* in sentences */
    const char *const *states;
    const struct form *form;
} problems = {"problems", "problems",     "problem",    "problem",
              "problem",  problem_states, &form_problem},
  actions = {"actions", "actions", "action", "action", "action", action_states, &form_action},
  known_errors = {"known_errors", "known_errors", "known_error",    "known_error",
                  "known error",  NULL,           &form_known_error},
  automation = {"automation", "fixes", NULL, NULL, "fix", fix_states, NULL};

/* ---- lists -------------------------------------------------------------------------------------
 */

struct list_call {
    const struct kind *kind;
    struct team *teams;
    size_t n_teams, at, limit, found;
    unsigned rounds, states; /* bits; 0 = all */
    struct str scan;         /* HSCAN's cursor of the present team */
    struct str owners[100];
    size_t n_owners;
    int64_t now_ms;
};

static bool is_overdue(const jx *record, int64_t now_ms)
{
    int64_t due = 0;

    return str_eq(jx_str(jx_get(record, "state")), S("open")) &&
           jx_int(jx_get(record, "due_at"), &due) && due > 0 && due < now_ms;
}

static bool wanted(const struct list_call *l, const jx *record)
{
    struct str state = jx_str(jx_get(record, "state")), owner = jx_str(jx_get(record, "owner"));
    bool by_owner = l->n_owners == 0, by_state = l->states == 0;

    for (size_t i = 0; i < l->n_owners; i++)
        by_owner = by_owner || str_eq(owner, l->owners[i]);
    for (unsigned i = 0; !by_state && l->kind->states[i]; i++)
        if (l->states & 1u << i)
            by_state =
                str_eq_c(state, l->kind->states[i]) ||
                (strcmp(l->kind->states[i], "overdue") == 0 && is_overdue(record, l->now_ms));
    return by_owner && by_state;
}

static void put_members(struct buf *b, const struct kind *kind, struct str team, const jx *record,
                        int64_t now_ms)
{
    buf_put_c(b, "{\"team\":");
    buf_put_json(b, team);
    if (kind == &actions)
        buf_printf(b, ",\"overdue\":%s", is_overdue(record, now_ms) ? "true" : "false");
    if (kind == &known_errors)
        buf_put_c(b, ",\"declared_by\":\"review\"");
    json_put_members(b, record);
    buf_put_char(b, '}');
}

static void put_record(struct buf *b, const struct list_call *l, struct str text, size_t *found)
{
    struct jx_error why;
    jx *doc = jx_parse(text, &why);

    if (jx_type(doc) == JX_OBJECT && wanted(l, doc)) {
        if (b->p[b->n - 1] != '[')
            buf_put_char(b, ',');
        put_members(b, l->kind, l->teams[l->at].name, doc, l->now_ms);
        (*found)++;
    }
    jx_free(doc);
}

static void end_list(struct api *api, struct list_call *l)
{
    struct buf *b = &api->out;
    bool more = l->at < l->n_teams;

    buf_put_c(b, "],\"next\":");
    if (more)
        buf_put_json(b, arena_printf(&api->arena, "%.*s.%.*s", STR_ARG(l->teams[l->at].name),
                                     STR_ARG(l->scan)));
    else
        buf_put_c(b, "null");
    buf_put_c(b, "}\n");
    api_reply(api, 200);
}

static void scan(struct api *api);

static void on_scan(struct api *api)
{
    struct list_call *l = api->more;
    const struct value *pairs = value_at(fetch_at(&api->fetch, 0), 1);

    for (size_t i = 1; i < pairs->n; i += 2)
        put_record(&api->out, l, pairs->v[i].s, &l->found);
    l->scan = value_at(fetch_at(&api->fetch, 0), 0)->s;
    l->rounds++;
    if (l->scan.n == 0 || str_eq(l->scan, S("0"))) {
        l->at++;
        l->scan = S("0");
    }
    if (l->at >= l->n_teams || l->found >= l->limit || l->rounds >= ROUNDS_MAX)
        end_list(api, l);
    else
        scan(api);
}

static void scan(struct api *api)
{
    struct list_call *l = api->more;
    char key[512], count[24];

    snprintf(count, sizeof(count), "%zu", l->limit);
    api_round(api);
    FETCH(&api->fetch, S("HSCAN"), api_key(api, l->teams[l->at].name, l->kind->hash, key), l->scan,
          S("COUNT"), str_c(count));
    api_then(api, on_scan);
}

/* Known errors of the file come first, on the first page. */
static void put_configured(struct buf *b, const struct conf *conf)
{
    for (size_t i = 0; i < conf->n_known_errors; i++) {
        const struct conf_known_error *k = &conf->known_errors[i];

        buf_put_c(b, i ? ",{\"id\":" : "{\"id\":");
        buf_put_json(b, k->id);
        buf_put_c(b, ",\"declared_by\":\"configuration\",\"match\":[");
        for (size_t m = 0; m < k->match.n; m++) {
            if (m)
                buf_put_char(b, ',');
            buf_put_json(b, k->match.v[m].s);
        }
        buf_put_char(b, ']');
        json_put_text(b, "title", k->title);
        json_put_text(b, "workaround", k->workaround);
        json_put_text(b, "kb", k->kb);
        buf_put_char(b, '}');
    }
}

static bool read_states(struct api *api, struct list_call *l)
{
    struct str state;

    for (size_t i = 0; l->kind->states && (state = http_request_query_at(api->req, "state", i)).p;
         i++) {
        unsigned bit = 0;

        while (l->kind->states[bit] && !str_eq_c(state, l->kind->states[bit]))
            bit++;
        if (!l->kind->states[bit]) {
            api_error(api, 400, "bad_request", "state: there is no such state", "state");
            return false;
        }
        l->states |= 1u << bit;
    }
    for (size_t i = 0; l->kind == &actions && i < ARRAY_LEN(l->owners); i++) {
        struct str owner = http_request_query_at(api->req, "owner", i);

        if (!owner.p)
            break;
        l->owners[l->n_owners++] = owner;
    }
    return true;
}

/* TEAM.SCAN; false: answered. */
static bool read_cursor(struct api *api, struct list_call *l)
{
    struct str cursor = http_request_query(api->req, "cursor"), rest,
               team = str_cut(cursor, '.', &rest);
    uint64_t number;

    l->scan = S("0");
    if (!cursor.p)
        return true;
    while (l->at < l->n_teams && !str_eq(l->teams[l->at].name, team))
        l->at++;
    if (l->at == l->n_teams || !str_to_u64(rest, &number)) {
        api_error(api, 400, "bad_request", "cursor is none of ours", "cursor");
        return false;
    }
    l->scan = arena_str(&api->arena, rest);
    return true;
}

static void list(const struct route_call *call, const struct kind *kind)
{
    struct api *api = api_begin(call);
    struct list_call *l;

    if (!api)
        return;
    l = ARENA_NEW(&api->arena, struct list_call);
    l->kind = kind;
    l->now_ms = clock_wall_ms();
    api->more = l;
    if (!api_limit(api, &l->limit) || !api_teams(api, &l->teams, &l->n_teams) ||
        !read_states(api, l) || !read_cursor(api, l))
        return;
    buf_printf(&api->out, "{\"%s\":[", kind->list);
    if (kind == &known_errors && !http_request_query(api->req, "cursor").p)
        put_configured(&api->out, api->conf);
    if (l->n_teams == 0)
        end_list(api, l);
    else
        scan(api);
}

void route_problems(const struct route_call *call)
{
    list(call, &problems);
}

void route_actions(const struct route_call *call)
{
    list(call, &actions);
}

void route_known_errors(const struct route_call *call)
{
    list(call, &known_errors);
}

void route_automation(const struct route_call *call)
{
    list(call, &automation);
}

/* ---- one record --------------------------------------------------------------------------------
 */

struct one {
    const struct kind *kind;
    struct str id;
    struct team *teams;
    size_t n_teams;
    struct write *wr; /* or NULL: only to be shown */
};

/* Ids are the teams' own: which of them has it? False: answered. */
static bool one_team(struct api *api, const struct one *one, size_t *at)
{
    size_t n = 0;
    char text[200];

    for (size_t i = 0; i < one->n_teams; i++)
        if (fetch_at(&api->fetch, i)->s.n) {
            *at = i;
            n++;
        }
    if (n == 1)
        return true;
    if (n == 0) {
        snprintf(text, sizeof(text), "there is no %s %.*s", one->kind->a_name,
                 one->id.n < 100 ? (int)one->id.n : 100, one->id.p);
        api_error(api, 404, "not_found", text, NULL);
    } else {
        api_error(api, 409, "ambiguous", "several teams have one of this id: name the team",
                  "team");
    }
    return false;
}

static void on_one(struct api *api)
{
    struct one *one = api->more;
    struct jx_error why;
    size_t at;
    jx *doc;

    if (!one_team(api, one, &at))
        return;
    if (one->wr) {
        one->wr->team = one->teams[at].name;
        write_add(one->wr, one->kind->member, one->id);
        write_send(one->wr);
        return;
    }
    doc = jx_parse(fetch_at(&api->fetch, at)->s, &why);
    buf_put_c(&api->out, "{\"record\":");
    put_members(&api->out, one->kind, one->teams[at].name, doc, clock_wall_ms());
    buf_put_c(&api->out, "}\n");
    jx_free(doc);
    api_reply(api, 200);
}

static void ask_one(struct api *api, struct one *one)
{
    char key[512];

    api->more = one;
    for (size_t i = 0; i < one->n_teams; i++)
        FETCH(&api->fetch, S("HGET"), api_key(api, one->teams[i].name, one->kind->hash, key),
              one->id);
    api_then(api, on_one);
}

static void show(const struct route_call *call, const struct kind *kind)
{
    struct api *api = api_begin(call);
    struct one *one;

    if (!api)
        return;
    one = ARENA_NEW(&api->arena, struct one);
    one->kind = kind;
    one->id = arena_str(&api->arena, call->args[0]);
    if (api_teams(api, &one->teams, &one->n_teams))
        ask_one(api, one);
}

void route_problem(const struct route_call *call)
{
    show(call, &problems);
}

void route_action(const struct route_call *call)
{
    show(call, &actions);
}

/* The team that the body names; without one all of them. False: answered. */
static bool body_teams(struct write *wr, struct team **out, size_t *n)
{
    struct str name = jx_str(jx_get(wr->body, "team"));

    if (name.n == 0) {
        *n = teams_all(wr->api->w->teams, wr->api->conf, &wr->api->arena, out);
        return true;
    }
    *out = ARENA_NEW(&wr->api->arena, struct team);
    *n = 1;
    if (teams_find(wr->api->w->teams, wr->api->conf, name, &wr->api->arena, *out))
        return true;
    write_error(wr, 400, "bad_request", "team: there is no such team", "team");
    return false;
}

static void write_to(const struct route_call *call, const struct kind *kind)
{
    struct write *wr = write_begin(call, str_c(kind->verb));
    struct one *one;

    if (!wr || !write_check(wr, kind->form))
        return;
    wr->is_record = true;
    one = ARENA_NEW(&wr->api->arena, struct one);
    one->kind = kind;
    one->id = arena_str(&wr->api->arena, call->args[0]);
    one->wr = wr;
    wr->target = one->id;
    if (body_teams(wr, &one->teams, &one->n_teams))
        ask_one(wr->api, one);
}

void route_write_problem(const struct route_call *call)
{
    write_to(call, &problems);
}

void route_write_action(const struct route_call *call)
{
    write_to(call, &actions);
}

/* ---- new ones ----------------------------------------------------------------------------------
 */

/* The team named, the incident's, the token's, the default one. False: answered. */
static bool team_for(struct write *wr, struct str incident)
{
    struct api *api = wr->api;
    struct str name = jx_str(jx_get(wr->body, "team"));
    struct team team;

    if (incident.n && !teams_of_incident(api->w->teams, api->conf, incident, &api->arena, &team)) {
        write_error(wr, 400, "bad_request", "incident: there is no such incident", "incident");
        return false;
    }
    if (incident.n && name.n && !str_eq(name, team.name)) {
        write_error(wr, 400, "bad_request", "team: is not the incident's", "team");
        return false;
    }
    if (!incident.n) {
        if (!name.n)
            name = api->token && api->token->team.n ? api->token->team : api->conf->default_team;
        if (!teams_find(api->w->teams, api->conf, name, &api->arena, &team)) {
            write_error(wr, 400, "bad_request", "team: there is no such team", "team");
            return false;
        }
    }
    wr->team = team.name;
    return true;
}

void route_new_action(const struct route_call *call)
{
    struct write *wr = write_begin(call, S("action"));

    if (!wr)
        return;
    wr->id = jx_str(jx_get(wr->body, "incident"));
    wr->is_record = true;
    if (write_check(wr, &form_new_action) && team_for(wr, wr->id))
        write_send(wr);
}

static void put_known_error(struct write *wr)
{
    static const char *const texts[] = {"id", "title", "workaround", "kb"};
    const jx *match = jx_get(wr->body, "match");
    struct buf *b = &wr->item;

    buf_put_c(b, ",\"known_error\":{\"match\":");
    json_put_value(b, "match", match);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        json_put_text(b, texts[i], jx_str(jx_get(wr->body, texts[i])));
    buf_put_char(b, '}');
}

void route_write_known_error(const struct route_call *call)
{
    struct write *wr = write_begin(call, S("known_error"));
    struct form_error why;

    if (!wr || !write_check(wr, &form_known_error) || !team_for(wr, STR_NONE))
        return;
    wr->is_record = wr->declares = true;
    wr->target = jx_str(jx_get(wr->body, "id"));
    if (jx_bool(jx_get(wr->body, "delete"), false)) {
        write_add(wr, "known_error", jx_str(jx_get(wr->body, "id")));
    } else if (!matchers_check(jx_get(wr->body, "match"), "match", &wr->api->arena, &why)) {
        write_error(wr, 400, "bad_request", why.text, why.path);
        return;
    } else {
        put_known_error(wr);
    }
    write_send(wr);
}
