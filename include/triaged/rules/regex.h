/*
 * regex.h - anchored RE2-style regexes over PCRE2 (the only door to it), with match limits so that
 * no pattern can hang. Back-references, look-around, atomic groups, recursion, callouts and verbs
 * (what RE2 has not) are refused with a sentence. Named groups: (?P<name>…) and (?<name>…).
 * `.` matches any character but newline unless (?s) is given, as in RE2; UTF-8.
 */
#ifndef TRIAGED_RULES_REGEX_H
#define TRIAGED_RULES_REGEX_H

#include <stdbool.h>

#include "triaged/base/arena.h"
#include "triaged/base/str.h"
#include "triaged/alert/labels.h"

struct regex;
struct regex_scratch;

/* NULL on failure with *why (a sentence in the arena, with the offset). */
struct regex *regex_create(struct str pattern, struct arena *why_arena, struct str *why);
void regex_destroy(struct regex *re); /* accepts NULL */
struct regex_scratch *regex_scratch_create(void);
void regex_scratch_destroy(struct regex_scratch *s);
/* Whole text matches. Named groups that took part are added to *captures (not normalised) when it
 * is not NULL; their values borrow from text. Limit reached: false, counted. */
bool regex_match(const struct regex *re, struct regex_scratch *s, struct str text,
                 struct labels *captures, struct arena *a);
size_t regex_n_groups(const struct regex *re); /* named ones */
uint64_t regex_limit_hits(void);

#endif
