/*
 * answers.c - whoever asked gets exactly one answer, and not before the spool keeps its promise.
 * Owns: the answers that wait. Never: decides what is answered.
 * Called by: pipeline.c (add, appended, refuse), worker.c (durable).
 */
#include "answers.h"

#include <stdlib.h>
#include <string.h>

#include "reply.h"
#include "triaged/base/clock.h"
#include "triaged/base/mem.h"
#include "triaged/base/metrics.h"
#include "triaged/net/http.h"

static const int64_t bounds_us[] = {100,   250,    500,    1000,   2500,    5000,    10000,   25000,
                                    50000, 100000, 250000, 500000, 1000000, 2500000, 10000000};
static struct metric_family answer_seconds = {
    .name = "triaged_intake_answer_seconds",
    .help = "Time from a whole request to its answer, its alerts being durable.",
    .type = METRIC_HISTOGRAM,
    .scale = 1e-6,
    .bounds = bounds_us,
    .n_bounds = ARRAY_LEN(bounds_us),
};

void answers_init(struct answers *a)
{
    list_init(&a->appending);
    list_init(&a->syncing);
}

void answers_add(struct answers *a, struct http_request *req, int status, const char *type,
                 struct str body)
{
    struct answer *w = xcalloc(1, sizeof(*w) + body.n);
    char *copy = (char *)(w + 1);

    if (body.n)
        memcpy(copy, body.p, body.n);
    w->req = req;
    w->status = status;
    w->type = type;
    w->body = (struct str){copy, body.n};
    w->taken_ns = clock_mono_ns();
    list_append(&a->appending, &w->node);
}

void answers_add_then(struct answers *a, answer_then_fn *then, void *arg)
{
    struct answer *w = NEW(struct answer);

    w->then = then;
    w->arg = arg;
    list_append(&a->appending, &w->node);
}

static void send(struct answer *w)
{
    list_remove(&w->node);
    if (w->then) {
        w->then(w->arg, NULL, NULL);
    } else {
        metric_observe(metric_cell(&answer_seconds), (clock_mono_ns() - w->taken_ns) / 1000);
        http_reply(w->req, w->status, w->type, w->body);
    }
    free(w);
}

void answers_appended(struct answers *a, uint64_t ticket)
{
    while (!list_empty(&a->appending)) {
        struct answer *w = LIST_FIRST(&a->appending, struct answer, node);

        list_remove(&w->node);
        w->ticket = ticket;
        list_append(&a->syncing, &w->node);
    }
}

void answers_refuse(struct answers *a, const char *code, const char *why)
{
    while (!list_empty(&a->appending)) {
        struct answer *w = LIST_FIRST(&a->appending, struct answer, node);

        list_remove(&w->node);
        if (w->then)
            w->then(w->arg, code, why);
        else
            reply_unavailable(w->req, code, why);
        free(w);
    }
}

void answers_durable(struct answers *a, uint64_t durable)
{
    while (!list_empty(&a->syncing)) {
        struct answer *w = LIST_FIRST(&a->syncing, struct answer, node);

        if (w->ticket > durable)
            break;
        send(w);
    }
}

bool answers_waiting(const struct answers *a)
{
    return !list_empty(&a->appending) || !list_empty(&a->syncing);
}
