/*
 * known_errors.c - reads declared known errors and keeps those that can be matched.
 * Owns: what was read last; the sentences about what cannot be matched.
 * Never: compiles rules (the supervisor does, when told of a change), writes to the store.
 * Called by: supervisor.c, ticker.c (whose connection it asks on), reload.c.
 */
#include "known_errors.h"

#include <stdio.h>
#include <stdlib.h>

#include "fetch.h"
#include "matchers_check.h"
#include "store_keys.h"
#include "triaged/base/clock.h"
#include "triaged/base/hash.h"
#include "triaged/base/log.h"
#include "triaged/base/mem.h"
#include "triaged/base/metrics.h"
#include "triaged/rules/matcher.h"

enum {
    ASK_EVERY_MS = 10000,
    ASK_AT_ONCE = 2 * KNOWN_ERRORS_PER_TEAM,
    HASHED_MAX = 1 << 28,
    SEED = 1
};

static struct metric_family reads_total = {
    .name = "triaged_known_errors_reads_total",
    .help = "Readings of the known errors declared in Redis, by result.",
    .type = METRIC_COUNTER,
    .labels = {"result"}, /* ok, failed */
};
static struct metric_family declared_gauge = {
    .name = "triaged_known_errors_declared",
    .help = "Known errors declared in Redis: matched, or skipped because they cannot be.",
    .type = METRIC_GAUGE,
    .labels = {"team", "state"},
};

struct set {
    struct arena arena;
    struct declared_error *v;
    size_t n;
};

struct known_errors {
    const struct conf *conf; /* owns a reference; while asking that of the question */
    const struct conf *next; /* owns: in force after the present question; or NULL */
    void (*changed)(void *arg);
    void *arg;
    struct set set;
    struct hash128 hash; /* of what was read last */
    bool known;          /* read at least once */
    bool asking, failing;
    bool again; /* ask once more after the present question */
    int64_t next_ms;
    struct arena arena; /* of the present question */
    struct fetch fetch;
};

/* ---- one record --------------------------------------------------------------------------------
 */

static bool within(struct str s, size_t max, const char *name, struct form_error *why)
{
    if (s.n <= max)
        return true;
    snprintf(why->text, sizeof(why->text), "%s: must be at most %zu bytes long", name, max);
    return false;
}

/* False with a sentence when it cannot be matched. Texts are copied. */
static bool read_record(const jx *doc, struct arena *a, struct conf_known_error *e,
                        struct form_error *why)
{
    const jx *match = jx_get(doc, "match");

    if (jx_len(match) > MATCHERS_MAX) {
        snprintf(why->text, sizeof(why->text), "match: has more than %d matchers", MATCHERS_MAX);
        return false;
    }
    if (!matchers_check(match, "match", a, why))
        return false;
    e->title = arena_str(a, jx_str(jx_get(doc, "title")));
    e->workaround = arena_str(a, jx_str(jx_get(doc, "workaround")));
    e->kb = arena_str(a, jx_str(jx_get(doc, "kb")));
    e->match = (struct conf_texts){.v = ARENA_ARRAY(a, struct conf_text, jx_len(match) + 1),
                                   .n = jx_len(match)};
    for (size_t i = 0; i < e->match.n; i++)
        e->match.v[i].s = arena_str(a, jx_str(jx_at(match, i)));
    return within(e->title, KNOWN_ERROR_TITLE_MAX, "title", why) &&
           within(e->workaround, KNOWN_ERROR_NOTE_MAX, "workaround", why) &&
           within(e->kb, KNOWN_ERROR_KB_MAX, "kb", why);
}

/* Keeps it, or says why it is not matched. */
static bool take_record(struct set *set, struct str team, struct str id, struct str text)
{
    struct declared_error *e = &set->v[set->n];
    struct form_error why = {.text = "is no JSON object"};
    struct jx_error ignored;
    jx *doc = NULL;

    *e = (struct declared_error){.team = team, .error.id = arena_str(&set->arena, id)};
    if (text.n > KNOWN_ERROR_BYTES_MAX)
        snprintf(why.text, sizeof(why.text), "is larger than %d bytes", KNOWN_ERROR_BYTES_MAX);
    else
        doc = jx_parse(text, &ignored);
    if (jx_type(doc) == JX_OBJECT && read_record(doc, &set->arena, &e->error, &why)) {
        set->n++;
        jx_free(doc);
        return true;
    }
    log_warn("known_errors", "not matched team=%.*s id=%.*s: %s", STR_ARG(team),
             (int)(id.n < 64 ? id.n : 64), id.p ? id.p : "", why.text);
    jx_free(doc);
    return false;
}

/* ---- all of them -------------------------------------------------------------------------------
 */

struct pair {
    struct str id, text;
};

static int by_id(const void *x, const void *y)
{
    const struct pair *a = x, *b = y;

    return str_cmp(a->id, b->id);
}

/* A team's answer in order of ids, each once (HSCAN may tell one twice). */
static size_t pairs_of(const struct value *answer, struct arena *a, struct pair **out)
{
    const struct value *flat = value_at(answer, 1);
    struct pair *v = ARENA_ARRAY(a, struct pair, flat->n / 2 + 1);
    size_t n = 0, kept = 0;

    for (size_t i = 0; i + 1 < flat->n; i += 2)
        v[n++] = (struct pair){flat->v[i].s, flat->v[i + 1].s};
    qsort(v, n, sizeof(*v), by_id);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || !str_eq(v[i].id, v[kept - 1].id))
            v[kept++] = v[i];
    *out = v;
    return kept;
}

static bool all_answered(const struct known_errors *k)
{
    for (size_t i = 0; i < k->conf->n_teams; i++)
        if (fetch_at(&k->fetch, i)->type != REPLY_ARRAY)
            return false;
    return true;
}

static void put_text(struct buf *b, struct str s)
{
    buf_put_u64le(b, s.n);
    buf_put_str(b, s);
}

/* A hash of hashes, so that no copy of everything is made. */
static struct hash128 hash_of(struct known_errors *k)
{
    struct buf b;
    struct hash128 sum;

    buf_init(&b, HASHED_MAX);
    for (size_t t = 0; t < k->conf->n_teams; t++) {
        struct pair *v;
        size_t n = pairs_of(fetch_at(&k->fetch, t), &k->arena, &v);

        put_text(&b, k->conf->teams[t].name);
        for (size_t i = 0; i < n; i++) {
            sum = hash_fast128(v[i].text.p, v[i].text.n, SEED);
            put_text(&b, v[i].id);
            buf_put_u64le(&b, sum.lo);
            buf_put_u64le(&b, sum.hi);
        }
    }
    sum = hash_fast128(b.p, b.n, SEED);
    buf_finish(&b);
    return sum;
}

static void take_team(struct known_errors *k, struct set *set, size_t t)
{
    const struct value *answer = fetch_at(&k->fetch, t);
    struct str team = arena_str(&set->arena, k->conf->teams[t].name);
    struct pair *v;
    size_t n = pairs_of(answer, &k->arena, &v), skipped = 0;
    bool more = !str_eq(value_at(answer, 0)->s, S("0"));

    set->v = xrealloc_array(set->v, set->n + n + 1, sizeof(*set->v));
    for (size_t i = 0; i < n && i < KNOWN_ERRORS_PER_TEAM; i++)
        skipped += !take_record(set, team, v[i].id, v[i].text);
    if (more || n > KNOWN_ERRORS_PER_TEAM) {
        log_warn("known_errors", "team=%.*s has more than %d: the others are not matched",
                 STR_ARG(team), KNOWN_ERRORS_PER_TEAM);
        skipped += n > KNOWN_ERRORS_PER_TEAM ? n - KNOWN_ERRORS_PER_TEAM : 1;
    }
    metric_set(metric_cell(&declared_gauge, team.p, "skipped"), (int64_t)skipped);
}

static void count_matched(struct known_errors *k)
{
    for (size_t t = 0; t < k->conf->n_teams; t++) {
        struct str team = arena_str(&k->arena, k->conf->teams[t].name);
        int64_t n = 0;

        for (size_t i = 0; i < k->set.n; i++)
            n += str_eq(k->set.v[i].team, team);
        metric_set(metric_cell(&declared_gauge, team.p, "matched"), n);
    }
}

static void set_finish(struct set *set)
{
    arena_finish(&set->arena);
    free(set->v);
}

static void take_all(struct known_errors *k)
{
    struct hash128 hash = hash_of(k);
    struct set old = k->set;

    if (k->known && hash.lo == k->hash.lo && hash.hi == k->hash.hi)
        return;
    k->set = (struct set){0};
    arena_init(&k->set.arena, 0);
    for (size_t t = 0; t < k->conf->n_teams; t++)
        take_team(k, &k->set, t);
    k->hash = hash;
    k->known = true;
    if (k->set.n || old.n) {
        log_info("known_errors", "declared known errors in force: %zu", k->set.n);
        k->changed(k->arg);
    }
    count_matched(k); /* shown when the workers have been told */
    set_finish(&old);
}

static void on_answers(void *arg, struct fetch *f)
{
    struct known_errors *k = arg;
    bool ok = !f->lost && all_answered(k);

    k->asking = false;
    metric_add(metric_cell(&reads_total, ok ? "ok" : "failed"), 1);
    if (ok)
        take_all(k);
    else if (!k->failing)
        log_warn("known_errors", "cannot be read from Redis; those read last stay in force");
    k->failing = !ok;
    if (k->next) {
        conf_unref(k->conf);
        k->conf = k->next;
        k->next = NULL;
    }
    if (k->again)
        k->next_ms = 0; /* the next second */
}

void known_errors_hurry(struct known_errors *k, struct store *store)
{
    char key[STORE_KEY_SIZE], count[16];

    if (k->asking) {
        k->again = true;
        return;
    }
    k->again = false;
    k->asking = true;
    k->next_ms = clock_mono_ms() + ASK_EVERY_MS;
    arena_reset(&k->arena);
    fetch_init(&k->fetch, store, &k->arena);
    snprintf(count, sizeof(count), "%d", ASK_AT_ONCE);
    for (size_t i = 0; i < k->conf->n_teams; i++)
        FETCH(&k->fetch, S("HSCAN"),
              store_key(k->conf->prefix, k->conf->teams[i].name, "known_errors", key), S("0"),
              S("COUNT"), str_c(count));
    fetch_then(&k->fetch, on_answers, k);
}

void known_errors_second(struct known_errors *k, struct store *store)
{
    if (clock_mono_ms() >= k->next_ms)
        known_errors_hurry(k, store);
}

const struct declared_error *known_errors_declared(const struct known_errors *k, size_t *n)
{
    *n = k->set.n;
    return k->set.v;
}

/* ---- life --------------------------------------------------------------------------------------
 */

struct known_errors *known_errors_create(const struct conf *conf, void (*changed)(void *arg),
                                         void *arg)
{
    struct known_errors *k = NEW(struct known_errors);

    k->conf = conf_ref(conf);
    k->changed = changed;
    k->arg = arg;
    arena_init(&k->arena, 0);
    arena_init(&k->set.arena, 0);
    return k;
}

void known_errors_configure(struct known_errors *k, const struct conf *conf)
{
    k->next_ms = 0;
    if (k->asking) {
        conf_unref(k->next);
        k->next = conf_ref(conf);
        return;
    }
    conf_unref(k->conf);
    k->conf = conf_ref(conf);
}

void known_errors_destroy(struct known_errors *k)
{
    if (!k)
        return;
    fetch_finish(&k->fetch);
    arena_finish(&k->arena);
    set_finish(&k->set);
    conf_unref(k->next);
    conf_unref(k->conf);
    free(k);
}
