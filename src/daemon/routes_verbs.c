/*
 * routes_verbs.c - POST /api/v1/incidents/ID/VERB and POST /api/v1/incidents, and what all writing
 * has in common.
 * Owns: the forms of their answers. Never: decides what is allowed (the script does, beyond roles).
 * Called by: routes.c, the other routes that write.
 */
#include "routes_verbs.h"

#include <stdio.h>
#include <stdlib.h>

#include "reply.h"
#include "supervisor.h"
#include "worker.h"
#include "triaged/base/clock.h"
#include "triaged/base/mem.h"

/* ---- in ----------------------------------------------------------------------------------------
 */

void write_cleanup(void *arg)
{
    struct write *wr = arg;

    jx_free(wr->body);
    buf_finish(&wr->item);
}

struct write *write_begin(const struct route_call *call, struct str verb)
{
    struct str text = str_trim(http_request_body(call->req));
    struct jx_error why;
    struct api *api;
    struct write *wr;
    jx *body;

    body = jx_parse(text.n ? text : S("{}"), &why);
    if (!body) {
        reply_error(call->req, 400, "bad_json", why.text, why.path);
        return NULL;
    }
    api = api_begin(call);
    if (!api) {
        jx_free(body);
        return NULL;
    }
    wr = ARENA_NEW(&api->arena, struct write);
    wr->api = api;
    wr->verb = arena_str(&api->arena, verb);
    wr->body = body;
    wr->if_match = -1;
    buf_init(&wr->item, ITEM_MAX);
    api->more = wr;
    api->cleanup = write_cleanup;
    api->cleanup_arg = wr;
    return wr;
}

void write_error(struct write *wr, int status, const char *code, const char *message,
                 const char *path)
{
    api_error(wr->api, status, code, message, path);
}

void write_end(struct write *wr, int status)
{
    api_reply(wr->api, status);
}

bool write_check(struct write *wr, const struct form *form)
{
    struct api *api = wr->api;
    struct item_head head = {.verb = wr->verb,
                             .id = wr->id,
                             .token = api->token,
                             .at_ms = clock_wall_ms(),
                             .if_version = wr->if_match};
    struct form_error why;

    item_begin(&wr->item, &head);
    if (!form_read(form, wr->body, &wr->item, &why) || !verb_check(wr->verb, wr->body, &why) ||
        !item_who(&wr->item, wr->body, api->token, wr->request_id, &why)) {
        write_error(wr, 400, "bad_request", why.text, why.path);
        return false;
    }
    return true;
}

void write_add(struct write *wr, const char *name, struct str value)
{
    json_put_text(&wr->item, name, value);
}

static void on_done(void *arg, enum verb_outcome outcome, const jx *answer)
{
    struct write *wr = arg;

    if (wr->declares && outcome == VERB_ANSWERED)
        mailbox_post(wr->api->w->supervisor->mailbox, SUPERVISOR_KNOWN_ERRORS, NULL, NULL, 0);
    if (wr->answered)
        wr->answered(wr, outcome, answer);
    else
        write_answer(wr, outcome, answer);
}

void write_send(struct write *wr)
{
    if (wr->kept_as.n == 0)
        wr->kept_as = arena_printf(&wr->api->arena, "%.*s/%.*s/%s", STR_ARG(wr->verb),
                                   STR_ARG(wr->target.n ? wr->target : wr->id), wr->request_id);
    write_add(wr, "request_id", wr->kept_as);
    buf_put_char(&wr->item, '}');
    if (wr->item.overflow) {
        write_error(wr, 413, "too_large", "all fields together are larger than 1 MiB", NULL);
        return;
    }
    if (verbs_submit(wr->api->w->verbs, wr->team, buf_str(&wr->item), wr->kept_as, on_done, wr) ==
        VERB_AWAY)
        on_done(wr, VERB_AWAY, NULL);
}

/* ---- out ---------------------------------------------------------------------------------------
 */

static void put_request_id(struct write *wr)
{
    json_put_text(&wr->api->out, "request_id", str_c(wr->request_id));
}

static void put_incident(struct write *wr, const jx *answer)
{
    struct incident inc;
    char etag[40];

    if (!incident_from_json(&inc, jx_get(answer, "incident"), &wr->api->arena))
        return;
    if (wr->api->out.p[wr->api->out.n - 1] != '{')
        buf_put_char(&wr->api->out, ',');
    buf_put_c(&wr->api->out, "\"incident\":");
    incident_put(&wr->api->out, &inc);
    snprintf(etag, sizeof(etag), "\"%lld\"", (long long)incident_number(&inc, "version"));
    http_reply_header(wr->api->req, "ETag", etag);
}

static void put_record(struct write *wr, const jx *answer)
{
    const jx *record = jx_get(answer, "record");
    struct buf *b = &wr->api->out;

    buf_put_c(b, ",\"record\":");
    if (jx_type(record) != JX_OBJECT) {
        buf_put_c(b, "null");
        return;
    }
    buf_put_char(b, '{');
    json_put_text(b, "team", wr->team);
    json_put_members(b, record);
    buf_put_char(b, '}');
}

static void refused(struct write *wr, int64_t status, const jx *answer)
{
    struct buf *b = &wr->api->out;

    if (wr->if_match >= 0 && str_eq(jx_str(jx_get(jx_get(answer, "error"), "code")), S("version")))
        status = 412;
    buf_put_c(b, "{\"error\":");
    json_put_value(b, "error", jx_get(answer, "error"));
    put_request_id(wr);
    put_incident(wr, answer);
    buf_put_c(b, "}\n");
    write_end(wr, status >= 400 && status <= 599 ? (int)status : 500);
}

static void put_timeout(struct write *wr)
{
    struct buf *b = &wr->api->out;

    buf_put_c(b,
              "{\"error\":{\"code\":\"timeout\",\"message\":\"Redis did not answer in time; it may "
              "still happen: send it again with the same request_id\"}");
    put_request_id(wr);
    buf_put_c(b, "}\n");
}

void write_answer(struct write *wr, enum verb_outcome outcome, const jx *answer)
{
    struct buf *b = &wr->api->out;
    struct verb_away away;
    int64_t status = 500;

    switch (outcome) {
    case VERB_AWAY:
        away = verbs_away(wr->api->w->verbs);
        api_unavailable(wr->api, away.code, away.message);
        return;
    case VERB_TIMEOUT:
        put_timeout(wr);
        write_end(wr, 504);
        return;
    case VERB_REFUSED:
        write_error(wr, 500, "internal", "Redis refused it; see the log", NULL);
        return;
    case VERB_ANSWERED:
        break;
    }
    jx_int(jx_get(answer, "status"), &status);
    if (status != 200) {
        refused(wr, status, answer);
        return;
    }
    buf_printf(b, "{\"changed\":%s%s", jx_bool(jx_get(answer, "changed"), false) ? "true" : "false",
               jx_bool(jx_get(answer, "repeated"), false) ? ",\"repeated\":true" : "");
    put_request_id(wr);
    if (wr->is_record)
        put_record(wr, answer);
    put_incident(wr, answer);
    buf_put_c(b, "}\n");
    write_end(wr, 200);
}

/* ---- a verb on an incident ---------------------------------------------------------------------
 */

static void on_uid(struct api *api)
{
    struct write *wr = api->more;
    struct str uid = fetch_at(&api->fetch, 0)->s;
    char text[200];

    if (uid.n == 0) {
        snprintf(text, sizeof(text), "there is no incident %.*s", STR_ARG(wr->id));
        write_error(wr, 404, "not_found", text, NULL);
        return;
    }
    write_add(wr, "uid", uid);
    write_send(wr);
}

/* "7", W/"7" or *; false: answered. */
static bool read_if_match(struct write *wr)
{
    struct str text = str_trim(http_request_header(wr->api->req, "If-Match"));
    int64_t version;

    if (!text.p || str_eq(text, S("*")))
        return true;
    if (str_starts(text, S("W/")))
        text = str_sub(text, 2, text.n);
    if (text.n > 2 && text.p[0] == '"' && text.p[text.n - 1] == '"' &&
        str_to_i64(str_sub(text, 1, text.n - 1), &version) && version >= 0) {
        wr->if_match = version;
        return true;
    }
    write_error(wr, 400, "bad_request", "If-Match must be a version in quotes, such as \"7\"",
                "If-Match");
    return false;
}

/* What needs more than a responder. False: answered 403. */
static bool may(struct write *wr)
{
    if (!jx_bool(jx_get(wr->body, "force"), false) || api_is_manager(wr->api->token))
        return true;
    write_error(wr, 403, "forbidden", "only a manager may force", "force");
    return false;
}

void route_verb(const struct route_call *call)
{
    const struct form *form = verb_form(call->args[1]);
    struct team team;
    struct write *wr;

    if (!form) {
        reply_error(call->req, 404, "not_found", "there is no such verb", NULL);
        return;
    }
    wr = write_begin(call, call->args[1]);
    if (!wr)
        return;
    wr->id = arena_str(&wr->api->arena, call->args[0]);
    if (!teams_of_incident(call->w->teams, wr->api->conf, wr->id, &wr->api->arena, &team)) {
        api_team_of(wr->api, wr->id, &team); /* says so */
        return;
    }
    wr->team = team.name;
    if (!read_if_match(wr) || !write_check(wr, form) || !may(wr))
        return;
    FETCH(&wr->api->fetch, S("HGET"), api_key_id(wr->api, wr->team, "incident", wr->id), S("uid"));
    api_then(wr->api, on_uid);
}

/* ---- opening by hand ---------------------------------------------------------------------------
 */

static const struct conf_service *service_of(const struct conf *conf, struct str name)
{
    for (size_t i = 0; i < conf->n_services; i++)
        if (str_eq(conf->services[i].name, name))
            return &conf->services[i];
    return NULL;
}

static bool is_category(const struct conf *conf, struct str name)
{
    for (size_t i = 0; i < conf->n_categories; i++)
        if (str_eq(conf->categories[i], name))
            return true;
    return false;
}

/* The team that is named, the service's, the token's, the default one. */
static struct str team_for(const struct write *wr, const struct conf_service *service)
{
    struct str named = jx_str(jx_get(wr->body, "team"));

    if (named.n)
        return named;
    if (service && service->team.n)
        return service->team;
    if (wr->api->token && wr->api->token->team.n)
        return wr->api->token->team;
    return wr->api->conf->default_team;
}

void route_open(const struct route_call *call)
{
    struct write *wr = write_begin(call, S("open"));
    const struct conf_service *service;
    struct str impact, urgency, category;
    struct team team;

    if (!wr || !write_check(wr, &form_open))
        return;
    service = service_of(wr->api->conf, jx_str(jx_get(wr->body, "service")));
    category = jx_str(jx_get(wr->body, "category"));
    if (category.n && !is_category(wr->api->conf, category)) {
        write_error(wr, 400, "bad_request", "category: is none of the configuration's categories",
                    "category");
        return;
    }
    if (!teams_find(call->w->teams, wr->api->conf, team_for(wr, service), &wr->api->arena, &team)) {
        write_error(wr, 400, "bad_request", "team: there is no such team", "team");
        return;
    }
    wr->team = team.name;
    impact = jx_str(jx_get(wr->body, "impact"));
    urgency = jx_str(jx_get(wr->body, "urgency"));
    if (impact.n == 0)
        impact = str_c(
            level_name(service && service->impact != LEVEL_UNSET ? service->impact : LEVEL_MEDIUM));
    write_add(wr, "impact", impact);
    write_add(wr, "urgency", urgency.n ? urgency : S("medium"));
    if (wr->api->conf->external_url.n)
        write_add(
            wr, "url_base",
            arena_printf(&wr->api->arena, "%.*s/incidents/", STR_ARG(wr->api->conf->external_url)));
    write_send(wr);
}
