/*
 * ruleset.h - the rules of a configuration snapshot, compiled; and the verdict on an alert.
 * Pure: an alert, a snapshot and `now` in, a verdict out. First match wins, `continue` goes on (its
 * `set` values stay unless a later matching rule sets them). Thread-safe after compilation.
 */
#ifndef TRIAGED_RULES_RULESET_H
#define TRIAGED_RULES_RULESET_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/alert/alert.h"
#include "triaged/base/arena.h"
#include "triaged/base/diag.h"
#include "triaged/conf/conf.h"

struct ruleset;
struct rules_scratch; /* per-thread regex workspace */

/* Compiles all matchers and templates of conf. NULL when *why holds errors. Keeps a reference. */
struct ruleset *ruleset_create(const struct conf *conf, struct diag *why);
/* Of a configuration that has errors: also says which matchers and templates are wrong, so that one
 * run names all there is to mend. For conf_load_also. */
void ruleset_check_faulty(const struct conf *faulty, struct diag *why);

/* A known error that was declared outside the configuration: matched on alerts of its team. */
struct declared_error {
    struct str team;
    struct conf_known_error error; /* id, match and texts; its place is not read */
};
/* The same with declared errors, grouped by team. Where the configuration knows an error too, its
 * word stands. One whose matchers do not compile matches nothing: whoever passes them has checked
 * them (filter.h). Copies all that it keeps. */
struct ruleset *ruleset_create_with(const struct conf *conf, const struct declared_error *declared,
                                    size_t n, struct diag *why);
struct ruleset *ruleset_ref(const struct ruleset *rs);
void ruleset_unref(const struct ruleset *rs); /* accepts NULL */
const struct conf *ruleset_conf(const struct ruleset *rs);
/* Does any rule read a label that comes out of a message's body (alert_label_is_body)? */
bool ruleset_reads_body(const struct ruleset *rs);
/* Or one of what stands in the holes of its skeleton (alert_label_is_part)? */
bool ruleset_reads_parts(const struct ruleset *rs);

struct rules_scratch *rules_scratch_create(void);
void rules_scratch_destroy(struct rules_scratch *s); /* accepts NULL */

struct verdict {
    bool drop;       /* the deciding rule said so: counted only, its texts do not matter */
    bool by_default; /* no rule matched */
    const struct conf_rule *rule; /* the deciding rule: the last that matched; or NULL */
    /* The alert is a beat (or, if resolved, the end of one): goes no further, and of the other
     * members only rule_name and team are set. */
    const struct conf_heartbeat *heartbeat;
    const struct conf_service *service;         /* by name or by its match, or NULL */
    const struct conf_known_error *known_error; /* or NULL */
    struct str rule_name;                       /* the rule's, or "default" */
    struct str category, subcategory, team, service_name;
    enum level impact, urgency; /* never LEVEL_UNSET */
    const char *impact_from,
        *urgency_from;      /* "rule", "service", "severity", "default": for `why` */
    enum priority priority; /* matrix[impact][urgency], before blast radius */
    struct str title, summary, runbook, logs; /* rendered, never NULL; links may be empty */
    bool summary_is_message;                  /* log: summary is the message itself (maybe cut) */
    struct str group_key;                     /* RULE{name=value,...} */
    struct labels group;                      /* the same as pairs */
    struct str threshold_key;                 /* "" without a threshold; else RULE{per values} */
    struct labels captures;                   /* named groups of the deciding rule's regexes */
    uint64_t fingerprint; /* final identity (syslog: completed by group_by, per) */
    int64_t resolve_after_ms, settle_ms, join_within_ms;
    struct str suppress; /* JSON list of {name, until_ms}, or "" */
};

/* One line of the trace that `triagectl rules test` prints. */
struct rules_trace_item {
    const struct conf_rule *rule;
    bool matched;
    const struct conf_text *failed; /* the first matcher that said no, or NULL */
    struct str value;               /* what it was tried on */
};
struct rules_trace {
    struct rules_trace_item *v;
    size_t n, cap;
};
void rules_trace_finish(struct rules_trace *t); /* frees the items; accepts a zeroed trace */

/*
 * What the decision read beyond (listener, host, app, facility, severity, skeleton, listener
 * labels): the finer matchers tried on the way with their outcomes. rules_recheck runs just those
 * on another message of the same skeleton; when all outcomes are equal the verdict is the same,
 * except for what is rendered from finer fields (`finer_output`: then it must be evaluated anew),
 * for a summary that is the message itself (summary_is_message: put in the new one), and for
 * `suppress`, which depends on the time.
 */
struct rules_path;

/* Decides. Texts of the verdict are borrowed from the alert, the snapshot or `arena`.
 * trace and path may be NULL; *path is owned by the caller (rules_path_destroy). */
void rules_decide(const struct ruleset *rs, struct rules_scratch *scratch, const struct alert *a,
                  int64_t now_ms, struct arena *arena, struct verdict *out,
                  struct rules_trace *trace, struct rules_path **path);

bool rules_recheck(const struct rules_path *path, struct rules_scratch *scratch,
                   const struct alert *a);
/* The verdict's own texts (group key, threshold key, title, fingerprint …) depend on finer fields.
 */
bool rules_path_finer_output(const struct rules_path *path);
/* It has to know a label part.* of the other message. */
bool rules_path_reads_parts(const struct rules_path *path);
size_t rules_path_size(const struct rules_path *path); /* bytes of memory */
void rules_path_destroy(struct rules_path *path);      /* accepts NULL */

/* Times that a regex gave up at its match limit (counted as "no match"), since start. */
uint64_t rules_regex_limit_hits(void);

#endif
