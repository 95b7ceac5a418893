/*
 * test_maintenance.c - windows of maintenance, at their edges and where clocks change.
 */
#include "rules_util.h"

#include "triaged/base/clock.h"

static const char yaml[] = "maintenance:\n"
                           "  - {name: weekly, match: ['cluster=\"eu\"'], weekly: {days: [sun], "
                           "from: \"02:00\", to: \"04:00\", zone: Europe/Berlin}}\n"
                           "  - {name: night, match: ['cluster=\"us\"'], weekly: {days: [mon, "
                           "fri], from: \"22:00\", to: \"06:00\"}}\n"
                           "  - {name: once, match: ['cluster=~\"us|ap\"'], from: "
                           "\"2026-11-24T10:00:00Z\", to: \"2026-11-24T12:00:00Z\"}\n"
                           "  - {name: allday, match: ['cluster=\"sa\"'], weekly: {days: [tue], "
                           "from: \"00:00\", to: \"00:00\"}}\n";

static const struct {
    const char *cluster, *now, *until; /* until "" = not open */
    const char *name;
} rows[] = {
    /* Sunday 2026-11-22, Berlin is UTC+1 */
    {"cluster=eu", "2026-11-22T00:59:59.999Z", "", NULL},
    {"cluster=eu", "2026-11-22T01:00:00Z", "2026-11-22T03:00:00.000Z", "weekly"},
    {"cluster=eu", "2026-11-22T02:59:59.999Z", "2026-11-22T03:00:00.000Z", "weekly"},
    {"cluster=eu", "2026-11-22T03:00:00Z", "", NULL},
    {"cluster=eu", "2026-11-23T01:30:00Z", "", NULL}, /* Monday */
    {"cluster=xx", "2026-11-22T01:30:00Z", "", NULL},
    /* summer: UTC+2 */
    {"cluster=eu", "2026-07-05T00:00:00Z", "2026-07-05T02:00:00.000Z", "weekly"},
    /* 2026-03-29: 02:00 becomes 03:00, the window is 1 h; 2026-10-25: 03:00 becomes 02:00, 3 h */
    {"cluster=eu", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00.000Z", "weekly"},
    {"cluster=eu", "2026-10-25T00:00:00Z", "2026-10-25T03:00:00.000Z", "weekly"},
    {"cluster=eu", "2026-10-25T02:59:59Z", "2026-10-25T03:00:00.000Z", "weekly"},
    /* over midnight, from Monday and Friday evening */
    {"cluster=us", "2026-11-23T21:59:59Z", "", NULL},
    {"cluster=us", "2026-11-23T22:00:00Z", "2026-11-24T06:00:00.000Z", "night"},
    {"cluster=us", "2026-11-24T05:59:59Z", "2026-11-24T06:00:00.000Z", "night"},
    {"cluster=us", "2026-11-24T06:00:00Z", "", NULL},
    {"cluster=us", "2026-11-23T05:00:00Z", "", NULL}, /* Sunday to Monday */
    {"cluster=us", "2026-11-28T01:00:00Z", "2026-11-28T06:00:00.000Z", "night"}, /* Saturday */
    /* once */
    {"cluster=ap", "2026-11-24T09:59:59.999Z", "", NULL},
    {"cluster=ap", "2026-11-24T10:00:00Z", "2026-11-24T12:00:00.000Z", "once"},
    {"cluster=us", "2026-11-24T11:59:59.999Z", "2026-11-24T12:00:00.000Z", "once"},
    {"cluster=ap", "2026-11-24T12:00:00Z", "", NULL},
    /* a whole day */
    {"cluster=sa", "2026-11-24T00:00:00Z", "2026-11-25T00:00:00.000Z", "allday"},
    {"cluster=sa", "2026-11-24T23:59:59Z", "2026-11-25T00:00:00.000Z", "allday"},
    {"cluster=sa", "2026-11-25T00:00:00Z", "", NULL},
    {"cluster=sa", "1970-01-06T12:00:00Z", "1970-01-07T00:00:00.000Z", "allday"},
};

static int64_t time_ms(const char *text)
{
    int64_t us;
    assert_true(clock_parse_rfc3339_us(str_c(text), &us));
    return us / 1000;
}

static void edges(void **state)
{
    (void)state;
    struct ruleset *rs = compile_yaml(yaml, NULL);
    struct rules_scratch *s = rules_scratch_create();
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct alert al = make_alert(&a, SOURCE_PROMETHEUS, PAIRS("alertname=X", rows[i].cluster));
        struct verdict v;
        char expected[128] = "";
        if (rows[i].name)
            snprintf(expected, sizeof(expected), "[{\"name\":\"%s\",\"until_ms\":%lld}]",
                     rows[i].name, (long long)time_ms(rows[i].until));
        rules_decide(rs, s, &al, time_ms(rows[i].now), &a, &v, NULL, NULL);
        if (!str_eq_c(v.suppress, expected))
            fail_msg("%s at %s: %.*s, not %s", rows[i].cluster, rows[i].now, STR_ARG(v.suppress),
                     expected);
    }
    arena_finish(&a);
    rules_scratch_destroy(s);
    ruleset_unref(rs);
}

static void several_windows(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1024 * 1024);
    buf_put_c(&b, "maintenance:\n");
    for (int i = 0; i < 200; i++)
        buf_printf(&b,
                   "  - {name: \"w\\\"%d\", match: ['alertname=\"X\"'], from: "
                   "\"2026-11-24T10:00:00Z\", to: \"2026-11-24T12:00:00Z\"}\n",
                   i);
    buf_put_char(&b, '\0');
    struct ruleset *rs = compile_yaml(b.p, NULL);
    struct rules_scratch *s = rules_scratch_create();
    struct arena a;
    struct verdict v;
    arena_init(&a, 0);
    struct alert al = make_alert(&a, SOURCE_PROMETHEUS, PAIRS("alertname=X"));
    rules_decide(rs, s, &al, time_ms("2026-11-24T11:00:00Z"), &a, &v, NULL, NULL);
    assert_true(v.suppress.n <= 4096);
    assert_true(str_starts(v.suppress, S("[{\"name\":\"w\\\"0\",\"until_ms\":1795521600000},{")) ||
                str_starts(v.suppress, S("[{\"name\":\"w\\\"0\",")));
    assert_true(str_ends(v.suppress, S("}]")));
    arena_finish(&a);
    rules_scratch_destroy(s);
    ruleset_unref(rs);
    buf_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges),
        cmocka_unit_test(several_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
