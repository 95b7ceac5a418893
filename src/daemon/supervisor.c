/*
 * supervisor.c - the main thread's loop.
 * Owns: the workers, the snapshot in force, signal events.
 * Never: takes in an alert.
 * Called by: main.c.
 *
 * Boot order: configuration, workers (spool, listeners, Redis), ticker, threads, signals. Anything
 * that fails before the threads run ends the start with one sentence. The way down is the mirror.
 */
#include "supervisor.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "incident_metrics.h"
#include "known_errors.h"
#include "notify.h"
#include "redis_access.h"
#include "ticker.h"
#include "watchdog.h"
#include "worker.h"
#include "triaged/base/clock.h"
#include "triaged/base/log.h"
#include "triaged/base/mem.h"
#include "triaged/base/metrics.h"
#include "triaged/net/loop.h"
#include "triaged/store/store.h"

enum { WORKER_STALLED_MS = 15000 };

static struct metric_family build_info = {
    .name = "triaged_build_info",
    .help = "Version of the running program; always 1.",
    .type = METRIC_GAUGE,
    .labels = {"version"},
};
static struct metric_family start_time = {
    .name = "triaged_start_time_seconds",
    .help = "When the program started.",
    .type = METRIC_GAUGE,
    .scale = 1e-3,
};

const struct ruleset *supervisor_load(const char *file, const struct supervisor *running,
                                      struct diag *why)
{
    struct conf *conf = conf_load_also(file, ruleset_check_faulty, why);
    const struct ruleset *rules = NULL;
    const struct declared_error *declared = NULL;
    size_t n = 0;

    if (!conf)
        return NULL;
    if (running) {
        conf_keep_restart_only(ruleset_conf(running->rules), conf, why);
        declared = known_errors_declared(running->known_errors, &n);
    }
    if (redis_access_check(conf, why))
        rules = ruleset_create_with(conf, declared, n, why);
    conf_unref(conf);
    return rules;
}

/* ---- events
 * ---------------------------------------------------------------------------------------- */

static void begin_stop(struct supervisor *sup)
{
    if (sup->stopping)
        return;
    sup->stopping = true;
    log_info("main", "stopping: no new work, what was accepted is finished");
    notify_stopping();
    for (unsigned i = 0; i < sup->n_workers; i++)
        worker_post_stop(sup->workers[i]);
}

static void on_stop_signal(evutil_socket_t sig, short what, void *arg)
{
    (void)sig;
    (void)what;
    begin_stop(arg);
}

static void on_hup(evutil_socket_t sig, short what, void *arg)
{
    (void)sig;
    (void)what;
    reload_begin(arg, NULL, NULL);
}

/* The watchdog is fed only while every worker turns. */
static bool workers_turn(const struct supervisor *sup)
{
    for (unsigned i = 0; i < sup->n_workers; i++)
        if (clock_mono_ms() - atomic_load(&sup->workers[i]->status.beat_ms) > WORKER_STALLED_MS)
            return false;
    return true;
}

static void say_status(const struct supervisor *sup)
{
    int64_t waiting = 0;
    bool ready = true;

    for (unsigned i = 0; i < sup->n_workers; i++) {
        waiting += atomic_load(&sup->workers[i]->status.records_waiting);
        ready = ready && atomic_load(&sup->workers[i]->status.store_state) == STORE_S_READY;
    }
    notify_status("redis %s, %lld records wait", ready ? "ready" : "away", (long long)waiting);
}

static void on_second(evutil_socket_t fd, short what, void *arg)
{
    struct supervisor *sup = arg;

    (void)fd;
    (void)what;
    if (!sup->stopping) {
        ticker_second(sup->ticker);
        audit_second(sup->audit);
        watchdog_second(sup->watchdog);
    }
    incident_metrics_second(sup->metrics);
    if (workers_turn(sup))
        notify_watchdog();
    say_status(sup);
}

static void on_worker_stopped(struct supervisor *sup)
{
    for (unsigned i = 0; i < sup->n_workers; i++)
        if (!atomic_load(&sup->workers[i]->status.stopped))
            return;
    event_base_loopbreak(sup->base);
}

static void on_message(void *arg, struct message *m)
{
    struct supervisor *sup = arg;

    switch ((enum supervisor_message)m->kind) {
    case SUPERVISOR_RELOAD:
        reload_begin(sup, m->data, m->more);
        break;
    case SUPERVISOR_CONFIGURED:
        reload_configured(sup, m->data, m->more);
        break;
    case SUPERVISOR_STOPPED:
        on_worker_stopped(sup);
        break;
    case SUPERVISOR_SETTINGS:
        ticker_send_settings(sup->ticker);
        break;
    case SUPERVISOR_KNOWN_ERRORS:
        ticker_read_known_errors(sup->ticker);
        break;
    }
}

static void on_known_errors(void *arg)
{
    reload_known_errors(arg);
}

/* ---- boot and its mirror
 * ----------------------------------------------------------------------------- */

static bool create_events(struct supervisor *sup)
{
    static const struct timeval second = {1, 0};

    sup->mailbox = mailbox_create(sup->base, on_message, sup);
    sup->hup = evsignal_new(sup->base, SIGHUP, on_hup, sup);
    sup->term = evsignal_new(sup->base, SIGTERM, on_stop_signal, sup);
    sup->intr = evsignal_new(sup->base, SIGINT, on_stop_signal, sup);
    sup->second = event_new(sup->base, -1, EV_PERSIST, on_second, sup);
    return sup->mailbox && sup->hup && sup->term && sup->intr && sup->second &&
           event_add(sup->hup, NULL) == 0 && event_add(sup->term, NULL) == 0 &&
           event_add(sup->intr, NULL) == 0 && event_add(sup->second, &second) == 0;
}

static bool boot(struct supervisor *sup, struct diag *why)
{
    const struct conf *conf;

    sup->rules = supervisor_load(sup->file, NULL, why);
    if (!sup->rules)
        return false;
    conf = ruleset_conf(sup->rules);
    sup->redis = redis_access_create(conf, why);
    if (!sup->redis)
        return false;
    sup->base = net_loop_create();
    if (!sup->base || !create_events(sup)) {
        diag_error(why, NULL, 0, 0, NULL, "cannot set up the main event loop");
        return false;
    }
    sup->workers = NEW_ARRAY(struct worker *, conf->workers);
    for (unsigned i = 0; i < conf->workers; i++) {
        sup->workers[i] = worker_create(sup, i, sup->rules, why);
        if (!sup->workers[i])
            return false;
        sup->n_workers = i + 1;
    }
    worker_remember_relp(sup->workers, sup->n_workers);
    sup->known_errors = known_errors_create(conf, on_known_errors, sup);
    sup->ticker = ticker_create(sup, conf);
    sup->audit = audit_create(sup->ticker, conf);
    sup->watchdog = watchdog_create(sup->ticker, sup->audit, conf);
    sup->metrics = incident_metrics_create(sup, conf);
    return true;
}

static bool start_threads(struct supervisor *sup)
{
    bool ok = true;

    for (unsigned i = 0; i < sup->n_workers; i++)
        ok = ok && worker_start(sup->workers[i]);
    return ok;
}

static void say_started(const struct supervisor *sup)
{
    const struct conf *conf = ruleset_conf(sup->rules);

    metric_set(metric_cell(&build_info, TRIAGED_VERSION), 1);
    metric_set(metric_cell(&start_time), sup->started_ms);
    for (size_t i = 0; i < conf->n_http; i++)
        log_info("main", "listening http address=%.*s port=%u", STR_ARG(conf->http[i].address),
                 http_server_port(sup->workers[0]->http, i));
    for (size_t i = 0; i < conf->n_syslog; i++)
        log_info("main", "listening syslog address=%.*s port=%u", STR_ARG(conf->syslog[i].address),
                 syslog_server_port(sup->workers[0]->syslog, i));
    log_info("main", "triaged " TRIAGED_VERSION " is up workers=%u rules=%zu teams=%zu config=%s",
             sup->n_workers, conf->n_rules, conf->n_teams, conf->hash);
}

static void free_event(struct event *e)
{
    if (e)
        event_free(e);
}

static void tear_down(struct supervisor *sup)
{
    ticker_destroy(sup->ticker);
    audit_destroy(sup->audit);
    watchdog_destroy(sup->watchdog);
    known_errors_destroy(sup->known_errors);
    for (unsigned i = 0; i < sup->n_workers; i++) {
        worker_join(sup->workers[i]);
        worker_destroy(sup->workers[i]);
    }
    free(sup->workers);
    incident_metrics_destroy(sup->metrics);
    free_event(sup->second);
    free_event(sup->intr);
    free_event(sup->term);
    free_event(sup->hup);
    mailbox_destroy(sup->mailbox);
    if (sup->base)
        event_base_free(sup->base);
    ruleset_unref(sup->reload.next);
    free(sup->reload.error);
    ruleset_unref(sup->rules);
    redis_access_destroy(sup->redis);
}

/* The workers have stopped: say good-bye to the store, at most for a second. */
static void leave(struct supervisor *sup)
{
    int64_t until = clock_mono_ms() + 1000;

    for (unsigned i = 0; i < sup->n_workers; i++)
        worker_join(sup->workers[i]);
    ticker_leave(sup->ticker);
    while (!ticker_has_left(sup->ticker) && clock_mono_ms() < until)
        event_base_loop(sup->base, EVLOOP_ONCE);
    log_info("main", "stopped");
}

int supervisor_run(const char *file)
{
    struct supervisor sup = {.file = file, .started_ms = clock_wall_ms()};
    struct diag why;
    int status = EXIT_FAILURE;

    diag_init(&why);
    signal(SIGPIPE, SIG_IGN);
    if (boot(&sup, &why) && start_threads(&sup)) {
        diag_print(&why, stderr); /* warnings */
        say_started(&sup);
        reload_say_loaded(sup.started_ms);
        notify_ready();
        event_base_dispatch(sup.base);
        leave(&sup);
        status = EXIT_SUCCESS;
    } else {
        diag_print(&why, stderr);
    }
    tear_down(&sup);
    diag_finish(&why);
    return status;
}
