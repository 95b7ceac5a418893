/*
 * test_incident_json.c - texts of Redis as the API shows them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "incident_json.h"
#include "triaged/base/mem.h"

/* What every incident shows. */
#define REST                                                                                       \
    ",\"systems\":[],\"system_count\":0,\"alerts\":0,\"firing\":0,\"count\":0,\"version\":0}"

static void test_fields(void **state)
{
    static const struct {
        const char *name, *value, *want;
    } rows[] = {
        {"title", "a \"b\"", "{\"title\":\"a \\\"b\\\"\"" REST},
        {"opened_at", "1500", "{\"opened_at\":\"1970-01-01T00:00:01.500Z\"" REST},
        {"resolved_at", "0", NULL},
        {"opened_at", "soon", NULL},
        {"reopens", "3", "{\"reopens\":3" REST},
        {"reopens", "three", NULL},
        {"flapping", "1", "{\"flapping\":true" REST},
        {"overdue", "update,confirm", "{\"overdue\":[\"update\",\"confirm\"]" REST},
        {"merged", "NET-1", "{\"merged\":[\"NET-1\"]" REST},
        {"entry", "1-0", NULL},
        {"cell", "low/high", NULL},
        {"why", "{\"rule\":\"r\"}", "{\"why\":{\"rule\":\"r\"}" REST},
        {"why", "{", "{\"why\":null" REST},
        {"clocks", "tier2:1000:200:5000:2",
         "{\"clocks\":[{\"kind\":\"tier2\",\"budget_ms\":1000,\"used_ms\":200,\"resting\":false,"
         "\"went_off\":true,\"due_at\":\"1970-01-01T00:00:05.800Z\"}]" REST},
        {"clocks", "grace:1000:0:0:0 bad",
         "{\"clocks\":[{\"kind\":\"grace\",\"budget_ms\":1000,\"used_ms\":0,\"resting\":true,"
         "\"went_off\":false}]" REST},
        {"unheard_of", "x", "{\"unheard_of\":\"x\"" REST},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str name = str_c(rows[i].name), value = str_c(rows[i].value);
        struct incident inc = {.names = &name, .values = &value, .n = 1};
        struct buf b;

        buf_init(&b, 4096);
        incident_put(&b, &inc);
        if (!rows[i].want)
            assert_true(str_eq(buf_str(&b), S("{\"systems\":[],\"system_count\":0,\"alerts\":0,"
                                              "\"firing\":0,\"count\":0,\"version\":0}")));
        else if (!str_eq_c(buf_str(&b), rows[i].want))
            fail_msg("%s: %.*s", rows[i].name, STR_ARG(buf_str(&b)));
        buf_finish(&b);
    }
}

static void test_stored(void **state)
{
    static const struct {
        const char *json, *want;
    } rows[] = {
        {"{}", "{}"},
        {"{\"at\":1500,\"event\":\"opened\"}",
         "{\"at\":\"1970-01-01T00:00:01.500Z\",\"event\":\"opened\"}"},
        {"{\"until\":\"1500\",\"text\":\"x\"}",
         "{\"until\":\"1970-01-01T00:00:01.500Z\",\"text\":\"x\"}"},
        {"{\"ends_at\":0,\"n\":null,\"count\":2}", "{\"count\":2}"},
        {"{\"actions\":{},\"incidents\":[],\"detail\":{}}",
         "{\"actions\":[],\"incidents\":[],\"detail\":{}}"},
        {"{\"senders\":{\"a\":1500,\"b\":0}}",
         "{\"senders\":{\"a\":\"1970-01-01T00:00:01.500Z\",\"b\":null}}"},
        {"{\"created_at\":\"yesterday\"}", "{\"created_at\":\"yesterday\"}"},
        {"{\"x\":[1,0.5,true,\"y\",{\"due_at\":1500}]}",
         "{\"x\":[1,0.5,true,\"y\",{\"due_at\":\"1970-01-01T00:00:01.500Z\"}]}"},
    };
    struct buf b;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_init(&b, 4096);
        assert_true(json_put_stored(&b, STR_NONE, str_c(rows[i].json)));
        if (!str_eq_c(buf_str(&b), rows[i].want))
            fail_msg("%s: %.*s", rows[i].json, STR_ARG(buf_str(&b)));
        buf_finish(&b);
    }
    buf_init(&b, 4096);
    assert_false(json_put_stored(&b, STR_NONE, S("[]")));
    assert_false(json_put_stored(&b, STR_NONE, S("{")));
    assert_int_equal(b.n, 0);
    assert_true(json_put_stored(&b, S("\"id\":\"x\""), S("{\"n\":1}")));
    assert_true(str_eq(buf_str(&b), S("{\"id\":\"x\",\"n\":1}")));
    buf_finish(&b);
}

static void test_from_json(void **state)
{
    struct jx_error why;
    jx *doc = jx_parse(S("{\"id\":\"NET-1\",\"version\":\"7\"}"), &why),
       *none = jx_parse(S("{}"), &why);
    struct incident inc;
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    assert_true(incident_from_json(&inc, doc, &a));
    jx_free(doc);
    assert_true(str_eq(incident_get(&inc, "id"), S("NET-1")));
    assert_int_equal(incident_number(&inc, "version"), 7);
    assert_int_equal(incident_number(&inc, "absent"), 0);
    assert_false(incident_from_json(&inc, none, &a));
    assert_false(incident_from_json(&inc, NULL, &a));
    jx_free(none);
    arena_finish(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_stored),
        cmocka_unit_test(test_from_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
