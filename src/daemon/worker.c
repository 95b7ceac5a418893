/*
 * worker.c - builds a worker, runs its loop, takes it down in the reverse order.
 * Owns: everything in struct worker.
 * Never: looks into an alert (pipeline.c) or a request (routes.c).
 * Called by: supervisor.c, reload.c.
 */
#include "worker.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "leftovers.h"
#include "pipeline.h"
#include "redis_access.h"
#include "reply.h"
#include "routes.h"
#include "routes_events.h"
#include "shipper.h"
#include "supervisor.h"
#include "teams.h"
#include "verbs.h"
#include "triaged/base/clock.h"
#include "triaged/base/log.h"
#include "triaged/base/mem.h"
#include "triaged/base/metrics.h"
#include "triaged/base/thread.h"
#include "triaged/net/loop.h"

enum {
    ENCODE_MAX = 16 * 1024 * 1024,
    STOP_WAIT_MS = 10000, /* how long a stop waits for answers and for Redis */
};

/* ---- callbacks: cast, one call, nothing more ------------------------------------------------- */

static void on_flush_http(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    pipeline_flush_http(arg);
}

static void on_flush_syslog(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;

    (void)fd;
    (void)what;
    if (pipeline_flush_syslog_due(w) && !w->stopping)
        syslog_server_resume(w->syslog); /* streams may have waited for room */
}

/* In the sync thread: only wakes the loop. */
static void on_durable_moved(void *arg)
{
    worker_wake(arg);
}

void worker_wake(struct worker *w)
{
    uint64_t one = 1;

    if (write(w->durable_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
        log_error("worker", "eventfd: errno=%d", errno);
}

static void on_durable(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;
    uint64_t n;

    (void)what;
    if (read(fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
        log_error("worker", "eventfd: errno=%d", errno);
    answers_durable(&w->answers, spool_durable(w->spool));
    pipeline_acknowledge(w);
    verbs_on_durable(w->verbs);
}

static void on_syslog_message(void *arg, const struct syslog_peer *peer, struct str message,
                              unsigned flags)
{
    struct worker *w = arg;

    pipeline_take_syslog(w, peer, message, flags);
}

int64_t worker_receipt(struct worker *w)
{
    w->now_ms = clock_receipt_ms(w->now_ms, clock_wall_ms());
    return w->now_ms;
}

static void on_syslog_batch_end(void *arg)
{
    struct worker *w = arg;

    worker_receipt(w);
    if (relp_acks_due(&w->relp_acks)) /* somebody waits: no longer than for this turn of the loop */
        event_active(w->flush_syslog, EV_TIMEOUT, 0);
}

/* Room in the spool and in the fold: else streams wait in the kernel, datagrams are counted. */
static bool may_read_syslog(void *arg)
{
    struct worker *w = arg;

    worker_receipt(w);
    return !fold_is_full(&w->fold_syslog) && !fold_is_full(&w->fold_known) &&
           !spool_is_full(w->spool);
}

static void on_store_state(void *arg, enum store_state state, const char *why)
{
    struct worker *w = arg;
    struct store_health health;

    if (*why || state == STORE_S_READY) { /* a new attempt does not unsay why the last one failed */
        pthread_mutex_lock(&w->status.why_lock);
        snprintf(w->status.redis_why, sizeof(w->status.redis_why), "%s", why);
        pthread_mutex_unlock(&w->status.why_lock);
    }
    atomic_store(&w->status.store_state, (int)state);
    if (!w->store || !w->shipper)
        return;
    if (state == STORE_S_READY) {
        store_health(w->store, &health);
        atomic_store(&w->status.eviction_unsafe, !health.noeviction);
        quarantine_send(&w->quarantine, w->store, w->conf->prefix);
    }
    shipper_on_store(w->shipper, state == STORE_S_READY);
    leftovers_on_store(w->leftovers, state == STORE_S_READY);
    verbs_on_store(w->verbs, state == STORE_S_READY);
}

/* ---- once a second ------------------------------------------------------------------------------
 */

/* A stop is over when every answer is given and, if Redis is there, every record is in it. Whether
 * it is there is open while it is being connected to, as after a start: only a failure says no. */
static void stop_if_done(struct worker *w)
{
    struct spool_stats st;
    bool late = clock_mono_ms() >= w->stop_by_ms;

    pipeline_flush_syslog(w); /* what came in after the listeners closed */
    spool_stats(w->spool, &st);
    leftovers_add_stats(w->leftovers, &st);
    if (!late) {
        if (answers_waiting(&w->answers) || http_server_pending(w->http) > 0 ||
            syslog_server_pending(w->syslog) > 0)
            return;
        if (st.records_waiting > 0 && atomic_load(&w->status.store_state) != STORE_S_BACKOFF)
            return;
    }
    if (st.records_waiting > 0)
        log_info("worker",
                 "stopped with records that wait for the next start worker=%u records=%llu",
                 w->index, (unsigned long long)st.records_waiting);
    event_base_loopbreak(w->base);
}

/* The ticker saw that Redis was emptied. Where something new comes, its GAP tells; what was
 * acknowledged and is followed by nothing would be kept for `retain`, and then be gone. */
static void look_for_loss(struct worker *w)
{
    unsigned n = atomic_load(&w->supervisor->redis_emptied);

    if (n == w->redis_emptied)
        return;
    w->redis_emptied = n;
    shipper_resend(w->shipper);
    leftovers_resend(w->leftovers);
    verbs_resend(w->verbs);
}

static void on_second(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;

    (void)fd;
    (void)what;
    worker_receipt(w);
    atomic_store(&w->status.beat_ms, clock_mono_ms());
    look_for_loss(w);
    shipper_tick(w->shipper, w->now_ms);
    leftovers_second(w->leftovers, w->now_ms);
    verbs_second(w->verbs, w->now_ms);
    teams_second(w->teams);
    spool_commit(w->spool);
    if (w->quarantine.n && atomic_load(&w->status.store_state) == STORE_S_READY)
        quarantine_send(&w->quarantine, w->store, w->conf->prefix);
    worker_publish(w);
    if (!w->stopping && may_read_syslog(w))
        syslog_server_resume(w->syslog);
    if (w->stopping)
        stop_if_done(w);
}

/* ---- messages
 * ------------------------------------------------------------------------------------ */

struct posted_answer {
    int status;
    char text[];
};

static void begin_stop(struct worker *w)
{
    struct timeval often = {0, 20 * 1000};

    w->stopping = true;
    w->stop_by_ms = clock_mono_ms() + STOP_WAIT_MS;
    http_server_stop_accepting(w->http);
    syslog_server_stop(w->syslog);
    pipeline_flush_syslog(w);
    pipeline_flush_http(w);
    event_del(w->second);
    event_add(w->second, &often);
}

static void say_configured(struct worker *w, struct diag *why)
{
    char *text = why->errors ? diag_item_render(&why->items[0]) : NULL;

    mailbox_post(w->supervisor->mailbox, SUPERVISOR_CONFIGURED, w, text, 0);
}

/* Verdicts by the rules before are forgotten. */
static void take_rules(struct worker *w, const struct ruleset *rules)
{
    const struct ruleset *old = w->rules;

    w->rules = ruleset_ref(rules);
    w->conf = ruleset_conf(rules);
    vcache_clear(&w->vcache);
    repeats_clear(&w->repeats);
    ruleset_unref(old);
}

static void on_message(void *arg, struct message *m)
{
    struct worker *w = arg;
    struct posted_answer *answer = m->more;
    struct diag why;

    switch ((enum worker_message)m->kind) {
    case WORKER_CONFIGURE:
        diag_init(&why);
        if (!w->stopping) /* else the listeners stay closed */
            worker_configure(w, m->data, &why);
        ruleset_unref(m->data);
        say_configured(w, &why);
        diag_finish(&why);
        break;
    case WORKER_RULES:
        take_rules(w, m->data);
        ruleset_unref(m->data);
        break;
    case WORKER_STOP:
        begin_stop(w);
        break;
    case WORKER_ANSWER:
        if (answer->status == 200)
            reply_text(m->data, 200, answer->text);
        else
            reply_error(m->data, answer->status, "reload_failed", answer->text, NULL);
        free(answer);
        break;
    case WORKER_LOADED_AT:
        if (m->number < w->rules_loaded_ms)
            w->rules_loaded_ms = m->number;
        break;
    }
}

void worker_post_configure(struct worker *w, const struct ruleset *rules)
{
    mailbox_post(w->mailbox, WORKER_CONFIGURE, (void *)ruleset_ref(rules), NULL, 0);
}

void worker_post_rules(struct worker *w, const struct ruleset *rules)
{
    mailbox_post(w->mailbox, WORKER_RULES, (void *)ruleset_ref(rules), NULL, 0);
}

void worker_post_stop(struct worker *w)
{
    mailbox_post(w->mailbox, WORKER_STOP, NULL, NULL, 0);
}

void worker_post_answer(struct worker *w, struct http_request *req, int status, const char *text)
{
    struct posted_answer *answer = xmalloc(sizeof(*answer) + strlen(text) + 1);

    answer->status = status;
    strcpy(answer->text, text);
    mailbox_post(w->mailbox, WORKER_ANSWER, req, answer, 0);
}

void worker_post_loaded_at(struct worker *w, int64_t loaded_ms)
{
    mailbox_post(w->mailbox, WORKER_LOADED_AT, NULL, NULL, loaded_ms);
}

/* ---- configuration
 * -------------------------------------------------------------------------------- */

bool worker_configure(struct worker *w, const struct ruleset *rules, struct diag *why)
{
    const struct conf *next = ruleset_conf(rules);
    bool reuseport = ruleset_conf(rules)->workers > 1;

    pipeline_flush_syslog(w); /* what was decided by the old rules leaves under them */
    pipeline_flush_http(w);
    if (!http_server_configure(w->http, next, reuseport, why))
        return false;
    if (!syslog_server_configure(w->syslog, next, reuseport, why)) {
        struct diag ignored;

        diag_init(&ignored);
        if (w->conf)
            http_server_configure(w->http, w->conf, reuseport, &ignored);
        diag_finish(&ignored);
        return false;
    }
    take_rules(w, rules);
    w->rules_loaded_ms = clock_wall_ms();
    worker_load_zones(w);
    return true;
}

/* ---- life
 * ------------------------------------------------------------------------------------------ */

static bool open_spool(struct worker *w, const struct conf *conf, struct diag *why)
{
    char directory[4096];
    struct spool_options o = {
        .directory = directory,
        .sync = (int)conf->spool.sync,
        .interval_ms = conf->spool.interval_ms,
        .max_size = conf->spool.max_size / conf->workers,
        .segment_size = conf->spool.segment_size,
        .min_free = conf->spool.min_free,
        .retain_ms = conf->spool.retain_ms,
        .on_durable = on_durable_moved,
        .arg = w,
    };

    snprintf(directory, sizeof(directory), "%.*s/worker-%u", STR_ARG(conf->spool.directory),
             w->index);
    w->spool = spool_open(&o, clock_wall_ms(), why);
    return w->spool != NULL;
}

static bool create_events(struct worker *w)
{
    static const struct timeval second = {1, 0};

    w->durable_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    w->second = event_new(w->base, -1, EV_PERSIST, on_second, w);
    w->flush_http = event_new(w->base, -1, 0, on_flush_http, w);
    w->flush_syslog = event_new(w->base, -1, 0, on_flush_syslog, w);
    w->durable = event_new(w->base, w->durable_fd, EV_READ | EV_PERSIST, on_durable, w);
    w->mailbox = mailbox_create(w->base, on_message, w);
    return w->durable_fd >= 0 && w->second && w->flush_http && w->flush_syslog && w->durable &&
           w->mailbox && event_add(w->second, &second) == 0 && event_add(w->durable, NULL) == 0;
}

static bool create_servers(struct worker *w)
{
    struct http_callbacks http = {.on_request = routes_on_request, .arg = w};
    struct syslog_callbacks syslog = {.on_message = on_syslog_message,
                                      .on_batch_end = on_syslog_batch_end,
                                      .may_read = may_read_syslog,
                                      .arg = w};

    w->http = http_server_create(w->base, &http);
    w->syslog = syslog_server_create(w->base, &syslog);
    return w->http && w->syslog;
}

static void create_store(struct worker *w)
{
    char name[64];

    snprintf(name, sizeof(name), "triaged-worker-%u", w->index);
    w->shipper = shipper_create(w, w->spool, NULL, NULL);
    w->store = redis_access_open(w->supervisor->redis, w->base, name, on_store_state, w);
}

/* A quarter of what the spool may hold, and no more than it takes in one group. */
static size_t fold_bytes(const struct conf *conf)
{
    uint64_t bytes = conf->spool.max_size / conf->workers / 4;

    return bytes < SPOOL_GROUP_MAX / 4 ? (size_t)bytes : SPOOL_GROUP_MAX / 4;
}

struct worker *worker_create(struct supervisor *sup, unsigned index, const struct ruleset *rules,
                             struct diag *why)
{
    const struct conf *conf = ruleset_conf(rules);
    struct worker *w = NEW(struct worker);

    w->index = index;
    w->supervisor = sup;
    w->durable_fd = -1;
    w->now_ms = clock_wall_ms();
    pthread_mutex_init(&w->status.why_lock, NULL);
    answers_init(&w->answers);
    quarantine_init(&w->quarantine);
    vcache_init(&w->vcache, conf->limits.verdicts_cached);
    fold_init(&w->fold_http, 0, conf->limits.fold_entries, fold_bytes(conf));
    fold_init(&w->fold_syslog, 0, conf->limits.fold_entries, fold_bytes(conf));
    fold_init(&w->fold_known, 1, conf->limits.fold_entries, fold_bytes(conf));
    alert_batch_init(&w->batch);
    arena_init(&w->arena, 64 * 1024);
    buf_init(&w->encode, ENCODE_MAX);
    buf_init(&w->key, ENCODE_MAX);
    w->scratch = rules_scratch_create();
    w->teams = teams_create(w);
    w->base = net_loop_create();
    if (!w->base || !create_events(w) || !create_servers(w)) {
        diag_error(why, NULL, 0, 0, NULL, "cannot set up an event loop");
    } else if (open_spool(w, conf, why) && worker_configure(w, rules, why) &&
               (w->verbs = verbs_create(w, why)) &&
               (index > 0 || leftovers_open(w, &w->leftovers, why))) {
        w->listeners = listeners_create(w);
        create_store(w);
        atomic_store(&w->status.beat_ms, clock_mono_ms());
        return w;
    }
    worker_destroy(w);
    return NULL;
}

static void *run(void *arg)
{
    struct worker *w = arg;

    event_base_dispatch(w->base);
    atomic_store(&w->status.stopped, true);
    mailbox_post(w->supervisor->mailbox, SUPERVISOR_STOPPED, w, NULL, 0);
    return NULL;
}

struct siblings {
    struct worker **v;
    unsigned n;
};

static bool was_written(void *arg, const struct syslog_place *place)
{
    const struct siblings *all = arg;
    struct spool_place in_spool;

    memcpy(&in_spool, place->bytes, sizeof(in_spool));
    for (unsigned i = 0; i < all->n; i++)
        if (spool_was_written(all->v[i]->spool, &in_spool) ||
            leftovers_was_written(all->v[i]->leftovers, &in_spool))
            return true;
    return false;
}

/* RELP goes on without: then a kill of the daemon makes senders' last messages count twice. */
void worker_remember_relp(struct worker **all, unsigned n)
{
    struct siblings siblings = {all, n};
    char *path = xasprintf("%.*s/relp-resends", STR_ARG(all[0]->conf->spool.directory));

    if (!syslog_server_remember(all[0]->syslog, path, was_written, &siblings))
        log_warn("worker", "%s: %s; RELP messages sent again after a restart count twice", path,
                 strerror(errno));
    free(path);
}

bool worker_start(struct worker *w)
{
    char name[16];

    snprintf(name, sizeof(name), "worker-%u", w->index);
    w->thread_running = thread_start(&w->thread, name, run, w);
    return w->thread_running;
}

void worker_join(struct worker *w)
{
    if (w->thread_running)
        pthread_join(w->thread, NULL);
    w->thread_running = false;
}

static void free_event(struct event *e)
{
    if (e)
        event_free(e);
}

void worker_destroy(struct worker *w)
{
    if (!w)
        return;
    store_destroy(w->store);
    verbs_destroy(w->verbs);
    leftovers_destroy(w->leftovers);
    teams_destroy(w->teams);
    shipper_destroy(w->shipper);
    syslog_server_destroy(w->syslog);
    if (w->http)
        http_server_destroy(w->http);
    listeners_destroy(w->listeners);
    spool_close(w->spool);
    mailbox_destroy(w->mailbox);
    free_event(w->durable);
    free_event(w->flush_syslog);
    free_event(w->flush_http);
    free_event(w->second);
    if (w->durable_fd >= 0)
        close(w->durable_fd);
    if (w->base)
        event_base_free(w->base);
    fold_finish(&w->fold_http);
    fold_finish(&w->fold_syslog);
    fold_finish(&w->fold_known);
    vcache_finish(&w->vcache);
    repeats_finish(&w->repeats);
    quarantine_finish(&w->quarantine);
    rules_scratch_destroy(w->scratch);
    alert_batch_finish(&w->batch);
    arena_finish(&w->arena);
    buf_finish(&w->encode);
    buf_finish(&w->key);
    worker_free_zones(w);
    ruleset_unref(w->rules);
    pthread_mutex_destroy(&w->status.why_lock);
    free(w);
}
