/*
 * watchdog.c - looks whether all is well, and says so to watchdog_url.
 * Owns: what was said last, the thread that sends.
 * Never: mends anything; asks the store itself. Called by: supervisor.c, reload.c.
 *
 * When a beat is due the ticks must be fresh; then the audit walks over all incidents; a walk
 * without a fault ends with a beat. Each change between sending, failing and withholding is logged
 * once.
 */
#include "watchdog.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit.h"
#include "ticker.h"
#include "triaged/base/clock.h"
#include "triaged/base/log.h"
#include "triaged/base/mem.h"
#include "triaged/base/metrics.h"
#include "triaged/net/http_ping.h"

enum {
    RETRY_MS = 5000, /* after a beat that was withheld or failed, if the next is later */
    TICK_FRESH_MS = 15000,
};

static struct metric_family beats_total = {
    .name = "triaged_watchdog_beats_total",
    .help = "Beats to watchdog_url: sent; failed (no answer, or none of 2xx); withheld because the "
            "tick does not run or an incident has no valid deadline.",
    .type = METRIC_COUNTER,
    .labels = {"result"},
};
static struct metric_family last_time = {
    .name = "triaged_watchdog_last_beat_timestamp_seconds",
    .help = "When watchdog_url last answered a beat with 2xx; 0 = never.",
    .type = METRIC_GAUGE,
    .scale = 1e-3,
};
enum state { UNSAID, SENDING, FAILING, NO_TICK, FAULTS };

struct watchdog {
    struct ticker *ticker;
    struct audit *audit;
    const struct conf *conf; /* owns a reference */
    struct http_ping *ping;  /* made with the first beat */
    enum state state;
    int64_t next_ms;
    bool asking; /* the audit, before a beat */
};

/* ---- what is said ------------------------------------------------------------------------------
 */

static void say(struct watchdog *w, enum state state, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct watchdog *w, enum state state, const char *fmt, ...)
{
    char text[400];
    va_list args;

    if (w->state == state)
        return;
    w->state = state;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    log_line(state == SENDING ? LOG_INFO_ : LOG_ERROR_, "watchdog", "%s", text);
}

static void again_soon(struct watchdog *w)
{
    int64_t every = w->conf->watchdog_every_ms;

    w->next_ms = clock_mono_ms() + (every < RETRY_MS ? every : RETRY_MS);
}

static void withhold(struct watchdog *w)
{
    metric_add(metric_cell(&beats_total, "withheld"), 1);
    again_soon(w);
}

static bool tick_runs(struct watchdog *w)
{
    int64_t last = ticker_last_round_ms(w->ticker);
    bool runs = last && clock_mono_ms() - last <= TICK_FRESH_MS;

    if (!runs)
        say(w, NO_TICK, "no beats: deadlines are not worked off (is Redis there?)");
    return runs;
}

static void send_beat(struct watchdog *w)
{
    char *url = xstrndup(w->conf->watchdog_url.p, w->conf->watchdog_url.n);
    char *ca = xstrndup(w->conf->watchdog_ca.p, w->conf->watchdog_ca.n);

    if (!w->ping)
        w->ping = http_ping_create();
    if (!w->ping) {
        say(w, FAILING, "no beats: no thread can be started");
        metric_add(metric_cell(&beats_total, "failed"), 1);
    } else if (!http_ping_send(w->ping, url, ca, w->conf->watchdog_timeout_ms)) {
        again_soon(w); /* one is under way still; how it ends is told */
    }
    free(ca);
    free(url);
}

static void take_result(struct watchdog *w)
{
    struct http_ping_result r;

    if (!w->ping || !http_ping_take(w->ping, &r))
        return;
    metric_add(metric_cell(&beats_total, r.ok ? "sent" : "failed"), 1);
    if (r.ok) {
        metric_set(metric_cell(&last_time), clock_wall_ms());
        say(w, SENDING, "beats are sent to watchdog_url every %lld s",
            (long long)w->conf->watchdog_every_ms / 1000);
    } else {
        say(w, FAILING, "watchdog_url does not take our beat: %s", r.why);
        again_soon(w);
    }
}

/* ---- before a beat -----------------------------------------------------------------------------
 */

static void on_audit(void *arg, const struct audit_result *r)
{
    struct watchdog *w = arg;

    w->asking = false;
    if (!r->whole) {
        say(w, NO_TICK, "no beats: the incidents cannot be looked at (is Redis there?)");
        withhold(w);
    } else if (r->faults) {
        say(w, FAULTS, "no beats: %llu open incidents have no valid next deadline: %s",
            (unsigned long long)r->faults, r->first_fault);
        withhold(w);
    } else if (tick_runs(w)) {
        send_beat(w);
    } else {
        withhold(w);
    }
}

static bool is_due(const struct watchdog *w)
{
    return w->conf->watchdog_url.n && clock_mono_ms() >= w->next_ms;
}

void watchdog_second(struct watchdog *w)
{
    take_result(w);
    if (w->asking) {
        tick_runs(w); /* an answer that does not come is to be said */
    } else if (is_due(w) && tick_runs(w)) {
        w->asking = true;
        w->next_ms = clock_mono_ms() + w->conf->watchdog_every_ms; /* the walk takes of it */
        audit_ask(w->audit, on_audit, w);
    } else if (is_due(w)) {
        withhold(w);
    }
}

/* ---- life --------------------------------------------------------------------------------------
 */

static const char *const results[] = {"sent", "failed", "withheld"};

struct watchdog *watchdog_create(struct ticker *t, struct audit *a, const struct conf *conf)
{
    struct watchdog *w = NEW(struct watchdog);

    w->ticker = t;
    w->audit = a;
    w->conf = conf_ref(conf);
    for (size_t i = 0; i < ARRAY_LEN(results); i++) /* so that the first can be seen to rise */
        metric_add(metric_cell(&beats_total, results[i]), 0);
    metric_set(metric_cell(&last_time), 0);
    again_soon(w); /* the first ticks come first */
    return w;
}

void watchdog_configure(struct watchdog *w, const struct conf *conf)
{
    conf_unref(w->conf);
    w->conf = conf_ref(conf);
    w->state = UNSAID;
    w->next_ms = 0;
}

void watchdog_destroy(struct watchdog *w)
{
    if (!w)
        return;
    http_ping_destroy(w->ping);
    conf_unref(w->conf);
    free(w);
}
