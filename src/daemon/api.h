/*
 * api.h - one call of the responder API while it waits for Redis: what it needs to answer later,
 * kept apart from the configuration and the token of the moment.
 */
#ifndef TRIAGED_DAEMON_API_H
#define TRIAGED_DAEMON_API_H

#include <stdbool.h>

#include "fetch.h"
#include "routes.h"
#include "teams.h"
#include "triaged/base/buf.h"

enum {
    API_BODY_MAX = 16 * 1024 * 1024, /* of an answer */
    API_LIMIT_DEFAULT = 50,
    API_LIMIT_MAX = 500,
    API_LOOK_MAX = 1000, /* incidents looked at for one page */
};

struct api {
    struct worker *w;
    struct http_request *req;
    const struct conf *conf;        /* owns a reference */
    const struct conf_token *token; /* of conf, or NULL */
    struct arena arena;
    struct fetch fetch;
    struct buf out;
    void *more;                 /* the handler's own, in the arena */
    void (*cleanup)(void *arg); /* of what is not in the arena; or NULL */
    void *cleanup_arg;
};

/* NULL when Redis is away: then it was answered 503. */
struct api *api_begin(const struct route_call *call);
/* Answers and frees. */
void api_reply(struct api *api, int status); /* with what stands in api->out */
void api_reply_as(struct api *api, int status, const char *type);
void api_error(struct api *api, int status, const char *code, const char *message,
               const char *path);
void api_unavailable(struct api *api, const char *code, const char *message); /* 503 */
/* The rounds: fetch_init, any number of FETCH, then this; a lost round is answered 503. */
void api_round(struct api *api);
void api_then(struct api *api, void (*next)(struct api *api));

/* "viewer" …; of nobody's token: manager. */
const char *api_role(const struct conf_token *token);
bool api_is_manager(const struct conf_token *token);
struct str api_key(const struct api *api, struct str team, const char *name,
                   char out[512 /* STORE_KEY_SIZE */]);
/* …:NAME:ID */
struct str api_key_id(const struct api *api, struct str team, const char *name, struct str id);

/* ?limit=; false: answered 400. */
bool api_limit(struct api *api, size_t *limit);
/* ?team=, or all; false: answered 400. */
bool api_teams(struct api *api, struct team **out, size_t *n);
/* The team of an incident ID; false: answered 404. */
bool api_team_of(struct api *api, struct str id, struct team *out);

#endif
