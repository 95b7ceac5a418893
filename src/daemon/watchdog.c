/*
 * watchdog.c - looks whether all is well, and says so to watchdog_url.
 * Owns: the walk over the boards, what was said last, the thread that sends.
 * Never: mends anything; writes to the store. Called by: supervisor.c, reload.c.
 *
 * When a beat is due the ticks must be fresh; then the script `audit` walks over the boards of all
 * teams, a stretch at a time so that 100,000 incidents hold up nobody; a walk without a fault ends
 * with a beat. Each change between sending, failing and withholding is logged once.
 */
#include "watchdog.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_keys.h"
#include "ticker.h"
#include "triaged/base/clock.h"
#include "triaged/base/log.h"
#include "triaged/base/mem.h"
#include "triaged/base/metrics.h"
#include "triaged/net/http_ping.h"
#include "triaged/store/store.h"

enum {
    STRETCH = 200,         /* incidents a call of the script; about 2 ms of Redis */
    STRETCHES_SECOND = 10, /* so that a walk takes at most 2% of Redis */
    RETRY_MS = 5000,       /* after a beat that was withheld or failed, if the next is later */
    TICK_FRESH_MS = 15000,
    LATE_MS = 60000, /* a clock that was due so long ago should have been worked off */
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
static struct metric_family faults_gauge = {
    .name = "triaged_incidents_without_deadline",
    .help = "Incidents without a valid next deadline, as of the last look for a beat.",
    .type = METRIC_GAUGE,
};

enum state { UNSAID, SENDING, FAILING, NO_TICK, FAULTS };

struct watchdog {
    struct ticker *ticker;
    const struct conf *conf; /* owns a reference */
    struct http_ping *ping;  /* made with the first beat */
    enum state state;
    int64_t next_ms;
    bool walking, asking, lost;
    char **teams; /* of the walk */
    size_t n_teams, team;
    uint64_t rank, faults;
    unsigned stretches; /* in this second */
    char first_fault[160];
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
    w->next_ms = clock_mono_ms() + w->conf->watchdog_every_ms;
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

/* ---- the walk ----------------------------------------------------------------------------------
 */

static void forget_teams(struct watchdog *w)
{
    for (size_t i = 0; i < w->n_teams; i++)
        free(w->teams[i]);
    free(w->teams);
    w->teams = NULL;
    w->n_teams = 0;
}

static void end_walk(struct watchdog *w)
{
    w->walking = false;
    if (w->lost) {
        say(w, NO_TICK, "no beats: the incidents cannot be looked at (is Redis there?)");
        withhold(w);
        return;
    }
    metric_set(metric_cell(&faults_gauge), (int64_t)w->faults);
    if (w->faults) {
        say(w, FAULTS, "no beats: %llu open incidents have no valid next deadline: %s",
            (unsigned long long)w->faults, w->first_fault);
        withhold(w);
    } else if (tick_runs(w)) {
        send_beat(w);
    } else {
        withhold(w);
    }
}

static void ask(struct watchdog *w);

static void on_stretch(void *arg, enum store_status status, const struct store_reply *reply,
                       struct str error)
{
    struct watchdog *w = arg;
    uint64_t looked = (uint64_t)store_reply_int(store_reply_at(reply, 0));
    struct str first = store_reply_str(store_reply_at(reply, 2));

    w->asking = false;
    if (status != STORE_OK) {
        if (status == STORE_REFUSED)
            log_error("watchdog", "audit refused: %.*s", STR_ARG(error));
        w->lost = true;
        end_walk(w);
        return;
    }
    if (first.n && !w->faults)
        snprintf(w->first_fault, sizeof(w->first_fault), "%.*s",
                 (int)(first.n < 150 ? first.n : 150), first.p);
    w->faults += (uint64_t)store_reply_int(store_reply_at(reply, 1));
    w->rank += looked;
    if (looked < STRETCH) {
        w->team++;
        w->rank = 0;
    }
    ask(w);
}

/* The next stretch, if there is one and this second has room for it. */
static void ask(struct watchdog *w)
{
    struct store *store = ticker_store(w->ticker);
    char key_text[STORE_KEY_SIZE], now[24], rank[24], stretch[16], late[16];
    struct str key, args[4];

    w->lost = w->lost || !store;
    if (w->team == w->n_teams || w->lost) {
        end_walk(w);
        return;
    }
    if (w->stretches == STRETCHES_SECOND)
        return;
    w->stretches++;
    w->asking = true;
    key = store_key(w->conf->prefix, str_c(w->teams[w->team]), "applied", key_text);
    snprintf(now, sizeof(now), "%lld", (long long)ticker_now(w->ticker));
    snprintf(rank, sizeof(rank), "%llu", (unsigned long long)w->rank);
    snprintf(stretch, sizeof(stretch), "%d", STRETCH);
    snprintf(late, sizeof(late), "%d", LATE_MS);
    args[0] = str_c(now);
    args[1] = str_c(rank);
    args[2] = str_c(stretch);
    args[3] = str_c(late);
    store_call(store, SCRIPT_AUDIT, &key, 1, args, ARRAY_LEN(args), on_stretch, w);
}

static void begin_walk(struct watchdog *w)
{
    forget_teams(w);
    w->teams = ticker_teams(w->ticker, &w->n_teams);
    w->team = 0;
    w->rank = w->faults = 0;
    w->lost = false;
    w->walking = true;
    ask(w);
}

static bool is_due(const struct watchdog *w)
{
    return w->conf->watchdog_url.n && clock_mono_ms() >= w->next_ms;
}

void watchdog_second(struct watchdog *w)
{
    w->stretches = 0;
    take_result(w);
    if (w->asking)
        tick_runs(w); /* an answer that does not come is to be said */
    else if (w->walking)
        ask(w);
    else if (is_due(w) && tick_runs(w))
        begin_walk(w);
    else if (is_due(w))
        withhold(w);
}

/* ---- life --------------------------------------------------------------------------------------
 */

static const char *const results[] = {"sent", "failed", "withheld"};

struct watchdog *watchdog_create(struct ticker *t, const struct conf *conf)
{
    struct watchdog *w = NEW(struct watchdog);

    w->ticker = t;
    w->conf = conf_ref(conf);
    for (size_t i = 0; i < ARRAY_LEN(results); i++) /* so that the first can be seen to rise */
        metric_add(metric_cell(&beats_total, results[i]), 0);
    metric_set(metric_cell(&last_time), 0);
    metric_set(metric_cell(&faults_gauge), 0);
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
    forget_teams(w);
    conf_unref(w->conf);
    free(w);
}
