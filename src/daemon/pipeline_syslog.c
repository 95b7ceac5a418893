/*
 * pipeline_syslog.c - the journey of a log message: read, find or make its verdict, fold, spool.
 * Owns: which of a worker's two folds a message goes into, and when these are written.
 * Never: decides by itself (rules/ does); reads a socket.
 *
 * Most messages repeat a cause that was reported moments ago. Such a one may wait, so that many of
 * them become one observation; what is new may not:
 *
 *   fold_syslog  causes that are new, or were not heard of for KNOWN_MS; heartbeats; and whatever
 *                a RELP sender waits for. Written after WINDOW_MS, or when RELP wants its answer.
 *   fold_known   the others. Written when Redis has kept up, in proportion to how many causes there
 *                are (REPEATS_PER_MS), and after REPEATS_MAX_MS at the latest.
 *
 * Both are written when either is full, before a reload and at a stop.
 */
#include "pipeline.h"

#include <event2/event.h>
#include <string.h>

#include "pipeline_internal.h"
#include "shipper.h"
#include "worker.h"
#include "triaged/base/clock.h"
#include "triaged/base/metrics.h"
#include "triaged/decode/skeleton.h"
#include "triaged/decode/syslog.h"
#include "triaged/net/syslog_frame.h"

enum {
    WINDOW_MS = 20,
    REPEATS_MAX_MS = 2000, /* what a kill -9 may cost of messages that nobody waits for */
    REPEATS_PER_MS = 10,   /* known causes that are told to Redis in a ms */
    KNOWN_MS = 60000,
    RETRY_MS = 100, /* after the spool had no room */
};

static struct metric_family defects_total = {
    .name = "triaged_syslog_defects_total",
    .help = "Syslog messages with a defect that was read around.",
    .type = METRIC_COUNTER,
    .labels = {"defect"},
};

/* ---- key of the verdict cache ---------------------------------------------------------------- */

static char *put_counted(char *p, struct str s)
{
    uint32_t n = (uint32_t)s.n;

    memcpy(p, &n, sizeof(n));
    p += sizeof(n);
    if (s.n)
        memcpy(p, s.p, s.n);
    return p + s.n;
}

/* Of this process only, so that the order of bytes does not matter. */
static struct hash128 key_of_message(struct worker *w, const struct syslog_peer *peer,
                                     struct str host, const struct syslog_msg *m,
                                     struct str skeleton)
{
    uintptr_t listener = (uintptr_t)peer->listener;
    uint16_t pri = (uint16_t)(m->facility << 8 | m->severity);
    struct buf *k = &w->key;
    char *p;

    buf_reset(k);
    buf_reserve(k, sizeof(listener) + sizeof(pri) + 3 * sizeof(uint32_t) + host.n + m->app.n +
                       skeleton.n);
    p = k->p;
    memcpy(p, &listener, sizeof(listener));
    p += sizeof(listener);
    memcpy(p, &pri, sizeof(pri));
    p = put_counted(p + sizeof(pri), host);
    p = put_counted(p, m->app);
    p = put_counted(p, skeleton);
    return hash_fast128(k->p, (size_t)(p - k->p), KEY_SEED);
}

/* ---- verdict --------------------------------------------------------------------------------- */

static void count_defects(unsigned flags)
{
    for (unsigned bit = 1; flags; bit <<= 1) {
        if (flags & bit)
            metric_add(metric_cell(&defects_total, syslog_flag_name(bit)), 1);
        flags &= ~bit;
    }
}

/* The text that the skeleton is of. */
static struct str text_of(const struct syslog_msg *m)
{
    return m->repeated.p ? m->repeated : m->msg;
}

/* parts: a rule may ask for what stands in the holes of the skeleton. */
static void message_to_alert(struct worker *w, const struct syslog_peer *peer,
                             const struct syslog_msg *m, struct str skeleton, bool parts,
                             struct alert *a)
{
    const struct conf_listener *l = peer->listener;

    memset(a, 0, sizeof(*a));
    syslog_to_alert(m, skeleton, peer->host, w->now_ms, &w->arena, a);
    if (ruleset_reads_body(w->rules))
        syslog_body_labels(m, &w->arena, &a->labels);
    if (parts)
        skeleton_part_labels(text_of(m), &w->arena, &a->labels);
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
    pipeline_key_put(&w->key, p->team);
    pipeline_key_put(&w->key, p->group_key);
    pipeline_key_put(&w->key, p->threshold);
    pipeline_key_put(&w->key, p->suppress);
    pipeline_key_put(&w->key, str_c(p->impact));
    pipeline_key_put(&w->key, str_c(p->urgency));
    pipeline_key_put(&w->key, p->system);
    pipeline_key_put(&w->key, p->meta);
    pipeline_key_put(&w->key, p->alert);
    key = hash_fast128(w->key.p, w->key.n, KEY_SEED);
    e = vcache_get(&w->vcache, key, w->now_ms);
    if (!e) {
        vcache_put(&w->vcache, key, p, NULL, pipeline_valid_until(w));
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
    struct prepared *p = pipeline_decide(w, a, &path);

    if (path && rules_path_finer_output(path)) {
        p = share_by_outcome(w, p);
        if (cacheable)
            vcache_put(&w->vcache, key, NULL, NULL, pipeline_valid_until(w));
        rules_path_destroy(path);
    } else if (cacheable) {
        vcache_put(&w->vcache, key, p, path, pipeline_valid_until(w));
    } else {
        rules_path_destroy(path);
    }
    return p;
}

/* What the finer matchers of a path can read of a message, but for structured data, bodies and
 * labels of the listener. Two thirds of making an alert are saved, and this is done for each
 * message. */
static void finer_fields(const struct syslog_msg *m, struct label v[3], struct alert *a)
{
    const struct label all[] = {{S("message"), m->msg},
                                {S("msgid"), m->msgid},
                                {S("procid"), m->procid}}; /* in the order of names */

    memset(a, 0, sizeof(*a));
    a->source = SOURCE_SYSLOG;
    a->labels = (struct labels){.v = v, .cap = ARRAY_LEN(all)};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (all[i].value.n)
            v[a->labels.n++] = all[i];
}

static bool still_holds(struct worker *w, const struct vcache_entry *e,
                        const struct syslog_peer *peer, const struct syslog_msg *m,
                        struct str skeleton)
{
    bool parts = e->path && rules_path_reads_parts(e->path);
    struct label finer[3];
    struct alert a;

    if (!e->path)
        return true;
    if (m->n_sd == 0 && peer->listener->labels.n == 0 && !parts &&
        !(ruleset_reads_body(w->rules) && syslog_may_have_body(m)))
        finer_fields(m, finer, &a);
    else
        message_to_alert(w, peer, m, skeleton, parts, &a);
    return rules_recheck(e->path, w->scratch, &a);
}

/* ---- folding --------------------------------------------------------------------------------- */

static bool may_wait(const struct worker *w, const struct syslog_peer *peer,
                     const struct prepared *p)
{
    return !peer->receipt && !p->is_beat && p->written_ms != 0 &&
           w->now_ms - p->written_ms < KNOWN_MS;
}

/* Counts and folds. */
static void fold_message(struct worker *w, const struct syslog_peer *peer,
                         const struct syslog_msg *m, struct prepared *p)
{
    struct fold *f;

    pipeline_count(SOURCE_SYSLOG, p->drop ? DROPPED : p->is_beat ? BEAT : ACCEPTED, m->repeat);
    if (p->drop)
        return;
    f = may_wait(w, peer, p) ? &w->fold_known : &w->fold_syslog;
    if (f == &w->fold_known && fold_is_empty(f))
        w->known_since_ms = clock_mono_ms();
    fold_add_log(f, p, m->repeated.p ? m->repeated : m->msg, m->repeat, w->now_ms,
                 m->has_timestamp ? m->timestamp_us / 1000 : w->now_ms, peer->host);
}

/* ---- folds -> spool ---------------------------------------------------------------------------
 */

void pipeline_acknowledge(struct worker *w)
{
    uint64_t receipt = relp_acks_durable(&w->relp_acks, spool_durable(w->spool));

    if (receipt)
        syslog_server_durable(w->syslog, receipt);
}

/* Whatever moment a kill comes at, the next process can tell what was written: see relp_memory.c.
 */
static void name_the_place(struct worker *w)
{
    struct syslog_place place = {{0}};
    struct spool_place in_spool;

    _Static_assert(sizeof(in_spool) <= sizeof(place.bytes), "a place of the spool fits");
    spool_group_end(w->spool, &in_spool);
    memcpy(place.bytes, &in_spool, sizeof(in_spool));
    syslog_server_writing(w->syslog, w->relp_acks.taken, &place);
}

/* Whatever RELP waits for is in this one. */
static bool write_new(struct worker *w)
{
    bool relp = relp_acks_due(&w->relp_acks);
    uint64_t ticket;

    if (pipeline_write_fold(w, &w->fold_syslog, true, relp ? name_the_place : NULL, &ticket) !=
        SPOOL_OK) {
        syslog_server_not_written(w->syslog);
        return false;
    }
    if (relp) {
        syslog_server_written(w->syslog);
        relp_acks_append(&w->relp_acks, ticket);
        pipeline_acknowledge(w);
    }
    return true;
}

static bool write_known(struct worker *w)
{
    uint64_t ticket;

    return pipeline_write_fold(w, &w->fold_known, true, NULL, &ticket) == SPOOL_OK;
}

/* The busier the store, the more messages one observation stands for. */
static bool known_is_due(const struct worker *w)
{
    int64_t age = clock_mono_ms() - w->known_since_ms;

    if (age >= REPEATS_MAX_MS)
        return true;
    return shipper_behind(w->shipper) == 0 &&
           age >= WINDOW_MS + (int64_t)w->fold_known.n / REPEATS_PER_MS;
}

static void wake_in(struct worker *w, int ms)
{
    struct timeval tv = {0, ms * 1000};

    w->syslog_flush_set = true;
    event_add(w->flush_syslog, &tv);
}

static void rest(struct worker *w, bool ok)
{
    if (!ok) {
        wake_in(w, RETRY_MS);
    } else if (!fold_is_empty(&w->fold_known)) {
        wake_in(w, WINDOW_MS);
    } else {
        w->syslog_flush_set = false;
        event_del(w->flush_syslog);
    }
}

bool pipeline_flush_syslog_due(struct worker *w)
{
    bool ok = write_new(w) && (!known_is_due(w) || write_known(w));

    rest(w, ok);
    return ok;
}

bool pipeline_flush_syslog(struct worker *w)
{
    bool ok = write_new(w) && write_known(w);

    rest(w, ok);
    return ok;
}

static void set_window(struct worker *w)
{
    if (fold_is_full(&w->fold_syslog) || fold_is_full(&w->fold_known))
        pipeline_flush_syslog(w);
    else if (!w->syslog_flush_set &&
             !(fold_is_empty(&w->fold_syslog) && fold_is_empty(&w->fold_known)))
        wake_in(w, WINDOW_MS);
}

/* ---- messages ---------------------------------------------------------------------------------
 */

static uint64_t peer_id(const struct syslog_peer *peer, struct str host)
{
    struct hash128 h = hash_fast128(host.p, host.n, (uint64_t)(uintptr_t)peer->listener);

    return h.lo;
}

static void take_message(struct worker *w, const struct syslog_peer *peer,
                         const struct syslog_msg *m)
{
    char skeleton_text[SKELETON_MAX];
    struct str skeleton = {skeleton_text, skeleton_of(text_of(m), skeleton_text)};
    struct str host = m->host.n ? m->host : peer->host;
    struct hash128 key = key_of_message(w, peer, host, m, skeleton);
    struct vcache_entry *e = vcache_get(&w->vcache, key, w->now_ms);
    struct prepared *p;
    struct alert a;

    if (e && e->prepared && still_holds(w, e, peer, m, skeleton)) {
        pipeline_count_lookup(HIT);
        p = prepared_ref(e->prepared);
    } else {
        pipeline_count_lookup(!e ? MISS : e->prepared ? RECHECK_FAILED : UNCACHEABLE);
        message_to_alert(w, peer, m, skeleton, ruleset_reads_parts(w->rules), &a);
        p = decide_message(w, &a, key, !e || e->prepared);
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
        pipeline_count(SOURCE_SYSLOG, DROPPED, m->repeat);
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
        .mnemonic_severity = peer->listener->mnemonic_severity,
        .inner_header = peer->listener->inner_header,
        .times = &w->syslog_times,
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
    set_window(w);
}
