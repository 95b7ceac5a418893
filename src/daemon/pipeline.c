/*
 * pipeline.c - the journey of an alert, in order:
 *
 *   decode (done by the caller) -> rules -> priority -> fold -> spool append -> answer -> ship
 *
 * take_alert() is that path for labelled alerts, pipeline_take_syslog() for log messages, which
 * differ only in that most of them look like one seen before: then the verdict comes from the
 * cache. Both end in a fold; flush() turns a fold into records of the spool.
 * Never: blocks; talks to Redis (shipper.c does).
 */
#include "pipeline.h"

#include <event2/event.h>
#include <string.h>

#include "reply.h"
#include "shipper.h"
#include "teams.h"
#include "worker.h"
#include "triaged/base/clock.h"
#include "triaged/base/log.h"
#include "triaged/base/metrics.h"
#include "triaged/decode/skeleton.h"
#include "triaged/decode/syslog.h"
#include "triaged/net/syslog_frame.h"

enum { SYSLOG_WINDOW_MS = 20, SYSLOG_RETRY_MS = 100, SYSLOG_WINDOW_MAX_MS = 500, KEY_SEED = 1 };

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
static struct metric_family defects_total = {
    .name = "triaged_syslog_defects_total",
    .help = "Syslog messages with a defect that was read around.",
    .type = METRIC_COUNTER,
    .labels = {"defect"},
};
static struct metric_family records_total = {
    .name = "triaged_spool_records_total",
    .help = "Records offered to the spool, by result.",
    .type = METRIC_COUNTER,
    .labels = {"result"}, /* ok, full, broken */
};

static const int64_t append_bounds_us[] = {20,   50,    100,   250,    500,    1000,   2500,
                                           5000, 10000, 25000, 100000, 500000, 2500000};
static struct metric_family append_seconds = {
    .name = "triaged_spool_append_seconds",
    .help = "Time to encode a fold's records and write them to the spool, without the sync.",
    .type = METRIC_HISTOGRAM,
    .scale = 1e-6,
    .bounds = append_bounds_us,
    .n_bounds = ARRAY_LEN(append_bounds_us),
};

/* The cells of an outcome, found once: this is the hot path. */
enum outcome { ACCEPTED, DROPPED, BEAT, REFUSED, OUTCOME_N };
static const char *const outcome_names[OUTCOME_N] = {"accepted", "dropped", "beat", "refused"};

static void count(enum alert_source source, enum outcome outcome, int64_t n)
{
    static _Atomic(struct metric_cell *) cells[SOURCE_N][OUTCOME_N];
    struct metric_cell *c = atomic_load_explicit(&cells[source][outcome], memory_order_acquire);

    if (!c) {
        c = metric_cell(&alerts_total, alert_source_name(source), outcome_names[outcome]);
        atomic_store_explicit(&cells[source][outcome], c, memory_order_release);
    }
    metric_add(c, n);
}

enum lookup { HIT, RECHECK_FAILED, MISS, UNCACHEABLE, LOOKUP_N };

static void count_lookup(enum lookup result)
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

static void key_put(struct buf *k, struct str s)
{
    buf_put_u32le(k, (uint32_t)s.n);
    buf_put_str(k, s);
}

static void key_put_labels(struct buf *k, const struct labels *l)
{
    buf_put_u32le(k, l->n);
    for (uint32_t i = 0; i < l->n; i++) {
        key_put(k, l->v[i].name);
        key_put(k, l->v[i].value);
    }
}

static struct hash128 key_of_alert(struct worker *w, const struct alert *a)
{
    struct buf *k = &w->key;

    buf_reset(k);
    buf_put_u32le(k, (uint32_t)a->source);
    buf_put_u32le(k, (uint32_t)a->severity); /* a mapping may set both apart from the labels */
    buf_put_u64le(k, a->fingerprint);
    key_put(k, a->listener);
    key_put_labels(k, &a->labels);
    key_put_labels(k, &a->annotations);
    key_put_labels(k, &a->group_labels);
    key_put(k, a->generator_url);
    return hash_fast128(k->p, k->n, KEY_SEED);
}

static struct hash128 key_of_message(struct worker *w, const struct syslog_peer *peer,
                                     struct str host, const struct syslog_msg *m,
                                     struct str skeleton)
{
    struct buf *k = &w->key;

    buf_reset(k);
    buf_put_u64le(k, (uint64_t)(uintptr_t)peer->listener);
    buf_put_u32le(k, (uint32_t)(m->facility << 8 | m->severity));
    key_put(k, host);
    key_put(k, m->app);
    key_put(k, skeleton);
    return hash_fast128(k->p, k->n, KEY_SEED);
}

/* A verdict that the windows of maintenance may change within the second is kept no longer. */
static int64_t valid_until(const struct worker *w)
{
    return w->conf->n_maintenance ? (w->now_ms / 1000 + 1) * 1000 : 0;
}

/* ---- rules ------------------------------------------------------------------------------------
 */

/* Decides and encodes. Caller owns the reference. */
static struct prepared *decide(struct worker *w, struct alert *a, struct rules_path **path)
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
        count(a->source, DROPPED, a->repeat);
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
                count((enum alert_source)source,
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
        count_lookup(HIT);
        take(w, prepared_ref(e->prepared), a);
        return;
    }
    count_lookup(MISS);
    arena_reset(&w->arena);
    p = decide(w, a, NULL);
    vcache_put(&w->vcache, key, p, NULL, valid_until(w));
    take(w, p, a);
}

static void answer_when_kept(struct worker *w, struct http_request *req, int status,
                             const char *type, struct str body)
{
    answers_add(&w->answers, req, status, type, body);
    if (fold_is_full(&w->fold_http))
        pipeline_flush_http(w);
    else
        event_active(w->flush_http, EV_TIMEOUT, 0); /* with whatever else this turn brings */
}

void pipeline_take_batch(struct worker *w, struct http_request *req, int status, const char *type,
                         struct str body)
{
    const struct conf_listener *l = http_request_listener(req);

    worker_receipt(w);
    for (size_t i = 0; i < w->batch.n; i++) {
        struct alert *a = &w->batch.alerts[i];

        a->listener = l ? l->address : STR_NONE;
        add_listener_labels(w, l, a);
        take_alert(w, a);
    }
    answer_when_kept(w, req, status, type, body);
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

/* ---- log messages ------------------------------------------------------------------------------
 */

static void count_defects(unsigned flags)
{
    for (unsigned bit = 1; flags; bit <<= 1) {
        if (flags & bit)
            metric_add(metric_cell(&defects_total, syslog_flag_name(bit)), 1);
        flags &= ~bit;
    }
}

static void message_to_alert(struct worker *w, const struct syslog_peer *peer,
                             const struct syslog_msg *m, struct str skeleton, struct alert *a)
{
    const struct conf_listener *l = peer->listener;

    memset(a, 0, sizeof(*a));
    syslog_to_alert(m, skeleton, peer->host, w->now_ms, &w->arena, a);
    a->listener = l->address;
    a->sender = peer->host;
    for (size_t i = 0; i < l->labels.n; i++)
        if (!labels_get(&a->labels, l->labels.v[i].name).p)
            labels_add(&a->labels, &w->arena, l->labels.v[i].name, l->labels.v[i].value);
    if (l->labels.n)
        labels_normalise(&a->labels);
}

/*
 * A verdict that renders finer fields (a captured client in the group key) is decided per message;
 * equal outcomes still share one encoding, so that they fold.
 */
static struct prepared *share_by_outcome(struct worker *w, struct prepared *p)
{
    struct vcache_entry *e;
    struct hash128 key;

    if (p->drop || p->is_beat)
        return p;
    buf_reset(&w->key);
    buf_put_c(&w->key, "outcome");
    buf_put_u64le(&w->key, p->fp);
    key_put(&w->key, p->team);
    key_put(&w->key, p->group_key);
    key_put(&w->key, p->threshold);
    key_put(&w->key, p->suppress);
    key_put(&w->key, str_c(p->impact));
    key_put(&w->key, str_c(p->urgency));
    key_put(&w->key, p->system);
    key_put(&w->key, p->meta);
    key_put(&w->key, p->alert);
    key = hash_fast128(w->key.p, w->key.n, KEY_SEED);
    e = vcache_get(&w->vcache, key, w->now_ms);
    if (!e) {
        vcache_put(&w->vcache, key, p, NULL, valid_until(w));
        return p;
    }
    prepared_unref(p);
    return prepared_ref(e->prepared);
}

/* The caller owns the reference. */
static struct prepared *decide_message(struct worker *w, struct alert *a, struct hash128 key,
                                       bool cacheable)
{
    struct rules_path *path = NULL;
    struct prepared *p = decide(w, a, &path);

    if (path && rules_path_finer_output(path)) {
        p = share_by_outcome(w, p);
        if (cacheable)
            vcache_put(&w->vcache, key, NULL, NULL, valid_until(w));
        rules_path_destroy(path);
    } else if (cacheable) {
        vcache_put(&w->vcache, key, p, path, valid_until(w));
    } else {
        rules_path_destroy(path);
    }
    return p;
}

/*
 * A window of 20 ms while Redis keeps up; while records wait, up to 25 times as long: the busier
 * the store, the more messages one observation stands for. The loss that a kill -9 can cause grows
 * with it (messages of transports that wait for no answer), which is why it ends at half a second.
 */
static void schedule_syslog_flush(struct worker *w)
{
    unsigned behind = shipper_behind(w->shipper);
    unsigned ms = SYSLOG_WINDOW_MS * (1 + behind);
    struct timeval window = {0, 1000 * (ms < SYSLOG_WINDOW_MAX_MS ? ms : SYSLOG_WINDOW_MAX_MS)};

    if (fold_is_full(&w->fold_syslog)) {
        pipeline_flush_syslog(w);
    } else if (!w->syslog_flush_set && !fold_is_empty(&w->fold_syslog)) {
        w->syslog_flush_set = true;
        event_add(w->flush_syslog, &window);
    }
}

/* Counts, folds, and remembers for the peer's next "last message repeated". */
static void fold_message(struct worker *w, const struct syslog_peer *peer,
                         const struct syslog_msg *m, struct prepared *p)
{
    count(SOURCE_SYSLOG, p->drop ? DROPPED : p->is_beat ? BEAT : ACCEPTED, m->repeat);
    if (!p->drop)
        fold_add_log(&w->fold_syslog, p, m->repeated.p ? m->repeated : m->msg, m->repeat, w->now_ms,
                     m->has_timestamp ? m->timestamp_us / 1000 : w->now_ms, peer->host);
}

static uint64_t peer_id(const struct syslog_peer *peer, struct str host)
{
    struct hash128 h = hash_fast128(host.p, host.n, (uint64_t)(uintptr_t)peer->listener);

    return h.lo;
}

static void take_message(struct worker *w, const struct syslog_peer *peer,
                         const struct syslog_msg *m)
{
    char skeleton_text[SKELETON_MAX];
    struct str skeleton = {skeleton_text,
                           skeleton_of(m->repeated.p ? m->repeated : m->msg, skeleton_text)};
    struct str host = m->host.n ? m->host : peer->host;
    struct hash128 key = key_of_message(w, peer, host, m, skeleton);
    struct vcache_entry *e = vcache_get(&w->vcache, key, w->now_ms);
    struct prepared *p;
    struct alert a;

    if (e && e->prepared && !e->path) { /* nothing finer to look at: the common case */
        count_lookup(HIT);
        p = prepared_ref(e->prepared);
    } else {
        message_to_alert(w, peer, m, skeleton, &a);
        if (e && e->prepared && rules_recheck(e->path, w->scratch, &a)) {
            count_lookup(HIT);
            p = prepared_ref(e->prepared);
        } else {
            count_lookup(!e ? MISS : e->prepared ? RECHECK_FAILED : UNCACHEABLE);
            p = decide_message(w, &a, key, !e || e->prepared);
        }
    }
    fold_message(w, peer, m, p);
    repeats_remember(&w->repeats, peer_id(peer, host), p);
    prepared_unref(p);
}

/* "last message repeated N times" without the text: counts on the peer's last message. */
static void take_repeat(struct worker *w, const struct syslog_peer *peer,
                        const struct syslog_msg *m)
{
    struct str host = m->host.n ? m->host : peer->host;
    struct prepared *p = repeats_last(&w->repeats, peer_id(peer, host));

    if (p)
        fold_message(w, peer, m, p);
    else
        count(SOURCE_SYSLOG, DROPPED, m->repeat);
}

void pipeline_take_syslog(struct worker *w, const struct syslog_peer *peer, struct str message,
                          unsigned frame_flags)
{
    struct syslog_options o = {
        .now_ms = w->now_ms,
        .zone = worker_zone(w, peer->listener),
        .is_unix = peer->is_unix,
        .is_datagram = peer->listener->transport == TRANSPORT_UDP ||
                       peer->listener->transport == TRANSPORT_UNIX_DGRAM,
        .max_message = peer->listener->max_message,
    };
    struct syslog_msg m;

    arena_reset(&w->arena);
    syslog_parse(message, &o, &w->arena, &m);
    if (frame_flags & FRAME_TRUNCATED)
        m.flags |= SYSLOG_TRUNCATED;
    if (m.flags)
        count_defects(m.flags);
    if (m.repeat > REPEAT_COUNT_MAX)
        m.repeat = REPEAT_COUNT_MAX;
    if ((m.flags & SYSLOG_REPEAT) && !m.repeated.p)
        take_repeat(w, peer, &m);
    else
        take_message(w, peer, &m);
    if (peer->receipt)
        relp_acks_take(&w->relp_acks, peer->receipt);
    schedule_syslog_flush(w);
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
static enum spool_result append_fold(struct worker *w, struct fold *f, uint64_t *ticket)
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
        if (fold_write(f, teams, n, w->rules_loaded_ms, append_record, &ap))
            ap.result = spool_commit(w->spool);
        else if (ap.result == SPOOL_OK)
            ap.result = SPOOL_BROKEN; /* a record that could not be put together */
    }
    if (ap.result != SPOOL_OK)
        spool_cancel(w->spool);
    arena_finish(&names);
    metric_observe(metric_cell(&append_seconds), (clock_mono_ns() - from) / 1000);
    *ticket = ap.ticket;
    return ap.result;
}

static enum spool_result flush(struct worker *w, struct fold *f, bool keep_on_failure,
                               uint64_t *ticket)
{
    enum spool_result r;

    *ticket = 0;
    if (fold_is_empty(f))
        return SPOOL_OK;
    worker_receipt(w);
    r = append_fold(w, f, ticket);
    if (r == SPOOL_OK && f == &w->fold_syslog && relp_acks_due(&w->relp_acks))
        syslog_server_written(w->syslog); /* at once: between the two a kill leaves doubt */
    if (r == SPOOL_OK || !keep_on_failure)
        fold_empty(f);
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
    enum spool_result r = flush(w, &w->fold_http, false, &ticket);

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

void pipeline_acknowledge(struct worker *w)
{
    uint64_t receipt = relp_acks_durable(&w->relp_acks, spool_durable(w->spool));

    if (receipt)
        syslog_server_durable(w->syslog, receipt);
}

bool pipeline_flush_syslog(struct worker *w)
{
    static const struct timeval again = {0, SYSLOG_RETRY_MS * 1000};
    uint64_t ticket;
    bool ok;

    if (relp_acks_due(&w->relp_acks))
        syslog_server_writing(w->syslog, w->relp_acks.taken);
    ok = flush(w, &w->fold_syslog, true, &ticket) == SPOOL_OK;
    if (ok && relp_acks_due(&w->relp_acks)) {
        relp_acks_append(&w->relp_acks, ticket);
        pipeline_acknowledge(w);
    }
    w->syslog_flush_set = !ok;
    if (ok)
        event_del(w->flush_syslog);
    else
        event_add(w->flush_syslog, &again);
    return ok;
}
