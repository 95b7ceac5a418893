/* test_str.c - borrowed text: predicates, searches, UTF-8, numbers, durations, sizes, distance. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "triaged/base/mem.h"
#include "triaged/base/str.h"

static void test_compare(void **state)
{
    (void)state;
    assert_true(str_eq(S("a"), S("a")));
    assert_false(str_eq(S("a"), S("ab")));
    assert_true(str_eq(STR_NONE, S("")));
    assert_true(str_eq_c(S("abc"), "abc"));
    assert_true(str_ieq(S("Critical"), S("cRITICAL")));
    assert_false(str_ieq(S("a"), S("b")));
    assert_false(str_ieq(S("a@"), S("a`")));
    assert_true(str_cmp(S("a"), S("b")) < 0);
    assert_true(str_cmp(S("ab"), S("a")) > 0);
    assert_true(str_cmp(S("\xff"), S("a")) > 0); /* bytes are unsigned */
    assert_int_equal(str_cmp(STR_NONE, S("")), 0);
    assert_true(str_starts(S("label.x"), S("label.")));
    assert_false(str_starts(S("la"), S("label")));
    assert_true(str_ends(S("x.yaml"), S(".yaml")));
    assert_false(str_ends(S("l"), S("ml")));
}

static void test_find_and_cut(void **state)
{
    (void)state;
    assert_int_equal(str_find_char(S("a:b"), ':'), 1);
    assert_int_equal(str_find_char(S("ab"), ':'), 2);
    assert_int_equal(str_find_char(STR_NONE, ':'), 0);
    assert_int_equal(str_find(S("http://x"), S("://")), 4);
    assert_int_equal(str_find(S("ab"), S("abc")), 2);
    assert_int_equal(str_find(S("ab"), S("")), 0);
    assert_true(str_eq(str_trim(S(" \t a b \r\n")), S("a b")));
    assert_true(str_eq(str_trim(S("  ")), S("")));
    assert_true(str_eq(str_sub(S("abcd"), 1, 3), S("bc")));
    assert_true(str_eq(str_sub(S("abcd"), 3, 99), S("d")));
    assert_true(str_eq(str_sub(S("abcd"), 9, 10), S("")));
    struct str rest;
    assert_true(str_eq(str_cut(S("a=b=c"), '=', &rest), S("a")));
    assert_true(str_eq(rest, S("b=c")));
    assert_true(str_eq(str_cut(S("abc"), '=', &rest), S("abc")));
    assert_int_equal(rest.n, 0);
}

static void test_numbers(void **state)
{
    (void)state;
    uint64_t u = 7;
    int64_t i = 7;
    assert_true(str_to_u64(S("18446744073709551615"), &u));
    assert_true(u == UINT64_MAX);
    assert_false(str_to_u64(S("18446744073709551616"), &u));
    assert_true(u == UINT64_MAX); /* untouched by a failure */
    assert_false(str_to_u64(S(""), &u));
    assert_false(str_to_u64(S("1 "), &u));
    assert_false(str_to_u64(S("+1"), &u));
    assert_false(str_to_u64(S("-1"), &u));
    assert_true(str_to_i64(S("-9223372036854775808"), &i));
    assert_true(i == INT64_MIN);
    assert_true(str_to_i64(S("9223372036854775807"), &i));
    assert_true(i == INT64_MAX);
    assert_false(str_to_i64(S("9223372036854775808"), &i));
    assert_false(str_to_i64(S("-9223372036854775809"), &i));
    assert_false(str_to_i64(S("-"), &i));
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } rows[] = {
        {"0", 0},
        {"0s", 0},
        {"90s", 90000},
        {"15m", 900000},
        {"1h30m", 5400000},
        {"2d", 172800000},
        {"1w", 604800000},
        {"1y", 31536000000},
        {"500ms", 500},
        {"1d1h1m1s1ms", 90061001},
        {"106751991167d", 9223372036828800000},
        {"", -1},
        {"5", -1},
        {"s", -1},
        {"1x", -1},
        {"-1s", -1},
        {"1.5h", -1},
        {"1m1h", -1},
        {"1s1s", -1},
        {"1h ", -1},
        {" 1h", -1},
        {"1ms1s", -1},
        {"99999999999999999999s", -1},
        {"106751991168d", -1},
        {"292471208y8000w", -1},
    };
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        int64_t ms = -1;
        bool ok = str_to_duration_ms(str_c(rows[r].text), &ms);
        if (ok != (rows[r].ms >= 0) || ms != rows[r].ms)
            fail_msg("\"%s\": %d, %lld", rows[r].text, ok, (long long)ms);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        long long bytes; /* -1: refused */
    } rows[] = {
        {"4096", 4096},    {"0", 0},           {"64KiB", 65536}, {"8MiB", 8388608},
        {"1GiB", 1 << 30}, {"10MB", 10000000}, {"1kB", 1000},    {"2 GiB", 1ll << 31},
        {"5B", 5},         {"", -1},           {"MiB", -1},      {"1M", -1},
        {"1mib", -1},      {"-1", -1},         {"1.5GiB", -1},   {"16777216TiB", -1},
    };
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        uint64_t n = 0;
        bool ok = str_to_size(str_c(rows[r].text), &n);
        if (ok != (rows[r].bytes >= 0) || (ok && n != (uint64_t)rows[r].bytes))
            fail_msg("\"%s\": %d, %llu", rows[r].text, ok, (unsigned long long)n);
    }
}

static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        struct str s;
        bool good;
    } rows[] = {
        {{"", 0}, true},
        {{"plain ascii, longer than a word", 31}, true},
        {{"\xC3\xA9", 2}, true},
        {{"\xE2\x82\xAC", 3}, true},
        {{"\xF0\x9F\x99\x82", 4}, true},
        {{"\xF4\x8F\xBF\xBF", 4}, true},  /* U+10FFFF */
        {{"\xED\x9F\xBF", 3}, true},      /* U+D7FF */
        {{"\xF4\x90\x80\x80", 4}, false}, /* beyond */
        {{"\xED\xA0\x80", 3}, false},     /* surrogate */
        {{"\xC0\x80", 2}, false},         /* overlong */
        {{"\xC1\xBF", 2}, false},
        {{"\xE0\x9F\xBF", 3}, false},
        {{"\xF0\x8F\xBF\xBF", 4}, false},
        {{"\x80", 1}, false},
        {{"\xC3", 1}, false}, /* cut short */
        {{"\xE2\x82", 2}, false},
        {{"\xF0\x9F\x99", 3}, false},
        {{"\xC3(", 2}, false},
        {{"\xE2\x82(", 3}, false},
        {{"12345678\xff", 9}, false},
        {{"1234567\xC3\xA9", 9}, true},
    };
    for (size_t r = 0; r < ARRAY_LEN(rows); r++)
        if (str_is_utf8(rows[r].s) != rows[r].good)
            fail_msg("row %zu", r);
    assert_int_equal(str_utf8_seq(S("a"), 1), 0);
}

static void test_nearest(void **state)
{
    (void)state;
    assert_int_equal(str_distance(S("critical"), S("crtical")), 1);
    assert_int_equal(str_distance(S("ab"), S("ba")), 1);
    assert_int_equal(str_distance(S(""), S("abc")), 3);
    assert_int_equal(str_distance(S("kitten"), S("sitting")), 3);
    assert_int_equal(str_distance(S("same"), S("same")), 0);
    char longer[100];
    memset(longer, 'a', sizeof(longer));
    assert_int_equal(str_distance((struct str){longer, 100}, (struct str){longer, 64}), 0);
    static const char *const words[] = {"match", "set", "threshold", "group_by"};
    assert_string_equal(str_nearest(S("macth"), words, 4), "match");
    assert_string_equal(str_nearest(S("treshold"), words, 4), "threshold");
    assert_string_equal(str_nearest(S("groupby"), words, 4), "group_by");
    assert_null(str_nearest(S("runbook"), words, 4));
    assert_null(str_nearest(S("x"), words, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare), cmocka_unit_test(test_find_and_cut),
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_durations),
        cmocka_unit_test(test_sizes),   cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
