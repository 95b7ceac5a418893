/*
 * conf_util.h - for tests of the conf layer: load a text, compare every finding as it is printed.
 */
#ifndef TRIAGED_TESTS_CONF_UTIL_H
#define TRIAGED_TESTS_CONF_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "triaged/conf/conf.h"

/* What a complete configuration needs; stands after the text under test, so that lines count. */
#define TEAMS "\nteams: {network: {id: NET}, platform: {id: PLT}}\ndefault_team: platform\n"

/* All findings, a line each. The caller frees. */
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

static inline void expect_findings(const char *row, const struct diag *why, const char *expected)
{
    char *got = findings(why);
    if (strcmp(got, expected) != 0)
        fail_msg("%s:\n--- got\n%s--- expected\n%s", row, got, expected);
    free(got);
}

/* Loads a text that must be good. The caller unrefs. */
static inline struct conf *load_good(const char *yaml)
{
    struct diag why;
    diag_init(&why);
    struct conf *c = conf_load_text("t.yaml", str_c(yaml), NULL, &why);
    expect_findings(yaml, &why, "");
    assert_non_null(c);
    diag_finish(&why);
    return c;
}

/* Loads yaml + more, which must fail with exactly these lines. */
static inline void expect_errors(const char *yaml, const char *more, const char *lines)
{
    struct diag why;
    diag_init(&why);
    char *text = NULL;
    assert_true(asprintf(&text, "%s%s", yaml, more) >= 0);
    struct conf *c = conf_load_text("t.yaml", str_c(text), NULL, &why);
    expect_findings(yaml, &why, lines);
    assert_null(c);
    diag_finish(&why);
    free(text);
}

#define assert_str(s, lit) \
    do { \
        struct str got_ = (s); \
        if (!str_eq_c(got_, (lit))) \
            fail_msg("got \"%.*s\", expected \"%s\"", STR_ARG(got_), (lit)); \
    } while (0)

#endif
