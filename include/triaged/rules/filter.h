/*
 * filter.h - a compiled list of matchers outside the rules: filters of the API, silences, known
 * errors that reviews declared. All matchers must hold.
 */
#ifndef TRIAGED_RULES_FILTER_H
#define TRIAGED_RULES_FILTER_H

#include <stdbool.h>

#include "triaged/alert/alert.h"
#include "triaged/alert/labels.h"
#include "triaged/base/arena.h"
#include "triaged/rules/matcher.h"
#include "triaged/rules/regex.h"

struct filter;

/* From parsed matchers (n may be 0: matches everything). NULL with *why in the arena. */
struct filter *filter_create(const struct matcher_text *matchers, size_t n, struct arena *why_arena,
                             struct str *why);
/* From text, as matcher_parse_list reads it. */
struct filter *filter_parse(struct str text, struct arena *why_arena, struct str *why);
void filter_destroy(struct filter *f); /* accepts NULL */
size_t filter_len(const struct filter *f);
/* True when a set without any label would match: Alertmanager refuses such silences. */
bool filter_matches_empty(const struct filter *f, struct regex_scratch *s);
/* Plain labels: a name is a label's name. */
bool filter_match_labels(const struct filter *f, struct regex_scratch *s, const struct labels *l);
/* Names as in rules (alert_field). */
bool filter_match_alert(const struct filter *f, struct regex_scratch *s, const struct alert *a);

#endif
