/*
 * verbs.c - from a responder's request to the script `verb` and back.
 * Owns: the verbs' spool and shipper, and who waits for which record.
 * Never: knows what a verb means. Called by: the routes that write, worker.c.
 *
 * A verb waits for two things: the script's answer, and the spool being as durable as spool.sync
 * says (else a Redis that loses its last second would lose a verb that somebody was told about). A
 * record that was applied without our seeing the answer comes back as SKIP: then the answer is what
 * the script kept under the request id.
 */
#include "verbs.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "fetch.h"
#include "shipper.h"
#include "store_keys.h"
#include "worker.h"
#include "triaged/alert/observation.h"
#include "triaged/base/clock.h"
#include "triaged/base/list.h"
#include "triaged/base/log.h"
#include "triaged/base/mem.h"
#include "triaged/base/metrics.h"

enum {
    SPOOL_MAX = 64 * 1024 * 1024,
    SEGMENT_SIZE = 4 * 1024 * 1024,
    START_EVERY_MS = 20,   /* how often to look whether the alerts are through */
    START_AFTER_MS = 3000, /* then the verbs wait for them no longer */
};

static struct metric_family verbs_total = {
    .name = "triaged_verbs_total",
    .help = "Verbs of responders, by what became of them.",
    .type = METRIC_COUNTER,
    .labels = {"outcome"}, /* done, refused, timeout, failed, away */
};

struct pending { /* somebody waits */
    struct list node;
    struct verbs *v;
    uint64_t position; /* of the record, and its ticket */
    int64_t deadline_ms;
    verb_done_fn *done; /* NULL: was told already */
    void *arg;
    jx *answer;  /* owns; waits for the disk */
    bool asking; /* for the kept answer */
    struct fetch fetch;
    struct arena arena;
    struct str team;
    char *request_id;
};

struct verbs {
    struct worker *w;
    struct spool *spool;
    struct shipper *shipper;
    struct list pending; /* by position */
    size_t n_pending;
    struct buf record;
    struct event *start;
    int64_t start_by_ms;
    bool started, resend;
};

/* ---- who waits --------------------------------------------------------------------------------
 */

static void pending_free(struct pending *p)
{
    list_remove(&p->node);
    p->v->n_pending--;
    fetch_finish(&p->fetch);
    arena_finish(&p->arena);
    jx_free(p->answer);
    free(p->request_id);
    free(p);
}

/* Tells whoever waits, once. The pending itself goes unless an answer to it is on its way. */
static void tell(struct pending *p, enum verb_outcome outcome, const jx *answer)
{
    static const char *const names[] = {"done", "timeout", "failed", "away"};
    verb_done_fn *done = p->done;
    int64_t status = 200;

    p->done = NULL;
    if (answer)
        jx_int(jx_get(answer, "status"), &status);
    if (done) {
        metric_add(metric_cell(&verbs_total, outcome == VERB_ANSWERED && status != 200
                                                 ? "refused"
                                                 : names[outcome]),
                   1);
        done(p->arg, outcome, answer);
    }
    if (!p->asking)
        pending_free(p);
}

static struct pending *waiting_for(struct verbs *v, uint64_t position)
{
    LIST_FOR_EACH (p, &v->pending, struct pending, node)
        if (p->position == position)
            return p;
    return NULL;
}

static void answered(struct pending *p, jx *answer /* takes */)
{
    if (!answer) {
        tell(p, VERB_REFUSED, NULL);
        return;
    }
    p->answer = answer;
    if (spool_durable(p->v->spool) >= p->position)
        tell(p, VERB_ANSWERED, answer);
}

/* ---- an answer that was given while we did not listen ------------------------------------------
 */

static void on_kept(void *arg, struct fetch *f)
{
    struct pending *p = arg;
    struct str text = fetch_at(f, 0)->s;
    struct jx_error why;

    p->asking = false;
    if (!p->done) /* it was too late for it */
        pending_free(p);
    else if (f->lost || text.n == 0)
        tell(p, VERB_TIMEOUT, NULL); /* not known here; the same request id finds it out */
    else
        answered(p, jx_parse(text, &why));
}

static void ask_kept(struct pending *p)
{
    char key[STORE_KEY_SIZE];

    if (p->asking)
        return;
    p->asking = true;
    fetch_init(&p->fetch, p->v->w->store, &p->arena);
    FETCH(&p->fetch, S("HGET"), store_key(p->v->w->conf->prefix, p->team, "requests", key),
          str_c(p->request_id));
    fetch_then(&p->fetch, on_kept, p);
}

/* A verb that came too late was not done, and is not to be done should Redis lose that it said so:
 * a record that is sent again does not expire. */
void verbs_look_at_answer(struct spool *spool, struct shipper *shipper, struct str team,
                          uint64_t position, const struct store_reply *reply)
{
    struct jx_error why;
    jx *answer = jx_parse(store_reply_str(store_reply_at(reply, 2)), &why);

    if (str_eq(jx_str(jx_get(jx_get(answer, "error"), "code")), S("expired")))
        spool_put_aside(spool, position);
    shipper_saw_incident(shipper, team, jx_str(jx_get(jx_get(answer, "incident"), "id")));
    jx_free(answer);
}

static void on_verb(void *arg, struct str team, uint64_t position, const struct store_reply *reply,
                    struct str error)
{
    struct verbs *v = arg;
    struct pending *p = waiting_for(v, position);
    struct jx_error why;

    verbs_look_at_answer(v->spool, v->shipper, team, position, reply);
    if (!p || p->answer)
        return; /* sent again after a reconnect, or nobody waits any more */
    if (!reply) {
        log_error("verbs", "Redis refuses a verb: %.*s", STR_ARG(error));
        tell(p, VERB_REFUSED, NULL);
    } else if (str_eq(store_reply_str(store_reply_at(reply, 0)), S("OK"))) {
        answered(p, jx_parse(store_reply_str(store_reply_at(reply, 2)), &why));
    } else {
        ask_kept(p);
    }
}

/* ---- in ----------------------------------------------------------------------------------------
 */

enum verb_outcome verbs_submit(struct verbs *v, struct str team, struct str item,
                               struct str request_id, verb_done_fn *done, void *arg)
{
    int64_t now = clock_wall_ms();
    struct pending *p;
    uint64_t ticket;

    record_begin(&v->record, RECORD_VERB, 1, now);
    record_put(&v->record, item);
    if (atomic_load(&v->w->status.store_state) != STORE_S_READY ||
        v->n_pending >= VERBS_WAITING_MAX || !record_end(&v->record, 1) ||
        spool_append(v->spool, team, buf_str(&v->record), now, &ticket) != SPOOL_OK) {
        metric_add(metric_cell(&verbs_total, "away"), 1);
        return VERB_AWAY;
    }
    p = NEW(struct pending);
    p->v = v;
    p->position = ticket;
    p->deadline_ms = clock_mono_ms() + VERB_WAIT_MS;
    p->done = done;
    p->arg = arg;
    arena_init(&p->arena, 1024);
    p->team = arena_str(&p->arena, team);
    p->request_id = xstrndup(request_id.p, request_id.n);
    list_append(&v->pending, &p->node);
    v->n_pending++;
    spool_commit(v->spool);
    shipper_kick(v->shipper);
    return VERB_ANSWERED;
}

struct verb_away verbs_away(const struct verbs *v)
{
    if (atomic_load(&v->w->status.store_state) != STORE_S_READY)
        return (struct verb_away){"redis_away", "Redis went away; nothing was done, try again"};
    return (struct verb_away){"spool_unavailable",
                              "the spool has no room or cannot be written (the log of triaged says "
                              "why); nothing was done, try again"};
}

void verbs_on_durable(struct verbs *v)
{
    uint64_t durable = spool_durable(v->spool);

    LIST_FOR_EACH_SAFE (p, next, &v->pending, struct pending, node) {
        if (p->position > durable)
            break;
        if (p->answer && p->done)
            tell(p, VERB_ANSWERED, p->answer);
    }
}

void verbs_second(struct verbs *v, int64_t now_ms)
{
    int64_t mono = clock_mono_ms();

    shipper_tick(v->shipper, now_ms);
    spool_commit(v->spool);
    LIST_FOR_EACH_SAFE (p, next, &v->pending, struct pending, node) {
        if (p->deadline_ms > mono)
            break;
        if (p->done)
            tell(p, VERB_TIMEOUT, NULL);
    }
}

int64_t verbs_oldest_waiting(struct verbs *v)
{
    struct spool_stats st;

    spool_stats(v->spool, &st);
    return st.oldest_waiting_ms;
}

/* ---- after a reconnect: the alerts first -------------------------------------------------------
 */

static void on_start(evutil_socket_t fd, short what, void *arg)
{
    static const struct timeval again = {0, START_EVERY_MS * 1000};
    struct verbs *v = arg;

    (void)fd;
    (void)what;
    if ((v->started && !v->resend) || atomic_load(&v->w->status.store_state) != STORE_S_READY)
        return;
    if (!shipper_idle(v->w->shipper) && clock_mono_ms() < v->start_by_ms) {
        event_add(v->start, &again);
        return;
    }
    if (v->started)
        shipper_resend(v->shipper);
    else
        shipper_on_store(v->shipper, true);
    v->started = true;
    v->resend = false;
}

static void start_soon(struct verbs *v)
{
    v->start_by_ms = clock_mono_ms() + START_AFTER_MS;
    event_active(v->start, EV_TIMEOUT, 0);
}

void verbs_on_store(struct verbs *v, bool ready)
{
    v->started = false;
    if (!ready) {
        shipper_on_store(v->shipper, false);
        return;
    }
    start_soon(v);
}

void verbs_resend(struct verbs *v)
{
    v->resend = true;
    start_soon(v);
}

/* ---- life --------------------------------------------------------------------------------------
 */

static void on_durable_moved(void *arg)
{
    worker_wake(arg);
}

static bool open_spool(struct verbs *v, struct diag *why)
{
    const struct conf *conf = v->w->conf;
    char directory[4096];
    struct spool_options o = {
        .directory = directory,
        .sync = (int)conf->spool.sync,
        .interval_ms = conf->spool.interval_ms,
        .max_size = conf->spool.max_size < SPOOL_MAX ? conf->spool.max_size : SPOOL_MAX,
        .segment_size =
            conf->spool.segment_size < SEGMENT_SIZE ? conf->spool.segment_size : SEGMENT_SIZE,
        .min_free = conf->spool.min_free,
        .retain_ms = conf->spool.retain_ms,
        .on_durable = on_durable_moved,
        .arg = v->w,
    };

    snprintf(directory, sizeof(directory), "%.*s/worker-%u-verbs", STR_ARG(conf->spool.directory),
             v->w->index);
    v->spool = spool_open(&o, clock_wall_ms(), why);
    return v->spool != NULL;
}

struct verbs *verbs_create(struct worker *w, struct diag *why)
{
    struct verbs *v = NEW(struct verbs);

    v->w = w;
    list_init(&v->pending);
    buf_init(&v->record, RECORD_BYTES_MAX);
    v->start = event_new(w->base, -1, 0, on_start, v);
    if (!v->start)
        diag_error(why, NULL, 0, 0, NULL, "cannot set up an event");
    if (!v->start || !open_spool(v, why)) {
        verbs_destroy(v);
        return NULL;
    }
    v->shipper = shipper_create(w, v->spool, on_verb, v);
    return v;
}

void verbs_destroy(struct verbs *v)
{
    struct pending *p;

    if (!v)
        return;
    while ((p = LIST_FIRST(&v->pending, struct pending, node))) {
        p->asking = false;
        tell(p, VERB_TIMEOUT, NULL);
    }
    shipper_destroy(v->shipper);
    spool_close(v->spool);
    buf_finish(&v->record);
    if (v->start)
        event_free(v->start);
    free(v);
}
