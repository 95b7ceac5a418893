/*
 * test_decode_webhook.c - Alertmanager's and Grafana's webhooks: nothing well-formed is refused,
 * and only an alert's own status counts.
 */
#include "decoding.h"

static const struct {
    const char *decoder, *body;
    bool refused;
    size_t good, bad;
    const char *useless;
} rows[] = {
    {"alertmanager", "", true, 0, 0, ""},
    {"alertmanager", "{", true, 0, 0, ""},
    {"alertmanager", "[]", true, 0, 0, ""},
    {"alertmanager", "null", true, 0, 0, ""},
    {"alertmanager", "{} {}", true, 0, 0, ""},
    {"alertmanager", "{}", false, 0, 0, "no list of alerts"},
    {"alertmanager", "{\"alerts\":null}", false, 0, 0, "no list of alerts"},
    {"alertmanager", "{\"alerts\":{}}", false, 0, 0, "no list of alerts"},
    {"alertmanager", "{\"alerts\":[]}", false, 0, 0, "its list of alerts is empty"},
    {"alertmanager", "{\"alerts\":[null,5,[]]}", false, 0, 3, "no alert in it can be used"},
    {"alertmanager", "{\"alerts\":[{}]}", false, 0, 1, "no alert in it can be used"},
    {"alertmanager", "{\"alerts\":[{\"labels\":{}},{\"labels\":null}]}", false, 0, 2,
     "no alert in it can be used"},
    {"alertmanager", "{\"alerts\":[{\"labels\":{\"a\":1}},{\"labels\":{\"a\":\"1\"}}]}", false, 1,
     1, ""},
    {"alertmanager",
     "{\"alerts\":[{\"labels\":{\"a\":\"1\"},\"annotations\":{\"x\":1,\"y\":\"2\"},"
     "\"startsAt\":5,\"endsAt\":\"soon\",\"generatorURL\":{}}],\"groupLabels\":7}",
     false, 1, 0, ""},
    {"grafana", "{\"alerts\":[]}", false, 0, 0, "its list of alerts is empty"},
    {"grafana", "{\"ruleName\":\"x\",\"state\":\"pending\"}", false, 0, 0, "a pending rule"},
    {"grafana", "{\"ruleName\":\"x\",\"state\":\"no_data\"}", false, 1, 0, ""},
    {"grafana", "{\"ruleName\":\"x\",\"tags\":null}", false, 1, 0, ""},
    {"grafana", "{\"ruleName\":5}", false, 0, 0, "no list of alerts"},
    {"grafana", "\"x\"", true, 0, 0, ""},
};

static void test_payloads(void **state)
{
    struct decoding *d = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        decoding_run(d, rows[i].decoder, str_c(rows[i].body));
        if (d->res.refused != rows[i].refused || d->batch.n != rows[i].good ||
            d->res.bad != rows[i].bad || strcmp(d->res.useless, rows[i].useless) != 0)
            fail_msg("%s: refused %d, good %zu, bad %zu, useless %s", rows[i].body, d->res.refused,
                     d->batch.n, d->res.bad, d->res.useless);
        if (d->res.refused || d->res.bad) {
            assert_int_equal(d->res.problems[0].status, 400);
            assert_int_equal(d->res.problems[0].code, 0);
            assert_true(d->res.problems[0].text[0] != 0);
        }
    }
    decoding_run(d, "alertmanager", S("{\"alerts\":[{\"labels\":{\"a\":\"1\"}},{}]}"));
    assert_string_equal(d->res.problems[0].path, "alerts[1].labels");
}

static void test_status(void **state)
{
    struct decoding *d = *state;
    static const struct {
        const char *members; /* of the alert */
        bool resolved;
    } alerts[] = {
        {"\"status\":\"firing\"", false},
        {"\"status\":\"resolved\"", true},
        {"\"status\":\"Resolved\"", true},
        {"\"status\":\"alerting\"", false},
        {"\"status\":\"ok\"", true},
        {"\"state\":\"Normal\"", true},
        {"\"status\":\"strange\"", false},
        {"\"status\":\"firing\",\"endsAt\":\"2026-11-24T09:00:00Z\"", false},
        {"\"endsAt\":\"2026-11-24T09:00:00Z\"", true},
        {"\"endsAt\":\"2026-11-24T11:00:00Z\"", false},
        {"\"endsAt\":\"0001-01-01T00:00:00Z\"", false},
        {"\"startsAt\":\"2026-11-24T09:00:00Z\"", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(alerts); i++) {
        /* the top-level status says the opposite */
        char *body = BODY("{\"status\":\"%s\",\"alerts\":[{\"labels\":{\"a\":\"b\"},%s}]}",
                          alerts[i].resolved ? "firing" : "resolved", alerts[i].members);
        decoding_run(d, "alertmanager", str_c(body));
        free(body);
        const struct alert *a = d->batch.alerts;
        if (d->batch.n != 1 || a->resolved != alerts[i].resolved)
            fail_msg("%s", alerts[i].members);
        assert_true(a->lease_ms == (a->resolved ? 0 : NOW_MS + d->defaults.webhook_lease_ms));
        assert_true(a->starts_ms > 0 && a->starts_ms <= NOW_MS);
        assert_true(a->resolved ? a->ends_ms > 0 && a->ends_ms <= NOW_MS : a->ends_ms == 0);
    }
}

static void test_identity(void **state)
{
    struct decoding *d = *state;
    decoding_run(
        d, "alertmanager",
        S("{\"alerts\":[{\"labels\":{\"a\":\"b\",\"empty\":\"\"},\"fingerprint\":\"1\"}]}"));
    assert_true(d->batch.alerts[0].fingerprint == 0xd2b371819297f98a);
    decoding_run(d, "grafana", S("{\"ruleName\":\"n\",\"ruleId\":1}"));
    uint64_t one = d->batch.alerts[0].fingerprint;
    decoding_run(d, "grafana", S("{\"ruleName\":\"n\",\"ruleId\":2,\"state\":\"ok\"}"));
    assert_true(d->batch.alerts[0].resolved);
    assert_true(d->batch.alerts[0].fingerprint != one);
}

static void test_truncated(void **state)
{
    struct decoding *d = *state;
    decoding_run(d, "alertmanager", S("{\"truncatedAlerts\":3}"));
    assert_int_equal(d->res.truncated, 3);
    decoding_run(d, "alertmanager", S("{\"truncatedAlerts\":-3}"));
    assert_int_equal(d->res.truncated, 0);
    decoding_run(d, "alertmanager", S("{\"truncatedAlerts\":\"3\"}"));
    assert_int_equal(d->res.truncated, 0);
}

static void test_limits(void **state)
{
    struct decoding *d = *state;
    d->limits.alerts_per_request = 1;
    decoding_run(d, "alertmanager",
                 S("{\"alerts\":[{\"labels\":{\"a\":\"1\"}},{\"labels\":{\"a\":\"2\"}}]}"));
    assert_int_equal(d->batch.n, 1);
    assert_int_equal(d->res.bad, 1);
    assert_string_equal(d->res.problems[0].path, "alerts[1]");
    d->limits.label_value = 3;
    decoding_run(d, "grafana", S("{\"ruleName\":\"abcd\"}"));
    assert_int_equal(d->res.bad, 1);
    assert_string_equal(d->res.useless, "no alert in it can be used");
    decoding_run(d, "grafana", S("{\"ruleName\":\"abc\",\"tags\":{\"x\":\"long\",\"y\":\"ok\"}}"));
    assert_int_equal(d->batch.alerts[0].labels.n, 2);
    d->limits.annotation_value = 4;
    decoding_run(d, "grafana",
                 S("{\"alerts\":[{\"labels\":{\"a\":\"1\"},\"generatorURL\":\"http://x/\","
                   "\"panelURL\":\"http://y/\"}]}"));
    assert_true(str_eq(labels_get(&d->batch.alerts[0].annotations, S("panelURL")), S("http")));
    assert_int_equal(d->batch.alerts[0].generator_url.n, 4);
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
        CASE(test_payloads),  CASE(test_status), CASE(test_identity),
        CASE(test_truncated), CASE(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
