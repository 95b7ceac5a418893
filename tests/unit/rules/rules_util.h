/*
 * rules_util.h - for tests of the rules layer: a ruleset from a YAML text, alerts from pairs.
 */
#ifndef TRIAGED_TESTS_RULES_UTIL_H
#define TRIAGED_TESTS_RULES_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "triaged/base/buf.h"
#include "triaged/base/mem.h"
#include "triaged/rules/ruleset.h"

/* A configuration's least; stands after the text under test. */
#define TEAMS                                                                                      \
    "\nteams: {network: {id: NET}, platform: {id: PLT}, security: {id: SEC}, "                     \
    "payments: {id: PAY}}\ndefault_team: platform\n"

static inline char *findings(const struct diag *why)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    assert_non_null(f);
    diag_print(why, f);
    fclose(f);
    return text;
}

/* yaml + TEAMS, compiled. NULL with the findings in *text (caller frees), which may be NULL when
 * the configuration must be good. */
static inline struct ruleset *compile_yaml(const char *yaml, char **text)
{
    struct diag why;
    diag_init(&why);
    char *whole = xasprintf("%s%s", yaml, TEAMS);
    struct conf *c = conf_load_text("t.yaml", str_c(whole), ruleset_check_faulty, &why);
    struct ruleset *rs = c ? ruleset_create(c, &why) : NULL;
    char *said = findings(&why);
    if (!text && !rs)
        fail_msg("%s", said);
    if (text)
        *text = said;
    else
        free(said);
    conf_unref(c);
    free(whole);
    diag_finish(&why);
    return rs;
}

/* An alert from "name=value" texts, NULL-ended; "@name=value" is an annotation, "%name=value" a
 * group label. For syslog the texts are the labels. */
static inline struct alert make_alert(struct arena *a, enum alert_source source,
                                      const char *const *pairs)
{
    struct alert al = {.source = source, .is_log = source == SOURCE_SYSLOG, .repeat = 1};
    for (size_t i = 0; pairs[i]; i++) {
        struct str value, name = str_cut(str_c(pairs[i]), '=', &value);
        struct labels *l = &al.labels;
        if (name.p[0] == '@' || name.p[0] == '%') {
            l = name.p[0] == '@' ? &al.annotations : &al.group_labels;
            name = str_sub(name, 1, name.n);
        }
        labels_add(l, a, arena_str(a, name), arena_str(a, value));
    }
    labels_normalise(&al.labels);
    labels_normalise(&al.annotations);
    labels_normalise(&al.group_labels);
    al.severity = severity_from_name(labels_get(&al.labels, S("severity")));
    al.fingerprint = labels_fingerprint(&al.labels);
    return al;
}

#define PAIRS(...) ((const char *const[]){__VA_ARGS__, NULL})

#define assert_str(s, lit)                                                                         \
    do {                                                                                           \
        struct str got_ = (s);                                                                     \
        if (!str_eq_c(got_, (lit)))                                                                \
            fail_msg("got \"%.*s\", expected \"%s\"", STR_ARG(got_), (lit));                       \
    } while (0)

#endif
