/*
 * audit.c - the walk over all incidents that are not closed, by the script `audit`: a stretch at a
 * time and so many stretches a second, so that 100,000 incidents hold up nobody.
 * Owns: the walk, the gauges that it sets. Never: mends or writes anything.
 * Called by: supervisor.c; watchdog.c, which asks before each beat.
 */
#include "audit.h"

#include <stdio.h>
#include <stdlib.h>

#include "store_keys.h"
#include "ticker.h"
#include "triaged/base/clock.h"
#include "triaged/base/log.h"
#include "triaged/base/map.h"
#include "triaged/base/mem.h"
#include "triaged/base/metrics.h"
#include "triaged/store/store.h"

enum {
    EVERY_MS = 15000,      /* from the end of a walk to the next */
    STRETCH = 200,         /* incidents a call of the script; about 2 ms of Redis */
    STRETCHES_SECOND = 10, /* so that a walk takes at most 2% of Redis */
    LATE_MS = 60000,       /* a clock that was due so long ago should have been worked off */
    KINDS_MAX = 10000,     /* of team, state, priority, category: more are not shown */
};

static struct metric_family incidents_gauge = {
    .name = "triaged_incidents",
    .help = "Incidents that are not closed.",
    .type = METRIC_GAUGE,
    .labels = {"team", "state", "priority", "category"},
};
static struct metric_family faults_gauge = {
    .name = "triaged_incidents_without_deadline",
    .help = "Incidents that are not closed and have no valid next deadline.",
    .type = METRIC_GAUGE,
};

struct kind { /* one cell of the gauge; kept, so that it falls to 0 */
    struct metric_cell *cell;
    int64_t n; /* of the present walk */
    char key[];
};

struct audit {
    struct ticker *ticker;
    const struct conf *conf; /* owns a reference */
    int64_t next_ms;
    bool walking, calling;
    char **teams; /* of the walk */
    size_t n_teams, team;
    uint64_t rank;
    unsigned stretches; /* in this second */
    struct map kinds;   /* "TEAM STATE PRIORITY CATEGORY" -> struct kind, owned */
    struct audit_result result;
    void (*done)(void *arg, const struct audit_result *r);
    void *arg;
    bool asked; /* after the present walk began: it wants another */
};

/* ---- counts ------------------------------------------------------------------------------------
 */

static struct kind *kind_create(struct audit *a, const char *team, struct str key)
{
    struct kind *k = xcalloc(1, sizeof(*k) + key.n + 1);
    struct str rest = str_sub(key, strlen(team) + 1, key.n), state, priority;
    char words[3][64];

    memcpy(k->key, key.p, key.n);
    state = str_cut(rest, ' ', &rest);
    priority = str_cut(rest, ' ', &rest);
    snprintf(words[0], sizeof(words[0]), "%.*s", state.n < 60 ? (int)state.n : 60, state.p);
    snprintf(words[1], sizeof(words[1]), "%.*s", priority.n < 60 ? (int)priority.n : 60,
             priority.n ? priority.p : "");
    snprintf(words[2], sizeof(words[2]), "%.*s", rest.n < 60 ? (int)rest.n : 60,
             rest.n ? rest.p : "");
    k->cell = metric_cell(&incidents_gauge, team, words[0], words[1], words[2]);
    map_put(&a->kinds, (struct str){k->key, key.n}, k);
    return k;
}

static void count(struct audit *a, const char *team, struct str name, int64_t n)
{
    char text[400];
    int length = snprintf(text, sizeof(text), "%s %.*s", team, STR_ARG(name));
    struct str key = {text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1};
    struct kind *k = map_get(&a->kinds, key);

    if (!k && a->kinds.n < KINDS_MAX)
        k = kind_create(a, team, key);
    if (k)
        k->n += n;
}

static void show_counts(struct audit *a, bool show)
{
    struct str key;
    void *value;

    for (size_t i = 0; map_next(&a->kinds, &i, &key, &value);) {
        struct kind *k = value;

        if (show)
            metric_set(k->cell, k->n);
        k->n = 0;
    }
}

/* ---- the walk ----------------------------------------------------------------------------------
 */

static void forget_teams(struct audit *a)
{
    for (size_t i = 0; i < a->n_teams; i++)
        free(a->teams[i]);
    free(a->teams);
    a->teams = NULL;
    a->n_teams = 0;
}

static void end_walk(struct audit *a, bool whole)
{
    void (*done)(void *, const struct audit_result *) = a->done;

    a->walking = false;
    a->next_ms = clock_mono_ms() + EVERY_MS;
    a->result.whole = whole;
    show_counts(a, whole);
    if (whole)
        metric_set(metric_cell(&faults_gauge), (int64_t)a->result.faults);
    if (a->asked) {
        a->asked = false;
        a->next_ms = 0;
    } else if (done) {
        a->done = NULL;
        done(a->arg, &a->result);
    }
}

static void next_stretch(struct audit *a);

static void take_stretch(struct audit *a, const struct store_reply *reply)
{
    const struct store_reply *named = store_reply_at(reply, 2), *counts = store_reply_at(reply, 3);
    struct str first = store_reply_str(store_reply_at(named, 0));
    uint64_t looked = (uint64_t)store_reply_int(store_reply_at(reply, 0));

    if (first.n && !a->result.faults)
        snprintf(a->result.first_fault, sizeof(a->result.first_fault), "%.*s",
                 (int)(first.n < 150 ? first.n : 150), first.p);
    a->result.faults += (uint64_t)store_reply_int(store_reply_at(reply, 1));
    for (size_t i = 0; i + 1 < store_reply_len(counts); i += 2)
        count(a, a->teams[a->team], store_reply_str(store_reply_at(counts, i)),
              store_reply_int(store_reply_at(counts, i + 1)));
    a->rank += looked;
    if (looked < STRETCH) {
        a->team++;
        a->rank = 0;
    }
}

static void on_stretch(void *arg, enum store_status status, const struct store_reply *reply,
                       struct str error)
{
    struct audit *a = arg;
    static struct log_rate rate;
    uint64_t held;

    a->calling = false;
    if (status == STORE_OK) {
        take_stretch(a, reply);
        next_stretch(a);
        return;
    }
    if (status == STORE_REFUSED && log_rate_pass(&rate, clock_mono_ms(), &held))
        log_error("audit", "refused team=%s: %.*s", a->teams[a->team], STR_ARG(error));
    end_walk(a, false);
}

/* If there is one, and this second has room for it. */
static void next_stretch(struct audit *a)
{
    struct store *store = ticker_store(a->ticker);
    char key_text[STORE_KEY_SIZE], now[24], rank[24], stretch[16], late[16];
    struct str key, args[4];

    if (a->team == a->n_teams || !store) {
        end_walk(a, a->team == a->n_teams);
        return;
    }
    if (a->stretches == STRETCHES_SECOND)
        return;
    a->stretches++;
    a->calling = true;
    key = store_key(a->conf->prefix, str_c(a->teams[a->team]), "applied", key_text);
    snprintf(now, sizeof(now), "%lld", (long long)ticker_now(a->ticker));
    snprintf(rank, sizeof(rank), "%llu", (unsigned long long)a->rank);
    snprintf(stretch, sizeof(stretch), "%d", STRETCH);
    snprintf(late, sizeof(late), "%d", LATE_MS);
    args[0] = str_c(now);
    args[1] = str_c(rank);
    args[2] = str_c(stretch);
    args[3] = str_c(late);
    store_call(store, SCRIPT_AUDIT, &key, 1, args, ARRAY_LEN(args), on_stretch, a);
}

static void begin_walk(struct audit *a)
{
    forget_teams(a);
    a->teams = ticker_teams(a->ticker, &a->n_teams);
    a->team = 0;
    a->rank = 0;
    a->result = (struct audit_result){0};
    a->walking = true;
    next_stretch(a);
}

void audit_ask(struct audit *a, void (*done)(void *arg, const struct audit_result *r), void *arg)
{
    a->done = done;
    a->arg = arg;
    a->asked = a->walking;
    if (!a->walking)
        begin_walk(a);
}

void audit_second(struct audit *a)
{
    a->stretches = 0;
    if (a->walking && !a->calling)
        next_stretch(a);
    else if (!a->walking && clock_mono_ms() >= a->next_ms && (a->done || ticker_store(a->ticker)))
        begin_walk(a);
}

/* ---- life --------------------------------------------------------------------------------------
 */

struct audit *audit_create(struct ticker *t, const struct conf *conf)
{
    struct audit *a = NEW(struct audit);

    a->ticker = t;
    a->conf = conf_ref(conf);
    a->next_ms = clock_mono_ms() + 2000; /* the teams are listed first */
    metric_set(metric_cell(&faults_gauge), 0);
    return a;
}

void audit_configure(struct audit *a, const struct conf *conf)
{
    conf_unref(a->conf);
    a->conf = conf_ref(conf);
}

void audit_destroy(struct audit *a)
{
    struct str key;
    void *value;

    if (!a)
        return;
    for (size_t i = 0; map_next(&a->kinds, &i, &key, &value);)
        free(value);
    map_finish(&a->kinds);
    forget_teams(a);
    conf_unref(a->conf);
    free(a);
}
