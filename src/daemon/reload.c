/*
 * reload.c - swaps the whole configuration or nothing.
 * Owns: struct reload, one at a time.
 * Never: touches a worker but through its mailbox.
 * Called by: supervisor.c (SIGHUP, POST /-/reload, answers of workers, other known errors in
 * Redis).
 *
 * The file is loaded and compiled in the main thread; then every worker takes the snapshot over,
 * binding new listeners before it gives up old ones. If one cannot, those that already did are
 * given the old snapshot back, and the answer is the first worker's sentence.
 */
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "incident_metrics.h"
#include "known_errors.h"
#include "notify.h"
#include "supervisor.h"
#include "ticker.h"
#include "watchdog.h"
#include "worker.h"
#include "triaged/base/clock.h"
#include "triaged/base/log.h"
#include "triaged/base/mem.h"
#include "triaged/base/metrics.h"

static struct metric_family successful = {
    .name = "triaged_config_last_reload_successful",
    .help = "1 if the last attempt to load the configuration succeeded.",
    .type = METRIC_GAUGE,
};
static struct metric_family success_time = {
    .name = "triaged_config_last_reload_success_timestamp_seconds",
    .help = "When the configuration in force was loaded.",
    .type = METRIC_GAUGE,
    .scale = 1e-3,
};

void reload_say_loaded(int64_t at_ms)
{
    metric_set(metric_cell(&successful), 1);
    metric_set(metric_cell(&success_time), at_ms);
}

static void answer(struct supervisor *sup, int status, const char *text)
{
    struct reload *r = &sup->reload;

    if (status == 200) {
        reload_say_loaded(clock_wall_ms());
        log_info("reload", "%s", text);
    } else {
        metric_set(metric_cell(&successful), 0);
        log_error("reload", "%s; the old configuration stays in force", text);
    }
    if (r->request)
        worker_post_answer(r->asked_by, r->request, status, text);
    notify_ready();
    r->running = r->undoing = false;
    r->request = NULL;
    r->asked_by = NULL;
    ruleset_unref(r->next);
    r->next = NULL;
    free(r->error);
    r->error = NULL;
    if (r->again) {
        r->again = false;
        reload_begin(sup, NULL, NULL);
    } else if (sup->known_errors_wait) {
        reload_known_errors(sup);
    }
}

/* All findings as one text, a line each. */
static char *render(const struct diag *why)
{
    char *text = xstrdup("");

    for (size_t i = 0; i < why->n; i++) {
        char *line = diag_item_render(&why->items[i]);
        char *joined = xasprintf("%s%s%s", text, i ? "\n" : "", line);

        free(line);
        free(text);
        text = joined;
    }
    return text;
}

static void warn_each(const struct diag *d)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->items[i].warning) {
            char *line = diag_item_render(&d->items[i]);

            log_warn("reload", "%s", line);
            free(line);
        }
}

void reload_begin(struct supervisor *sup, struct worker *asked_by, struct http_request *req)
{
    struct reload *r = &sup->reload;
    struct diag why;

    if (sup->stopping) {
        if (req)
            worker_post_answer(asked_by, req, 503, "triaged is stopping");
        return;
    }
    if (r->running) {
        r->again = r->again || !req;
        if (req)
            worker_post_answer(asked_by, req, 409, "a reload is already under way");
        return;
    }
    r->running = true;
    r->asked_by = asked_by;
    r->request = req;
    notify_reloading();
    diag_init(&why);
    r->next = supervisor_load(sup->file, sup, &why);
    if (!r->next) {
        char *text = render(&why);

        answer(sup, 400, text);
        free(text);
    } else {
        warn_each(&why);
        r->waiting = sup->n_workers;
        for (unsigned i = 0; i < sup->n_workers; i++)
            worker_post_configure(sup->workers[i], r->next);
    }
    diag_finish(&why);
}

/* Some worker could not: all go back (for one that never left, that changes nothing). */
static void undo(struct supervisor *sup)
{
    sup->reload.undoing = true;
    sup->reload.waiting = sup->n_workers;
    for (unsigned i = 0; i < sup->n_workers; i++)
        worker_post_configure(sup->workers[i], sup->rules);
}

static void done(struct supervisor *sup)
{
    const struct ruleset *old = sup->rules;

    sup->rules = ruleset_ref(sup->reload.next);
    ticker_configure(sup->ticker, ruleset_conf(sup->rules));
    audit_configure(sup->audit, ruleset_conf(sup->rules));
    watchdog_configure(sup->watchdog, ruleset_conf(sup->rules));
    known_errors_configure(sup->known_errors, ruleset_conf(sup->rules));
    incident_metrics_configure(sup->metrics, ruleset_conf(sup->rules));
    ruleset_unref(old);
    answer(sup, 200, "configuration loaded");
}

void reload_configured(struct supervisor *sup, struct worker *w, char *error)
{
    struct reload *r = &sup->reload;

    (void)w;
    if (error && !r->error)
        r->error = error;
    else
        free(error);
    if (!r->running || --r->waiting > 0)
        return;
    if (r->undoing) {
        char *text = r->error;

        r->error = NULL;
        answer(sup, 400, text);
        free(text);
    } else if (r->error) {
        undo(sup);
    } else {
        done(sup);
    }
}

/* Nothing that can fail in a worker: no listener changes. */
void reload_known_errors(struct supervisor *sup)
{
    const struct declared_error *declared;
    const struct ruleset *next;
    struct diag why;
    size_t n;

    sup->known_errors_wait = sup->reload.running;
    if (sup->reload.running || sup->stopping)
        return;
    declared = known_errors_declared(sup->known_errors, &n);
    diag_init(&why);
    next = ruleset_create_with(ruleset_conf(sup->rules), declared, n, &why);
    if (next) {
        for (unsigned i = 0; i < sup->n_workers; i++)
            worker_post_rules(sup->workers[i], next);
        ruleset_unref(sup->rules);
        sup->rules = next;
    } else { /* the configuration compiled before */
        log_error("reload", "declared known errors could not be taken into the rules");
    }
    diag_finish(&why);
}
