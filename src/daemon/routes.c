/*
 * routes.c - the table of routes and the way to a handler.
 * Owns nothing. Called by: net/http.c through the worker's callbacks.
 * To add a route: a row here, a handler in the routes_*.c of its subject.
 */
#include "routes.h"

#include <string.h>

#include "auth.h"
#include "reply.h"
#include "worker.h"
#include "triaged/base/mem.h"
#include "triaged/base/metrics.h"

static const struct route routes[] = {
    {HTTP_GET, "/", ACCESS_ANYONE, route_index},
    {HTTP_GET, "/-/healthy", ACCESS_ANYONE, route_healthy},
    {HTTP_GET, "/-/ready", ACCESS_ANYONE, route_ready},
    {HTTP_POST, "/-/reload", ACCESS_ADMIN, route_reload},
    {HTTP_GET, "/api/v1/actions", ACCESS_VIEWER, route_actions},
    {HTTP_POST, "/api/v1/actions", ACCESS_RESPONDER, route_new_action},
    {HTTP_GET, "/api/v1/actions/{}", ACCESS_VIEWER, route_action},
    {HTTP_POST, "/api/v1/actions/{}", ACCESS_RESPONDER, route_write_action},
    {HTTP_GET, "/api/v1/automation", ACCESS_VIEWER, route_automation},
    {HTTP_GET, "/api/v1/events", ACCESS_VIEWER, route_events},
    {HTTP_POST, "/api/v1/dead-letters", ACCESS_ADMIN, route_dead_letter},
    {HTTP_POST, "/api/v1/heartbeats/{}", ACCESS_INGEST, route_heartbeat},
    {HTTP_GET, "/api/v1/incidents", ACCESS_VIEWER, route_incidents},
    {HTTP_POST, "/api/v1/incidents", ACCESS_RESPONDER, route_open},
    {HTTP_POST, "/api/v1/incidents/bulk", ACCESS_RESPONDER, route_bulk},
    {HTTP_GET, "/api/v1/incidents/{}", ACCESS_VIEWER, route_incident},
    {HTTP_GET, "/api/v1/incidents/{}/alerts", ACCESS_VIEWER, route_incident_alerts},
    {HTTP_GET, "/api/v1/incidents/{}/timeline", ACCESS_VIEWER, route_incident_timeline},
    {HTTP_POST, "/api/v1/incidents/{}/{}", ACCESS_RESPONDER, route_verb},
    {HTTP_GET, "/api/v1/known-errors", ACCESS_VIEWER, route_known_errors},
    {HTTP_POST, "/api/v1/known-errors", ACCESS_MANAGER, route_write_known_error},
    {HTTP_POST, "/api/v1/next", ACCESS_RESPONDER, route_next},
    {HTTP_GET, "/api/v1/problems", ACCESS_VIEWER, route_problems},
    {HTTP_GET, "/api/v1/problems/{}", ACCESS_VIEWER, route_problem},
    {HTTP_POST, "/api/v1/problems/{}", ACCESS_MANAGER, route_write_problem},
    {HTTP_GET, "/api/v1/quarantine", ACCESS_MANAGER, route_quarantine},
    {HTTP_GET, "/api/v1/quarantine/{}", ACCESS_MANAGER, route_quarantine_entry},
    {HTTP_POST, "/api/v1/quarantine/{}/replay", ACCESS_ADMIN, route_quarantine_replay},
    {HTTP_GET, "/api/v1/queues", ACCESS_VIEWER, route_queues},
    {HTTP_GET, "/api/v1/reviews", ACCESS_VIEWER, route_reviews},
    {HTTP_GET, "/api/v1/reviews/{}", ACCESS_VIEWER, route_review},
    {HTTP_POST, "/api/v1/reviews/{}", ACCESS_MANAGER, route_write_review},
    {HTTP_GET, "/api/v1/stats", ACCESS_VIEWER, route_stats},
    {HTTP_GET, "/api/v1/status", ACCESS_ANYONE, route_status},
    {HTTP_GET, "/api/v1/whoami", ACCESS_VIEWER, route_whoami},
    {HTTP_GET, "/api/v2/receivers", ACCESS_METRICS, route_api_v2_receivers},
    {HTTP_GET, "/api/v2/status", ACCESS_METRICS, route_api_v2_status},
    {HTTP_POST, "/api/v2/alerts", ACCESS_INGEST, route_api_v2_post_alerts},
    {HTTP_GET, "/metrics", ACCESS_METRICS, route_metrics},
    {HTTP_GET, "/status", ACCESS_ANYONE, route_status_page},
    {HTTP_POST, "/webhook/*", ACCESS_INGEST, route_webhook},
};

static struct metric_family denied_total = {
    .name = "triaged_http_denied_total",
    .help = "Requests refused for their credentials.",
    .type = METRIC_COUNTER,
    .labels = {"reason"}, /* missing, wrong, forbidden */
};

/* Up to the first {} or *: sorts out nearly all routes. */
static bool begins_alike(const char *pattern, struct str path)
{
    size_t i = 0;

    while (i < path.n && pattern[i] == path.p[i])
        i++;
    return pattern[i] == '\0' || pattern[i] == '{' || pattern[i] == '*';
}

/* Segment by segment; a segment is not empty. */
static bool path_matches(const struct route *r, struct str path, struct route_call *call)
{
    struct str pattern = str_c(r->path);
    size_t n_args = 0;

    call->rest = call->args[0] = call->args[1] = STR_NONE;
    if (!begins_alike(r->path, path))
        return false;
    while (pattern.n || path.n) {
        struct str want, have;

        if (str_eq(pattern, S("*"))) {
            call->rest = path;
            return path.n > 0;
        }
        want = str_cut(pattern, '/', &pattern);
        have = str_cut(path, '/', &path);
        if (!str_eq(want, S("{}"))) {
            if (!str_eq(want, have))
                return false;
            continue;
        }
        if (have.n == 0 || n_args == ARRAY_LEN(call->args))
            return false;
        call->args[n_args++] = have;
    }
    return true;
}

static bool is_api_v2(struct str path)
{
    return str_starts(path, S("/api/v2/"));
}

static void not_found(struct http_request *req, struct str path, const char *allow)
{
    char text[256];

    if (allow) {
        http_reply_header(req, "Allow", allow);
        snprintf(text, sizeof(text), "method not allowed here; allowed: %s", allow);
        if (is_api_v2(path))
            reply_api_v2(req, 405, 405, text);
        else
            reply_error(req, 405, "method_not_allowed", text, NULL);
        return;
    }
    snprintf(text, sizeof(text), "path %.*s was not found", path.n < 128 ? (int)path.n : 128,
             path.p ? path.p : "");
    if (is_api_v2(path))
        reply_api_v2(req, 404, 404, text);
    else
        reply_error(req, 404, "not_found", text, NULL);
}

static void refuse(struct http_request *req, enum auth_result why)
{
    static const char *const reasons[] = {"", "missing", "wrong", "forbidden"};

    metric_add(metric_cell(&denied_total, reasons[why]), 1);
    if (why == AUTH_FORBIDDEN) {
        reply_error(req, 403, "forbidden", "this token's role does not allow it", NULL);
        return;
    }
    http_reply_header(req, "WWW-Authenticate", "Basic realm=\"triaged\"");
    reply_error(req, 401, "unauthorized",
                why == AUTH_MISSING ? "send Authorization: Bearer TOKEN, or Basic with name:token"
                                    : "no token of the configuration has this SHA-256",
                NULL);
}

void routes_on_request(void *arg, struct http_request *req)
{
    struct worker *w = arg;
    struct route_call call = {.w = w, .req = req};
    struct str path = http_request_path(req);
    enum http_method method = http_request_method(req);
    bool get = false, post = false;

    if (method == HTTP_HEAD)
        method = HTTP_GET;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        enum auth_result auth;

        if (!path_matches(&routes[i], path, &call))
            continue;
        if (routes[i].method != method) {
            get = get || routes[i].method == HTTP_GET;
            post = post || routes[i].method == HTTP_POST;
            continue;
        }
        auth = auth_check(w->conf, http_request_header(req, "Authorization"), routes[i].access,
                          &call.token);
        if (auth != AUTH_OK) {
            refuse(req, auth);
            return;
        }
        routes[i].handle(&call);
        return;
    }
    not_found(req, path,
              get && post ? "GET, HEAD, POST"
              : get       ? "GET, HEAD"
              : post      ? "POST"
                          : NULL);
}
