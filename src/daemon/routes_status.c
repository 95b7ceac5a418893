/*
 * routes_status.c - GET /status and /api/v1/status: public, and served also while Redis is away.
 * Owns nothing. Called by: routes.c.
 */
#include "incident_metrics.h"
#include "reply.h"
#include "routes.h"
#include "supervisor.h"
#include "worker.h"

enum { STATUS_MAX = 1024 * 1024 };

static void reply(const struct route_call *call, const char *type,
                  void (*put)(struct incident_metrics *m, struct buf *b))
{
    struct buf b;

    buf_init(&b, STATUS_MAX);
    put(call->w->supervisor->metrics, &b);
    http_reply_header(call->req, "Cache-Control", "no-cache");
    http_reply(call->req, 200, type, buf_str(&b));
    buf_finish(&b);
}

void route_status(const struct route_call *call)
{
    reply(call, TYPE_JSON, incident_metrics_put_json);
}

void route_status_page(const struct route_call *call)
{
    http_reply_header(call->req, "Content-Security-Policy",
                      "default-src 'none'; style-src 'unsafe-inline'");
    reply(call, "text/html; charset=utf-8", incident_metrics_put_html);
}
