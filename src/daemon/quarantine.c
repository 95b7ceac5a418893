/*
 * quarantine.c - keeps useless payloads aside. Best effort by design: what is kept here made no
 * alert; a bounded number waits in memory while Redis is away, the oldest goes first.
 * Called by: routes_intake.c (add), worker.c (send).
 */
#include "quarantine.h"

#include <stdio.h>
#include <stdlib.h>

#include "triaged/base/clock.h"
#include "triaged/base/log.h"
#include "triaged/base/mem.h"
#include "triaged/base/metrics.h"
#include "triaged/decode/decode.h"
#include "triaged/store/store.h"

static struct metric_family quarantined_total = {
    .name = "triaged_quarantined_total",
    .help = "Well-formed payloads without a usable alert, kept aside.",
    .type = METRIC_COUNTER,
    .labels = {"format"},
};
static struct metric_family lost_total = {
    .name = "triaged_quarantine_lost_total",
    .help = "Quarantined payloads that were not kept: Redis was away too long or refused.",
    .type = METRIC_COUNTER,
};

struct kept {
    struct list node;
    const char *format, *reason;
    char *webhook, *peer, *body;
    size_t body_n, bytes; /* kept; sent */
    int64_t at_ms;
};

void quarantine_init(struct quarantine *q)
{
    list_init(&q->waiting);
    q->n = 0;
    metric_cell(&lost_total); /* zero from the start: an alert rule sees the first one */
    for (size_t i = 0; i < n_decoders; i++)
        metric_cell(&quarantined_total, decoders[i].name);
}

static void forget(struct quarantine *q, struct kept *k)
{
    list_remove(&k->node);
    q->n--;
    free(k->webhook);
    free(k->peer);
    free(k->body);
    free(k);
}

void quarantine_finish(struct quarantine *q)
{
    while (!list_empty(&q->waiting))
        forget(q, LIST_FIRST(&q->waiting, struct kept, node));
}

void quarantine_add(struct quarantine *q, const char *format, struct str webhook, struct str peer,
                    const char *reason, struct str body, int64_t now_ms)
{
    struct kept *k = NEW(struct kept);

    metric_add(metric_cell(&quarantined_total, format), 1);
    log_info("quarantine", "payload of no use kept aside format=%s peer=%.*s reason=\"%s\"", format,
             STR_ARG(peer), reason);
    if (q->n >= QUARANTINE_WAITING_MAX) {
        forget(q, LIST_FIRST(&q->waiting, struct kept, node));
        metric_add(metric_cell(&lost_total), 1);
    }
    k->format = format;
    k->reason = reason;
    k->webhook = xstrndup(webhook.p ? webhook.p : "", webhook.n);
    k->peer = xstrndup(peer.p ? peer.p : "", peer.n);
    k->bytes = body.n;
    k->body_n = body.n < QUARANTINE_BODY_MAX ? body.n : QUARANTINE_BODY_MAX;
    k->body = xstrndup(body.p ? body.p : "", k->body_n);
    k->at_ms = now_ms;
    list_append(&q->waiting, &k->node);
    q->n++;
}

static void on_kept(void *arg, enum store_status status, const struct store_reply *reply,
                    struct str error)
{
    (void)arg;
    (void)reply;
    if (status == STORE_OK)
        return;
    metric_add(metric_cell(&lost_total), 1);
    log_warn("quarantine", "not kept: %.*s", STR_ARG(error));
}

void quarantine_send(struct quarantine *q, struct store *store, struct str prefix)
{
    char key[256], at[24], max[24], bytes[24];

    snprintf(key, sizeof(key), "%.*s:quarantine", STR_ARG(prefix));
    snprintf(max, sizeof(max), "%d", QUARANTINE_STREAM_MAX);
    while (!list_empty(&q->waiting)) {
        struct kept *k = LIST_FIRST(&q->waiting, struct kept, node);
        struct str args[] = {S("XADD"),    str_c(key),
                             S("MAXLEN"),  S("~"),
                             str_c(max),   S("*"),
                             S("at"),      STR_NONE,
                             S("format"),  str_c(k->format),
                             S("peer"),    str_c(k->peer),
                             S("reason"),  str_c(k->reason),
                             S("body"),    {k->body, k->body_n},
                             S("webhook"), str_c(k->webhook),
                             S("bytes"),   STR_NONE};

        snprintf(at, sizeof(at), "%lld", (long long)k->at_ms);
        snprintf(bytes, sizeof(bytes), "%zu", k->bytes);
        args[ARRAY_LEN(args) - 1] = str_c(bytes);
        args[7] = str_c(at);
        store_command(store, args, ARRAY_LEN(args), on_kept, NULL);
        forget(q, k);
    }
}
