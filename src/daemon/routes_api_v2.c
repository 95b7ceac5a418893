/*
 * routes_api_v2.c - what amtool and Prometheus' API clients ask of an Alertmanager before they
 * send: GET /api/v2/status and /receivers. The configuration shown is a projection of ours in
 * Alertmanager's schema (amtool parses it strictly), never our own YAML.
 * Called by: routes.c.
 */
#include "reply.h"
#include "routes.h"
#include "supervisor.h"
#include "worker.h"
#include "triaged/base/clock.h"

enum { STATUS_MAX = 256 * 1024 };

/* One receiver per team, the default team's at the root. */
static void put_projection(struct buf *b, const struct conf *conf)
{
    buf_printf(b, "route:\n  receiver: %.*s\nreceivers:\n", STR_ARG(conf->default_team));
    for (size_t i = 0; i < conf->n_teams; i++)
        buf_printf(b, "- name: %.*s\n", STR_ARG(conf->teams[i].name));
}

void route_api_v2_status(const struct route_call *call)
{
    char started[CLOCK_RFC3339_SIZE];
    struct buf yaml, b;

    buf_init(&yaml, STATUS_MAX);
    buf_init(&b, STATUS_MAX);
    put_projection(&yaml, call->w->conf);
    buf_put_c(&b, "{\"cluster\":{\"name\":\"triaged\",\"status\":\"disabled\",\"peers\":[]},"
                  "\"versionInfo\":{\"version\":\"0.27.0\",\"revision\":\"triaged " TRIAGED_VERSION
                  "\",\"branch\":\"\",\"buildUser\":\"\",\"buildDate\":\"\",\"goVersion\":\"\"},"
                  "\"config\":{\"original\":");
    buf_put_json(&b, buf_str(&yaml));
    clock_format_ms(call->w->supervisor->started_ms, started);
    buf_printf(&b, "},\"uptime\":\"%s\"}\n", started);
    http_reply(call->req, 200, TYPE_JSON, buf_str(&b));
    buf_finish(&b);
    buf_finish(&yaml);
}

void route_api_v2_receivers(const struct route_call *call)
{
    const struct conf *conf = call->w->conf;
    struct buf b;

    buf_init(&b, STATUS_MAX);
    buf_put_char(&b, '[');
    for (size_t i = 0; i < conf->n_teams; i++) {
        buf_put_c(&b, i ? ",{\"name\":" : "{\"name\":");
        buf_put_json(&b, conf->teams[i].name);
        buf_put_char(&b, '}');
    }
    buf_put_c(&b, "]\n");
    http_reply(call->req, 200, TYPE_JSON, buf_str(&b));
    buf_finish(&b);
}
