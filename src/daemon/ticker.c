/*
 * ticker.c - the main thread's connection to Redis: settings at start and reload, `tick` each
 * second. Owns: its store, the list of teams it ticks (those in PREFIX:teams, so that a team taken
 * out of the configuration is still worked off). Never: decides what is due; the script does, with
 * `now` from here. Called by: supervisor.c, reload.c.
 */
#include "ticker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "known_errors.h"
#include "redis_access.h"
#include "settings.h"
#include "shipper.h"
#include "store_keys.h"
#include "supervisor.h"
#include "worker.h"
#include "triaged/base/clock.h"
#include "triaged/base/hash.h"
#include "triaged/base/log.h"
#include "triaged/base/mem.h"
#include "triaged/base/metrics.h"
#include "triaged/store/store.h"

/* A tick is to keep Redis for less than 10 ms: a deadline that is due takes about 0.2. */
enum { TICK_BUDGET = 40, TEAMS_MAX = 1000, AGAIN_MAX = 250 };

static struct metric_family ticks_total = {
    .name = "triaged_ticks_total",
    .help = "Runs of the deadline tick, by result.",
    .type = METRIC_COUNTER,
    .labels = {"result"},
};
static struct metric_family done_total = {
    .name = "triaged_deadlines_done_total",
    .help = "Deadlines, leases and returned queue entries worked off.",
    .type = METRIC_COUNTER,
};
static struct metric_family differs_gauge = {
    .name = "triaged_config_differs",
    .help = "1 if the store holds another daemon's newer settings for a team.",
    .type = METRIC_GAUGE,
    .labels = {"team"},
};

struct ticker {
    struct supervisor *sup;
    const struct conf *conf; /* owns a reference */
    struct store *store;
    int64_t loaded_ms;
    unsigned settings_waiting; /* calls of the last round not yet answered */
    unsigned settings_round;
    bool settings_failed;
    char instance[96];
    bool ready, listing, left;
    bool listed;        /* all our teams were, since they were last added */
    unsigned in_flight; /* tick calls */
    bool round_failed;  /* one of the present round */
    int64_t last_round_ms;
    unsigned leaving; /* commands of ticker_leave not yet answered */
    char **teams;     /* of the last listing */
    size_t n_teams;
    char **ticked; /* those that know this daemon, and forget it only with all else */
    size_t n_ticked;
};

struct team_call { /* what a callback needs to know */
    struct ticker *t;
    unsigned again; /* of a tick; the round of settings */
    char team[];
};

static struct team_call *team_call(struct ticker *t, const char *team, unsigned again)
{
    struct team_call *c = xmalloc(sizeof(*c) + strlen(team) + 1);

    c->t = t;
    c->again = again;
    strcpy(c->team, team);
    return c;
}

/* ---- settings
 * ------------------------------------------------------------------------------------ */

uint64_t ticker_run_hash(const char *run_id)
{
    return hash_fnv1a64(FNV1A64_INIT, run_id, strlen(run_id)) | 1;
}

/* Once all teams have theirs, the workers may ship. */
static void settings_answered(struct ticker *t, unsigned round, bool ok)
{
    struct store_health health;

    if (round != t->settings_round)
        return;
    t->settings_failed = t->settings_failed || !ok;
    if (--t->settings_waiting > 0 || t->settings_failed)
        return;
    store_health(t->store, &health);
    atomic_store(&t->sup->settings_in, ticker_run_hash(health.run_id));
}

static void on_settings(void *arg, enum store_status status, const struct store_reply *reply,
                        struct str error)
{
    struct team_call *c = arg;
    struct str word = store_reply_str(store_reply_at(reply, 0));
    int64_t loaded = store_reply_int(store_reply_at(reply, 2));

    settings_answered(c->t, c->again, status == STORE_OK);
    if (status == STORE_REFUSED)
        log_error("tick", "settings refused team=%s: %.*s", c->team, STR_ARG(error));
    if (status == STORE_OK) {
        bool older = str_eq(word, S("OLDER"));

        metric_set(metric_cell(&differs_gauge, c->team), older);
        if (older)
            log_warn("tick",
                     "the store holds settings of team=%s that another daemon loaded later; "
                     "reload here to make these win",
                     c->team);
        if (str_eq(word, S("SAME")) && loaded > 0)
            for (unsigned i = 0; i < c->t->sup->n_workers; i++)
                worker_post_loaded_at(c->t->sup->workers[i], loaded);
    }
    free(c);
}

int64_t ticker_now(const struct ticker *t)
{
    struct store_health health;

    store_health(t->store, &health);
    return clock_wall_ms() + health.clock_offset_ms;
}

static void send_team_settings(struct ticker *t, const struct conf_team *team)
{
    struct str args[4 + SETTINGS_ARGS_MAX], key;
    char key_text[STORE_KEY_SIZE], now[24], loaded[24], name[256];
    struct arena a;
    size_t n;

    arena_init(&a, 0);
    key = store_key(t->conf->prefix, team->name, "applied", key_text);
    snprintf(now, sizeof(now), "%lld", (long long)ticker_now(t));
    snprintf(loaded, sizeof(loaded), "%lld", (long long)t->loaded_ms);
    snprintf(name, sizeof(name), "%.*s", STR_ARG(team->name));
    args[0] = str_c(now);
    args[1] = str_c(loaded);
    args[2] = str_c(t->conf->shared_hash);
    args[3] = S("0");
    n = 4 + settings_args(t->conf, team, &a, args + 4);
    store_call(t->store, SCRIPT_SETTINGS, &key, 1, args, n, on_settings,
               team_call(t, name, t->settings_round));
    arena_finish(&a);
}

void ticker_send_settings(struct ticker *t)
{
    char key[STORE_KEY_SIZE];

    t->listed = false;
    if (!t->ready)
        return;
    t->settings_round++;
    t->settings_waiting = (unsigned)t->conf->n_teams;
    t->settings_failed = false;
    snprintf(key, sizeof(key), "%.*s:teams", STR_ARG(t->conf->prefix));
    for (size_t i = 0; i < t->conf->n_teams; i++) {
        struct str add[] = {S("SADD"), str_c(key), t->conf->teams[i].name};

        store_command(t->store, add, ARRAY_LEN(add), NULL, NULL);
        send_team_settings(t, &t->conf->teams[i]);
    }
}

/* ---- tick
 * ------------------------------------------------------------------------------------------ */

/* Receipt of the oldest record of any worker that Redis has not got, by the clock of Redis; 0 =
 * none. */
static int64_t oldest_waiting(const struct ticker *t)
{
    struct store_health health;
    int64_t oldest = 0;

    for (unsigned i = 0; i < t->sup->n_workers; i++) {
        int64_t at = atomic_load(&t->sup->workers[i]->status.oldest_waiting_ms);

        if (at && (!oldest || at < oldest))
            oldest = at;
    }
    store_health(t->store, &health);
    return oldest ? oldest + health.clock_offset_ms : 0;
}

static void tick_team(struct ticker *t, const char *team, unsigned again);

/* Whether a tick of this team was answered before; from now on it was. */
static bool ticked_before(struct ticker *t, const char *team)
{
    for (size_t i = 0; i < t->n_ticked; i++)
        if (strcmp(t->ticked[i], team) == 0)
            return true;
    t->ticked = xrealloc_array(t->ticked, t->n_ticked + 1, sizeof(*t->ticked));
    t->ticked[t->n_ticked++] = xstrdup(team);
    return false;
}

/* A team has forgotten that we tick. Somebody may have brought its other keys back by now. */
static void look_for_loss(struct ticker *t, const char *team, const struct store_reply *reply)
{
    bool known = ticked_before(t, team);

    if (!known || !store_reply_int(store_reply_at(reply, 6)))
        return;
    log_warn("tick", "Redis has forgotten us, what is kept is sent again team=%s", team);
    atomic_fetch_add(&t->sup->redis_emptied, 1);
}

static void on_tick(void *arg, enum store_status status, const struct store_reply *reply,
                    struct str error)
{
    struct team_call *c = arg;
    struct ticker *t = c->t;
    static struct log_rate rate;
    uint64_t held;

    t->in_flight--;
    metric_add(metric_cell(&ticks_total, status == STORE_OK ? "ok" : "failed"), 1);
    if (status == STORE_OK) {
        metric_add(metric_cell(&done_total), store_reply_int(store_reply_at(reply, 0)));
        look_for_loss(t, c->team, reply);
        if (store_reply_int(store_reply_at(reply, 1)) && c->again < AGAIN_MAX && t->ready)
            tick_team(t, c->team, c->again + 1);
    } else if (status == STORE_REFUSED && log_rate_pass(&rate, clock_mono_ms(), &held)) {
        log_error("tick", "refused team=%s: %.*s", c->team, STR_ARG(error));
    }
    t->round_failed = t->round_failed || status != STORE_OK;
    if (t->in_flight == 0 && !t->round_failed)
        t->last_round_ms = clock_mono_ms();
    free(c);
}

static void tick_team(struct ticker *t, const char *team, unsigned again)
{
    char key_text[STORE_KEY_SIZE], now[24], oldest[24], claim[24], budget[24];
    struct str key = store_key(t->conf->prefix, str_c(team), "applied", key_text);
    struct str args[] = {STR_NONE, str_c(t->instance), STR_NONE, STR_NONE, STR_NONE};

    snprintf(now, sizeof(now), "%lld", (long long)ticker_now(t));
    snprintf(oldest, sizeof(oldest), "%lld", (long long)oldest_waiting(t));
    snprintf(claim, sizeof(claim), "%lld", (long long)t->conf->claim_after_ms);
    snprintf(budget, sizeof(budget), "%d", TICK_BUDGET);
    args[0] = str_c(now);
    args[2] = str_c(oldest);
    args[3] = str_c(claim);
    args[4] = str_c(budget);
    t->in_flight++;
    store_call(t->store, SCRIPT_TICK, &key, 1, args, ARRAY_LEN(args), on_tick,
               team_call(t, team, again));
}

static void forget_teams(struct ticker *t)
{
    for (size_t i = 0; i < t->n_teams; i++)
        free(t->teams[i]);
    free(t->teams);
    t->teams = NULL;
    t->n_teams = 0;
}

static bool all_listed(const struct ticker *t)
{
    size_t found = 0;

    for (size_t i = 0; i < t->conf->n_teams; i++)
        for (size_t k = 0; k < t->n_teams; k++)
            found += str_eq_c(t->conf->teams[i].name, t->teams[k]);
    return found == t->conf->n_teams || t->n_teams == TEAMS_MAX;
}

/* The shippers count what they know to be lost. They know of none before they have sent something.
 */
static void count_loss(struct ticker *t)
{
    metric_add(metric_cell(&store_rewound_total), 1);
    for (unsigned i = 0; i < t->sup->n_workers; i++)
        atomic_store(&t->sup->workers[i]->status.rewound, true);
}

static void on_teams(void *arg, enum store_status status, const struct store_reply *reply,
                     struct str error)
{
    struct ticker *t = arg;

    (void)error;
    t->listing = false;
    if (status != STORE_OK || t->left)
        return;
    forget_teams(t);
    t->teams = NEW_ARRAY(char *, store_reply_len(reply) + 1);
    for (size_t i = 0; i < store_reply_len(reply) && i < TEAMS_MAX; i++) {
        struct str team = store_reply_str(store_reply_at(reply, i));

        t->teams[t->n_teams++] = xstrndup(team.p, team.n);
    }
    if (!all_listed(t)) { /* a Redis that was emptied while we were connected */
        log_warn("tick", "Redis has forgotten our teams, storing their settings again");
        if (t->listed)
            count_loss(t);
        ticker_send_settings(t);
        return;
    }
    t->listed = true;
    t->round_failed = false;
    for (size_t i = 0; i < t->n_teams; i++)
        tick_team(t, t->teams[i], 0);
}

void ticker_second(struct ticker *t)
{
    char key[STORE_KEY_SIZE];
    struct str args[] = {S("SMEMBERS"), STR_NONE};

    if (ticker_store(t))
        known_errors_second(t->sup->known_errors, t->store);
    if (!t->ready || t->listing || t->in_flight || t->left)
        return;
    snprintf(key, sizeof(key), "%.*s:teams", STR_ARG(t->conf->prefix));
    args[1] = str_c(key);
    t->listing = true;
    store_command(t->store, args, ARRAY_LEN(args), on_teams, t);
}

void ticker_read_known_errors(struct ticker *t)
{
    if (ticker_store(t))
        known_errors_hurry(t->sup->known_errors, t->store);
}

/* ---- what others want to know ----------------------------------------------------------------
 */

int64_t ticker_last_round_ms(const struct ticker *t)
{
    return t->last_round_ms;
}

struct store *ticker_store(const struct ticker *t)
{
    return t->ready && !t->left ? t->store : NULL;
}

char **ticker_teams(const struct ticker *t, size_t *n)
{
    char **teams = NEW_ARRAY(char *, t->n_teams + 1);

    for (size_t i = 0; i < t->n_teams; i++)
        teams[i] = xstrdup(t->teams[i]);
    *n = t->n_teams;
    return teams;
}

/* ---- life
 * ------------------------------------------------------------------------------------------ */

static void on_state(void *arg, enum store_state state, const char *why)
{
    struct ticker *t = arg;

    (void)why;
    t->ready = state == STORE_S_READY;
    if (t->ready)
        ticker_send_settings(t);
    ticker_read_known_errors(t);
}

/* The same for every start of this daemon on this spool: `horizon` is held by name. */
static void name_instance(struct ticker *t, const struct conf *conf)
{
    char host[64] = "localhost";

    gethostname(host, sizeof(host) - 1);
    snprintf(
        t->instance, sizeof(t->instance), "%s/%08x", host,
        (unsigned)hash_fnv1a64(FNV1A64_INIT, conf->spool.directory.p, conf->spool.directory.n));
}

struct ticker *ticker_create(struct supervisor *sup, const struct conf *conf)
{
    struct ticker *t = NEW(struct ticker);

    t->sup = sup;
    t->conf = conf_ref(conf);
    t->loaded_ms = clock_wall_ms();
    name_instance(t, conf);
    t->store = redis_access_open(sup->redis, sup->base, "triaged-ticker", on_state, t);
    return t;
}

void ticker_configure(struct ticker *t, const struct conf *conf)
{
    conf_unref(t->conf);
    t->conf = conf_ref(conf);
    t->loaded_ms = clock_wall_ms();
    ticker_send_settings(t);
}

static void on_left(void *arg, enum store_status status, const struct store_reply *reply,
                    struct str error)
{
    struct ticker *t = arg;

    (void)reply;
    if (status != STORE_OK)
        log_warn("tick",
                 "Redis was not told that we stop; incidents do not close by grace until we are "
                 "back or horizon.give_up has passed: %.*s",
                 STR_ARG(error));
    t->leaving--;
}

void ticker_leave(struct ticker *t)
{
    char key_text[STORE_KEY_SIZE], now[24];

    t->left = true;
    snprintf(now, sizeof(now), "%lld", (long long)ticker_now(t));
    if (!t->ready || oldest_waiting(t) != 0) /* what is not shipped holds the horizon on purpose */
        return;
    for (size_t i = 0; i < t->n_teams; i++) {
        struct str key = store_key(t->conf->prefix, str_c(t->teams[i]), "applied", key_text);
        struct str args[] = {str_c(now), str_c(t->instance), S("-1"), S("0"), S("1")};

        t->leaving++;
        store_call(t->store, SCRIPT_TICK, &key, 1, args, ARRAY_LEN(args), on_left, t);
    }
}

bool ticker_has_left(const struct ticker *t)
{
    return t->left && (t->leaving == 0 || !t->ready);
}

void ticker_destroy(struct ticker *t)
{
    if (!t)
        return;
    store_destroy(t->store);
    forget_teams(t);
    for (size_t i = 0; i < t->n_ticked; i++)
        free(t->ticked[i]);
    free(t->ticked);
    conf_unref(t->conf);
    free(t);
}
