/*
 * test_matcher.c - the two written forms of matchers and which of them wins.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "triaged/rules/matcher.h"

struct row {
    const char *text, *name, *op, *value; /* name NULL: refused, value is part of the sentence */
};

/* Taken from Alertmanager's rules for its fallback mode: what only one form understands is taken
 * from it; where both do, the classic reading wins. */
static const struct row rows[] = {
    {"foo=bar", "foo", "=", "bar"},
    {"foo = bar", "foo", "=", "bar"},
    {"  foo=bar\t", "foo", "=", "bar"},
    {"foo!=bar", "foo", "!=", "bar"},
    {"foo=~bar", "foo", "=~", "bar"},
    {"foo!~bar", "foo", "!~", "bar"},
    {"foo=\"bar\"", "foo", "=", "bar"},
    {"foo=\"bar baz\"", "foo", "=", "bar baz"},
    {"foo=bar baz", "foo", "=", "bar baz"}, /* classic only */
    {"foo=", "foo", "=", ""},               /* classic only */
    {"foo=\"\"", "foo", "=", ""},
    {"foo!=\"\"", "foo", "!=", ""},
    {"foo=~\"\"", "foo", "=~", ""},
    {"_foo:bar=x", "_foo:bar", "=", "x"},
    /* UTF-8 only: names that are no Prometheus label names */
    {"\"foo bar\"=\"x\"", "foo bar", "=", "x"},
    {"sd.origin.ip=\"10.0.0.1\"", "sd.origin.ip", "=", "10.0.0.1"},
    {"foo-bar=x", "foo-bar", "=", "x"},
    {"\xCE\xA3=x", "\xCE\xA3", "=", "x"},
    {"\"a\\\"b\"=x", "a\"b", "=", "x"},
    {"foo=\xF0\x9F\x99\x82", "foo", "=", "\xF0\x9F\x99\x82"},
    {"\"\\u03a3\"=~\"\\U0001F642\"", "\xCE\xA3", "=~", "\xF0\x9F\x99\x82"},
    /* escapes: both agree */
    {"foo=\"a\\\"b\"", "foo", "=", "a\"b"},
    {"foo=\"a\\\\b\"", "foo", "=", "a\\b"},
    {"foo=\"a\\nb\"", "foo", "=", "a\nb"},
    {"m=~\"from (?P<c>\\\\S+) .*\"", "m", "=~", "from (?P<c>\\S+) .*"},
    /* escapes: they disagree (a tab, or a backslash and a t); classic wins */
    {"foo=\"a\\tb\"", "foo", "=", "a\\tb"},
    {"foo=\"\\x41\"", "foo", "=", "\\x41"},
    {"foo=\"\\d\"", "foo", "=", "\\d"}, /* unknown to UTF-8 */
    {"foo=a\\", "foo", "=", "a\\"},     /* a last backslash is itself */
    {"foo=\"a\nb\"", "foo", "=", "a\nb"},
    /* what looks like more than one is one value for classic */
    {"foo=bar,baz=qux", "foo", "=", "bar,baz=qux"},
    {"foo==bar", "foo", "=", "=bar"},
    {"foo=~=bar", "foo", "=~", "=bar"},
    {"foo=!bar", "foo", "=", "!bar"},
    {"foo='bar'", "foo", "=", "'bar'"},
    {"foo=bar,", "foo", "=", "bar,"}, /* UTF-8 allows the comma, classic takes it as text */
    {"\"foo bar\"=x,", "foo bar", "=", "x"},
    {"foo=\"{}\"", "foo", "=", "{}"},
    /* refused */
    {"", NULL, NULL, "expected 1 matcher, found 0"},
    {"foo", NULL, NULL, "expected one of =, !=, =~, !~ at offset 3"},
    {"foo bar", NULL, NULL, "expected one of"},
    {"=bar", NULL, NULL, "expected a label name at offset 0"},
    {"foo!bar", NULL, NULL, "bad matcher format: foo!bar"},
    {"{foo=bar}", NULL, NULL, "unexpected open or close brace"},
    {"foo=bar}", NULL, NULL, "unexpected open or close brace"},
    {"{foo=bar", NULL, NULL, "unexpected open or close brace"},
    {"foo=\"bar", NULL, NULL, "a quote that is not closed at offset 4"},
    {"foo=ba\"r", NULL, NULL, "bad matcher format"},
    {"foo=\"bar\"baz\"", NULL, NULL, "bad matcher format"},
    {"\"foo bar\"=", NULL, NULL, "expected a value"},
    {"\"foo\\q\"=x", NULL, NULL, "an escape that is not known at offset 4"},
    {"\"foo\\xFF\"=x", NULL, NULL, "not valid UTF-8"},
    {"\"foo\\uD800\"=x", NULL, NULL, "an escape that is not known"},
    {"\"foo\\400\"=x", NULL, NULL, "an escape that is not known"},
    {"\"a\nb\"=x", NULL, NULL, "a line feed inside quotes"},
    {"\"\"=x", NULL, NULL, "empty label name"},
    {"0foo=x y", NULL, NULL, "bad matcher format"},
    {"foo=\xFF", NULL, NULL, "not valid UTF-8"},
};

static void check_one(const struct row *r, struct arena *a)
{
    struct matcher_text m;
    struct str why = STR_NONE;
    bool ok = matcher_parse(str_c(r->text), a, &m, &why);
    if (!r->name) {
        if (ok)
            fail_msg("%s: was taken as %.*s %s %.*s", r->text, STR_ARG(m.name), match_op_name(m.op),
                     STR_ARG(m.value));
        if (str_find(why, str_c(r->value)) == why.n)
            fail_msg("%s: said \"%.*s\", not \"%s\"", r->text, STR_ARG(why), r->value);
        return;
    }
    if (!ok)
        fail_msg("%s: %.*s", r->text, STR_ARG(why));
    if (!str_eq_c(m.name, r->name) || strcmp(match_op_name(m.op), r->op) != 0 ||
        !str_eq_c(m.value, r->value))
        fail_msg("%s: was taken as %.*s %s [%.*s]", r->text, STR_ARG(m.name), match_op_name(m.op),
                 STR_ARG(m.value));
}

static void single_matchers(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_one(&rows[i], &a);
    arena_finish(&a);
}

static const struct {
    const char *text, *list; /* "name op value;..." or NULL: refused */
} lists[] = {
    {"", ""},
    {"{}", ""},
    {"{ }", ""},
    {"foo=bar", "foo=bar;"},
    {"{foo=bar}", "foo=bar;"},
    {"{foo=bar,}", "foo=bar;"},
    {"{foo=bar, }", "foo=bar;"},
    {"foo=bar,baz!=\"q,x\"", "foo=bar;baz!=q,x;"},
    {"{foo=~\"a|b\", \"x y\"!~\"z\"}", "foo=~a|b;x y!~z;"},
    {"{foo=,bar=x}", "foo=;bar=x;"}, /* classic only */
    {"{foo=bar", "foo=bar;"},        /* classic takes half a pair of braces */
    {"{foo=\"a\\tb\"}", "foo=a\\tb;"},
    {"{\"x y\"=a", NULL},
    {"{foo=bar,,}", NULL},
    {",", NULL},
    {"{foo}", NULL},
    {"{foo=bar}}", "foo=bar};"}, /* classic: one brace at the end is taken off */
};

static void lists_of_matchers(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct matcher_text *v = NULL;
        size_t n = 0, at = 0;
        struct str why = STR_NONE;
        char text[256] = "";
        bool ok = matcher_parse_list(str_c(lists[i].text), &a, &v, &n, &why);
        for (size_t k = 0; ok && k < n; k++)
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%.*s%s%.*s;", STR_ARG(v[k].name),
                                   match_op_name(v[k].op), STR_ARG(v[k].value));
        if (ok != (lists[i].list != NULL))
            fail_msg("%s: %s %.*s", lists[i].text, text, STR_ARG(why));
        if (ok && strcmp(text, lists[i].list) != 0)
            fail_msg("%s: was taken as %s", lists[i].text, text);
        if (!ok)
            assert_true(why.n > 0);
    }
    arena_finish(&a);
}

static void limits(void **state)
{
    (void)state;
    struct arena a;
    struct matcher_text m, *v;
    struct str why;
    size_t n;
    char *text = calloc(1, MATCHER_BYTES_MAX + 2);
    arena_init(&a, 0);
    memset(text, 'v', MATCHER_BYTES_MAX + 1);
    memcpy(text, "a=", 2);
    assert_true(matcher_parse((struct str){text, MATCHER_BYTES_MAX}, &a, &m, &why));
    assert_false(matcher_parse((struct str){text, MATCHER_BYTES_MAX + 1}, &a, &m, &why));
    for (size_t count = MATCHERS_MAX - 1; count <= MATCHERS_MAX + 1; count++) {
        for (size_t i = 0; i < count; i++)
            memcpy(text + 4 * i, "a=b,", 4);
        bool ok = matcher_parse_list((struct str){text, 4 * count}, &a, &v, &n, &why);
        assert_int_equal(ok, count <= MATCHERS_MAX);
        for (size_t i = 0; i < count; i++) /* the same, read by the UTF-8 form only */
            memcpy(text + 6 * i, "\"a\"=b,", 6);
        ok = matcher_parse_list((struct str){text, 6 * count}, &a, &v, &n, &why);
        assert_int_equal(ok, count <= MATCHERS_MAX);
    }
    free(text);
    arena_finish(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_matchers),
        cmocka_unit_test(lists_of_matchers),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
