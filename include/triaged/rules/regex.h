/*
 * regex.h - anchored RE2-style regexes, and sets of them tried on a text in one pass. The only door
 * to PCRE2 and Vectorscan. No pattern can hang: match limits shrink as texts grow.
 * Back-references, look-around, atomic groups, recursion, callouts and verbs (what RE2 has not) are
 * refused with a sentence. Named groups: (?P<name>...) and (?<name>...). `.` matches any character
 * but newline unless (?s) is given, as in RE2; UTF-8. Bytes of a text that are not UTF-8 are
 * matched as U+FFFD, as Go does.
 */
#ifndef TRIAGED_RULES_REGEX_H
#define TRIAGED_RULES_REGEX_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/base/arena.h"
#include "triaged/base/str.h"
#include "triaged/alert/labels.h"

enum {
    REGEX_PATTERN_MAX = 4096, /* bytes */
    REGEX_GROUPS_MAX = 64,    /* named groups of a pattern */
    REGEX_SET_MAX = 256,      /* patterns of a set */
};

struct regex;
struct regex_scratch; /* one thread's workspace */

/* NULL on failure with *why (a sentence in the arena, with the offset). */
struct regex *regex_create(struct str pattern, struct arena *why_arena, struct str *why);
void regex_destroy(struct regex *re); /* accepts NULL */
struct regex_scratch *regex_scratch_create(void);
void regex_scratch_destroy(struct regex_scratch *s); /* accepts NULL */
/* Whole text matches. Named groups that took part are added to *captures (not normalised) when it
 * is not NULL; their values borrow from text, or from `a` where text is not UTF-8. Limit reached:
 * false, counted. `a` may be NULL when captures is. */
bool regex_match(const struct regex *re, struct regex_scratch *s, struct str text,
                 struct labels *captures, struct arena *a);
size_t regex_n_groups(const struct regex *re); /* named ones */
struct str regex_group(const struct regex *re, size_t i);
uint64_t regex_limit_hits(void);

/* What one match costs, roughly: for choosing between single matches and a set. */
enum regex_cost { REGEX_TRIVIAL, REGEX_SEARCH, REGEX_ENGINE };
enum regex_cost regex_cost(const struct regex *re);
/* The words of a pattern that is an alternation of literals and nothing else; false otherwise. */
bool regex_literals(const struct regex *re, const struct str **words, size_t *n);

/* A set of patterns, bit i for the i-th: one scan tells which few of them may match a text at all,
 * by the literals that each cannot do without, and for some that is all there is to know. NULL when
 * it cannot be had (then match one by one). Borrows the patterns only during the call. */
struct regex_set;
struct regex_set *regex_set_create(const struct regex *const *patterns, size_t n);
void regex_set_destroy(struct regex_set *set); /* accepts NULL */
/* Makes the scratch large enough for the set; once per pair. False: do not scan with it. */
bool regex_scratch_fit(struct regex_scratch *s, const struct regex_set *set);
/* may: a clear bit does not match; must: a set bit matches; between the two ask regex_match. False:
 * no answer, ask for all. Both have (n + 63) / 64 words. */
bool regex_set_scan(const struct regex_set *set, struct regex_scratch *s, struct str text,
                    uint64_t *may, uint64_t *must);

#endif
