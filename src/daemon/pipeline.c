/*
 * pipeline.c - the journey of an alert, in order:
 *
 *   decode (done by the caller) -> rules -> priority -> fold -> spool append -> answer -> ship
 *
 * take_alert() is that path for labelled alerts; pipeline_syslog.c has it for log messages, which
 * differ in that most of them look like one seen before and that most senders wait for no answer.
 * Both end in a fold; pipeline_write_fold() turns a fold into records of the spool.
 * Never: blocks; talks to Redis (shipper.c does).
 */
#include "pipeline.h"

#include <event2/event.h>
#include <string.h>

#include "pipeline_internal.h"
#include "reply.h"
#include "shipper.h"
#include "teams.h"
#include "worker.h"
#include "triaged/base/clock.h"
#include "triaged/base/log.h"
#include "triaged/base/metrics.h"

static struct metric_family alerts_total = {
    .name = "triaged_alerts_total",
    .help = "Alerts and log messages taken in, by source and what became of them.",
    .type = METRIC_COUNTER,
    .labels = {"source", "outcome"}, /* accepted, dropped, beat, refused */
};
static struct metric_family cache_total = {
    .name = "triaged_verdict_cache_total",
    .help = "Look-ups in the verdict cache.",
    .type = METRIC_COUNTER,
    .labels = {"result"}, /* hit, recheck_failed, miss, uncacheable */
};
static struct metric_family records_total = {
    .name = "triaged_spool_records_total",
    .help = "Records offered to the spool, by result.",
    .type = METRIC_COUNTER,
    .labels = {"result"}, /* ok, full, broken */
};
static struct metric_family observations_total = {
    .name = "triaged_observations_total",
    .help = "Observations written to the spool: what alerts and log messages came to when folded.",
    .type = METRIC_COUNTER,
};

static const int64_t append_bounds_us[] = {
    20, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 2500000};
static struct metric_family append_seconds = {
    .name = "triaged_spool_append_seconds",
    .help = "Time to encode a fold's records and write them to the spool, without the sync.",
    .type = METRIC_HISTOGRAM,
    .scale = 1e-6,
    .bounds = append_bounds_us,
    .n_bounds = ARRAY_LEN(append_bounds_us),
};

/* The cells of an outcome, found once: this is the hot path. */
static const char *const outcome_names[OUTCOME_N] = {"accepted", "dropped", "beat", "refused"};

void pipeline_count(enum alert_source source, enum outcome outcome, int64_t n)
{
    static _Atomic(struct metric_cell *) cells[SOURCE_N][OUTCOME_N];
    struct metric_cell *c = atomic_load_explicit(&cells[source][outcome], memory_order_acquire);

    if (!c) {
        c = metric_cell(&alerts_total, alert_source_name(source), outcome_names[outcome]);
        atomic_store_explicit(&cells[source][outcome], c, memory_order_release);
    }
    metric_add(c, n);
}

void pipeline_count_lookup(enum lookup result)
{
    static const char *const names[LOOKUP_N] = {"hit", "recheck_failed", "miss", "uncacheable"};
    static _Atomic(struct metric_cell *) cells[LOOKUP_N];
    struct metric_cell *c = atomic_load_explicit(&cells[result], memory_order_acquire);

    if (!c) {
        c = metric_cell(&cache_total, names[result]);
        atomic_store_explicit(&cells[result], c, memory_order_release);
    }
    metric_add(c, 1);
}

/* ---- keys of the verdict cache --------------------------------------------------------------- */

void pipeline_key_put(struct buf *k, struct str s)
{
    buf_put_u32le(k, (uint32_t)s.n);
    buf_put_str(k, s);
}

static void key_put_labels(struct buf *k, const struct labels *l)
{
    buf_put_u32le(k, l->n);
    for (uint32_t i = 0; i < l->n; i++) {
        pipeline_key_put(k, l->v[i].name);
        pipeline_key_put(k, l->v[i].value);
    }
}

static struct hash128 key_of_alert(struct worker *w, const struct alert *a)
{
    struct buf *k = &w->key;

    buf_reset(k);
    buf_put_u32le(k, (uint32_t)a->source);
    buf_put_u32le(k, (uint32_t)a->severity); /* a mapping may set both apart from the labels */
    buf_put_u64le(k, a->fingerprint);
    pipeline_key_put(k, a->listener);
    key_put_labels(k, &a->labels);
    key_put_labels(k, &a->annotations);
    key_put_labels(k, &a->group_labels);
    pipeline_key_put(k, a->generator_url);
    return hash_fast128(k->p, k->n, KEY_SEED);
}

/* A verdict that the windows of maintenance may change within the second is kept no longer. */
int64_t pipeline_valid_until(const struct worker *w)
{
    return w->conf->n_maintenance ? (w->now_ms / 1000 + 1) * 1000 : 0;
}

/* ---- rules ------------------------------------------------------------------------------------
 */

struct prepared *pipeline_decide(struct worker *w, struct alert *a, struct rules_path **path)
{
    struct verdict v;

    rules_decide(w->rules, w->scratch, a, w->now_ms, &w->arena, &v, NULL, path);
    if (v.heartbeat)
        return prepared_create_beat(v.heartbeat, w->conf);
    a->fingerprint = v.fingerprint;
    return prepared_create(a, &v, w->conf, &w->encode);
}

/* Counts, folds and lets go of the reference. */
static void take(struct worker *w, struct prepared *p, const struct alert *a)
{
    if (p->drop)
        pipeline_count(a->source, DROPPED, a->repeat);
    else
        w->http_taken[a->source][p->is_beat] += a->repeat;
    if (!p->drop && !(p->is_beat && a->resolved))
        fold_add(&w->fold_http, p, a);
    prepared_unref(p);
}

/* What the fold held is in the spool, or was refused as a whole. */
static void count_taken(struct worker *w, bool kept)
{
    for (int source = 0; source < SOURCE_N; source++)
        for (int beat = 0; beat < 2; beat++)
            if (w->http_taken[source][beat])
                pipeline_count((enum alert_source)source,
                               !kept  ? REFUSED
                               : beat ? BEAT
                                      : ACCEPTED,
                               w->http_taken[source][beat]);
    memset(w->http_taken, 0, sizeof(w->http_taken));
}

/* ---- labelled alerts --------------------------------------------------------------------------
 */

static void add_listener_labels(struct worker *w, const struct conf_listener *l, struct alert *a)
{
    if (!l || l->labels.n == 0)
        return;
    for (size_t i = 0; i < l->labels.n; i++)
        if (!labels_get(&a->labels, l->labels.v[i].name).p)
            labels_add(&a->labels, &w->batch.arena, l->labels.v[i].name, l->labels.v[i].value);
    labels_normalise(&a->labels);
}

static void take_alert(struct worker *w, struct alert *a)
{
    struct hash128 key = key_of_alert(w, a);
    struct vcache_entry *e = vcache_get(&w->vcache, key, w->now_ms);
    struct prepared *p;

    if (e) {
        pipeline_count_lookup(HIT);
        take(w, prepared_ref(e->prepared), a);
        return;
    }
    pipeline_count_lookup(MISS);
    arena_reset(&w->arena);
    p = pipeline_decide(w, a, NULL);
    vcache_put(&w->vcache, key, p, NULL, pipeline_valid_until(w));
    take(w, p, a);
}

static void flush_with_others(struct worker *w)
{
    if (fold_is_full(&w->fold_http))
        pipeline_flush_http(w);
    else
        event_active(w->flush_http, EV_TIMEOUT, 0); /* with whatever else this turn brings */
}

static void answer_when_kept(struct worker *w, struct http_request *req, int status,
                             const char *type, struct str body)
{
    answers_add(&w->answers, req, status, type, body);
    flush_with_others(w);
}

static void take_batch(struct worker *w, const struct conf_listener *l)
{
    for (size_t i = 0; i < w->batch.n; i++) {
        struct alert *a = &w->batch.alerts[i];

        a->listener = l ? l->address : STR_NONE;
        add_listener_labels(w, l, a);
        take_alert(w, a);
    }
}

void pipeline_take_batch(struct worker *w, struct http_request *req, int status, const char *type,
                         struct str body)
{
    worker_receipt(w);
    if (w->batch.n == 0) { /* nothing to keep: the answer depends on no disk, so a payload that went
                              to the quarantine is not refused afterwards and sent again */
        http_reply(req, status, type, body);
        return;
    }
    take_batch(w, http_request_listener(req));
    answer_when_kept(w, req, status, type, body);
}

void pipeline_take_batch_then(struct worker *w, struct http_request *req, answer_then_fn *then,
                              void *arg)
{
    worker_receipt(w);
    take_batch(w, http_request_listener(req));
    answers_add_then(&w->answers, then, arg);
    flush_with_others(w);
}

void pipeline_take_beat(struct worker *w, struct http_request *req, const struct conf_heartbeat *h,
                        int status, const char *type, struct str body)
{
    struct alert a = {.source = SOURCE_JSON, .repeat = 1, .sender = http_request_peer(req)};

    worker_receipt(w);
    a.received_ms = a.starts_ms = w->now_ms;
    take(w, prepared_create_beat(h, w->conf), &a);
    answer_when_kept(w, req, status, type, body);
}

/* ---- fold -> spool ------------------------------------------------------------------------------
 */

struct append {
    struct worker *w;
    uint64_t ticket;
    enum spool_result result;
};

static bool append_record(void *arg, struct str team, struct str payload)
{
    struct append *ap = arg;
    static const char *const names[] = {"ok", "full", "broken"};

    ap->result = spool_append(ap->w->spool, team, payload, ap->w->now_ms, &ap->ticket);
    metric_add(metric_cell(&records_total, names[ap->result]), 1);
    return ap->result == SPOOL_OK;
}

/* All of a fold or none of it: a sender that is refused sends again, and what was kept of its
 * request would count twice. */
static enum spool_result append_fold(struct worker *w, struct fold *f,
                                     void (*about_to)(struct worker *w), uint64_t *ticket)
{
    struct append ap = {.w = w};
    int64_t from = clock_mono_ns();
    struct arena names;
    struct team *teams;
    size_t n;

    arena_init(&names, 1024);
    n = teams_all(w->teams, w->conf, &names, &teams);
    ap.result = spool_begin(w->spool);
    if (ap.result == SPOOL_OK) {
        if (fold_write(f, teams, n, w->rules_loaded_ms, append_record, &ap)) {
            if (about_to)
                about_to(w);
            ap.result = spool_commit(w->spool);
        } else if (ap.result == SPOOL_OK)
            ap.result = SPOOL_BROKEN; /* a record that could not be put together */
    }
    if (ap.result != SPOOL_OK)
        spool_cancel(w->spool);
    arena_finish(&names);
    metric_observe(metric_cell(&append_seconds), (clock_mono_ns() - from) / 1000);
    *ticket = ap.ticket;
    return ap.result;
}

enum spool_result pipeline_write_fold(struct worker *w, struct fold *f, bool keep_on_failure,
                                      void (*about_to)(struct worker *w), uint64_t *ticket)
{
    enum spool_result r;

    *ticket = 0;
    if (fold_is_empty(f))
        return SPOOL_OK;
    worker_receipt(w);
    r = append_fold(w, f, about_to, ticket);
    if (r == SPOOL_OK)
        metric_add(metric_cell(&observations_total), (int64_t)f->n);
    if (r == SPOOL_OK || !keep_on_failure)
        fold_empty(f, w->now_ms);
    shipper_kick(w->shipper);
    return r;
}

/* Those whose alerts were offered to the spool wait for its disk, or hear why it would not have
 * them. */
static void answer_offered(struct worker *w, enum spool_result r, uint64_t ticket)
{
    switch (r) {
    case SPOOL_OK:
        answers_appended(&w->answers, ticket);
        break;
    case SPOOL_FULL:
        answers_refuse(&w->answers, "spool_full",
                       "the spool has no room; nothing was kept, send again later");
        break;
    case SPOOL_BROKEN:
        answers_refuse(&w->answers, "spool_broken",
                       "the spool cannot be written (the log of triaged says why); nothing was "
                       "kept, send again later");
        break;
    }
    answers_durable(&w->answers, spool_durable(w->spool));
}

bool pipeline_flush_http(struct worker *w)
{
    uint64_t ticket;
    enum spool_result r = pipeline_write_fold(w, &w->fold_http, false, NULL, &ticket);

    count_taken(w, r == SPOOL_OK);
    answer_offered(w, r, ticket);
    return r == SPOOL_OK;
}

void pipeline_take_record(struct worker *w, struct http_request *req, struct str team,
                          struct str payload)
{
    struct append ap = {.w = w};

    pipeline_flush_http(w); /* the answers that wait are those of the fold alone */
    worker_receipt(w);
    answers_add(&w->answers, req, 200, TYPE_JSON, S("{\"accepted\":1}\n"));
    ap.result = spool_begin(w->spool);
    if (ap.result == SPOOL_OK && append_record(&ap, team, payload))
        ap.result = spool_commit(w->spool);
    if (ap.result != SPOOL_OK)
        spool_cancel(w->spool);
    answer_offered(w, ap.result, ap.ticket);
    shipper_kick(w->shipper);
}
