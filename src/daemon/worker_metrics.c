/*
 * worker_metrics.c - how a worker stands, published once a second.
 * Owns: the gauges of a worker. Called by: worker.c.
 */
#include <stdio.h>

#include "leftovers.h"
#include "verbs.h"
#include "worker.h"
#include "triaged/base/metrics.h"

static struct metric_family waiting_gauge = {
    .name = "triaged_spool_records_waiting",
    .help = "Records in the spool that Redis has not acknowledged.",
    .type = METRIC_GAUGE,
    .labels = {"worker"},
};
static struct metric_family oldest_gauge = {
    .name = "triaged_spool_oldest_waiting_seconds",
    .help = "Age of the oldest record that Redis has not acknowledged.",
    .type = METRIC_GAUGE,
    .labels = {"worker"},
    .scale = 1e-3,
};
static struct metric_family folding_gauge = {
    .name = "triaged_observations_folding",
    .help =
        "Observations of log messages that wait for more of their kind before they are spooled.",
    .type = METRIC_GAUGE,
    .labels = {"worker"},
};
static struct metric_family bytes_gauge = {
    .name = "triaged_spool_bytes",
    .help = "Bytes of the spool's segments on disk.",
    .type = METRIC_GAUGE,
    .labels = {"worker"},
};
static struct metric_family corrupt_gauge = {
    .name = "triaged_spool_corrupt_records",
    .help = "Spool records found damaged at start and put aside.",
    .type = METRIC_GAUGE,
    .labels = {"worker"},
};
static struct metric_family max_bytes_gauge = {
    .name = "triaged_spool_max_bytes",
    .help = "What spool.max_size leaves to this worker.",
    .type = METRIC_GAUGE,
    .labels = {"worker"},
};
static struct metric_family full_gauge = {
    .name = "triaged_spool_full",
    .help = "1 while alerts are refused for lack of room.",
    .type = METRIC_GAUGE,
    .labels = {"worker"},
};
static struct metric_family may_evict_gauge = {
    .name = "triaged_redis_may_evict",
    .help = "1 when the maxmemory-policy of Redis is not noeviction.",
    .type = METRIC_GAUGE,
};
static struct metric_family cached_gauge = {
    .name = "triaged_verdicts_cached",
    .help = "Entries of the verdict cache.",
    .type = METRIC_GAUGE,
    .labels = {"worker"},
};
static struct metric_family pending_gauge = {
    .name = "triaged_http_requests_pending",
    .help = "Requests taken and not yet answered.",
    .type = METRIC_GAUGE,
    .labels = {"worker"},
};

static struct metric_family regex_gauge = {
    .name = "triaged_regex_limit_hits_total",
    .help = "Times that a rule's regex gave up at its match limit and counted as no match.",
    .type = METRIC_COUNTER,
};

static int64_t earlier(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* Receipt of the oldest that Redis does not know of yet: alerts in the spool or on their way there,
 * and verbs. (An incident must not close by grace while a reopening of it is on its way.) */
static int64_t oldest_unknown(const struct worker *w, const struct spool_stats *st)
{
    int64_t folded = earlier(fold_oldest_ms(&w->fold_syslog), fold_oldest_ms(&w->fold_known));

    return earlier(earlier(st->oldest_waiting_ms, folded), verbs_oldest_waiting(w->verbs));
}

void worker_publish(struct worker *w)
{
    struct spool_stats st;
    char index[16];

    spool_stats(w->spool, &st);
    leftovers_add_stats(w->leftovers, &st);
    atomic_store(&w->status.records_waiting, (int64_t)st.records_waiting);
    atomic_store(&w->status.oldest_waiting_ms, oldest_unknown(w, &st));
    atomic_store(&w->status.spool_full, spool_is_full(w->spool));
    snprintf(index, sizeof(index), "%u", w->index);
    metric_set(metric_cell(&waiting_gauge, index), (int64_t)st.records_waiting);
    metric_set(metric_cell(&oldest_gauge, index),
               st.oldest_waiting_ms ? w->now_ms - st.oldest_waiting_ms : 0);
    metric_set(metric_cell(&folding_gauge, index), (int64_t)(w->fold_syslog.n + w->fold_known.n));
    metric_set(metric_cell(&bytes_gauge, index), (int64_t)st.bytes);
    metric_set(metric_cell(&max_bytes_gauge, index),
               (int64_t)(w->conf->spool.max_size / w->conf->workers));
    metric_set(metric_cell(&full_gauge, index), atomic_load(&w->status.spool_full));
    metric_set(metric_cell(&may_evict_gauge), atomic_load(&w->status.eviction_unsafe));
    metric_set(metric_cell(&corrupt_gauge, index), (int64_t)st.corrupt);
    metric_set(metric_cell(&cached_gauge, index), (int64_t)w->vcache.n);
    metric_set(metric_cell(&regex_gauge), (int64_t)rules_regex_limit_hits());
    metric_set(metric_cell(&pending_gauge, index), (int64_t)http_server_pending(w->http));
}
