/*
 * The syslog reader: one row a message, its parts rendered into one line. Then limits, the names,
 * and the message as an alert. Every row is also parsed with each of its ends cut off.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "triaged/base/clock.h"
#include "triaged/base/hash.h"
#include "triaged/base/zone.h"
#include "triaged/decode/skeleton.h"
#include "triaged/decode/syslog.h"

enum { UDP = 1, UNIX = 2, MNEMONIC = 4, INNER = 8 };

struct row {
    const char *name;
    struct str raw;
    const char *expect; /* "FORMAT FACILITY.SEVERITY TIME KEY=VALUE… |MSG| FLAG…" */
    unsigned how;
    const char *zone;
    const char *now; /* NULL: 2024-11-24T18:14:30Z */
};

static void put_part(struct buf *b, const char *key, struct str v)
{
    if (v.p)
        buf_printf(b, " %s=%.*s", key, STR_ARG(v));
}

static void render(const struct syslog_msg *m, struct buf *b)
{
    static const char *const formats[] = {"raw", "3164", "5424"};
    char time[CLOCK_RFC3339_SIZE];

    buf_printf(b, "%s %u.%u", formats[m->format], m->facility, m->severity);
    if (m->has_timestamp)
        buf_printf(b, " %.*s", STR_ARG(clock_format_us(m->timestamp_us, time)));
    put_part(b, "host", m->host);
    put_part(b, "app", m->app);
    put_part(b, "procid", m->procid);
    put_part(b, "msgid", m->msgid);
    put_part(b, "seq", m->seq);
    for (size_t i = 0; i < m->n_sd; i++) {
        if (m->sd[i].name.n > 0)
            buf_printf(b, " %.*s/%.*s=<%.*s>", STR_ARG(m->sd[i].id), STR_ARG(m->sd[i].name),
                       STR_ARG(m->sd[i].value));
        else
            buf_printf(b, " %.*s", STR_ARG(m->sd[i].id));
    }
    buf_printf(b, " |%.*s|", STR_ARG(m->msg));
    if (m->flags & SYSLOG_REPEAT)
        buf_printf(b, " x%u", m->repeat);
    put_part(b, "of", m->repeated);
    for (unsigned i = 0; i < SYSLOG_FLAGS_N; i++) {
        if (m->flags & 1u << i)
            buf_printf(b, " %s", syslog_flag_name(1u << i));
    }
}

/* Kept over all rows, as a daemon keeps them over all messages. */
static struct syslog_times times;

/* The short ways for ordinary messages must read them as the general reader does. */
static void expect_same_with_times(struct str raw, struct syslog_options o, struct str expect)
{
    for (int again = 0; again < 2; again++) { /* unknown minute, known minute */
        struct syslog_msg m;
        struct arena a;
        struct buf got;
        arena_init(&a, 0);
        buf_init(&got, 1 << 20);
        o.times = &times;
        syslog_parse(raw, &o, &a, &m);
        render(&m, &got);
        if (!str_eq(buf_str(&got), expect))
            fail_msg("with times: %.*s\n  without: %.*s", STR_ARG(buf_str(&got)), STR_ARG(expect));
        buf_finish(&got);
        arena_finish(&a);
    }
    if (o.zone) /* which is freed */
        memset(&times, 0, sizeof(times));
}

/* Parses a copy that ends where the message ends, so that a read past it is seen. */
static void parse(const struct row *r, size_t n, uint64_t max, struct buf *out)
{
    struct syslog_options o = {.max_message = max};
    struct zone *zone = r->zone ? zone_load(r->zone, NULL) : NULL;
    struct syslog_msg m;
    struct arena a;
    int64_t now_us = 0;
    char *exact = malloc(n ? n : 1);

    assert_true(clock_parse_rfc3339_us(str_c(r->now ? r->now : "2024-11-24T18:14:30Z"), &now_us));
    memcpy(exact, r->raw.p, n);
    o.now_ms = now_us / 1000;
    o.zone = zone;
    o.is_unix = r->how & UNIX;
    o.is_datagram = r->how & UDP;
    o.mnemonic_severity = r->how & MNEMONIC;
    o.inner_header = r->how & INNER;
    arena_init(&a, 0);
    syslog_parse((struct str){exact, n}, &o, &a, &m);
    render(&m, out);
    expect_same_with_times((struct str){exact, n}, o, buf_str(out));
    arena_finish(&a);
    zone_free(zone);
    free(exact);
}

static const struct row rows[] = {
#include "syslog_rows.h"
#include "syslog_rows_senders.h"
};

static void test_rows(void **state)
{
    (void)state;
    size_t failed = 0;
    bool print = getenv("PRINT_ROWS") != NULL;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf got;
        buf_init(&got, 1 << 20);
        parse(&rows[i], rows[i].raw.n, 0, &got);
        if (!str_eq_c(buf_str(&got), rows[i].expect)) {
            failed++;
            print_error("%s:\n  got    %.*s\n  expect %s\n", rows[i].name, STR_ARG(buf_str(&got)),
                        rows[i].expect);
        }
        if (print)
            print_message("%s: %.*s\n", rows[i].name, STR_ARG(buf_str(&got)));
        buf_finish(&got);
    }
    assert_int_equal(failed, 0);
}

static void test_cut_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t n = 0; n < rows[i].raw.n; n++) {
            struct buf got;
            buf_init(&got, 1 << 20);
            parse(&rows[i], n, 0, &got);
            assert_true(got.n > 0);
            buf_finish(&got);
        }
    }
}

/* Everything that may stand where the short way looks, beside what it takes. */
static void test_ordinary_or_not(void **state)
{
    (void)state;
    static const char *const time[] = {
        "Nov 24 18:14:30",           "Nov  4 18:14:30",      "Nov 24 18:14:60",
        "Nov 24 18:14:61",           "Nov 31 18:14:30",      "nov 24 18:14:30",
        "Dec  1 18:14:29",           "Dec  1 18:15:29",      "Jan  1 00:00:00",
        "Nov 24 18:14:30.5",         "Nov 24 8:14:30",       "Nov 24 18:14: 0",
        "2024-11-24T18:14:30Z",      "2024-02-30T18:14:30Z", "2024-02-29T18:14:30.25+05:30",
        "2024-11-24T18:14:30-24:00", "2024-11-24T18:14:30",  "0000-11-24T18:14:30Z",
        "2024-11-24T18:14:30.Z",     "2024-11-24t18:14:30Z", "2024-11-24T18:14:30+0530",
    };
    static const char *const host[] = {
        "web-3",    "last",   "message", "messages", "Message",   "From",   "EST",
        "GMT",      "est",    "cest",    "host",     "2023",      "2023-a", "-",
        "-a",       "ERROR",  "WARN",    "FW01",     "A",         "Z",      "z",
        "CEF:0|a|", "LEEF:1", "a_b.c",   "a/b",      "a,b",       "ap,1,v", "%ASA",
        "fe80::1",  "web:",   "",        ":",        "forwarded", "IST",    "a\xc3\xa4",
    };
    static const char *const tag[] = {
        "app:",    "app[12]:", "app[12] ",
        "app[]:",  "app[x]:",  "app[12]",
        "app",     "1234:",    "12ab:",
        "CEF:",    "LEEF:",    "CEFX:",
        "a/b[2]:", "/a/b:",    "-:",
        ":",       "",         "a:b",
        "message", "repeated", "forwarded",
        "%A-1-B:", "(a)[1]:",  "a,b:",
        "2023:",   "Ab::c:",   "app[123456789012345678901]:",
    };
    static const char *const text[] = {
        " text", "text", "", "  text", " repeated 5 times", " from web-9: su: text"};
    char raw[256];

    for (size_t i = 0; i < ARRAY_LEN(time) * ARRAY_LEN(host) * ARRAY_LEN(tag) * ARRAY_LEN(text);
         i++) {
        size_t k = i;
        const char *t = time[k % ARRAY_LEN(time)];
        k /= ARRAY_LEN(time);
        const char *h = host[k % ARRAY_LEN(host)];
        k /= ARRAY_LEN(host);
        int n = snprintf(raw, sizeof(raw), "<13>%s %s %s%s", t, h, tag[k % ARRAY_LEN(tag)],
                         text[k / ARRAY_LEN(tag)]);
        struct syslog_options o = {.now_ms = 1732472070000};
        struct syslog_msg m;
        struct arena a;
        struct buf expect;
        arena_init(&a, 0);
        buf_init(&expect, 4096);
        syslog_parse((struct str){raw, (size_t)n}, &o, &a, &m);
        render(&m, &expect);
        expect_same_with_times((struct str){raw, (size_t)n}, o, buf_str(&expect));
        buf_finish(&expect);
        arena_finish(&a);
    }
}

/* A minute that was worked out holds no longer than it should. */
static void test_known_minutes(void **state)
{
    (void)state;
    struct zone *berlin = zone_load("Europe/Berlin", NULL);
    static const char *const now[] = {"2024-12-31T23:59:30Z", "2025-01-01T00:00:30Z",
                                      "2025-03-30T00:59:00Z", "2025-03-30T01:01:00Z",
                                      "2024-06-01T00:00:00Z", "2024-12-31T23:00:00Z"};
    static const char *const text[] = {"Dec 31 23:59:10", "Jan  1 00:59:10", "Jan  7 23:59:10",
                                       "Jan  8 00:59:10", "Mar 30 01:59:59", "Mar 30 02:00:00",
                                       "Mar 30 03:00:00", "Jul  1 00:00:00"};

    memset(&times, 0, sizeof(times));
    for (unsigned x = 1, i = 0; i < 4000; i++) {
        char raw[64];
        int64_t us;
        x = x * 1103515245 + 12345;
        assert_true(clock_parse_rfc3339_us(str_c(now[(x >> 8) % ARRAY_LEN(now)]), &us));
        int n = snprintf(raw, sizeof(raw), "<13>%s web-3 cron: tick",
                         text[(x >> 16) % ARRAY_LEN(text)]);
        struct syslog_options o = {.now_ms = us / 1000, .zone = x >> 28 & 1 ? berlin : NULL};
        struct syslog_msg m, with_times;
        struct arena a;
        arena_init(&a, 0);
        syslog_parse((struct str){raw, (size_t)n}, &o, &a, &m);
        o.times = &times;
        syslog_parse((struct str){raw, (size_t)n}, &o, &a, &with_times);
        assert_true(m.timestamp_us == with_times.timestamp_us && m.flags == with_times.flags);
        arena_finish(&a);
    }
    memset(&times, 0, sizeof(times));
    zone_free(berlin);
}

static void test_max_message(void **state)
{
    (void)state;
    const struct {
        const char *text;
        uint64_t max;
        const char *expect;
    } cuts[] = {
        {"<13>a: 12345", 11, "3164 1.5 app=a |1234| truncated no_timestamp"},
        {"<13>a: 12345", 12, "3164 1.5 app=a |12345| no_timestamp"},
        {"<13>a: 12345", 13, "3164 1.5 app=a |12345| no_timestamp"},
        {"<13>a: 12345\n\n", 12, "3164 1.5 app=a |12345| no_timestamp"},
        {"<13>a: 12\xe2\x82\xac", 12, "3164 1.5 app=a |12\xe2\x82\xac| no_timestamp"},
        {"<13>a: 12\xe2\x82\xac", 11, "3164 1.5 app=a |12| truncated no_timestamp"},
        {"<13>a: 12\xe2\x82\xac", 10, "3164 1.5 app=a |12| truncated no_timestamp"},
        {"<13>a: 12\xe2\x82\xac", 9, "3164 1.5 app=a |12| truncated no_timestamp"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        struct row r = {.raw = str_c(cuts[i].text)};
        struct buf got;
        buf_init(&got, 4096);
        parse(&r, r.raw.n, cuts[i].max, &got);
        if (!str_eq_c(buf_str(&got), cuts[i].expect))
            fail_msg("cut %zu: %.*s", i, STR_ARG(buf_str(&got)));
        buf_finish(&got);
    }
}

static void test_sd_limit(void **state)
{
    (void)state;
    for (unsigned n = SYSLOG_SD_MAX - 1; n <= SYSLOG_SD_MAX + 1; n++) {
        struct buf b;
        struct arena a;
        struct syslog_msg m;
        struct syslog_options o = {0};
        buf_init(&b, 1 << 16);
        arena_init(&a, 0);
        assert_true(buf_put_c(&b, "<13>1 - h a p i [x"));
        for (unsigned i = 0; i < n; i++)
            assert_true(buf_printf(&b, " p%u=\"%u\"", i, i));
        assert_true(buf_put_c(&b, "] msg"));
        syslog_parse(buf_str(&b), &o, &a, &m);
        assert_int_equal(m.n_sd, n <= SYSLOG_SD_MAX ? n : 0);
        assert_int_equal(m.flags & SYSLOG_BAD_SD, n <= SYSLOG_SD_MAX ? 0 : SYSLOG_BAD_SD);
        assert_int_equal(m.msg.p[0], n <= SYSLOG_SD_MAX ? 'm' : '[');
        arena_finish(&a);
        buf_finish(&b);
    }
}

static void test_borrows(void **state)
{
    (void)state;
    struct arena a;
    struct syslog_msg m;
    struct syslog_options o = {.now_ms = 1732472070000};

    arena_init(&a, 0);
    syslog_parse(S("<34>Oct 11 22:14:15 host su[1]: text \xc3\xa4"), &o, &a, &m);
    assert_int_equal(arena_used(&a), 0); /* an ordinary message costs no memory */
    syslog_parse(S("<34>1 2003-10-11T22:14:15Z host su 1 - - text"), &o, &a, &m);
    assert_int_equal(arena_used(&a), 0);
    arena_finish(&a);
}

static void test_names(void **state)
{
    (void)state;
    unsigned f;

    for (unsigned i = 0; i < 24; i++) {
        assert_true(syslog_facility_from_name(str_c(syslog_facility_name(i)), &f));
        assert_int_equal(f, i);
    }
    assert_string_equal(syslog_facility_name(4), "auth");
    assert_string_equal(syslog_facility_name(24), "unknown");
    assert_true(syslog_facility_from_name(S("LOCAL7"), &f));
    assert_false(syslog_facility_from_name(S("local8"), &f));
    assert_string_equal(syslog_flag_name(SYSLOG_REPEAT), "repeat");
    assert_string_equal(syslog_flag_name(1u << SYSLOG_FLAGS_N), "unknown");
}

static void expect_label(const struct alert *a, const char *name, const char *value)
{
    struct str got = labels_get(&a->labels, str_c(name));

    if (!value ? got.p != NULL : !str_eq_c(got, value))
        fail_msg("%s is \"%.*s\"", name, STR_ARG(got));
}

static void test_alert(void **state)
{
    (void)state;
    struct arena a;
    struct syslog_msg m;
    struct alert alert = {.repeat = 1};
    struct syslog_options o = {.now_ms = 1732472070000};

    arena_init(&a, 0);
    syslog_parse(
        S("<163>1 2024-11-24T18:14:30.123456Z fw1 ike 77 VPN [x@1 a=\"1\" b=\"2\" a=\"3\"][y] "
          "peer down"),
        &o, &a, &m);
    syslog_to_alert(&m, S("peer down"), S("192.0.2.9"), 1732472071000, &a, &alert);
    assert_int_equal(alert.source, SOURCE_SYSLOG);
    assert_int_equal(alert.severity, SEVERITY_ERR);
    assert_true(alert.is_log);
    assert_false(alert.resolved);
    assert_int_equal(alert.starts_ms, 1732472070123);
    assert_int_equal(alert.received_ms, 1732472071000);
    assert_int_equal(alert.repeat, 1);
    assert_true(str_eq_c(alert.sender, "192.0.2.9"));
    expect_label(&alert, "host", "fw1");
    expect_label(&alert, "app", "ike");
    expect_label(&alert, "procid", "77");
    expect_label(&alert, "msgid", "VPN");
    expect_label(&alert, "facility", "local4");
    expect_label(&alert, "severity", "err");
    expect_label(&alert, "message", "peer down");
    expect_label(&alert, "skeleton", "peer down");
    expect_label(&alert, "sd.x@1.a", "3"); /* of a repeated one the last */
    expect_label(&alert, "sd.x@1.b", "2");
    assert_int_equal(alert.labels.n, 10);
    uint64_t identity = alert.fingerprint;
    assert_true(identity == syslog_identity(S("ike"), S("fw1"), S("peer down"), &a));

    struct alert bare = {.repeat = 1};
    syslog_parse(S("<0>last message repeated 7 times"), &o, &a, &m);
    syslog_to_alert(&m, S("x"), S("192.0.2.9"), 5, &a, &bare);
    expect_label(&bare, "host", "192.0.2.9");
    expect_label(&bare, "app", NULL);
    assert_int_equal(bare.starts_ms, 5);
    assert_int_equal(bare.repeat, 7);
    assert_int_equal(bare.severity, SEVERITY_EMERG);
    arena_finish(&a);
}

/* The three parts cannot run into each other; the value is that of the bytes, which begin with
 * SKELETON_VERSION. */
static void test_identity(void **state)
{
    (void)state;
    struct arena a;

    arena_init(&a, 0);
    uint64_t x = syslog_identity(S("ab"), S("c"), S("d"), &a);
    assert_true(x != syslog_identity(S("a"), S("bc"), S("d"), &a));
    assert_true(x != syslog_identity(S("ab"), S("cd"), S(""), &a));
    assert_true(x != syslog_identity(STR_NONE, S("abc"), S("d"), &a));
    assert_true(syslog_identity(STR_NONE, S("h"), S("d"), &a) ==
                syslog_identity(S(""), S("h"), S("d"), &a));
    char bytes[] = "\2\2\0\0\0ab\1\0\0\0c\1\0\0\0d";
    assert_true(x == hash_sip64((const uint8_t *)"triaged.syslog.1", bytes, sizeof(bytes) - 1));
    arena_finish(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_ordinary_or_not),
        cmocka_unit_test(test_known_minutes),
        cmocka_unit_test(test_max_message),
        cmocka_unit_test(test_sd_limit),
        cmocka_unit_test(test_borrows),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_alert),
        cmocka_unit_test(test_identity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
