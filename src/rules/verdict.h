/*
 * verdict.h - from the rules that matched to the verdict. Private to rules.
 */
#ifndef TRIAGED_RULES_VERDICT_H
#define TRIAGED_RULES_VERDICT_H

#include "eval.h"

/* What the matching rules said together: later rules over earlier ones. */
struct decision {
    const struct crule *rule; /* the deciding one: the last that matched; NULL = none */
    struct str category, subcategory, team, service;
    enum level impact, urgency;
    const struct template *title, *summary, *runbook, *logs;
    const struct conf_known_error *known_error;
    struct labels captures; /* normalised */
};

void verdict_fill(const struct ruleset *rs, struct rules_scratch *s, const struct decision *d,
                  int64_t now_ms, struct arena *arena, struct verdict *out);

/* service.c: by the rules' word, the alert's label, or the catalogue's own matchers; or NULL.
 * *name is the service's name, which may stand in no catalogue. */
const struct cservice *service_find(const struct ruleset *rs, struct rules_scratch *s,
                                    struct str said, struct str *name);

/* group_key.c: fills group, group_key, threshold_key and fingerprint. */
void group_key_fill(const struct ruleset *rs, struct rules_scratch *s, const struct decision *d,
                    struct arena *arena, struct verdict *out);

/* maintenance.c: fills suppress. */
void maintenance_fill(const struct ruleset *rs, struct rules_scratch *s, int64_t now_ms,
                      struct arena *arena, struct verdict *out);

#endif
