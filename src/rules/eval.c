/*
 * eval.c - reads each field and tries each matcher at most once for an alert, and picks the way a
 * regex is tried: alone, or with its set in one scan when several of the set have been asked for.
 */
#include "eval.h"

#include <stdlib.h>

#include "triaged/base/mem.h"

/* Single matches cost by their kind; from a certain sum on the whole set is scanned. */
enum { SCAN_FROM = 4 };
static const uint8_t weights[] = {[REGEX_TRIVIAL] = 0, [REGEX_SEARCH] = 1, [REGEX_ENGINE] = 4};

struct rules_scratch *rules_scratch_create(void)
{
    struct rules_scratch *s = NEW(struct rules_scratch);
    s->regex = regex_scratch_create();
    return s;
}

static void free_arrays(struct rules_scratch *s)
{
    free(s->values);
    free(s->seen);
    free(s->tried);
    free(s->outcomes);
    free(s->set_weight);
    free(s->set_state);
    free(s->set_may);
    free(s->set_must);
    free(s->candidates);
}

void rules_scratch_destroy(struct rules_scratch *s)
{
    if (!s)
        return;
    free_arrays(s);
    regex_scratch_destroy(s->regex);
    free(s);
}

/* Makes the arrays fit another ruleset. */
static void bind(struct rules_scratch *s, const struct ruleset *rs)
{
    free_arrays(s);
    s->values = NEW_ARRAY(struct str, rs->fields.n + 1);
    s->seen = NEW_ARRAY(uint8_t, rs->fields.n + 1);
    s->tried = NEW_ARRAY(uint32_t, rs->fields.n + 1);
    s->outcomes = NEW_ARRAY(uint8_t, rs->n_matchers + 1);
    s->set_weight = NEW_ARRAY(uint8_t, rs->n_sets + 1);
    s->set_state = NEW_ARRAY(uint8_t, rs->n_sets + 1);
    s->set_may = NEW_ARRAY(uint64_t, (rs->n_sets + 1) * SET_WORDS);
    s->set_must = NEW_ARRAY(uint64_t, (rs->n_sets + 1) * SET_WORDS);
    s->candidates = NEW_ARRAY(uint64_t, rs->index.words + 1);
    s->sets_fit = true;
    for (size_t i = 0; i < rs->n_sets; i++)
        s->sets_fit = s->sets_fit && regex_scratch_fit(s->regex, rs->sets[i]);
    s->ruleset_id = rs->id;
}

void eval_begin_test(struct rules_scratch *s, const struct ruleset *rs)
{
    if (s->ruleset_id != rs->id)
        bind(s, rs);
    s->rs = rs;
    memset(s->set_weight, 0, rs->n_sets);
    memset(s->set_state, 0, rs->n_sets);
}

void eval_begin(struct rules_scratch *s, const struct ruleset *rs, const struct alert *a)
{
    eval_begin_test(s, rs);
    s->alert = a;
    s->finer_output = false;
    memset(s->seen, 0, rs->fields.n);
    memset(s->outcomes, OUTCOME_UNKNOWN, rs->n_matchers);
}

struct str eval_field(struct rules_scratch *s, uint32_t field)
{
    if (!s->seen[field]) {
        s->values[field] = field_read(&s->rs->fields.v[field], s->alert);
        s->seen[field] = SEEN_READ;
    }
    return s->values[field];
}

struct str eval_exact(struct rules_scratch *s, uint32_t field)
{
    struct str value = eval_field(s, field);
    s->seen[field] |= SEEN_EXACT;
    return value;
}

struct str eval_output(struct rules_scratch *s, uint32_t field)
{
    s->finer_output |= !s->rs->fields.v[field].coarse;
    return eval_field(s, field);
}

/* True when the set has been scanned, now or before. */
static bool scan_set(struct rules_scratch *s, const struct cmatcher *m, struct str value)
{
    size_t set = (size_t)m->set;
    if (s->set_state[set] != SET_FRESH)
        return s->set_state[set] == SET_SCANNED;
    s->set_weight[set] = (uint8_t)(s->set_weight[set] + weights[regex_cost(m->re)]);
    if (s->set_weight[set] < SCAN_FROM)
        return false;
    bool scanned = regex_set_scan(s->rs->sets[set], s->regex, value, s->set_may + set * SET_WORDS,
                                  s->set_must + set * SET_WORDS);
    s->set_state[set] = scanned ? SET_SCANNED : SET_OF_NO_USE;
    return scanned;
}

static bool test_regex(struct rules_scratch *s, const struct cmatcher *m, struct str value)
{
    if (m->set >= 0 && s->sets_fit && scan_set(s, m, value)) {
        size_t word = (size_t)m->set * SET_WORDS + m->bit / 64;
        uint64_t bit = 1ull << (m->bit % 64);
        if (!(s->set_may[word] & bit))
            return false;
        if (s->set_must[word] & bit)
            return true;
    }
    return regex_match(m->re, s->regex, value, NULL, NULL);
}

bool eval_test(struct rules_scratch *s, const struct cmatcher *m, struct str value)
{
    switch (m->op) {
    case MATCH_EQ:
        return str_eq(m->value, value);
    case MATCH_NE:
        return !str_eq(m->value, value);
    case MATCH_RE:
        return test_regex(s, m, value);
    case MATCH_NRE:
        return !test_regex(s, m, value);
    }
    return false;
}

bool eval_clause(struct rules_scratch *s, const struct clause *c, size_t *failed)
{
    for (size_t i = 0; i < c->n; i++) {
        uint8_t *outcome = &s->outcomes[c->m[i]];
        if (*outcome == OUTCOME_UNKNOWN) {
            const struct cmatcher *m = &s->rs->matchers[c->m[i]];
            *outcome = eval_test(s, m, eval_field(s, m->field)) ? OUTCOME_YES : OUTCOME_NO;
        }
        if (*outcome == OUTCOME_NO) {
            *failed = i;
            return false;
        }
    }
    return true;
}
