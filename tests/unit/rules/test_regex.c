/*
 * test_regex.c - RE2's language: what matches, what is refused, what gives up in time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "triaged/rules/regex.h"

static const struct {
    const char *pattern, *yes, *no; /* texts, NULL = none */
} matching[] = {
    {"", "", "x"},
    {"a", "a", "ab"},
    {"a", "a", "ba"},
    {"a|ab", "ab", "abc"}, /* anchored as a whole */
    {"a|b|c", "c", "ac"},
    {"(a|)b", "b", "ab b"},
    {"a.c", "axc", "a\nc"},
    {"(?s)a.c", "a\nc", "ac"},
    {".*", "anything", "two\nlines"},
    {"(?s).*", "two\nlines", NULL},
    {".+", "x", ""},
    {".+.+", "xy", "x"},
    {"a.*b", "ab", "ba"},
    {"a.+b", "axb", "ab"},
    {"a.+b",
     "a\xC3\xA4"
     "b",
     "ab"},
    {".*timed out.*", "it timed out", "timed  out"},
    {"Node.*", "NodeDown", "node"},
    {".*Down", "NodeDown", "NodeDown1"},
    {"ab.*ba", "abba", "aba"}, /* the parts must not overlap */
    {"a.*b.*c.*", "aXbYc", "acb"},
    {"^a$", "a", "a\n"},
    {"^(a|b)$", "b", "ab"},
    {"a$|b", "a", "a$"},
    {"(?i)abc", "aBc", "abd"},
    {"(?i:a)b", "Ab", "AB"},
    {"(?i)stra\xC3\x9F"
     "e",
     "STRA\xC3\x9F"
     "E",
     "strase"},
    {"a\\.b", "a.b", "axb"},
    {"\\Qa.b\\E+", "a.bb", "axb"},
    {"[a-c]+", "abc", "abd"},
    {"[^a]", "\xC3\xA4", "a"},
    {"[]a]", "]", "b"},
    {"[[:digit:]]+", "123", "a"},
    {"[[:^digit:]x]+", "ax", "1"},
    {"[[:]+", "[:", "a"},
    {"[\\w.-]+", "a-b.c", "a b"},
    {"\\d{1,3}", "123", "1234"},
    {"a{,2}", "a{,2}", "aa"}, /* a literal in RE2 */
    {"a{2}", "aa", "a"},
    {"\\v", "\x0B", "\n"}, /* RE2: the vertical tab alone */
    {"[\\v]", "\x0B", "\n"},
    {"\\w", "a", "\xC3\xA4"}, /* ASCII, as in RE2 */
    {"\\pL", "\xC3\xA4", "1"},
    {"\\p{Greek}+", "\xCE\xA3", "s"},
    {"a\\b.*", "a b", "ab"},
    {"(?P<x>a+)b", "aab", "b"},
    {"(?<x>a+)b", "aab", "b"},
    {"\\Aa\\z", "a", "ab"},
    {"x*?y", "xxy", "xx"},
    {"(?U)x*y", "xxy", "xx"},
    {"\\x41\\x{263a}", "A\xE2\x98\xBA", "A"},
    {"(one|two|three|four|five|six|seven|eight) .*", "eight x", "nine x"},
    {"one|two|three|four|five|six|seven|eight", "seven", "nine"},
    {"(a|b)(c|d)(e|f)", "bce", "bc"},
};

static void languages(void **state)
{
    struct regex_scratch *s = *state;
    struct arena a;
    struct str why;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(matching); i++) {
        struct regex *re = regex_create(str_c(matching[i].pattern), &a, &why);
        if (!re)
            fail_msg("%s: %.*s", matching[i].pattern, STR_ARG(why));
        if (matching[i].yes && !regex_match(re, s, str_c(matching[i].yes), NULL, NULL))
            fail_msg("%s does not match \"%s\"", matching[i].pattern, matching[i].yes);
        if (matching[i].no && regex_match(re, s, str_c(matching[i].no), NULL, NULL))
            fail_msg("%s matches \"%s\"", matching[i].pattern, matching[i].no);
        regex_destroy(re);
    }
    arena_finish(&a);
}

static const struct {
    const char *pattern, *sentence;
} refused[] = {
    {"(a)\\1", "RE2 has no back-references: \\1 at offset 3"},
    {"(?P<x>a)(?P=x)", "RE2 has no back-references: (?P= at offset 8"},
    {"(?P<x>a)\\k<x>", "RE2 has no back-references: \\k at offset 8"},
    {"\\g{1}", "RE2 has no back-references: \\g at offset 0"},
    {"a(?=b)", "RE2 has no look-ahead: (?= at offset 1"},
    {"a(?!b)", "RE2 has no look-ahead: (?! at offset 1"},
    {"(?<=a)b", "RE2 has no look-behind: (?<= at offset 0"},
    {"(?<!a)b", "RE2 has no look-behind: (?<! at offset 0"},
    {"(?>a)", "RE2 has no atomic groups: (?> at offset 0"},
    {"(?|a|b)", "RE2 has no branch reset: (?| at offset 0"},
    {"(?#c)a", "RE2 has no comments: (?# at offset 0"},
    {"a++", "RE2 has no possessive quantifiers: ++ at offset 1"},
    {"a*+", "RE2 has no possessive quantifiers: *+ at offset 1"},
    {"a?+", "RE2 has no possessive quantifiers: ?+ at offset 1"},
    {"a{2}+", "RE2 has no possessive quantifiers: {2}+ at offset 1"},
    {"a**", "RE2 has no nested repetition: ** at offset 1"},
    {"a{2}{3}", "RE2 has no nested repetition: {2}{3} at offset 1"},
    {"(?R)", "RE2 has no recursion: (?R at offset 0"},
    {"(a)(?1)", "RE2 has no recursion: (?1 at offset 3"},
    {"(a)(?-1)", "RE2 has no recursion: (?- at offset 3"},
    {"(?&x)", "RE2 has no recursion: (?& at offset 0"},
    {"(?P>x)", "RE2 has no recursion: (?P> at offset 0"},
    {"(?C1)a", "RE2 has no callouts: (?C at offset 0"},
    {"(*ACCEPT)", "RE2 has no verbs: (* at offset 0"},
    {"(*LIMIT_MATCH=1)a", "RE2 has no verbs: (* at offset 0"},
    {"(?(1)a|b)", "RE2 has no conditional groups: (?( at offset 0"},
    {"(?'x'a)", "RE2 has no groups named in quotes: (?' at offset 0"},
    {"(?x)a", "RE2 has no such a flag: (?x at offset 0"},
    {"(?^i)a", "RE2 has no such a flag: (?^ at offset 0"},
    {"\\C", "RE2 has no single bytes: \\C at offset 0"},
    {"a\\K", "RE2 has no reset of the match start: \\K at offset 1"},
    {"\\Z", "RE2 has no such an anchor: \\Z at offset 0"},
    {"\\R", "RE2 has no such a class: \\R at offset 0"},
    {"\\h", "RE2 has no such a class: \\h at offset 0"},
    {"\\y", "RE2 has no such an escape: \\y at offset 0"},
    {"[\\b]", "RE2 has no such an escape: \\b at offset 1"},
    {"[[:foo:]]", "RE2 has no such a class: [: at offset 1"},
    {"[[:.[]x:]", "RE2 has no such a class: [: at offset 1"},
    {"a{1001}", "a repeat count over 1000: {1001} at offset 1"},
    {"a\\", "a backslash at the end"},
    {"(a", "missing closing parenthesis at offset 2"},
    {"a)", "unmatched closing parenthesis at offset 1"},
    {"a)|(b", "unmatched closing parenthesis at offset 1"},
    {"[a", "missing terminating ] for character class at offset 2"},
    {"*a", "quantifier does not follow a repeatable item at offset 0"},
    {"\xFF", "not valid UTF-8"},
};

static void refusals(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct str why = STR_NONE;
        struct regex *re = regex_create(str_c(refused[i].pattern), &a, &why);
        if (re)
            fail_msg("%s was taken", refused[i].pattern);
        if (!str_eq_c(why, refused[i].sentence))
            fail_msg("%s: said \"%.*s\"", refused[i].pattern, STR_ARG(why));
    }
    arena_finish(&a);
}

static void pattern_limits(void **state)
{
    (void)state;
    struct arena a;
    struct str why = STR_NONE;
    arena_init(&a, 0);
    char *p = malloc(REGEX_PATTERN_MAX + 1);
    memset(p, 'a', REGEX_PATTERN_MAX + 1);
    for (size_t n = REGEX_PATTERN_MAX - 1; n <= REGEX_PATTERN_MAX + 1; n++) {
        struct regex *re = regex_create((struct str){p, n}, &a, &why);
        assert_int_equal(re != NULL, n <= REGEX_PATTERN_MAX);
        regex_destroy(re);
    }
    assert_true(str_eq_c(why, "longer than 4096 bytes"));
    for (int groups = REGEX_GROUPS_MAX; groups <= REGEX_GROUPS_MAX + 1; groups++) {
        int n = 0;
        for (int i = 0; i < groups; i++)
            n += sprintf(p + n, "(?P<g%d>a?)", i);
        struct regex *re = regex_create((struct str){p, (size_t)n}, &a, &why);
        assert_int_equal(re != NULL, groups <= REGEX_GROUPS_MAX);
        regex_destroy(re);
    }
    memset(p, '(', 2000); /* nesting */
    assert_null(regex_create((struct str){p, 2000}, &a, &why));
    /* many forms of long literals must not cost much memory to expand */
    size_t n = 0;
    for (int i = 0; i < 8; i++)
        n += (size_t)sprintf(p + n, "(a|b)");
    while (n < REGEX_PATTERN_MAX - 4)
        n += (size_t)sprintf(p + n, "x()");
    struct regex *re = regex_create((struct str){p, n}, &a, &why);
    assert_non_null(re);
    regex_destroy(re);
    free(p);
    arena_finish(&a);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Patterns that would need ages end in time, as "no", and are counted. */
static void catastrophes(void **state)
{
    static const char *const patterns[] = {"(a+)+$", "(a|aa)+[xy]", "(\\w*)*x", "(a*)*(a*)*x",
                                           ".*a.*[^x]a.*a.*x"};
    struct regex_scratch *s = *state;
    struct arena a;
    struct str why;
    arena_init(&a, 0);
    for (size_t n = 100; n <= 64 * 1024; n *= 8) {
        char *text = malloc(n);
        memset(text, 'a', n);
        text[n - 1] = '!';
        for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
            struct regex *re = regex_create(str_c(patterns[i]), &a, &why);
            uint64_t before = regex_limit_hits();
            double start = seconds();
            assert_non_null(re);
            assert_false(regex_match(re, s, (struct str){text, n}, NULL, NULL));
            double took = seconds() - start;
            if (took > 5) /* a sanitizer's build on a busy machine; without limits: for ever */
                fail_msg("%s on %zu bytes took %.3f s", patterns[i], n, took);
            assert_true(regex_limit_hits() >= before);
            if (i < 2)
                assert_int_equal(regex_limit_hits(), before + 1);
            regex_destroy(re);
        }
        free(text);
    }
    arena_finish(&a);
}

/* The limits leave room for honest patterns on the longest messages. */
static void long_texts_match(void **state)
{
    enum { N = 64 * 1024 };
    struct regex_scratch *s = *state;
    struct arena a;
    struct str why;
    arena_init(&a, 0);
    char *text = malloc(N);
    for (size_t i = 0; i < N; i++)
        text[i] = "some words of line 12 "[i % 22];
    struct regex *re = regex_create(S(".*[a-z]+ 42 in disk \\w+.*"), &a, &why);
    uint64_t before = regex_limit_hits();
    for (size_t at = 0; at < N - 32; at += N / 8) {
        char kept[19];
        memcpy(kept, text + at, 19);
        memcpy(text + at, "error 42 in disk sd", 19);
        assert_true(regex_match(re, s, (struct str){text, N}, NULL, NULL));
        memcpy(text + at, kept, 19);
    }
    assert_false(regex_match(re, s, (struct str){text, N}, NULL, NULL));
    assert_int_equal(regex_limit_hits(), before);
    regex_destroy(re);
    free(text);
    arena_finish(&a);
}

static void captures(void **state)
{
    struct regex_scratch *s = *state;
    struct arena a;
    struct str why;
    struct labels l = {0};
    arena_init(&a, 0);
    struct regex *re = regex_create(
        S("Failed \\w+ for (?P<user>.*) from (?<client>\\S+)( port (?P<port>\\d+))?"), &a, &why);
    assert_non_null(re);
    assert_int_equal(regex_n_groups(re), 3);
    assert_true(regex_match(re, s, S("Failed password for root from 10.0.0.1"), &l, &a));
    labels_normalise(&l);
    assert_int_equal(l.n, 2); /* port took no part */
    assert_true(str_eq_c(labels_get(&l, S("user")), "root"));
    assert_true(str_eq_c(labels_get(&l, S("client")), "10.0.0.1"));
    l = (struct labels){0};
    assert_false(regex_match(re, s, S("Failed password"), &l, &a));
    assert_int_equal(l.n, 0);
    regex_destroy(re);
    /* with a shortcut for yes and no */
    re = regex_create(S("user (?P<user>.*) logged in"), &a, &why);
    assert_true(regex_cost(re) != REGEX_ENGINE);
    assert_true(regex_match(re, s, S("user ann logged in"), &l, &a));
    assert_true(str_eq_c(l.v[0].value, "ann"));
    regex_destroy(re);
    arena_finish(&a);
}

/* Bytes that are not UTF-8 are characters of their own, as in Go. */
static void broken_texts(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool yes;
    } rows[] = {
        {"a[^b]c",
         "a\xFF"
         "c",
         true},
        {"a..c",
         "a\xC3\x28"
         "c",
         true},
        {"a\\wc",
         "a\xFF"
         "c",
         false},
        {"a(?P<x>.)c",
         "a\xED\xA0\x80"
         "c",
         false}, /* a surrogate is three of them */
        {"a(?P<x>...)c",
         "a\xED\xA0\x80"
         "c",
         true},
        {".*c",
         "\x80\x80"
         "c",
         true},
    };
    struct regex_scratch *s = *state;
    struct arena a;
    struct str why;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct labels l = {0};
        struct regex *re = regex_create(str_c(rows[i].pattern), &a, &why);
        assert_non_null(re);
        if (regex_match(re, s, str_c(rows[i].text), &l, &a) != rows[i].yes)
            fail_msg("row %zu: %s", i, rows[i].pattern);
        for (uint32_t k = 0; k < l.n; k++)
            assert_true(str_is_utf8(l.v[k].value));
        regex_destroy(re);
    }
    arena_finish(&a);
}

static void costs_and_literals(void **state)
{
    static const struct {
        const char *pattern;
        enum regex_cost cost;
        size_t words; /* 0 = not a set of literals */
    } rows[] = {
        {"a", REGEX_TRIVIAL, 1},
        {"a|b|c", REGEX_TRIVIAL, 3},
        {"(a|b)-(c|d)", REGEX_TRIVIAL, 4},
        {"(a|)", REGEX_TRIVIAL, 0},
        {"Node.*", REGEX_TRIVIAL, 0},
        {".*Node", REGEX_TRIVIAL, 0},
        {".*Node.*", REGEX_SEARCH, 0},
        {".*(a|b).*", REGEX_SEARCH, 0},
        {"a+", REGEX_ENGINE, 0},
        {"[ab]", REGEX_ENGINE, 0},
        {"(?i)a", REGEX_ENGINE, 0},
        {"ab*", REGEX_ENGINE, 0},
        {"(a|b)?", REGEX_ENGINE, 0},
        {"\\d", REGEX_ENGINE, 0},
        {"a\\.b|c\\[d\\]", REGEX_TRIVIAL, 2},
    };
    (void)state;
    struct arena a;
    struct str why;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct regex *re = regex_create(str_c(rows[i].pattern), &a, &why);
        const struct str *words;
        size_t n = 0;
        assert_non_null(re);
        if (regex_cost(re) != rows[i].cost)
            fail_msg("%s: cost %d", rows[i].pattern, (int)regex_cost(re));
        if (!regex_literals(re, &words, &n))
            n = 0;
        if (n != rows[i].words)
            fail_msg("%s: %zu words", rows[i].pattern, n);
        regex_destroy(re);
    }
    arena_finish(&a);
}

static int setup(void **state)
{
    *state = regex_scratch_create();
    return 0;
}

static int teardown(void **state)
{
    regex_scratch_destroy(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(languages),        cmocka_unit_test(refusals),
        cmocka_unit_test(pattern_limits),   cmocka_unit_test(catastrophes),
        cmocka_unit_test(long_texts_match), cmocka_unit_test(captures),
        cmocka_unit_test(broken_texts),     cmocka_unit_test(costs_and_literals),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
