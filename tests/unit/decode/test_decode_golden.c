/*
 * test_decode_golden.c - real shapes of payloads, and what is made of them:
 * tests/fixtures/NAME.json against NAME.expected. With UPDATE=1 in the environment the latter are
 * written anew.
 */
#include "decoding.h"

static struct conf_pair labels[] = {
    {.name = {"alertname", 9}, .value = {"check.name", 10}},
    {.name = {"host", 4}, .value = {"hosts.0", 7}},
    {.name = {"region", 6}, .value = {"$.origin.region", 15}},
};
static struct conf_pair annotations[] = {
    {.name = {"output", 6}, .value = {"check.output", 12}},
    {.name = {"raw", 3}, .value = {"check", 5}},
};
static struct conf_text resolved_values[] = {{.s = {"ok", 2}}};
static const struct conf_mapping mapping = {
    .name = {"checks", 6},
    .alerts = {"events", 6},
    .labels = {labels, ARRAY_LEN(labels)},
    .annotations = {annotations, ARRAY_LEN(annotations)},
    .state = {"state", 5},
    .starts_at = {"since", 5},
    .severity = {"level", 5},
    .resolved_values = {resolved_values, 1},
};

static struct str read_file(const char *name, const char *suffix)
{
    static char bytes[65536];
    char path[512];
    snprintf(path, sizeof(path), "%s/%s%s", FIXTURES, name, suffix);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s cannot be opened", path);
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    return (struct str){bytes, n};
}

static void put_time(struct buf *b, const char *name, int64_t ms)
{
    char text[CLOCK_RFC3339_SIZE];
    buf_printf(b, " %s=%s", name, ms ? clock_format_ms(ms, text).p : "-");
}

static void put_labels(struct buf *b, const char *name, const struct labels *l)
{
    buf_printf(b, "  %s ", name);
    labels_put_json(l, b);
    buf_put_char(b, '\n');
}

static void render(const struct decoding *d, struct buf *b)
{
    buf_printf(b, "refused=%d bad=%zu truncated=%llu useless=%s\n", d->res.refused, d->res.bad,
               (unsigned long long)d->res.truncated, d->res.useless);
    for (size_t i = 0; i < d->batch.n; i++) {
        const struct alert *a = &d->batch.alerts[i];
        buf_printf(b, "%016llx %s %s %s repeat=%u\n", (unsigned long long)a->fingerprint,
                   alert_source_name(a->source), a->resolved ? "resolved" : "firing",
                   severity_class(a->severity), a->repeat);
        put_time(b, "starts", a->starts_ms);
        put_time(b, "ends", a->ends_ms);
        put_time(b, "lease", a->lease_ms);
        put_time(b, "received", a->received_ms);
        buf_printf(b, "\n  sender=%.*s url=%.*s\n", STR_ARG(a->sender), STR_ARG(a->generator_url));
        put_labels(b, "labels", &a->labels);
        put_labels(b, "annotations", &a->annotations);
        put_labels(b, "group", &a->group_labels);
    }
}

static void check(const char *name, const char *decoder)
{
    struct decoding d;
    struct buf got;
    decoding_init(&d);
    buf_init(&got, 1 << 20);
    d.mapping = &mapping;
    decoding_run(&d, decoder, read_file(name, ".json"));
    render(&d, &got);
    if (getenv("UPDATE")) {
        char path[512];
        snprintf(path, sizeof(path), "%s/%s.expected", FIXTURES, name);
        FILE *f = fopen(path, "wb");
        fwrite(got.p, 1, got.n, f);
        fclose(f);
    }
    struct str expected = read_file(name, ".expected");
    if (!str_eq(buf_str(&got), expected))
        fail_msg("%s: expected\n%.*s\ngot\n%.*s", name, STR_ARG(expected), STR_ARG(buf_str(&got)));
    buf_finish(&got);
    decoding_finish(&d);
}

static void test_payloads(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"alertmanager-firing", "alertmanager"},
        {"alertmanager-resolved", "alertmanager"},
        {"alertmanager-truncated", "alertmanager"},
        {"grafana-firing", "grafana"},
        {"grafana-legacy", "grafana"},
        {"prometheus", "prometheus"},
        {"json-checks", "json"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(rows[i][0], rows[i][1]);
}

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_decoders; i++)
        assert_ptr_equal(decoder_find(decoders[i].name), &decoders[i]);
    assert_null(decoder_find("smtp"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_payloads),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
