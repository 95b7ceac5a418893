/*
 * eval.h - one alert being looked at: fields read and matchers tried so far. Private to rules.
 */
#ifndef TRIAGED_RULES_EVAL_H
#define TRIAGED_RULES_EVAL_H

#include "compiled.h"

enum set_state { SET_FRESH, SET_SCANNED, SET_OF_NO_USE };
enum outcome { OUTCOME_UNKNOWN, OUTCOME_NO, OUTCOME_YES };

struct rules_scratch {
    struct regex_scratch *regex;
    uint64_t ruleset_id; /* that the arrays below fit */
    const struct ruleset *rs;
    const struct alert *alert;
    struct str *values;           /* by field */
    uint8_t *seen;                /* by field: SEEN_* */
    uint32_t *tried;              /* by field: matchers tried on it; counted by rules_path.c */
    uint8_t *outcomes;            /* by matcher: enum outcome */
    uint8_t *set_weight;          /* by set: regexes matched one by one so far */
    uint8_t *set_state;           /* by set: enum set_state */
    uint64_t *set_may, *set_must; /* by set: SET_WORDS words, see regex_set_scan */
    uint64_t *candidates;         /* bitmap of rules */
    bool finer_output;            /* the verdict shows something that is not coarse */
    bool sets_fit;
};

enum { SET_WORDS = REGEX_SET_MAX / 64 };
enum { SEEN_READ = 1, /* values[] is filled */ SEEN_EXACT = 2 /* the value itself decided */ };

/* Forgets the last alert; borrows rs and a until the next begin. */
void eval_begin(struct rules_scratch *s, const struct ruleset *rs, const struct alert *a);
/* As much of it as eval_test needs. */
void eval_begin_test(struct rules_scratch *s, const struct ruleset *rs);
/* The value for a matcher. */
struct str eval_field(struct rules_scratch *s, uint32_t field);
/* The value for a decision that no matcher makes: another value may decide otherwise. */
struct str eval_exact(struct rules_scratch *s, uint32_t field);
/* The value for the verdict's own texts. */
struct str eval_output(struct rules_scratch *s, uint32_t field);
/* A matcher on a value, without memory. */
bool eval_test(struct rules_scratch *s, const struct cmatcher *m, struct str value);
/* All matchers of the clause; *failed is the index of the one that said no. */
bool eval_clause(struct rules_scratch *s, const struct clause *c, size_t *failed);

#endif
