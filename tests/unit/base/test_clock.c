/* test_clock.c - dates as text, both ways. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <time.h>

#include "triaged/base/clock.h"
#include "triaged/base/mem.h"

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        int64_t us;
    } rows[] = {
        {"1970-01-01T00:00:00Z", true, 0},
        {"2026-11-24T18:14:30.123Z", true, 1795544070123000},
        {"2026-11-24t18:14:30.123456789z", true, 1795544070123456},
        {"2026-11-24 18:14:30+00:00", true, 1795544070000000},
        {"2026-11-24T20:14:30+02:00", true, 1795544070000000},
        {"2026-11-24T12:44:30-05:30", true, 1795544070000000},
        {"2024-02-29T00:00:00Z", true, 1709164800000000},
        {"1969-12-31T23:59:59.5Z", true, -500000},
        {"0001-01-01T00:00:00Z", true, -62135596800000000},
        {"9999-12-31T23:59:59.999999Z", true, 253402300799999999},
        {"2016-12-31T23:59:60Z", true, 1483228800000000},
        {"2023-02-29T00:00:00Z", false, 0},
        {"1900-02-29T00:00:00Z", false, 0},
        {"2026-00-10T00:00:00Z", false, 0},
        {"2026-13-10T00:00:00Z", false, 0},
        {"2026-04-31T00:00:00Z", false, 0},
        {"2026-01-00T00:00:00Z", false, 0},
        {"0000-01-01T00:00:00Z", false, 0},
        {"2026-01-01T24:00:00Z", false, 0},
        {"2026-01-01T00:60:00Z", false, 0},
        {"2026-01-01T00:00:61Z", false, 0},
        {"2026-01-01T00:00:00", false, 0},
        {"2026-01-01T00:00:00.Z", false, 0},
        {"2026-01-01T00:00:00Zx", false, 0},
        {"2026-01-01T00:00:00+0200", false, 0},
        {"2026-01-01T00:00:00+24:00", false, 0},
        {"2026-01-01T00:00Z", false, 0},
        {"2026-1-1T00:00:00Z", false, 0},
        {"2026-01-01", false, 0},
        {"", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t us = 0;
        bool good = clock_parse_rfc3339_us(str_c(rows[i].text), &us);
        if (good != rows[i].good || us != rows[i].us)
            fail_msg("%s: %d, %lld", rows[i].text, good, (long long)us);
    }
}

static void test_format(void **state)
{
    (void)state;
    char out[CLOCK_RFC3339_SIZE];
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1795544070123456, "2026-11-24T18:14:30.123456Z"},
        {1795544070123450, "2026-11-24T18:14:30.12345Z"},
        {1795544070120000, "2026-11-24T18:14:30.120Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {-62135596800000000, "0001-01-01T00:00:00.000Z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str s = clock_format_us(rows[i].us, out);
        assert_string_equal(out, rows[i].text);
        assert_int_equal(s.n, strlen(rows[i].text));
    }
    assert_string_equal(clock_format_ms(1795544070123, out).p, "2026-11-24T18:14:30.123Z");
    /* nonsense is clamped, not written past the end */
    assert_int_equal(clock_format_ms(INT64_MAX, out).n, strlen("9999-12-31T23:59:59.123456Z"));
    assert_true(clock_format_ms(INT64_MIN, out).n < CLOCK_RFC3339_SIZE);
}

/* Every day of eight centuries, there and back, against the C library. */
static void test_civil(void **state)
{
    (void)state;
    for (int64_t d = -146097; d <= 146097; d++) {
        int64_t year;
        unsigned month, day;
        clock_civil_from_days(d, &year, &month, &day);
        time_t t = (time_t)(d * 86400);
        struct tm tm;
        gmtime_r(&t, &tm);
        if (year != tm.tm_year + 1900 || month != (unsigned)tm.tm_mon + 1 ||
            day != (unsigned)tm.tm_mday || clock_days_from_civil(year, month, day) != d)
            fail_msg("day %lld", (long long)d);
    }
}

static void test_clocks(void **state)
{
    (void)state;
    assert_true(clock_wall_ms() > 1600000000000);
    int64_t before = clock_mono_ns(), after = clock_mono_ns();
    assert_true(after >= before);
    assert_true(clock_mono_ms() >= before / 1000000);
}

static void test_receipt(void **state)
{
    static const struct {
        int64_t before, wall, want;
    } rows[] = {
        {0, 1000, 1000},
        {1000, 1001, 1001},
        {1000, 1000, 1000},
        {100000, 99999, 100000},
        {100000, 100000 - CLOCK_STEP_MAX_MS, 100000},
        {100000, 100000 - CLOCK_STEP_MAX_MS - 1, 100000 - CLOCK_STEP_MAX_MS - 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(clock_receipt_ms(rows[i].before, rows[i].wall), rows[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),  cmocka_unit_test(test_format),  cmocka_unit_test(test_civil),
        cmocka_unit_test(test_clocks), cmocka_unit_test(test_receipt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
