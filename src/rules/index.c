/*
 * index.c - which rules can match at all, by the values of a few labels.
 *
 * A rule that demands app="sshd" (or app=~"sshd|login") need not be tried on anything else. Each
 * rule is filed under the rarest of the equalities that it demands; what demands none is always
 * tried. Buckets are bitmaps over the rules, so the candidates come out in file order.
 *
 * Rules of one bucket are tried together, so their regexes on one field make one set
 * (regex_set_create), and an alert that has to look at several of them is scanned once.
 */
#include "compiled.h"

#include <stdlib.h>

#include "triaged/base/mem.h"

enum {
    SET_WORTH = 4, /* fewer regexes on a field are matched one by one */
    SET_SPLIT = REGEX_SET_MAX,
};

struct filed { /* under which matcher a rule is filed */
    uint32_t rule;
    int32_t matcher; /* -1: always tried */
};

/* The values that a matcher demands one of; false when it is no such matcher. */
static bool demanded(const struct cmatcher *m, const struct str **words, size_t *n)
{
    if (m->op == MATCH_EQ) {
        *words = &m->value;
        *n = 1;
    } else if (m->op != MATCH_RE || !regex_literals(m->re, words, n)) {
        return false;
    }
    for (size_t i = 0; i < *n; i++)
        if ((*words)[i].n == 0)
            return false; /* an absent label would do */
    return *n > 0;
}

static struct str count_key(struct arena *a, uint32_t field, struct str word)
{
    struct str head = arena_printf(a, "%u ", field);
    char *p = arena_alloc(a, head.n + word.n);
    memcpy(p, head.p, head.n);
    memcpy(p + head.n, word.p, word.n);
    return (struct str){p, head.n + word.n};
}

/* How many rules demand each word of each field. */
static void count_words(const struct ruleset *rs, struct map *counts, struct arena *a)
{
    const struct str *words;
    size_t n;
    for (size_t r = 0; r < rs->conf->n_rules; r++)
        for (size_t i = 0; i < rs->rules[r].match.n; i++) {
            const struct cmatcher *m = &rs->matchers[rs->rules[r].match.m[i]];
            if (!demanded(m, &words, &n))
                continue;
            for (size_t k = 0; k < n; k++) {
                struct str key = count_key(a, m->field, words[k]);
                map_put(counts, key, (void *)((uintptr_t)map_get(counts, key) + 1));
            }
        }
}

static size_t index_of_field(struct rule_index *ix, uint32_t field)
{
    size_t i = 0;
    while (i < ix->n && ix->v[i].field != field)
        i++;
    return i;
}

/* The demanded matcher of rule r whose words fewest rules demand. */
static int32_t rarest(const struct ruleset *rs, struct rule_index *ix, size_t r,
                      const struct map *counts, struct arena *a)
{
    int32_t best = -1;
    uintptr_t least = UINTPTR_MAX;
    const struct str *words;
    size_t n;
    for (size_t i = 0; i < rs->rules[r].match.n; i++) {
        uint32_t id = rs->rules[r].match.m[i];
        const struct cmatcher *m = &rs->matchers[id];
        if (!demanded(m, &words, &n))
            continue;
        if (index_of_field(ix, m->field) == INDEX_FIELDS_MAX)
            continue;
        uintptr_t sum = 0;
        for (size_t k = 0; k < n; k++)
            sum += (uintptr_t)map_get(counts, count_key(a, m->field, words[k]));
        if (sum < least) {
            least = sum;
            best = (int32_t)id;
        }
    }
    return best;
}

static void file_rule(struct ruleset *rs, size_t r, int32_t matcher)
{
    struct rule_index *ix = &rs->index;
    uint64_t bit = 1ull << (r % 64);
    if (matcher < 0) {
        ix->always[r / 64] |= bit;
        return;
    }
    const struct cmatcher *m = &rs->matchers[matcher];
    const struct str *words;
    size_t n, i = index_of_field(ix, m->field);
    if (i == ix->n)
        ix->v[ix->n++].field = m->field;
    if (!demanded(m, &words, &n))
        return;
    for (size_t k = 0; k < n; k++) {
        uint64_t *bitmap = map_get(&ix->v[i].buckets, words[k]);
        if (!bitmap) {
            bitmap = ARENA_ARRAY(&rs->arena, uint64_t, ix->words);
            map_put(&ix->v[i].buckets, words[k], bitmap);
        }
        bitmap[r / 64] |= bit;
    }
}

/* One set of the matchers' regexes, if there are enough. */
static void make_set(struct ruleset *rs, const uint32_t *ids, size_t n)
{
    const struct regex *patterns[SET_SPLIT];
    bool worth = n >= SET_WORTH;
    for (size_t i = 0; i < n; i++) {
        patterns[i] = rs->matchers[ids[i]].re;
        worth |= regex_cost(patterns[i]) == REGEX_ENGINE;
    }
    if (!worth)
        return;
    struct regex_set *set = regex_set_create(patterns, n);
    if (!set)
        return;
    for (size_t i = 0; i < n; i++) {
        rs->matchers[ids[i]].set = (int32_t)rs->n_sets;
        rs->matchers[ids[i]].bit = (uint32_t)i;
    }
    rs->sets = xrealloc_array(rs->sets, rs->n_sets + 1, sizeof(struct regex_set *));
    rs->sets[rs->n_sets++] = set;
}

static bool contains(const uint32_t *ids, size_t n, uint32_t id)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == id)
            return true;
    return false;
}

/* Sets of the regexes on one field that the given rules use. */
static void sets_of_field(struct ruleset *rs, const struct filed *rules, size_t n, uint32_t field)
{
    uint32_t ids[SET_SPLIT];
    size_t used = 0;
    for (size_t r = 0; r < n; r++) {
        const struct clause *c = &rs->rules[rules[r].rule].match;
        for (size_t i = 0; i < c->n; i++) {
            const struct cmatcher *m = &rs->matchers[c->m[i]];
            if (!m->re || m->field != field || m->set >= 0 || regex_cost(m->re) == REGEX_TRIVIAL ||
                contains(ids, used, c->m[i]))
                continue;
            ids[used++] = c->m[i];
            if (used == SET_SPLIT) {
                make_set(rs, ids, used);
                used = 0;
            }
        }
    }
    make_set(rs, ids, used);
}

static int by_matcher(const void *x, const void *y)
{
    const struct filed *a = x, *b = y;
    if (a->matcher != b->matcher)
        return a->matcher < b->matcher ? -1 : 1;
    return a->rule < b->rule ? -1 : a->rule > b->rule;
}

static void build_sets(struct ruleset *rs, struct filed *filed, size_t n)
{
    qsort(filed, n, sizeof(*filed), by_matcher);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from; to < n && filed[to].matcher == filed[from].matcher; to++)
            ;
        for (uint32_t f = 0; f < rs->fields.n; f++)
            sets_of_field(rs, filed + from, to - from, f);
    }
}

void index_build(struct ruleset *rs)
{
    size_t n = rs->conf->n_rules;
    struct rule_index *ix = &rs->index;
    struct arena scratch;
    struct map counts = {0};
    struct filed *filed = NEW_ARRAY(struct filed, n + 1);
    arena_init(&scratch, 0);
    ix->words = (n + 63) / 64;
    ix->always = ARENA_ARRAY(&rs->arena, uint64_t, ix->words + 1);
    count_words(rs, &counts, &scratch);
    for (size_t r = 0; r < n; r++) {
        filed[r].rule = (uint32_t)r;
        filed[r].matcher = rarest(rs, ix, r, &counts, &scratch);
        file_rule(rs, r, filed[r].matcher);
    }
    build_sets(rs, filed, n);
    free(filed);
    map_finish(&counts);
    arena_finish(&scratch);
}

void index_finish(struct rule_index *ix)
{
    for (size_t i = 0; i < ix->n; i++)
        map_finish(&ix->v[i].buckets);
}

const uint64_t *index_bucket(const struct rule_index *ix, size_t i, struct str value)
{
    return value.n ? map_get(&ix->v[i].buckets, value) : NULL;
}
