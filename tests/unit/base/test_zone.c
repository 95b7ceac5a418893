/* Zones: known moments, every zone against the C library, refusals, broken files. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "triaged/base/clock.h"
#include "triaged/base/zone.h"

static int64_t at(int y, unsigned mo, unsigned d, int h, int mi)
{
    return clock_days_from_civil(y, mo, d) * 86400 + h * 3600 + mi * 60;
}

static struct zone *load(const char *name)
{
    struct diag d;
    struct zone *z;

    diag_init(&d);
    z = zone_load(name, &d);
    if (!z) {
        diag_print(&d, stderr);
        fail_msg("zone %s was not loaded", name);
    }
    diag_finish(&d);
    return z;
}

static void test_known_moments(void **state)
{
    (void)state;
    const struct {
        const char *name;
        int y;
        unsigned mo, d;
        int h, mi, local_minutes; /* wall clock -> offset in minutes */
    } rows[] = {
        {"Europe/Berlin", 2024, 1, 15, 12, 0, 60},
        {"Europe/Berlin", 2024, 7, 15, 12, 0, 120},
        {"Europe/Berlin", 2024, 3, 31, 1, 59, 60},
        {"Europe/Berlin", 2024, 3, 31, 2, 30, 60}, /* skipped: from before the gap */
        {"Europe/Berlin", 2024, 3, 31, 3, 0, 120},
        {"Europe/Berlin", 2024, 10, 27, 1, 59, 120},
        {"Europe/Berlin", 2024, 10, 27, 2, 30, 120}, /* twice: the first run */
        {"Europe/Berlin", 2024, 10, 27, 3, 0, 60},
        {"Europe/Berlin", 2150, 7, 15, 12, 0, 120}, /* beyond the table: the footer's rule */
        {"Europe/Berlin", 2150, 12, 15, 12, 0, 60},
        {"America/New_York", 2024, 12, 31, 23, 59, -300},
        {"America/St_Johns", 2024, 1, 1, 0, 0, -210},
        {"Australia/Sydney", 2024, 1, 1, 0, 0, 660}, /* summer spans the new year */
        {"Australia/Sydney", 2150, 1, 1, 0, 0, 660},
        {"Australia/Sydney", 2150, 7, 1, 0, 0, 600},
        {"Asia/Kathmandu", 2024, 1, 1, 0, 0, 345},
        {"America/Nuuk", 2150, 7, 1, 0, 0, -60},
        {"UTC", 2024, 1, 1, 0, 0, 0},
        {"+02:00", 2024, 1, 1, 0, 0, 120},
        {"-0330", 2024, 1, 1, 0, 0, -210},
        {"+5", 2024, 1, 1, 0, 0, 300},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct zone *z = load(rows[i].name);
        int64_t local = at(rows[i].y, rows[i].mo, rows[i].d, rows[i].h, rows[i].mi);
        int32_t got = zone_offset_of_local(z, local);
        if (got != rows[i].local_minutes * 60)
            fail_msg("row %zu %s: offset %d s", i, rows[i].name, got);
        zone_free(z);
    }
    assert_int_equal(zone_offset_at_utc(NULL, 0), 0);
    assert_int_equal(zone_offset_of_local(NULL, 0), 0);
}

/* The C library reads the same files by its own code. */
static void test_against_libc(void **state)
{
    (void)state;
    const char *names[] = {"Europe/Berlin",     "America/New_York",    "Australia/Lord_Howe",
                           "Africa/Casablanca", "Pacific/Apia",        "America/Sao_Paulo",
                           "Asia/Tehran",       "Europe/Dublin",       "America/Santiago",
                           "Africa/Cairo",      "Pacific/Chatham",     "Asia/Gaza",
                           "Antarctica/Troll",  "America/Scoresbysund"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct zone *z = load(names[i]);
        assert_int_equal(setenv("TZ", names[i], 1), 0);
        tzset();
        for (int64_t t = at(1880, 1, 1, 0, 0); t < at(2200, 1, 1, 0, 0); t += 37 * 3600 + 1234) {
            struct tm tm;
            time_t tt = (time_t)t;
            assert_non_null(localtime_r(&tt, &tm));
            int32_t got = zone_offset_at_utc(z, t);
            if (got != (int32_t)tm.tm_gmtoff)
                fail_msg("%s at %lld: %d, libc says %ld", names[i], (long long)t, got,
                         tm.tm_gmtoff);
            /* Converting the wall clock back lands on the same wall clock. */
            int32_t back = zone_offset_of_local(z, t + got);
            if (back != got && zone_offset_at_utc(z, t + got - back) != back)
                fail_msg("%s: wall clock %lld has no such offset", names[i], (long long)(t + got));
        }
        zone_free(z);
    }
    unsetenv("TZ");
}

static void test_names_refused(void **state)
{
    (void)state;
    const struct {
        const char *name, *says;
    } rows[] = {
        {"", "is not the name"},
        {"/etc/passwd", "is not the name"},
        {"../../../etc/passwd", "is not the name"},
        {"Europe/../UTC", "is not the name"},
        {"Europe/Berlin\n", "is not the name"},
        {"Europe", "unknown time zone"},
        {"Europe/Atlantis", "unknown time zone \"Europe/Atlantis\""},
        {"tzdata.zi", "is not a zone file"},
        {"+24:00", "is not the name"},
        {"+123", "unknown time zone"},
        {"Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "is not the name"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct diag d;
        diag_init(&d);
        assert_null(zone_load(rows[i].name, &d));
        assert_int_equal(d.errors, 1);
        if (!strstr(d.items[0].text, rows[i].says))
            fail_msg("\"%s\": %s", rows[i].name, d.items[0].text);
        assert_null(zone_load(rows[i].name, NULL));
        diag_finish(&d);
    }
}

/* ---- files made by hand --------------------------------------------------------------------- */

struct image {
    char p[512];
    size_t n;
};

static void put_be(struct image *m, uint64_t v, unsigned bytes)
{
    while (bytes-- > 0)
        m->p[m->n++] = (char)(v >> (8 * bytes));
}

static void put_header(struct image *m, char version, unsigned n_leap, unsigned n_time,
                       unsigned n_type)
{
    memcpy(m->p + m->n, "TZif", 4);
    m->p[m->n + 4] = version;
    memset(m->p + m->n + 5, 0, 15);
    m->n += 20;
    put_be(m, 0, 4);
    put_be(m, 0, 4);
    put_be(m, n_leap, 4);
    put_be(m, n_time, 4);
    put_be(m, n_type, 4);
    put_be(m, 4, 4);
}

/* A version 2 file: an empty 32-bit part, two transitions, the given footer. */
static struct image make_file(int64_t t0, int64_t t1, unsigned index, uint32_t offset,
                              const char *footer)
{
    struct image m = {.n = 0};

    put_header(&m, '2', 0, 0, 1);
    put_be(&m, 0, 6);
    put_be(&m, 0, 4);
    put_header(&m, '2', 0, 2, 2);
    put_be(&m, (uint64_t)t0, 8);
    put_be(&m, (uint64_t)t1, 8);
    put_be(&m, 1, 1);
    put_be(&m, index, 1);
    put_be(&m, 3600, 4), put_be(&m, 0, 2);
    put_be(&m, offset, 4), put_be(&m, 0, 2);
    put_be(&m, 0, 4);
    memcpy(m.p + m.n, footer, strlen(footer));
    m.n += strlen(footer);
    return m;
}

static void expect_parse(struct image m, const char *refusal)
{
    const char *why = NULL;
    struct zone *z = zone_parse((struct str){m.p, m.n}, &why);

    if (refusal) {
        assert_null(z);
        assert_string_equal(why, refusal);
    } else if (!z) {
        fail_msg("refused: %s", why);
    }
    zone_free(z);
}

static void test_files(void **state)
{
    (void)state;
    expect_parse(make_file(10, 20, 0, 7200, "\nEST5\n"), NULL);
    expect_parse(make_file(10, 20, 0, 7200, "\n\n"), NULL);
    expect_parse(make_file(20, 20, 0, 7200, "\n\n"), "has transitions out of order");
    expect_parse(make_file(10, 20, 1, 7200, "\n\n"), NULL);
    expect_parse(make_file(10, 20, 2, 7200, "\n\n"), "names a time type that it does not define");
    expect_parse(make_file(10, 20, 0, 26 * 3600, "\n\n"), NULL);
    expect_parse(make_file(10, 20, 0, 26 * 3600 + 1, "\n\n"), "has an offset of more than a day");
    expect_parse(make_file(10, 20, 0, 7200, ""), "lacks its footer");
    expect_parse(make_file(10, 20, 0, 7200, "\nEST5"), "lacks its footer");
    expect_parse(make_file(10, 20, 0, 7200, "\nE5\n"), "has a footer that is not a POSIX TZ rule");

    struct image whole = make_file(10, 20, 0, 7200, "\nEST5\n");
    for (size_t n = 0; n < whole.n; n++) { /* every cut is refused */
        const char *why = NULL;
        char *exact = malloc(n ? n : 1);
        memcpy(exact, whole.p, n);
        assert_null(zone_parse((struct str){exact, n}, &why));
        assert_non_null(why);
        free(exact);
    }

    struct image leap = {.n = 0};
    put_header(&leap, 0, 1, 0, 1);
    put_be(&leap, 0, 6), put_be(&leap, 0, 4), put_be(&leap, 0, 8);
    expect_parse(leap, "counts leap seconds, which UTC timestamps do not");
    struct image none = {.n = 0};
    put_header(&none, 0, 0, 0, 0);
    put_be(&none, 0, 4);
    expect_parse(none, "has no or too many time types");
    struct image version1 = {.n = 0};
    put_header(&version1, 0, 0, 0, 1);
    put_be(&version1, 3600, 4), put_be(&version1, 0, 6);
    expect_parse(version1, NULL);
}

static void test_rules(void **state)
{
    (void)state;
    const struct {
        const char *footer;
        int year;
        unsigned month, day;
        int hour;       /* UTC */
        int32_t expect; /* INT32_MIN: refused */
    } rows[] = {
        {"\nEST5EDT,M3.2.0,M11.1.0\n", 2024, 7, 1, 0, -4 * 3600},
        {"\nEST5EDT,M3.2.0,M11.1.0\n", 2024, 3, 10, 6, -5 * 3600},
        {"\nEST5EDT,M3.2.0,M11.1.0\n", 2024, 3, 10, 7, -4 * 3600},
        {"\n<-03>3<-02>,M3.5.0/-2,M10.5.0/-1\n", 2024, 3, 31, 0, -3 * 3600},
        {"\n<-03>3<-02>,M3.5.0/-2,M10.5.0/-1\n", 2024, 3, 31, 1, -2 * 3600},
        {"\nXXX3EDT4,0/0,J365/23\n", 2024, 12, 31, 12, -4 * 3600}, /* RFC 8536 3.3.1: all year */
        {"\nXXX3EDT4,0/0,J365/23\n", 2025, 1, 1, 4, -4 * 3600},
        {"\nAAA0BBB,J60/0,J61/0\n", 2024, 3, 1, 12, 3600}, /* J60 is March 1 in leap years too */
        {"\nAAA0BBB,59/0,60/0\n", 2024, 2, 29, 12, 3600},  /* 59 is February 29 then */
        {"\nAAA0BBB,59/0,60/0\n", 2023, 3, 1, 12, 3600},
        {"\nAAA0BBB-2:30:30,M1.1.1,M12.1.1\n", 2023, 6, 1, 12, 9030},
        {"\nAAA25\n", 0, 1, 1, 0, INT32_MIN},
        {"\nAAA0BBB,M13.1.0,M1.1.0\n", 0, 1, 1, 0, INT32_MIN},
        {"\nAAA0BBB,M1.6.0,M1.1.0\n", 0, 1, 1, 0, INT32_MIN},
        {"\nAAA0BBB,M1.1.7,M1.1.0\n", 0, 1, 1, 0, INT32_MIN},
        {"\nAAA0BBB,J0,M1.1.0\n", 0, 1, 1, 0, INT32_MIN},
        {"\nAAA0BBB,366,M1.1.0\n", 0, 1, 1, 0, INT32_MIN},
        {"\nAAA0BBB,M1.1.0/168,M1.1.0\n", 0, 1, 1, 0, INT32_MIN},
        {"\nAAA0BBB,M1.1.0/167,M1.1.0\n", 1971, 6, 1, 0, 3600},
        {"\nAAA0BBB,M1.1.0\n", 0, 1, 1, 0, INT32_MIN},
        {"\nAAA0BBB\n", 0, 1, 1, 0, INT32_MIN},
        {"\nAAA0 \n", 0, 1, 1, 0, INT32_MIN},
        {"\n<AAA0\n", 0, 1, 1, 0, INT32_MIN},
        {"\nAAA0:60\n", 0, 1, 1, 0, INT32_MIN},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct image m = make_file(10, 20, 0, 7200, rows[i].footer);
        const char *why = NULL;
        struct zone *z = zone_parse((struct str){m.p, m.n}, &why);
        if (rows[i].expect == INT32_MIN) {
            if (z)
                fail_msg("row %zu was accepted", i);
            continue;
        }
        if (!z)
            fail_msg("row %zu: %s", i, why);
        int32_t got =
            zone_offset_at_utc(z, at(rows[i].year, rows[i].month, rows[i].day, rows[i].hour, 0));
        if (got != rows[i].expect)
            fail_msg("row %zu: %d", i, got);
        zone_free(z);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_moments), cmocka_unit_test(test_against_libc),
        cmocka_unit_test(test_names_refused), cmocka_unit_test(test_files),
        cmocka_unit_test(test_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
