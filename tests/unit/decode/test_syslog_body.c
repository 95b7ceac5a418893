/*
 * Bodies as labels: a row a message with the labels that it gives, then the limits on them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "triaged/decode/syslog.h"

static void body_of(struct str message, struct arena *a, struct labels *l)
{
    /* A copy that ends where the message ends, so that a read past it is seen. */
    char *exact = malloc(message.n ? message.n : 1);
    struct syslog_msg m = {.msg = {exact, message.n}};
    struct labels borrowed = {0};

    memcpy(exact, message.p, message.n);
    syslog_body_labels(&m, a, &borrowed);
    for (size_t i = 0; i < borrowed.n; i++)
        labels_add(l, a, arena_str(a, borrowed.v[i].name), arena_str(a, borrowed.v[i].value));
    free(exact);
}

#define CEF       "cef.device_product=Wall cef.device_vendor=Acme cef.device_version=1.2 "
#define LEEF_HEAD "leef.event_id=deny "
#define LEEF_REST "leef.product=Wall leef.product_version=1 leef.vendor=Acme leef.version="

static const struct {
    const char *message, *labels; /* "name=value " each, sorted */
} rows[] = {
    {"nothing of the kind", ""},
    {"C", ""},
    {"CEF", ""},
    {"CEF:", ""},
    {"CEF:0|Acme|Wall|1.2", ""},
    {"CEFALU: a town", ""},
    {"CEF:0|Acme|Wall|1.2|100|worm|10|src=192.0.2.1 act=drop",
     CEF "cef.event_class_id=100 cef.ext.act=drop cef.ext.src=192.0.2.1 cef.name=worm "
         "cef.severity=10 cef.version=0 "},
    {"CEF: 1|Acme|Wall|1.2|100|worm|High|",
     CEF "cef.event_class_id=100 cef.name=worm cef.severity=High cef.version=1 "},
    {"CEF:0|Acme|Wall|1.2|100|worm|10",
     CEF "cef.event_class_id=100 cef.name=worm cef.severity=10 cef.version=0 "},
    {"CEF:0|Acme|Wall|1.2|100|a \\| b \\\\ c|10|",
     CEF "cef.event_class_id=100 cef.name=a | b \\ c cef.severity=10 cef.version=0 "},
    {"CEF:0|Acme|Wall|1.2||n|1|msg=two words \\= one  empty= cs1=a=b c d last=x\\ny",
     CEF "cef.ext.cs1=a=b c d cef.ext.last=x\ny cef.ext.msg=two words = one cef.name=n "
         "cef.severity=1 cef.version=0 "},
    {"CEF:0|Acme|Wall|1.2||n|1|no pairs here", CEF "cef.name=n cef.severity=1 cef.version=0 "},
    {"CEF:0|Acme|Wall|1.2||n|1|k=1 k=2", CEF "cef.ext.k=2 cef.name=n cef.severity=1 "
                                             "cef.version=0 "},
    {"CEF:0|Acme|Wall|1.2||n|1|k=C:\\temp\\", CEF "cef.ext.k=C:\\temp\\ cef.name=n cef.severity=1 "
                                                  "cef.version=0 "},
    {"LEEF:1.0|Acme|Wall|1|deny", ""},
    {"LEEF:1.0|Acme|Wall|1|deny|", LEEF_HEAD LEEF_REST "1.0 "},
    {"LEEF:1.0|Acme|Wall|1|deny|src=192.0.2.1\tmsg=a b\tsev=",
     LEEF_HEAD "leef.ext.msg=a b leef.ext.src=192.0.2.1 " LEEF_REST "1.0 "},
    {"LEEF:1.0|Acme|Wall|1|deny|src=192.0.2.1|dst=192.0.2.2",
     LEEF_HEAD "leef.ext.dst=192.0.2.2 leef.ext.src=192.0.2.1 " LEEF_REST "1.0 "},
    {"LEEF:2.0|Acme|Wall|1|deny|^|a=1^b=2",
     LEEF_HEAD "leef.ext.a=1 leef.ext.b=2 " LEEF_REST "2.0 "},
    {"LEEF:2.0|Acme|Wall|1|deny|x5E|a=1^b=2",
     LEEF_HEAD "leef.ext.a=1 leef.ext.b=2 " LEEF_REST "2.0 "},
    {"LEEF:2.0|Acme|Wall|1|deny|0x7c|a=1|b=2",
     LEEF_HEAD "leef.ext.a=1 leef.ext.b=2 " LEEF_REST "2.0 "},
    {"LEEF:2.0|Acme|Wall|1|deny||a=1\tb=2",
     LEEF_HEAD "leef.ext.a=1 leef.ext.b=2 " LEEF_REST "2.0 "},
    {"LEEF:2.0|Acme|Wall|1|deny|a=1\tb=2|3",
     LEEF_HEAD "leef.ext.a=1 leef.ext.b=2|3 " LEEF_REST "2.0 "},
    {"{\"b\": 1, \"a\": {\"c\": [true, null, 1.5, {\"d\": \"e\"}], \"f\": \"\"}}",
     "json.a.c.0=true json.a.c.2=1.5 json.a.c.3.d=e json.b=1 "},
    {"@cee: {\"a\": \"x\"}", "json.a=x "},
    {"@cee:{\"a\": \"x\"}", "json.a=x "},
    {"  {\"a\": \"x\"} ", "json.a=x "},
    {"{\"a\": \"\\u0000\", \"b\": \"\\ud83d\\ude00\"}", "json.b=\xf0\x9f\x98\x80 "},
    {"{\"a\": 1} and more", ""},
    {"{\"a\": ", ""},
    {"{}", ""},
    {"[{\"a\": 1}]", ""},
    {"{\"a.b\": 1, \"a\": {\"b\": 2}}", "json.a.b=2 "},
    {"{\"1\":{\"2\":{\"3\":{\"4\":{\"5\":{\"6\":{\"7\":{\"8\":8,\"9\":{\"10\":10}}}}}}}}}",
     "json.1.2.3.4.5.6.7.8=8 "},
};

static void test_rows(void **state)
{
    (void)state;
    size_t failed = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct labels l = {0};
        struct arena a;
        struct buf got;
        arena_init(&a, 0);
        buf_init(&got, 1 << 16);
        body_of(str_c(rows[i].message), &a, &l);
        for (size_t k = 0; k < l.n; k++)
            buf_printf(&got, "%.*s=%.*s ", STR_ARG(l.v[k].name), STR_ARG(l.v[k].value));
        if (!str_eq_c(buf_str(&got), rows[i].labels)) {
            failed++;
            print_error("%s:\n  got    %.*s\n  expect %s\n", rows[i].message,
                        STR_ARG(buf_str(&got)), rows[i].labels);
        }
        buf_finish(&got);
        arena_finish(&a);
    }
    assert_int_equal(failed, 0);
}

static void test_cut_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t n = 0; n < strlen(rows[i].message); n++) {
            struct labels l = {0};
            struct arena a;
            arena_init(&a, 0);
            body_of((struct str){rows[i].message, n}, &a, &l);
            arena_finish(&a);
        }
    }
}

/* As many pairs as asked for, "#" in each being its number. */
static size_t labels_of_many(const char *head, const char *pair, const char *tail, unsigned n)
{
    struct labels l = {0};
    struct arena a;
    struct buf b;

    arena_init(&a, 0);
    buf_init(&b, 1 << 20);
    buf_put_c(&b, head);
    for (unsigned i = 0; i < n; i++) {
        for (const char *p = pair; *p; p++) {
            if (*p == '#')
                buf_printf(&b, "%u", i);
            else
                buf_put_char(&b, *p);
        }
    }
    buf_put_c(&b, tail);
    body_of(buf_str(&b), &a, &l);
    buf_finish(&b);
    arena_finish(&a);
    return l.n;
}

static void test_count_limit(void **state)
{
    (void)state;
    const struct {
        const char *head, *pair, *tail;
        unsigned fixed; /* labels of the header */
    } forms[] = {{"CEF:0|a|b|c|d|e|f|", "k#=# ", "", 7},
                 {"LEEF:1.0|a|b|c|d|", "k#=#\t", "", 5},
                 {"{", "\"k#\": #, ", "\"z\": null}", 0}};

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        unsigned fit = SYSLOG_BODY_LABELS_MAX - forms[i].fixed;
        for (unsigned n = fit - 1; n < fit + 3; n++)
            assert_int_equal(labels_of_many(forms[i].head, forms[i].pair, forms[i].tail, n),
                             forms[i].fixed + (n < fit ? n : fit));
    }
}

static void test_size_limits(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        struct labels l = {0};
        struct arena a;
        struct str json;
        arena_init(&a, 0);
        /* A name with its prefix, and a value of two-byte characters that is cut between two. */
        int name = SYSLOG_BODY_NAME_MAX - 5 + over;
        char *value = arena_alloc(&a, SYSLOG_BODY_VALUE_MAX + 2);
        value[0] = 'x';
        for (size_t i = 1; i < SYSLOG_BODY_VALUE_MAX; i += 2)
            memcpy(value + i, "\xc3\xa4", 2);
        json = arena_printf(&a, "{\"%0*d\": 1, \"v\": \"%.*s\"}", name, 0,
                            SYSLOG_BODY_VALUE_MAX + 1, value);
        body_of(json, &a, &l);
        assert_int_equal(l.n, over ? 1 : 2);
        struct str got = labels_get(&l, S("json.v"));
        assert_int_equal(got.n, SYSLOG_BODY_VALUE_MAX - 1);
        assert_true(str_is_utf8(got));
        arena_finish(&a);
    }
    assert_int_equal(labels_of_many("{\"a\": 1", " ", "}", SYSLOG_BODY_JSON_MAX - 8), 1);
    assert_int_equal(labels_of_many("{\"a\": 1", " ", "}", SYSLOG_BODY_JSON_MAX - 7), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_count_limit),
        cmocka_unit_test(test_size_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
