/* test_alert.c - label sets, their fingerprint, the fields of an alert, the batch. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "triaged/alert/alert.h"
#include "triaged/alert/jx.h"
#include "triaged/base/mem.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

/* "a=1,b=2" as a normalised set */
static struct labels make(const char *text)
{
    struct labels l = {0};
    struct str rest = str_c(text);
    while (rest.n) {
        struct str value, pair = str_cut(rest, ',', &rest), name = str_cut(pair, '=', &value);
        labels_add(&l, &arena, name, value);
    }
    labels_normalise(&l);
    return l;
}

/* As Alertmanager 0.25 printed them in GET /api/v2/alerts for the same labels. */
static void test_fingerprint(void **state)
{
    (void)state;
    static const struct {
        const char *labels;
        uint64_t fingerprint;
    } rows[] = {
        {"", 0xcbf29ce484222325},
        {"a=b", 0xd2b371819297f98a},
        {"severity=critical,cluster=eu-1,instance=db1:9100,alertname=DiskFull", 0x3da25a680594df62},
        {"z=1,alertname=Flip,empty=,unicode=\xCE\xA3\xF0\x9F\x99\x82\"q\\", 0x3951764035d2da63},
        {"a=\xEF\xBF\xBD", 0xdd22faed59597613},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct labels l = make(rows[i].labels);
        if (labels_fingerprint(&l) != rows[i].fingerprint)
            fail_msg("%s: %016llx", rows[i].labels, (unsigned long long)labels_fingerprint(&l));
    }
    /* the separator keeps name and value apart */
    struct labels ab = make("a=bc"), abc = make("ab=c");
    assert_true(labels_fingerprint(&ab) != labels_fingerprint(&abc));
}

static void test_normalise(void **state)
{
    (void)state;
    struct labels l = make("b=1,a=2,c=,b=3,d=x,d=,a=4,_=0,B=9");
    struct buf b;
    buf_init(&b, 1000);
    assert_true(labels_put_json(&l, &b));
    assert_true(str_eq(buf_str(&b), S("{\"B\":\"9\",\"_\":\"0\",\"a\":\"4\",\"b\":\"3\"}")));
    buf_finish(&b);
    buf_init(&b, 20);
    assert_false(labels_put_json(&l, &b));
    buf_finish(&b);
    assert_true(str_eq(labels_get(&l, S("b")), S("3")));
    assert_null(labels_get(&l, S("d")).p);
    assert_null(labels_get(&l, S("")).p);
    struct labels none = {0};
    labels_normalise(&none);
    assert_null(labels_get(&none, S("a")).p);
    /* growth, and every member found */
    struct labels many = {0};
    for (int i = 99; i >= 0; i--)
        labels_add(&many, &arena, arena_printf(&arena, "n%02d", i), S("v"));
    labels_normalise(&many);
    assert_int_equal(many.n, 100);
    for (int i = 0; i < 100; i++)
        assert_non_null(labels_get(&many, arena_printf(&arena, "n%02d", i)).p);
}

static void test_classic_names(void **state)
{
    (void)state;
    assert_true(labels_name_is_classic(S("job_2")));
    assert_true(labels_name_is_classic(S("_")));
    assert_false(labels_name_is_classic(S("2job")));
    assert_false(labels_name_is_classic(S("a-b")));
    assert_false(labels_name_is_classic(S("")));
    assert_false(labels_name_is_classic(S("\xC3\xA9")));
}

static void test_fields(void **state)
{
    (void)state;
    struct alert a = {.source = SOURCE_GRAFANA, .severity = SEVERITY_CRIT};
    a.labels = make("source=mine,alertname=X");
    a.annotations = make("summary=S");
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"source", "grafana"},    {"label.source", "mine"},
        {"severity", "crit"},     {"alertname", "X"},
        {"label.alertname", "X"}, {"annotation.summary", "S"},
        {"summary", ""},          {"label.summary", ""},
        {"nothing", ""},          {"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!str_eq_c(alert_field(&a, str_c(rows[i].name)), rows[i].value))
            fail_msg("%s", rows[i].name);
    a.labels = make("severity=page");
    assert_true(str_eq(alert_field(&a, S("severity")), S("page")));
    a.labels = make("");
    a.severity = SEVERITY_NONE;
    assert_int_equal(alert_field(&a, S("severity")).n, 0);
}

static void test_system(void **state)
{
    (void)state;
    static const struct {
        const char *labels, *system;
    } rows[] = {
        {"host=h,instance=i:1,node=n", "h"},
        {"instance=db1:9100,node=n", "db1"},
        {"instance=db1", "db1"},
        {"instance=[2001:db8::1]:9100", "2001:db8::1"},
        {"instance=2001:db8::1", "2001:db8::1"},
        {"instance=https://shop.example.org/x", "https://shop.example.org/x"},
        {"instance=db1:99999", "db1:99999"},
        {"instance=:9100", ":9100"},
        {"instance=[broken", "[broken"},
        {"node=n", "n"},
        {"job=x", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct alert a = {.labels = make(rows[i].labels)};
        if (!str_eq_c(alert_system(&a), rows[i].system))
            fail_msg("%s: %.*s", rows[i].labels, STR_ARG(alert_system(&a)));
    }
}

static void test_sources(void **state)
{
    (void)state;
    for (int i = 0; i < SOURCE_N; i++) {
        enum alert_source s;
        assert_true(alert_source_from_name(str_c(alert_source_name((enum alert_source)i)), &s));
        assert_int_equal(s, i);
    }
    enum alert_source s;
    assert_false(alert_source_from_name(S("smtp"), &s));
}

static void test_batch(void **state)
{
    (void)state;
    struct alert_batch b;
    struct jx_error why;
    alert_batch_init(&b);
    for (int round = 0; round < 2; round++) {
        b.document = jx_parse(S("{\"a\":1}"), &why);
        for (int i = 0; i < 3000; i++) {
            struct alert *a = alert_batch_add(&b);
            assert_int_equal(a->repeat, 1);
            assert_int_equal(a->labels.n, 0);
            a->fingerprint = (uint64_t)i;
        }
        assert_int_equal(b.n, 3000);
        assert_int_equal(b.alerts[2999].fingerprint, 2999);
        alert_batch_reset(&b);
        assert_int_equal(b.n, 0);
        assert_null(b.document);
    }
    alert_batch_add(&b);
    alert_batch_finish(&b);
    alert_batch_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fingerprint),   cmocka_unit_test(test_normalise),
        cmocka_unit_test(test_classic_names), cmocka_unit_test(test_fields),
        cmocka_unit_test(test_system),        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_batch),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
