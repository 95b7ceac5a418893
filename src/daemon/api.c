/*
 * api.c - the life of a call of the responder API: begin, rounds of questions to Redis, one answer.
 * Owns: struct api. Never: knows what is asked. Called by: the routes of the responder API.
 */
#include "api.h"

#include <stdio.h>
#include <stdlib.h>

#include "reply.h"
#include "store_keys.h"
#include "worker.h"
#include "triaged/base/mem.h"

struct api *api_begin(const struct route_call *call)
{
    struct api *api;

    if (atomic_load(&call->w->status.store_state) != STORE_S_READY) {
        reply_unavailable(call->req, "redis_away", "Redis is away; nothing was done, try again");
        return NULL;
    }
    api = NEW(struct api);
    api->w = call->w;
    api->req = call->req;
    api->conf = conf_ref(call->w->conf);
    api->token = call->token;
    arena_init(&api->arena, 0);
    buf_init(&api->out, API_BODY_MAX);
    fetch_init(&api->fetch, call->w->store, &api->arena);
    return api;
}

static void end(struct api *api)
{
    if (api->cleanup)
        api->cleanup(api->cleanup_arg);
    fetch_finish(&api->fetch);
    buf_finish(&api->out);
    arena_finish(&api->arena);
    conf_unref(api->conf);
    free(api);
}

void api_reply(struct api *api, int status)
{
    api_reply_as(api, status, api->out.n ? TYPE_JSON : NULL);
}

void api_reply_as(struct api *api, int status, const char *type)
{
    if (api->out.overflow)
        reply_error(api->req, 500, "too_large", "the answer is larger than the API sends", NULL);
    else
        http_reply(api->req, status, type, buf_str(&api->out));
    end(api);
}

void api_error(struct api *api, int status, const char *code, const char *message, const char *path)
{
    reply_error(api->req, status, code, message, path);
    end(api);
}

void api_unavailable(struct api *api, const char *code, const char *message)
{
    reply_unavailable(api->req, code, message);
    end(api);
}

void api_round(struct api *api)
{
    fetch_init(&api->fetch, api->w->store, &api->arena);
}

struct next {
    struct api *api;
    void (*fn)(struct api *api);
};

static void on_round(void *arg, struct fetch *f)
{
    struct next *next = arg;

    if (f->lost)
        api_unavailable(next->api, "redis_away", "Redis went away; try again");
    else
        next->fn(next->api);
}

void api_then(struct api *api, void (*next)(struct api *api))
{
    struct next *n = ARENA_NEW(&api->arena, struct next);

    n->api = api;
    n->fn = next;
    fetch_then(&api->fetch, on_round, n);
}

const char *api_role(const struct conf_token *token)
{
    static const char *const names[] = {
        [ROLE_INGEST] = "ingest",   [ROLE_VIEWER] = "viewer", [ROLE_RESPONDER] = "responder",
        [ROLE_MANAGER] = "manager", [ROLE_ADMIN] = "admin",
    };

    return names[token ? token->role : ROLE_MANAGER];
}

bool api_is_manager(const struct conf_token *token)
{
    return !token || token->role >= ROLE_MANAGER;
}

struct str api_key(const struct api *api, struct str team, const char *name,
                   char out[STORE_KEY_SIZE])
{
    return store_key(api->conf->prefix, team, name, out);
}

struct str api_key_id(const struct api *api, struct str team, const char *name, struct str id)
{
    return arena_printf((struct arena *)&api->arena, "%.*s:{%.*s}:%s:%.*s",
                        STR_ARG(api->conf->prefix), STR_ARG(team), name, STR_ARG(id));
}

bool api_limit(struct api *api, size_t *limit)
{
    struct str text = http_request_query(api->req, "limit");
    uint64_t n = API_LIMIT_DEFAULT;

    if (text.p && (!str_to_u64(text, &n) || n < 1 || n > API_LIMIT_MAX)) {
        api_error(api, 400, "bad_request", "limit must be a number from 1 to 500", "limit");
        return false;
    }
    *limit = (size_t)n;
    return true;
}

bool api_teams(struct api *api, struct team **out, size_t *n)
{
    struct str name = http_request_query(api->req, "team");
    struct team found;
    char text[160];

    if (!name.p) {
        *n = teams_all(api->w->teams, api->conf, &api->arena, out);
        return true;
    }
    *out = NULL;
    *n = 0;
    for (size_t i = 0; (name = http_request_query_at(api->req, "team", i)).p; i++) {
        struct team *v = ARENA_ARRAY(&api->arena, struct team, *n + 1);
        bool twice = false;

        if (!teams_find(api->w->teams, api->conf, name, &api->arena, &found)) {
            snprintf(text, sizeof(text), "there is no team %.*s", name.n < 100 ? (int)name.n : 100,
                     name.p);
            api_error(api, 400, "bad_request", text, "team");
            return false;
        }
        for (size_t k = 0; k < *n; k++) {
            v[k] = (*out)[k];
            twice = twice || str_eq(v[k].name, found.name);
        }
        *out = v;
        if (!twice)
            v[(*n)++] = found;
    }
    return true;
}

bool api_team_of(struct api *api, struct str id, struct team *out)
{
    char text[160];

    if (teams_of_incident(api->w->teams, api->conf, id, &api->arena, out))
        return true;
    snprintf(text, sizeof(text), "there is no incident %.*s", id.n < 100 ? (int)id.n : 100,
             id.p ? id.p : "");
    api_error(api, 404, "not_found", text, NULL);
    return false;
}
