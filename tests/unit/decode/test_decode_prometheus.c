/*
 * test_decode_prometheus.c - POST /api/v2/alerts: Alertmanager's answers to bad input, row by row;
 * times, leases and limits.
 */
#include "decoding.h"

static const struct {
    const char *body;
    int status, code; /* of the first problem; 0 = no problem */
    const char *text; /* how it begins */
    size_t good, bad;
    bool refused;
} rows[] = {
    {"[]", 0, 0, "", 0, 0, false},
    {"null", 0, 0, "", 0, 0, false},
    {" [ ] ", 0, 0, "", 0, 0, false},
    {"[{\"labels\":{\"a\":\"b\"},\"unknown\":[1]}]", 0, 0, "", 1, 0, false},
    {"[{}]", 422, 602, "0.labels in body is required", 0, 1, false},
    {"[{\"labels\":{\"a\":\"b\"}},{}]", 422, 602, "1.labels in body is required", 1, 1, false},
    {"[{\"labels\":null}]", 422, 602, "0.labels in body is required", 0, 1, false},
    {"[null]", 422, 602, "0.labels in body is required", 0, 1, false},
    {"", 422, 602, "alerts in body is required", 0, 0, true},
    {" \n", 422, 602, "alerts in body is required", 0, 0, true},
    {"[{\"labels\":{}}]", 400, 0, "at least one label pair required", 0, 1, false},
    {"[{\"labels\":{\"a\":\"\"}}]", 400, 0, "at least one label pair required", 0, 1, false},
    {"[{\"labels\":{\"a\":null}}]", 400, 0, "at least one label pair required", 0, 1, false},
    {"[{\"labels\":{\"\":\"b\"}},{\"labels\":{\"good\":\"1\"}}]", 400, 0,
     "invalid label set: invalid name \"\"", 1, 1, false},
    {"[{\"labels\":{\"a-b\":\"UTF-8 names are names\",\"\xC3\xA9\":\"1\"}}]", 0, 0, "", 1, 0,
     false},
    {"[{\"labels\":{\"a\":5}}]", 400, 400,
     "parsing alerts body from \"\" failed, because [0].labels.a is of type number, not string", 0,
     1, false},
    {"[{\"labels\":{\"a\":[]}},{\"labels\":{\"good\":\"1\"}}]", 400, 400, "parsing alerts body", 1,
     1, false},
    {"[{\"labels\":[]}]", 400, 400, "parsing alerts body", 0, 1, false},
    {"[5]", 400, 400, "parsing alerts body", 0, 1, false},
    {"{\"labels\":{}}", 400, 400, "parsing alerts body", 0, 0, true},
    {"\"x\"", 400, 400, "parsing alerts body", 0, 0, true},
    {"[{\"labels\"", 400, 400, "parsing alerts body", 0, 0, true},
    {"[{\"labels\":{\"a\":\"b\"}}] x", 400, 400, "parsing alerts body", 0, 0, true},
    {"[{\"labels\":{\"a\":\"b\"},\"startsAt\":\"yesterday\"}]", 400, 400,
     "parsing alerts body from \"\" failed, because [0].startsAt is no RFC 3339 time: yesterday", 0,
     1, false},
    {"[{\"labels\":{\"a\":\"b\"},\"endsAt\":1700000000}]", 400, 400, "parsing alerts body", 0, 1,
     false},
    {"[{\"labels\":{\"a\":\"b\"},\"startsAt\":\"\",\"endsAt\":null}]", 0, 0, "", 1, 0, false},
    {"[{\"labels\":{\"a\":\"b\"},\"startsAt\":\"2026-11-24T09:00:00Z\","
     "\"endsAt\":\"2026-11-24T08:00:00Z\"}]",
     400, 0, "start time must be before end time", 0, 1, false},
    {"[{\"labels\":{\"a\":\"b\"},\"startsAt\":\"2026-11-24T09:00:00Z\","
     "\"endsAt\":\"2026-11-24T09:00:00Z\"}]",
     0, 0, "", 1, 0, false},
    {"[{\"labels\":{\"a\":\"b\"},\"generatorURL\":\"not a url\"}]", 422, 601,
     "0.generatorURL in body must be of type uri: \"not a url\"", 0, 1, false},
    {"[{\"labels\":{\"a\":\"b\"},\"generatorURL\":\"host/path\"}]", 422, 601, "0.generatorURL", 0,
     1, false},
    {"[{\"labels\":{\"a\":\"b\"},\"generatorURL\":\"http://x y/\"}]", 422, 601, "0.generatorURL", 0,
     1, false},
    {"[{\"labels\":{\"a\":\"b\"},\"generatorURL\":7}]", 400, 400, "parsing alerts body", 0, 1,
     false},
    {"[{\"labels\":{\"a\":\"b\"},\"generatorURL\":\"/x\"},{\"labels\":{\"a\":\"c\"},"
     "\"generatorURL\":\"x:y\"},{\"labels\":{\"a\":\"d\"},\"generatorURL\":\"\"}]",
     0, 0, "", 3, 0, false},
    {"[{\"labels\":{\"a\":\"b\"},\"annotations\":{\"x\":1}}]", 400, 400, "parsing alerts body", 0,
     1, false},
    {"[{\"labels\":{\"a\":\"b\"},\"annotations\":\"x\"}]", 400, 400, "parsing alerts body", 0, 1,
     false},
    {"[{\"labels\":{\"a\":\"b\"},\"annotations\":null}]", 0, 0, "", 1, 0, false},
    {"[{\"labels\":{\"a\":\"\\ud800\"}}]", 0, 0, "", 1, 0, false},
    {"[{\"labels\":{\"a\":\"x\\u0000y\"}}]", 0, 0, "", 1, 0, false},
    {"[{\"labels\":{\"a\":\"1\",\"a\":\"2\"}}]", 0, 0, "", 1, 0, false},
};

static void test_bad_input(void **state)
{
    struct decoding *d = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        decoding_run(d, "prometheus", str_c(rows[i].body));
        const struct decode_problem *p = &d->res.problems[0];
        if (d->batch.n != rows[i].good || d->res.bad != rows[i].bad ||
            d->res.refused != rows[i].refused || p->status != rows[i].status ||
            p->code != rows[i].code || !str_starts(str_c(p->text), str_c(rows[i].text)))
            fail_msg("%s: good %zu, bad %zu, refused %d, %d/%d %s", rows[i].body, d->batch.n,
                     d->res.bad, d->res.refused, p->status, p->code, p->text);
        assert_string_equal(d->res.useless, "");
        assert_int_equal(d->res.n_problems, rows[i].status != 0);
    }
}

static void test_paths(void **state)
{
    struct decoding *d = *state;
    decoding_run(d, "prometheus", S("[{\"labels\":{\"a\":\"b\"}},{\"labels\":{\"x\":true}},{}]"));
    assert_string_equal(d->res.problems[0].path, "[1].labels.x");
    assert_string_equal(d->res.problems[1].path, "[2].labels");
    decoding_run(d, "prometheus", S("[{},{},{},{},{},{},{},{},{},{},{\"labels\":{\"a\":\"b\"}}]"));
    assert_int_equal(d->res.n_problems, DECODE_PROBLEMS_MAX);
    assert_int_equal(d->res.bad, 10);
    assert_int_equal(d->batch.n, 1);
}

/* startsAt, endsAt -> starts, ends, lease; all relative to now, in seconds. NONE = not sent. */
enum { NONE = 1 << 30, UNSET = NONE + 1 };

static const struct {
    int starts, ends;
    bool resolved;
    int64_t starts_out, ends_out, lease_out; /* ends, lease: NONE = unset */
} times_rows[] = {
    {-60, 240, false, -60, NONE, 240},
    {-60, NONE, false, -60, NONE, 300},
    {NONE, NONE, false, 0, NONE, 300},
    {UNSET, UNSET, false, 0, NONE, 300},
    {NONE, 240, false, 0, NONE, 240}, /* startsAt = endsAt, which lies ahead */
    {NONE, -60, true, -60, -60, NONE},
    {-60, 0, true, -60, 0, NONE}, /* endsAt = now is over */
    {-60, 1, false, -60, NONE, 1},
    {60, NONE, false, 0, NONE, 300}, /* a clock that runs ahead */
    {60, 240, false, 0, NONE, 240},
    {-600, -60, true, -600, -60, NONE},
};

static void put_member(struct buf *b, const char *name, int seconds)
{
    char text[CLOCK_RFC3339_SIZE];
    if (seconds == UNSET)
        buf_printf(b, ",\"%s\":\"0001-01-01T00:00:00.000Z\"", name);
    else if (seconds != NONE)
        buf_printf(b, ",\"%s\":\"%s\"", name,
                   clock_format_ms(NOW_MS + (int64_t)seconds * 1000, text).p);
}

static int64_t at(int64_t seconds)
{
    return seconds == NONE ? 0 : NOW_MS + seconds * 1000;
}

static void test_times(void **state)
{
    struct decoding *d = *state;
    struct buf b;
    buf_init(&b, 1000);
    for (size_t i = 0; i < ARRAY_LEN(times_rows); i++) {
        buf_reset(&b);
        buf_put_c(&b, "[{\"labels\":{\"a\":\"b\"}");
        put_member(&b, "startsAt", times_rows[i].starts);
        put_member(&b, "endsAt", times_rows[i].ends);
        buf_put_c(&b, "}]");
        decoding_run(d, "prometheus", buf_str(&b));
        const struct alert *a = d->batch.alerts;
        if (d->batch.n != 1 || a->resolved != times_rows[i].resolved ||
            a->starts_ms != at(times_rows[i].starts_out) ||
            a->ends_ms != at(times_rows[i].ends_out) || a->lease_ms != at(times_rows[i].lease_out))
            fail_msg("row %zu: %s", i, d->res.problems[0].text);
    }
    buf_finish(&b);
}

static void test_sender(void **state)
{
    struct decoding *d = *state;
    static const struct {
        const char *url, *sender;
    } urls[] = {
        {"http://prom-a:9090/graph?x=1", "prom-a:9090"},
        {"https://prom-a", "prom-a"},
        {"http://u:p@prom-a/x", "prom-a"},
        {"http://[2001:db8::1]:9090/", "[2001:db8::1]:9090"},
        {"http:///graph", "192.0.2.7"},
        {"/graph", "192.0.2.7"},
        {"", "192.0.2.7"},
    };
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        char *body = BODY("[{\"labels\":{\"a\":\"b\"},\"generatorURL\":\"%s\"}]", urls[i].url);
        decoding_run(d, "prometheus", str_c(body));
        if (d->batch.n != 1 || !str_eq_c(d->batch.alerts[0].sender, urls[i].sender))
            fail_msg("%s", urls[i].url);
        free(body);
    }
    struct decode_input in = {.body = S("[{\"labels\":{\"a\":\"b\"}}]"),
                              .now_ms = NOW_MS,
                              .peer = S("192.0.2.7"),
                              .token_name = S("prom-eu"),
                              .limits = &d->limits,
                              .defaults = &d->defaults};
    alert_batch_reset(&d->batch);
    decoder_find("prometheus")->decode(&in, &d->batch, &d->res);
    assert_true(str_eq(d->batch.alerts[0].sender, S("prom-eu")));
}

static void test_severity(void **state)
{
    struct decoding *d = *state;
    decoding_run(
        d, "prometheus",
        S("[{\"labels\":{\"severity\":\"page\"}},{\"labels\":{\"priority\":\"P2\"}},"
          "{\"labels\":{\"level\":\"info\",\"severity\":\"blue\"}},{\"labels\":{\"a\":\"b\"}}]"));
    static const enum severity expected[] = {SEVERITY_CRIT, SEVERITY_ERR, SEVERITY_INFO,
                                             SEVERITY_NONE};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(d->batch.alerts[i].severity, expected[i]);
}

/* One label with a name and a value of these lengths; true when the alert is taken. */
static bool takes_label(struct decoding *d, size_t name, size_t value)
{
    char *n = xstrdup(times('n', name));
    char *body =
        BODY("[{\"labels\":{\"%s\":\"%s\"}},{\"labels\":{\"good\":\"1\"}}]", n, times('v', value));
    decoding_run(d, "prometheus", str_c(body));
    free(body);
    free(n);
    assert_int_equal(d->batch.n + d->res.bad, 2);
    if (d->res.bad)
        assert_int_equal(d->res.problems[0].status, 400);
    return d->batch.n == 2;
}

static void test_label_limits(void **state)
{
    struct decoding *d = *state;
    assert_true(takes_label(d, d->limits.label_name, 1));
    assert_false(takes_label(d, d->limits.label_name + 1, 1));
    assert_true(takes_label(d, 1, d->limits.label_value));
    assert_false(takes_label(d, 1, d->limits.label_value + 1));
    struct buf b;
    buf_init(&b, 100000);
    for (unsigned n = 127; n <= 129; n++) {
        buf_reset(&b);
        buf_put_c(&b, "[{\"labels\":{");
        for (unsigned i = 0; i < n; i++)
            buf_printf(&b, "%s\"l%u\":\"v\"", i ? "," : "", i);
        buf_put_c(&b, "}}]");
        decoding_run(d, "prometheus", buf_str(&b));
        assert_int_equal(d->batch.n, n <= 128);
    }
    buf_finish(&b);
}

static void test_alert_limit(void **state)
{
    struct decoding *d = *state;
    static const char body[] =
        "[{\"labels\":{\"a\":\"1\"}},{\"labels\":{\"a\":\"2\"}},{\"labels\":{\"a\":\"3\"}}]";
    for (unsigned max = 1; max <= 4; max++) {
        d->limits.alerts_per_request = max;
        decoding_run(d, "prometheus", S(body));
        size_t good = max < 3 ? max : 3;
        assert_int_equal(d->batch.n, good);
        assert_int_equal(d->res.bad, 3 - good);
        assert_int_equal(d->res.n_problems, max < 3);
        assert_false(d->res.refused);
    }
}

static void test_annotation_limits(void **state)
{
    struct decoding *d = *state;
    d->limits.annotation_value = 10;
    static const struct {
        const char *value;
        size_t kept;
    } values[] = {
        {"123456789", 9},
        {"1234567890", 10},
        {"12345678901", 10},
        {"123456789\xC3\xA9", 9},
        {"12345678\xC3\xA9", 10},
        {"12345678\xE2\x82\xAC", 8},
        {"1234567\xF0\x9F\x99\x82", 7},
        {"123456\xF0\x9F\x99\x82", 10},
        {"\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9", 10},
    };
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        char *body =
            BODY("[{\"labels\":{\"a\":\"b\"},\"annotations\":{\"x\":\"%s\"}}]", values[i].value);
        decoding_run(d, "prometheus", str_c(body));
        free(body);
        struct str kept = labels_get(&d->batch.alerts[0].annotations, S("x"));
        if (kept.n != values[i].kept || !str_is_utf8(kept))
            fail_msg("row %zu: %zu", i, kept.n);
    }
    /* too many are left off, not refused */
    struct buf b;
    buf_init(&b, 100000);
    buf_put_c(&b, "[{\"labels\":{\"a\":\"b\"},\"annotations\":{");
    for (unsigned i = 0; i < 500; i++)
        buf_printf(&b, "%s\"l%u\":\"v\"", i ? "," : "", i);
    buf_put_c(&b, "}}]");
    decoding_run(d, "prometheus", buf_str(&b));
    assert_int_equal(d->batch.alerts[0].annotations.n, 128);
    assert_int_equal(d->res.bad, 0);
    buf_finish(&b);
}

static int setup(void **state)
{
    *state = NEW(struct decoding);
    decoding_init(*state);
    return 0;
}

static int teardown(void **state)
{
    decoding_finish(*state);
    free(*state);
    return 0;
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_bad_input),   CASE(test_paths),
        CASE(test_times),       CASE(test_sender),
        CASE(test_severity),    CASE(test_label_limits),
        CASE(test_alert_limit), CASE(test_annotation_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
