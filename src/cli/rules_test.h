/*
 * rules_test.h - the parts of `triagectl rules test`.
 */
#ifndef TRIAGED_CLI_RULES_TEST_H
#define TRIAGED_CLI_RULES_TEST_H

#include "cli.h"
#include "triaged/alert/jx.h"
#include "triaged/rules/ruleset.h"

enum { RULES_LINE_MAX = 8 * 1024 * 1024 };

struct rules_test {
    struct ruleset *rules;
    struct rules_scratch *scratch;
    struct arena arena;
    const char *source; /* as given, or NULL */
    int64_t now_ms;
    bool json;  /* output for programs */
    bool trace; /* say why ... */
    bool all;   /* ... also of rules that are far off */
};

/* ---- rules_input.c: false after *why, a sentence in the arena -------------------------------- */

/* An alert from labels and annotations. Of syslog the skeleton is computed. A label `source` that
 * names a source says which, unless --source did. */
bool alert_of_labels(struct rules_test *t, struct labels labels, struct labels annotations,
                     struct alert *out, struct str *why);
/* LABEL=VALUE words. */
bool alert_of_words(struct rules_test *t, int n, char **words, struct alert *out, struct str *why);
/* {"id": , "labels": {}, "annotations": {}}; texts live as long as the document. */
bool alert_of_json(struct rules_test *t, const jx *doc, struct alert *out, struct str *id,
                   struct str *why);
/* A request's body, through the decoder of t->source or the one that the body looks like. */
bool alerts_of_payload(struct rules_test *t, struct str body, struct alert_batch *out,
                       struct str *why);

/* ---- rules_output.c -------------------------------------------------------------------------- */

/* Decides on the alert and prints: one JSON line, or paragraphs. id may be empty. */
void print_verdict(struct rules_test *t, const struct alert *a, struct str id);

#endif
