/*
 * Times as a person says them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "when.h"

static struct arena arena;

static void assert_text(struct str got, const char *want)
{
    char text[64];

    snprintf(text, sizeof(text), "%.*s", STR_ARG(got));
    assert_string_equal(text, want);
}

static void spans(void **state)
{
    static const struct {
        int64_t ms;
        const char *want;
    } rows[] = {
        {-5, "0s"},           {0, "0s"},         {999, "0s"},
        {1000, "1s"},         {59999, "59s"},    {60000, "1m"},
        {3599999, "59m"},     {3600000, "1h"},   {3660000, "1h1m"},
        {86399999, "23h59m"}, {86400000, "1d"},  {90000000, "1d1h"},
        {604799999, "6d23h"}, {604800000, "7d"}, {INT64_MAX, "106751991167d"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_text(when_span(&arena, rows[i].ms), rows[i].want);
}

static void ago_and_ahead(void **state)
{
    (void)state;
    assert_text(when_ago(&arena, 1000, 1000), "just now");
    assert_text(when_ago(&arena, 1000, 2999), "just now");
    assert_text(when_ago(&arena, 1000, 3000), "2s ago");
    assert_text(when_ago(&arena, 1000, 181000), "3m ago");
    assert_text(when_ago(&arena, 181000, 1000), "in 3m");
}

static void due(void **state)
{
    (void)state;
    assert_text(when_due(&arena, 5000, 5000), "in 0s");
    assert_text(when_due(&arena, 4999, 5000), "overdue 0s");
    assert_text(when_due(&arena, 0, 300000), "overdue 5m");
    assert_text(when_due(&arena, 59999, 0), "in 59s");
    /* to the nearest minute: 4m30s is 5m, a ms less is 4m */
    assert_text(when_due(&arena, 270000, 0), "in 5m");
    assert_text(when_due(&arena, 269999, 0), "in 4m");
}

static void parsing(void **state)
{
    int64_t ms = -1;

    (void)state;
    assert_true(when_parse(S("1970-01-01T00:00:01.500Z"), &ms));
    assert_int_equal(ms, 1500);
    assert_false(when_parse(S(""), &ms));
    assert_false(when_parse(STR_NONE, &ms));
    assert_false(when_parse(S("tomorrow"), &ms));
}

static void local_times(void **state)
{
    (void)state;
    assert_text(when_local(&arena, 3661000, 4000000), "01:01:01");
    assert_text(when_local(&arena, 3661000, 90000000), "1970-01-01 01:01:01");
}

static int set_up(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    arena_init(&arena, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans),   cmocka_unit_test(ago_and_ahead), cmocka_unit_test(due),
        cmocka_unit_test(parsing), cmocka_unit_test(local_times),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
