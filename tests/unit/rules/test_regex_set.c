/*
 * test_regex_set.c - the ways of answering agree: shortcut and engine; a set rules out no match.
 * Patterns and texts are crossed; random ones are made of pieces that meet each other's edges.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "triaged/base/mem.h"
#include "triaged/rules/regex.h"

static const char *const patterns[] = {
    "a",
    "a|b|c",
    ".*",
    ".+",
    "a.*",
    ".*a",
    ".*a.*",
    "a.*b",
    "a.+b",
    "(?i)a.*K",
    "(?i)stra\xC3\x9F"
    "e",
    "[a-c]+",
    "[^a]*",
    "\\w+",
    "\\W+",
    "\\d+\\.?\\d*",
    "\\s",
    "\\S+ \\S+",
    ".*\\bfoo\\b.*",
    "a\\Bb",
    "(foo|bar)+",
    "(?:a?b)*",
    "x{2,3}",
    "\\pL+",
    "[[:alpha:]]+",
    "[[:space:]]",
    "\\v",
    "a$",
    "^a",
    "",
    "(?s)a.b",
    "(?m)^a$",
    "(?m)a$.*",
    "(?P<n>\\d+) errors?",
    ".*(error|fail(ed|ure)?|timed out).*",
    "(?i).*(ERROR|Fail).*",
    "link (up|down)",
    "Failed password for .* from \\S+ port \\d+.*",
    "[\\x{80}-\\x{10FFFF}]+",
    ".",
    "..",
    "...",
    "(a|ab)(c|bcd)",
    "\\Qa.b\\E",
    "(a*)*",
    "(a+)+b",
    "[^\\n]*x",
    "\\x{263a}?",
    "(?U)a.*b",
    "a{0}",
    "(|a)b",
    "[-a]",
    "[]]",
    "\\.",
    "a\\|b",
    "(?i)\\x{212a}",
    "(?-s).*x",
    "\\Aab\\z",
    "\\D",
    "(?i)[k-s]+",
};

static const char *const texts[] = {
    "",
    "a",
    "b",
    "ab",
    "ba",
    "abc",
    "A",
    "K",
    "aK",
    "a\xE2\x84\xAA",
    "\xC5\xBF",
    "stra\xC3\x9F"
    "e",
    "STRASSE",
    "foo",
    "foo bar",
    "foobar",
    "barfoo",
    "a foo b",
    "a-foo",
    "foo_x",
    "xx",
    "xxx",
    "xxxx",
    "\xC3\xA4",
    "\xC3\xA4\xC3\xB6",
    "a\nb",
    "a\n",
    "\n",
    "\na",
    "\n\n",
    "\x0B",
    "\t",
    " ",
    "a b",
    "12",
    "12.5",
    "3 errors",
    "1 error",
    "it failed",
    "it FAILED",
    "a failure\nin two lines",
    "timed  out",
    "timed out",
    "link up",
    "link down ",
    "Failed password for root from 10.0.0.1 port 22 ssh2",
    "Failed password for a from b from 10.0.0.1 port 1",
    "abcd",
    "abbcd",
    "a.b",
    "a\xE2\x98\xBA"
    "b",
    "\xE2\x98\xBA",
    "\xF0\x9F\x99\x82",
    "aaaaaaaaaaaaaaaaaaaaaaaab",
    "aaaaaaaaaaaaaaaaaaaaaaaac",
    "]",
    "-",
    ".",
    "|",
    "a|b",
    "x\nx",
    "k",
    "s",
    "KS",
    "\r\n",
    "a\r",
    "\xEF\xBF\xBD",
};

struct world {
    struct regex_scratch *s;
    struct arena a;
};

static size_t compared, ruled_out, ruled_in;

static void compare(struct world *w, struct regex **re, size_t n, const char *const *names,
                    struct str text)
{
    static struct regex_set *set;
    uint64_t bits[REGEX_SET_MAX / 64], must[REGEX_SET_MAX / 64];
    if (!text.p) { /* a new set of patterns, or none: NULL */
        regex_set_destroy(set);
        set = n ? regex_set_create((const struct regex *const *)re, n) : NULL;
        if (set)
            assert_true(regex_scratch_fit(w->s, set));
        return;
    }
    assert_non_null(set);
    bool scanned = regex_set_scan(set, w->s, text, bits, must);
    for (size_t i = 0; scanned && i < n; i++) {
        bool one = regex_match(re[i], w->s, text, NULL, NULL);
        bool bit = bits[i / 64] >> (i % 64) & 1;
        compared++;
        ruled_out += !bit;
        ruled_in += must[i / 64] >> (i % 64) & 1;
        if ((must[i / 64] >> (i % 64) & 1) && !(one && bit))
            fail_msg("%s on \"%.*s\": only the set sees a match", names[i], STR_ARG(text));
        if (one && !bit)
            fail_msg("%s on \"%.*s\": the set does not see the match", names[i], STR_ARG(text));
    }
}

static void tables_crossed(void **state)
{
    struct world *w = *state;
    struct regex *re[ARRAY_LEN(patterns)];
    struct str why;
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        re[i] = regex_create(str_c(patterns[i]), &w->a, &why);
        if (!re[i])
            fail_msg("%s: %.*s", patterns[i], STR_ARG(why));
    }
    compare(w, re, ARRAY_LEN(re), patterns, STR_NONE);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        compare(w, re, ARRAY_LEN(re), patterns, str_c(texts[i]));
    compare(w, NULL, 0, NULL, STR_NONE);
    for (size_t i = 0; i < ARRAY_LEN(re); i++)
        regex_destroy(re[i]);
}

static uint32_t next_random(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    *x ^= *x << 5;
    return *x;
}

static char *random_of(uint32_t *x, const char *const *pieces, size_t n, unsigned max)
{
    char *text = xcalloc(1, 16 * (max + 1));
    for (unsigned k = next_random(x) % (max + 1); k > 0; k--)
        strcat(text, pieces[next_random(x) % n]);
    return text;
}

static void random_ones(void **state)
{
    static const char *const parts[] = {"a",        "b",        "ab",        ".*", ".+",   "(a|b)",
                                        "(ab|b.*)", "[ab]",     "\\.",       "x?", "(a|)", ".*?",
                                        "|",        "\xC3\xA4", "(?:b|.*a)", "$",  "^"};
    static const char *const bits[] = {"a", "b", "ab", ".", "x", "\xC3\xA4", "ba", "\n"};
    enum { N = 60, ROUNDS = 8, TEXTS = 60 };
    struct world *w = *state;
    uint32_t x = 2463534242u;
    struct str why;
    for (int round = 0; round < ROUNDS; round++) {
        struct regex *re[N];
        char *names[N];
        size_t n = 0;
        while (n < N) {
            names[n] = random_of(&x, parts, ARRAY_LEN(parts), 7);
            re[n] = regex_create(str_c(names[n]), &w->a, &why);
            if (re[n])
                n++;
            else
                free(names[n]);
        }
        compare(w, re, n, (const char *const *)names, STR_NONE);
        for (int t = 0; t < TEXTS; t++) {
            char *text = random_of(&x, bits, ARRAY_LEN(bits), 8);
            compare(w, re, n, (const char *const *)names, str_c(text));
            free(text);
        }
        compare(w, NULL, 0, NULL, STR_NONE);
        for (size_t i = 0; i < n; i++) {
            regex_destroy(re[i]);
            free(names[i]);
        }
    }
    assert_true(compared > 20000);
    assert_true(ruled_out > 1000);
}

/* A shortcut answers as the engine does on the same pattern made opaque by an empty class join. */
static void shortcuts_agree_with_the_engine(void **state)
{
    static const char *const parts[] = {"a",        "b",        ".*",  ".+", "(a|b)",
                                        "(ab|b.*)", "\xC3\xA4", ".*?", "\\."};
    static const char *const bits[] = {"a", "b", "\xC3\xA4", ".", "\n"};
    struct world *w = *state;
    uint32_t x = 88172645u;
    struct str why;
    size_t short_ones = 0;
    for (int i = 0; i < 400; i++) {
        char *pattern = random_of(&x, parts, ARRAY_LEN(parts), 6);
        char *opaque = xasprintf("(?:%s)[a]{0}", pattern);
        struct regex *one = regex_create(str_c(pattern), &w->a, &why);
        struct regex *other = regex_create(str_c(opaque), &w->a, &why);
        assert_non_null(one);
        assert_non_null(other);
        assert_int_equal(regex_cost(other), REGEX_ENGINE);
        short_ones += regex_cost(one) != REGEX_ENGINE;
        for (int t = 0; t < 40; t++) {
            char *text = random_of(&x, bits, ARRAY_LEN(bits), 6);
            if (regex_match(one, w->s, str_c(text), NULL, NULL) !=
                regex_match(other, w->s, str_c(text), NULL, NULL))
                fail_msg("%s on \"%s\"", pattern, text);
            free(text);
        }
        regex_destroy(one);
        regex_destroy(other);
        free(pattern);
        free(opaque);
    }
    assert_true(short_ones > 200);
}

static void sizes(void **state)
{
    struct world *w = *state;
    const struct regex *re[REGEX_SET_MAX + 1];
    struct str why;
    struct regex *one = regex_create(S(".*foo.*"), &w->a, &why);
    struct regex *unknown = regex_create(S("[a-z]+"), &w->a, &why);
    uint64_t bits[REGEX_SET_MAX / 64], must[REGEX_SET_MAX / 64];
    for (size_t i = 0; i <= REGEX_SET_MAX; i++)
        re[i] = one;
    assert_null(regex_set_create(re, 0));
    assert_null(regex_set_create(re, REGEX_SET_MAX + 1));
    re[7] = unknown; /* has no literal: always to be tried */
    struct regex_set *set = regex_set_create(re, REGEX_SET_MAX);
    assert_non_null(set);
    assert_true(regex_scratch_fit(w->s, set));
    assert_true(regex_set_scan(set, w->s, S("bar"), bits, must));
    assert_int_equal(bits[0], 1 << 7);
    assert_int_equal(bits[1], 0);
    assert_true(regex_set_scan(set, w->s, S(""), bits, must));
    assert_int_equal(bits[0], 1 << 7);
    assert_true(regex_set_scan(set, w->s, S("a foo b"), bits, must));
    for (size_t i = 0; i < ARRAY_LEN(bits); i++)
        assert_true(bits[i] == UINT64_MAX);
    regex_set_destroy(set);
    const struct regex *only[] = {unknown};
    assert_null(regex_set_create(only, 1)); /* nothing to scan for */
    regex_destroy(one);
    regex_destroy(unknown);
}

/* Words that are enough by themselves, and those that only look so. */
static void sufficient_words(void **state)
{
    static const char *const parts[] = {"ab",    "aB",        "ba?b", "(ab|ba)", "[Aa]b",
                                        ".*",    "\\b",       "(?i)", "(?i:ab)", "(.*ab.*)",
                                        "(ab)+", "ab(.*b|a)", ".+",   "^",       "(ab)?"};
    static const char *const bits[] = {"a", "b", "ab", "A", "B", " ", "\n", "\xC3\xA4", "ba"};
    enum { N = 80, TEXTS = 150 };
    struct world *w = *state;
    uint32_t x = 123456789u;
    struct str why;
    struct regex *re[N];
    char *names[N];
    size_t n = 0;
    while (n < N) {
        char *one = random_of(&x, parts, ARRAY_LEN(parts), 3),
             *other = random_of(&x, parts, ARRAY_LEN(parts), 2);
        names[n] = xasprintf(n % 3 ? ".*(%s|%s).*" : ".*%s%s.*|ab", one, other);
        re[n] = regex_create(str_c(names[n]), &w->a, &why);
        free(one);
        free(other);
        if (re[n])
            n++;
        else
            free(names[n]);
    }
    ruled_in = 0;
    compare(w, re, n, (const char *const *)names, STR_NONE);
    for (int t = 0; t < TEXTS; t++) {
        char *text = random_of(&x, bits, ARRAY_LEN(bits), 8);
        compare(w, re, n, (const char *const *)names, str_c(text));
        free(text);
    }
    compare(w, NULL, 0, NULL, STR_NONE);
    assert_true(ruled_in > 500);
    for (size_t i = 0; i < n; i++) {
        regex_destroy(re[i]);
        free(names[i]);
    }
}

/* What the scan looks for: texts that must be ruled out, and texts that must not. */
static void literals_of_patterns(void **state)
{
    static const struct {
        const char *pattern, *out, *in; /* out NULL: nothing is ruled out */
    } rows[] = {
        {"foo.*", "fo", "foo"},
        {".*foo.*", "a FOO", "a foo"},
        {"(?i).*foo.*", "fo", "a FOO"},
        {"f(oo|aa)", "foa", "faa"},
        {"(foo|bar).*", "ba", "bar"},
        {"fail(ed|ure)?.*", "fai", "fail"},
        {"[Ff]an [0-9]+", "fa n", "Fan 7"},
        {"(?i)k.*foo", "fo", "foo"},
        {"a.*long words.*b", "long word", "long words"},
        {"(foo){2}", "fo", "foofoo"},
        {"(foo)+", "fo", "foo"},
        {"x(foo)*y", NULL, "xy"},
        {"(foo)?", NULL, ""},
        {"(foo)?bar", "foo", "bar"},
        {"(foo|)bar", "foo", "bar"},
        {"(foo|.*)bar", "foo", "bar"},
        {"(foo|b)", NULL, "b"},
        {"[a-z]+", NULL, "a"},
        {"a{0,2}", NULL, ""},
        {"ab{0}c", NULL, "ac"},
        {"foob?ar", "foob", "fooar"},
        {"foo\\.bar", "fooxbar", "foo.bar"},
        {"\\bfoo\\b", "fo", "foo"},
        {"\\Qfoo\\E*", NULL, "fo"},
        {"\\x41foo", "fo", "Afoo"},
        {"\\p{Greek}foo", "fo",
         "\xCE\xA3"
         "foo"},
        {"\\pLfoo", "fo", "xfoo"},
        {"(?i:foo)\xC3\xA4", "fo", "FOO\xC3\xA4"},
        {"(?i)foo\xC3\xA4"
         "bar",
         "fo",
         "FOO\xC3\x84"
         "BAR"},
        {"a(?i)foo|bar", "fo", "BAR"},
        {"foo{", "fo", "foo{"},
        {"x{,3}foo", "fo", "x{,3}foo"},
        {"(?P<x>foo)", "fo", "foo"},
        {"(?<x>foo|bar)?baz", "foo", "baz"},
        {"[[:alpha:]]foo", "fo", "xfoo"},
        {"[]a]foo", "fo", "]foo"},
    };
    struct world *w = *state;
    struct str why;
    struct regex *other = regex_create(S("qqqq"), &w->a, &why); /* so that there is a set */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct regex *re = regex_create(str_c(rows[i].pattern), &w->a, &why);
        uint64_t bits[1], must[1];
        if (!re)
            fail_msg("%s: %.*s", rows[i].pattern, STR_ARG(why));
        const struct regex *both[] = {re, other};
        struct regex_set *set = regex_set_create(both, 2);
        assert_non_null(set);
        assert_true(regex_scratch_fit(w->s, set));
        assert_true(regex_set_scan(set, w->s, str_c(rows[i].in), bits, must));
        if (!(bits[0] & 1))
            fail_msg("%s: rules out \"%s\"", rows[i].pattern, rows[i].in);
        assert_true(regex_set_scan(set, w->s, str_c(rows[i].out ? rows[i].out : "-"), bits, must));
        if ((bits[0] & 1) != !rows[i].out)
            fail_msg("%s: not as expected on \"%s\"", rows[i].pattern,
                     rows[i].out ? rows[i].out : "-");
        regex_set_destroy(set);
        regex_destroy(re);
    }
    regex_destroy(other);
}

static int setup(void **state)
{
    struct world *w = NEW(struct world);
    arena_init(&w->a, 0);
    w->s = regex_scratch_create();
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    regex_scratch_destroy(w->s);
    arena_finish(&w->a);
    free(w);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_crossed),
        cmocka_unit_test(random_ones),
        cmocka_unit_test(shortcuts_agree_with_the_engine),
        cmocka_unit_test(sizes),
        cmocka_unit_test(sufficient_words),
        cmocka_unit_test(literals_of_patterns),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
