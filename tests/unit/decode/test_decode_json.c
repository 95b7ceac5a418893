/* test_decode_json.c - any JSON by a mapping: paths, texts, states, times, identity. */
#include "decoding.h"

#define PAIR(n, path)                                                                              \
    {                                                                                              \
        .name = {n, sizeof(n) - 1}, .value = { path, sizeof(path) - 1 }                            \
    }

static struct conf_pair label_pairs[] = {PAIR("name", "check.name"), PAIR("host", "hosts.1"),
                                         PAIR("dotted", "a.b"), PAIR("site", "$.site"),
                                         PAIR("n", "n")};
static struct conf_pair annotation_pairs[] = {PAIR("all", "")};
static struct conf_text identity_names[] = {{.s = {"name", 4}}, {.s = {"host", 4}}};
static struct conf_text values[] = {{.s = {"GREEN", 5}}};

static struct conf_mapping mapping;

static const struct alert *one(struct decoding *d, const char *body)
{
    decoding_run(d, "json", str_c(body));
    if (d->batch.n != 1)
        fail_msg("%s: %zu alerts, %s", body, d->batch.n, d->res.problems[0].text);
    return d->batch.alerts;
}

static void assert_label(const struct alert *a, const char *name, const char *value)
{
    struct str got = labels_get(&a->labels, str_c(name));
    if (!str_eq_c(got, value))
        fail_msg("%s: %.*s", name, STR_ARG(got));
}

static void test_paths_and_texts(void **state)
{
    struct decoding *d = *state;
    const struct alert *a =
        one(d, "{\"check\":{\"name\":\"disk\"},\"hosts\":[\"a\",\"b\"],\"a.b\":true,\"n\":1.50}");
    assert_label(a, "name", "disk");
    assert_label(a, "host", "b");
    assert_label(a, "dotted", "true");
    assert_label(a, "n", "1.5");
    assert_label(a, "site", "");
    assert_label(one(d, "{\"a\":{\"b\":{\"x\":[1,null]}}}"), "dotted", "{\"x\":[1,null]}");
    assert_label(one(d, "{\"n\":1795511550}"), "n", "1795511550");
    assert_label(one(d, "{\"n\":99999999999999999999999}"), "n", "1e+23");
    a = one(d, "{\"n\":\"x\",\"hosts\":{\"1\":\"h\"}}");
    assert_label(a, "host", "h");
    assert_true(
        str_eq(labels_get(&a->annotations, S("all")), S("{\"n\":\"x\",\"hosts\":{\"1\":\"h\"}}")));
    assert_true(a->source == SOURCE_JSON && a->received_ms == NOW_MS);
}

static void test_where(void **state)
{
    struct decoding *d = *state;
    decoding_run(d, "json", S("[{\"n\":1},{\"n\":2}]")); /* a list of alerts at the top */
    assert_int_equal(d->batch.n, 2);
    mapping.alerts = S("data.events");
    decoding_run(d, "json", S("{\"site\":\"s\",\"data\":{\"events\":[{\"n\":1},5,{}]}}"));
    assert_int_equal(d->batch.n, 2); /* {} has at least the document's own label */
    assert_label(&d->batch.alerts[1], "site", "s");
    assert_int_equal(d->res.bad, 1);
    assert_string_equal(d->res.problems[0].path, "alerts[1]");
    one(d, "{\"data\":{\"events\":{\"n\":1}}}");
    static const char *const useless[] = {"{}", "5", "null", "{\"data\":[]}",
                                          "{\"data\":{\"events\":[]}}"};
    for (size_t i = 0; i < ARRAY_LEN(useless); i++) {
        decoding_run(d, "json", str_c(useless[i]));
        assert_false(d->res.refused);
        assert_string_equal(d->res.useless, "no alert where the mapping looks for it");
    }
    decoding_run(d, "json", S("{\"data\":{\"events\":[{}]}}"));
    assert_string_equal(d->res.useless, "no alert in it can be used");
    decoding_run(d, "json", S("{\"data\""));
    assert_true(d->res.refused);
    assert_int_equal(d->res.problems[0].status, 400);
}

static void test_state(void **state)
{
    struct decoding *d = *state;
    assert_false(one(d, "{\"n\":1,\"st\":\"ok\"}")->resolved); /* no path for it */
    mapping.state = S("st");
    assert_true(one(d, "{\"n\":1,\"st\":\"OK\"}")->resolved);
    assert_true(one(d, "{\"n\":1,\"st\":\"recovered\"}")->resolved);
    assert_false(one(d, "{\"n\":1,\"st\":\"down\"}")->resolved);
    assert_false(one(d, "{\"n\":1}")->resolved);
    mapping.resolved_values = (struct conf_texts){values, 1};
    assert_true(one(d, "{\"n\":1,\"st\":\"green\"}")->resolved);
    assert_false(one(d, "{\"n\":1,\"st\":\"ok\"}")->resolved);
    mapping.severity = S("sev");
    assert_int_equal(one(d, "{\"n\":1,\"sev\":\"major\"}")->severity, SEVERITY_ERR);
    assert_int_equal(one(d, "{\"n\":1,\"sev\":3}")->severity, SEVERITY_NONE);
}

static void test_times(void **state)
{
    struct decoding *d = *state;
    mapping.starts_at = S("t");
    static const struct {
        const char *value;
        int64_t ms;
    } rows[] = {
        {"\"2026-11-24T09:00:00Z\"", 1795510800000},
        {"1795510800", 1795510800000},
        {"1795510800.25", 1795510800250},
        {"1795510800123", 1795510800123},
        {"\"1795510800\"", 1795510800000},
        {"\"1795510800123\"", 1795510800123},
        {"1795510800123456", 1795510800123},
        {"1795510800123456789", 1795510800123},
        {"\"yesterday\"", 1795514400000}, /* now */
        {"null", 1795514400000},
        {"-5", 1795514400000},
        {"0", 1795514400000},
        {"1e300", 1795514400000},
        {"\"2027-01-01T00:00:00Z\"", 1795514400000},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *body = BODY("{\"n\":1,\"t\":%s}", rows[i].value);
        int64_t ms = one(d, body)->starts_ms;
        if (ms != rows[i].ms)
            fail_msg("%s: %lld", rows[i].value, (long long)ms);
        free(body);
    }
    mapping.ends_at = S("e");
    const struct alert *a = one(d, "{\"n\":1,\"e\":1795510800}");
    assert_true(a->resolved && a->ends_ms == 1795510800000);
    a = one(d, "{\"n\":1,\"e\":1895510800}");
    assert_true(!a->resolved && a->lease_ms == NOW_MS + d->defaults.webhook_lease_ms);
}

static void test_identity(void **state)
{
    struct decoding *d = *state;
    uint64_t all = one(d, "{\"check\":{\"name\":\"x\"},\"n\":1}")->fingerprint;
    assert_true(all == labels_fingerprint(&d->batch.alerts[0].labels));
    assert_true(one(d, "{\"check\":{\"name\":\"x\"},\"n\":2}")->fingerprint != all);
    mapping.identity = (struct conf_texts){identity_names, 2};
    uint64_t some = one(d, "{\"check\":{\"name\":\"x\"},\"n\":1}")->fingerprint;
    assert_true(one(d, "{\"check\":{\"name\":\"x\"},\"n\":2}")->fingerprint == some);
    assert_true(one(d, "{\"check\":{\"name\":\"y\"},\"n\":2}")->fingerprint != some);
    decoding_run(d, "json", S("{\"n\":2}"));
    assert_int_equal(d->res.bad, 1);
    assert_int_equal(d->batch.n, 0);
}

static void test_limits(void **state)
{
    struct decoding *d = *state;
    d->limits.label_value = 4;
    one(d, "{\"n\":\"1234\"}");
    decoding_run(d, "json", S("{\"n\":\"12345\"}"));
    assert_int_equal(d->res.bad, 1);
    d->limits.annotation_value = 5;
    const struct alert *a = one(d, "{\"n\":\"123\"}");
    assert_int_equal(labels_get(&a->annotations, S("all")).n, 5);
    d->limits.alerts_per_request = 1;
    decoding_run(d, "json", S("[{\"n\":1},{\"n\":2}]"));
    assert_int_equal(d->batch.n, 1);
    assert_int_equal(d->res.bad, 1);
}

static int setup(void **state)
{
    struct decoding *d = NEW(struct decoding);
    decoding_init(d);
    mapping = (struct conf_mapping){.labels = {label_pairs, ARRAY_LEN(label_pairs)},
                                    .annotations = {annotation_pairs, 1}};
    d->mapping = &mapping;
    *state = d;
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
        CASE(test_paths_and_texts), CASE(test_where),    CASE(test_state),
        CASE(test_times),           CASE(test_identity), CASE(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
