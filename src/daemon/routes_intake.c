/*
 * routes_intake.c - POST /webhook/FORMAT and POST /api/v2/alerts: decode, hand to the pipeline, say
 * what was wrong. 4xx only for what the sender can mend (DESIGN section 8).
 * Called by: routes.c.
 */
#include <stdio.h>

#include "pipeline.h"
#include "reply.h"
#include "routes.h"
#include "routes_intake.h"
#include "worker.h"
#include "triaged/base/clock.h"
#include "triaged/base/log.h"
#include "triaged/base/mem.h"
#include "triaged/base/metrics.h"
#include "triaged/decode/decode.h"

static struct metric_family bad_alerts_total = {
    .name = "triaged_alerts_invalid_total",
    .help = "Alerts left out of a request because something in them is wrong.",
    .type = METRIC_COUNTER,
    .labels = {"format"},
};
static struct metric_family bad_requests_total = {
    .name = "triaged_intake_refused_total",
    .help = "Intake requests answered 4xx as a whole.",
    .type = METRIC_COUNTER,
    .labels = {"format"},
};
static struct metric_family cut_alerts_total = {
    .name = "triaged_alerts_cut_by_sender_total",
    .help = "Alerts that a sender says it left out (truncatedAlerts of a webhook).",
    .type = METRIC_COUNTER,
    .labels = {"format"},
};

static void run_decoder(struct worker *w, const struct decoder *d, struct decode_input *in,
                        struct decode_result *res)
{
    const struct conf *conf = w->conf;

    in->now_ms = worker_receipt(w);
    in->limits = &conf->limits;
    in->defaults = &conf->defaults;
    *res = (struct decode_result){0};
    alert_batch_reset(&w->batch);
    decode_run(d, in, &w->batch, res);
    if (res->bad)
        metric_add(metric_cell(&bad_alerts_total, d->name), (int64_t)res->bad);
    if (res->refused)
        metric_add(metric_cell(&bad_requests_total, d->name), 1);
    if (res->truncated)
        metric_add(metric_cell(&cut_alerts_total, d->name), (int64_t)res->truncated);
    if (res->n_problems)
        log_debug("intake", "%s from %.*s: %s: %s", d->name, STR_ARG(in->peer),
                  res->problems[0].path, res->problems[0].text);
}

static void decode(const struct route_call *call, const struct decoder *d,
                   const struct conf_mapping *mapping, struct decode_result *res)
{
    struct decode_input in = {
        .body = http_request_body(call->req),
        .peer = http_request_peer(call->req),
        .token_name = call->token ? call->token->name : STR_NONE,
        .mapping = mapping,
    };

    run_decoder(call->w, d, &in, res);
}

/* While the spool has no room nothing is decoded: the sender keeps what it has. */
static bool refuse_if_full(const struct route_call *call)
{
    if (!spool_is_full(call->w->spool) && !call->w->stopping)
        return false;
    reply_unavailable(call->req, call->w->stopping ? "stopping" : "spool_full",
                      call->w->stopping
                          ? "triaged is stopping; send again"
                          : "the spool has no room; nothing was kept, send again later");
    return true;
}

/* ---- /api/v2/alerts: answers as Alertmanager does
 * ------------------------------------------------ */

static bool content_type_is_json(const struct http_request *req)
{
    struct str rest, type = str_cut(http_request_header(req, "Content-Type"), ';', &rest);

    return str_ieq(str_trim(type), S("application/json"));
}

/* Alertmanager joins the errors of a batch; the first few are enough to find the sender. */
static void answer_text(const struct decode_result *res, char *text, size_t size)
{
    size_t at = 0;

    text[0] = 0;
    for (size_t i = 0; i < res->n_problems && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, "%s%s", i ? "; " : "", res->problems[i].text);
}

void route_api_v2_post_alerts(const struct route_call *call)
{
    struct decode_result res;
    char text[1024];
    struct buf json;

    if (!content_type_is_json(call->req)) {
        reply_api_v2(call->req, 415, 415,
                     "unsupported media type, only [application/json] are allowed");
        return;
    }
    if (refuse_if_full(call))
        return;
    decode(call, decoder_find("prometheus"), NULL, &res);
    if (res.n_problems == 0) {
        pipeline_take_batch(call->w, call->req, 200, TYPE_JSON, STR_NONE);
        return;
    }
    answer_text(&res, text, sizeof(text));
    if (res.refused || call->w->batch.n == 0) {
        reply_api_v2(call->req, res.problems[0].status, res.problems[0].code, text);
        return;
    }
    buf_init(&json, 8192); /* the good ones are kept, the sender hears of the bad */
    buf_put_json(&json, str_c(text));
    buf_put_char(&json, '\n');
    pipeline_take_batch(call->w, call->req, 400, TYPE_JSON, buf_str(&json));
    buf_finish(&json);
}

/* ---- webhooks
 * ------------------------------------------------------------------------------------- */

static const struct conf_mapping *mapping_of(const struct conf *conf, struct str name)
{
    for (size_t i = 0; i < conf->n_mappings; i++)
        if (str_eq(conf->mappings[i].name, name))
            return &conf->mappings[i];
    return NULL;
}

static const struct decoder *webhook_decoder(const struct conf *conf, struct str name,
                                             const struct conf_mapping **mapping)
{
    *mapping = NULL;
    if (str_eq(name, S("alertmanager")) || str_eq(name, S("grafana"))) {
        char text[16];

        snprintf(text, sizeof(text), "%.*s", STR_ARG(name));
        return decoder_find(text);
    }
    *mapping = mapping_of(conf, name);
    return *mapping ? decoder_find("json") : NULL;
}

bool intake_decode(struct worker *w, struct str webhook, struct str peer, struct str body,
                   struct decode_result *res)
{
    struct decode_input in = {.body = body, .peer = peer};
    const struct decoder *d = webhook_decoder(w->conf, webhook, &in.mapping);

    if (d)
        run_decoder(w, d, &in, res);
    return d != NULL;
}

/* 200 also when some alerts were left out: Alertmanager would resend a refused payload for ever. */
static void answer_webhook(const struct route_call *call, const struct decoder *d,
                           const struct decode_result *res)
{
    struct buf b;

    buf_init(&b, 8192);
    buf_printf(&b, "{\"accepted\":%zu,\"invalid\":%zu", call->w->batch.n, res->bad);
    if (res->n_problems) {
        buf_put_c(&b, ",\"first_problem\":");
        buf_put_json(&b, str_c(res->problems[0].text));
        buf_put_c(&b, ",\"path\":");
        buf_put_json(&b, str_c(res->problems[0].path));
    }
    if (*res->useless) {
        buf_put_c(&b, ",\"quarantined\":");
        buf_put_json(&b, str_c(res->useless));
        quarantine_add(&call->w->quarantine, d->name, call->rest, http_request_peer(call->req),
                       res->useless, http_request_body(call->req), clock_wall_ms());
    }
    buf_put_c(&b, "}\n");
    pipeline_take_batch(call->w, call->req, 200, TYPE_JSON, buf_str(&b));
    buf_finish(&b);
}

void route_webhook(const struct route_call *call)
{
    const struct conf_mapping *mapping;
    const struct decoder *d = webhook_decoder(call->w->conf, call->rest, &mapping);
    struct decode_result res;

    if (!d) {
        reply_error(call->req, 404, "not_found",
                    "no such webhook: alertmanager, grafana, or a name under `webhooks:`", NULL);
        return;
    }
    if (refuse_if_full(call))
        return;
    decode(call, d, mapping, &res);
    if (res.refused)
        reply_error(call->req, res.problems[0].status, "bad_payload", res.problems[0].text,
                    res.problems[0].path);
    else
        answer_webhook(call, d, &res);
}

/* ---- heartbeats
 * ----------------------------------------------------------------------------------- */

void route_heartbeat(const struct route_call *call)
{
    const struct conf *conf = call->w->conf;
    const struct conf_heartbeat *h = NULL;
    struct buf b;

    for (size_t i = 0; i < conf->n_heartbeats && !h; i++)
        if (str_eq(conf->heartbeats[i].name, call->args[0]))
            h = &conf->heartbeats[i];
    if (!h) {
        reply_error(call->req, 404, "not_found", "no such heartbeat under `heartbeats:`", NULL);
        return;
    }
    if (refuse_if_full(call))
        return;
    buf_init(&b, 8192);
    buf_put_c(&b, "{\"heartbeat\":");
    buf_put_json(&b, h->name);
    buf_put_c(&b, "}\n");
    pipeline_take_beat(call->w, call->req, h, 200, TYPE_JSON, buf_str(&b));
    buf_finish(&b);
}
