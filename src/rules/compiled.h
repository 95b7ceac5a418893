/*
 * compiled.h - what a configuration's rules become: the tables that are read on every alert.
 * Private to rules. Filled by ruleset.c and what it calls, immutable afterwards.
 */
#ifndef TRIAGED_RULES_COMPILED_H
#define TRIAGED_RULES_COMPILED_H

#include "triaged/alert/alert.h"
#include "triaged/base/arena.h"
#include "triaged/base/map.h"
#include "triaged/base/zone.h"
#include "triaged/conf/conf.h"
#include "triaged/rules/matcher.h"
#include "triaged/rules/regex.h"
#include "triaged/rules/ruleset.h"

/* ---- fields: the names that matchers, templates and group_by read (field.c) -------------------
 */

enum field_kind { FIELD_LABEL, FIELD_ANNOTATION, FIELD_SOURCE, FIELD_SEVERITY };

struct field {
    struct str name; /* without "label." or "annotation." */
    enum field_kind kind;
    bool coarse; /* part of the key of the verdict cache: not recorded in paths */
};

struct fields {
    struct field *v;
    uint32_t n, cap;
    struct map by_name; /* full name -> index + 1 */
};

/* ---- matchers (compile.c) ---------------------------------------------------------------------
 */

struct cmatcher { /* each (name, op, value) once, whoever uses it */
    uint32_t field;
    enum match_op op;
    struct str value;
    struct regex *re; /* owned; NULL for = and != */
    int32_t set;      /* index of the set that holds re, or -1 */
    uint32_t bit;
};

struct clause { /* all of them must hold */
    const uint32_t *m;
    size_t n;
    const struct conf_texts *texts; /* as written, in the same order */
};

/* ---- templates (template.c) and names to group by ---------------------------------------------
 */

struct template_part {
    struct str text; /* literal, or the placeholder's name */
    bool is_field;
    uint32_t field;
};

struct template
{
    struct template_part *v;
    size_t n; /* 0 = not given */
};

struct name_ref {
    struct str name;
    uint32_t field;
};

struct names {
    struct name_ref *v;
    size_t n;
};

/* ---- what is matched --------------------------------------------------------------------------
 */

struct crule {
    const struct conf_rule *conf;
    struct clause match;
    struct template title, summary, runbook, logs;
    struct names group_by, per;
    const struct conf_known_error *known_error;
};

struct cservice {
    const struct conf_service *conf;
    struct clause match;
    struct template logs;
};

struct cwindow { /* of maintenance */
    const struct conf_maintenance *conf;
    struct clause match;
    struct zone *zone;
};

struct cheartbeat {
    const struct conf_heartbeat *conf;
    struct clause match;
};

struct cknown_error {
    const struct conf_known_error *conf;
    struct clause match;
};

struct cdeclared { /* known errors of one team that stand in no file */
    struct str team;
    struct cknown_error *v;
    size_t n;
};

/* ---- the index (index.c): which rules can match at all ----------------------------------------
 */

enum { INDEX_FIELDS_MAX = 8 };

struct index_field {
    uint32_t field;
    struct map buckets; /* value -> bitmap of rules */
};

struct rule_index {
    struct index_field v[INDEX_FIELDS_MAX];
    size_t n, words;
    uint64_t *always; /* rules that no bucket could hold */
};

struct ruleset {
    _Atomic int refs;
    uint64_t id; /* unlike any other's in this process */
    bool faulty; /* of a configuration with errors: what conf says of it is not said again */
    const struct conf *conf;
    struct arena arena;
    struct fields fields;
    struct cmatcher *matchers;
    uint32_t n_matchers, cap_matchers;
    struct map matchers_by_text; /* -> index + 1 */
    struct regex_set **sets;
    size_t n_sets;
    struct crule *rules; /* as many as conf's, in its order; so the others */
    struct cservice *services;
    struct cknown_error *known_errors;
    struct cdeclared *declared; /* a team each */
    size_t n_declared;
    struct cheartbeat *heartbeats;
    struct cwindow *windows;
    struct names group_by_labels, group_by_syslog;
    bool reads_body; /* a field is cef.*, leef.* or json.* */
    bool reads_parts; /* a field is part.* */
    struct map services_by_name; /* -> struct cservice */
    struct rule_index index;
    uint32_t f_alertname, f_summary, f_description, f_message_note, f_message, f_app, f_skeleton,
        f_service, f_runbook_url, f_runbook;
};

/* field.c */
uint32_t fields_intern(struct ruleset *rs, struct str name);
void fields_finish(struct fields *f);
struct str field_read(const struct field *f, const struct alert *a);

/* compile.c: errors go to *why with the place of the text; the clause is then shorter. */
void compile_clause(struct ruleset *rs, const struct conf_texts *texts, struct clause *out,
                    struct diag *why);
void compile_names(struct ruleset *rs, const struct conf_texts *texts, struct names *out);

/* declared.c: the known errors that stand in no file. */
void compile_declared(struct ruleset *rs, const struct declared_error *declared, size_t n);

/* template.c */
void template_compile(struct ruleset *rs, struct str text, const struct conf_place *place,
                      struct template *out, struct diag *why);

/* index.c: builds the index, and the regex sets of the matchers that are tried together. */
void index_build(struct ruleset *rs);
void index_finish(struct rule_index *ix);
const uint64_t *index_bucket(const struct rule_index *ix, size_t i, struct str value);

/* maintenance.c: when the window that is open at now_ms ends, or 0 when it is not open. */
int64_t window_open_until(const struct cwindow *w, int64_t now_ms);

#endif
