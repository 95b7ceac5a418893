/* test_jx.c - the JSON door: limits at n and n+1, repairs, look-ups of the wrong type. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "triaged/alert/jx.h"
#include "triaged/base/buf.h"
#include "triaged/base/mem.h"

static void test_accept_and_refuse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum jx_type type; /* JX_NONE: refused */
    } rows[] = {
        {"{}", JX_OBJECT},
        {"[]", JX_ARRAY},
        {"null", JX_NULL},
        {" \"x\" ", JX_STRING},
        {"5", JX_NUMBER},
        {"true", JX_BOOL},
        {"{\"a\":1,\"a\":2}", JX_OBJECT},
        {"", JX_NONE},
        {"  ", JX_NONE},
        {"{", JX_NONE},
        {"[1,]", JX_NONE},
        {"{} x", JX_NONE},
        {"[][]", JX_NONE},
        {"{'a':1}", JX_NONE},
        {"\"a", JX_NONE},
        {"\"a\\", JX_NONE},
        {"\"a\\u12", JX_NONE},
        {"nul", JX_NONE},
        {"NaN", JX_NONE},
        {"]", JX_NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct jx_error why = {.text = ""};
        jx *doc = jx_parse(str_c(rows[i].text), &why);
        if (jx_type(doc) != rows[i].type)
            fail_msg("%s: %s", rows[i].text, jx_type_name(jx_type(doc)));
        if (!doc)
            assert_true(strlen(why.text) > 10);
        jx_free(doc);
    }
}

static jx *nested(size_t levels)
{
    struct buf b;
    struct jx_error why;
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < levels; i++)
        buf_put_c(&b, i % 2 ? "[" : "{\"[{\\\"[\":");
    buf_put_c(&b, "1");
    for (size_t i = levels; i-- > 0;)
        buf_put_c(&b, i % 2 ? "]" : "}");
    jx *doc = jx_parse(buf_str(&b), &why);
    buf_finish(&b);
    return doc;
}

static jx *wide(size_t elements, const char *element)
{
    struct buf b;
    struct jx_error why;
    buf_init(&b, 64 << 20);
    for (size_t i = 0; i < elements; i++)
        buf_printf(&b, "%s%s", i ? "," : "[", element);
    buf_put_c(&b, "]");
    jx *doc = jx_parse(buf_str(&b), &why);
    buf_finish(&b);
    return doc;
}

static void test_limits(void **state)
{
    (void)state;
    jx *doc;
    jx_free(doc = nested(JX_DEPTH_MAX));
    assert_non_null(doc);
    assert_null(nested(JX_DEPTH_MAX + 1));
    assert_null(nested(20000));
    jx_free(doc = wide(JX_CONTAINERS_MAX - 1, "[]"));
    assert_non_null(doc);
    assert_null(wide(JX_CONTAINERS_MAX, "[]")); /* with the list itself one too many */
    jx_free(doc = wide(JX_VALUES_MAX + 1, "1"));
    assert_non_null(doc);
    assert_null(wide(JX_VALUES_MAX + 2, "1"));
}

static void assert_reads(struct str in, struct str out)
{
    struct jx_error why;
    jx *doc = jx_parse(in, &why);
    if (!doc)
        fail_msg("%.*s: %s", STR_ARG(in), why.text);
    if (!str_eq(jx_str(doc), out))
        fail_msg("%.*s: %.*s", STR_ARG(in), STR_ARG(jx_str(doc)));
    jx_free(doc);
}

static void test_repaired_texts(void **state)
{
    (void)state;
    assert_reads(S("\"a\xff z\""), S("a\xEF\xBF\xBD z"));
    assert_reads(S("\"\\ud800\""), S("\xEF\xBF\xBD"));
    assert_reads(S("\"\\udc00x\""), S("\xEF\xBF\xBDx"));
    assert_reads(S("\"\\ud800\\u0041\""), S("\xEF\xBF\xBD\x41"));
    assert_reads(S("\"\\ud83d\\ude42\""), S("\xF0\x9F\x99\x82"));
    assert_reads(S("\"\xff\\ud83d\\ude42\\\\ud800\\\"\""),
                 S("\xEF\xBF\xBD\xF0\x9F\x99\x82\\ud800\""));
    assert_reads(S("\"x\\u0000y\""), S("x\0y"));
    assert_reads(S("\xEF\xBB\xBF\"bom\""), S("bom"));
    struct jx_error why;
    assert_null(jx_parse(S("\"\xff"), &why));
    assert_null(jx_parse(S("\"\\\xff\""), &why));
}

/* The same text, its first byte as an escape: that literal is read byte by byte. */
static void put_escaped(struct buf *b, struct str s)
{
    buf_printf(b, "\"\\u%04x%.*s\"", (unsigned)s.p[0], (int)s.n - 1, s.p + 1);
}

/* Long plain values take another way than short ones and those with escapes, to the same end. */
static void test_values_of_all_lengths(void **state)
{
    (void)state;
    enum { N = 3000 };
    struct buf plain, escaped;
    struct jx_error why;
    char text[64];
    buf_init(&plain, 1 << 20);
    buf_init(&escaped, 1 << 20);
    for (int i = 0; i < N; i++) {
        struct str s = {text, (size_t)snprintf(text, sizeof(text), "%.*s%d\xC3\xBC", i % 40,
                                               "text { of [ many : , lengths ] and } more", i)};
        buf_printf(&plain, "%s\"%s\" \t:\"%s\"", i ? "," : "{", text, text);
        buf_put_c(&escaped, i ? "," : "{");
        put_escaped(&escaped, s);
        buf_put_c(&escaped, " : ");
        put_escaped(&escaped, s);
    }
    buf_put_c(&plain, "}");
    buf_put_c(&escaped, "}");
    jx *a = jx_parse(buf_str(&plain), &why), *b = jx_parse(buf_str(&escaped), &why);
    char *as = jx_dump(a), *bs = jx_dump(b);
    assert_int_equal(jx_len(a), N);
    assert_string_equal(as, bs);
    free(as);
    free(bs);
    jx_free(a);
    jx_free(b);
    buf_finish(&plain);
    buf_finish(&escaped);
}

/* What stands for a long value while Jansson reads the document is no text of anybody. */
static void test_nothing_is_taken_for_a_stand_in(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "[\"a long plain value\",\"\x7f"
        "0\"]",
        "[\"a long plain value\",\"\\u007f0\"]",
        "[\"a long plain value\",\"\\u007F0\"]",
        "[\"a long plain value\",[{\"\x7f"
        "0\":\"\x7f"
        "0\"}]]",
        "[\"a long plain value\",\"\x7f"
        "0 and more\\n\"]",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct jx_error why;
        jx *doc = jx_parse(str_c(rows[i]), &why);
        const jx *v = jx_at(doc, 1);
        if (jx_type(v) == JX_ARRAY)
            v = jx_get(jx_at(v, 0), "\x7f"
                                    "0");
        assert_true(str_eq(jx_str(jx_at(doc, 0)), S("a long plain value")));
        if (!str_starts(jx_str(v), S("\x7f"
                                     "0")))
            fail_msg("%s: %.*s", rows[i], STR_ARG(jx_str(v)));
        jx_free(doc);
    }
}

static void test_long_values(void **state)
{
    (void)state;
    struct jx_error why;
    assert_reads(S("\"a long plain value\""), S("a long plain value"));
    assert_reads(S("\"a long \xff value\""), S("a long \xEF\xBF\xBD value"));
    assert_reads(S("\"a long value\\\\\""), S("a long value\\"));
    assert_reads(S("\"a long \\\"value\""), S("a long \"value"));
    assert_null(jx_parse(S("\"a long value without an end"), &why));
    assert_null(jx_parse(S("\"a long value without an end\\\""), &why));
    assert_null(jx_parse(S("[\"a long plain value\",\n\"a long \x01 value\"]"), &why));
    assert_non_null(strstr(why.text, "line 2")); /* of what was sent */
}

static void test_numbers(void **state)
{
    (void)state;
    struct jx_error why;
    jx *doc = jx_parse(S("[12, 12.0, 1.5, 1e300, \"12\", 9223372036854775807, true]"), &why);
    int64_t n = 0;
    assert_true(jx_int(jx_at(doc, 0), &n) && n == 12);
    assert_true(jx_int(jx_at(doc, 1), &n) && n == 12);
    assert_false(jx_int(jx_at(doc, 2), &n));
    assert_false(jx_int(jx_at(doc, 3), &n));
    assert_false(jx_int(jx_at(doc, 4), &n));
    assert_true(jx_int(jx_at(doc, 5), &n) && n == INT64_MAX);
    assert_true(jx_num(jx_at(doc, 2), 0) == 1.5);
    assert_true(jx_num(jx_at(doc, 4), -1) == -1);
    assert_true(jx_bool(jx_at(doc, 6), false));
    assert_true(jx_bool(jx_at(doc, 0), true));
    jx_free(doc);
    doc = jx_parse(S("[99999999999999999999999]"), &why); /* one big number costs no batch */
    assert_non_null(doc);
    assert_true(jx_num(jx_at(doc, 0), 0) > 9e22);
    jx_free(doc);
}

static void test_looking(void **state)
{
    (void)state;
    struct jx_error why;
    jx *doc = jx_parse(S("{\"b\":[1,null],\"a\":{\"x\":\"y\"},\"a.b\":0.57}"), &why);
    assert_int_equal(jx_len(doc), 3);
    assert_int_equal(jx_len(jx_get(doc, "b")), 2);
    assert_int_equal(jx_len(jx_at(jx_get(doc, "b"), 0)), 0);
    assert_null(jx_at(jx_get(doc, "b"), 2));
    assert_null(jx_at(doc, 0));
    assert_null(jx_get(jx_get(doc, "b"), "x"));
    assert_null(jx_get(NULL, "x"));
    assert_null(jx_get_str(doc, STR_NONE));
    assert_int_equal(jx_type(jx_get_str(doc, S("a.b"))), JX_NUMBER);
    assert_null(jx_str(doc).p);
    assert_true(str_eq(jx_str(jx_get(jx_get(doc, "a"), "x")), S("y")));
    struct str key, keys[3];
    const jx *value;
    size_t n = 0;
    for (void *it = NULL; jx_next(doc, &it, &key, &value);)
        keys[n++] = key;
    assert_int_equal(n, 3);
    assert_true(str_eq(keys[0], S("b")) && str_eq(keys[2], S("a.b")));
    void *it = NULL;
    assert_false(jx_next(NULL, &it, &key, &value));
    char *text = jx_dump(doc);
    assert_string_equal(text, "{\"b\":[1,null],\"a\":{\"x\":\"y\"},\"a.b\":0.57}");
    free(text);
    assert_null(jx_dump(NULL));
    jx_free(doc);
    jx_free(NULL);
    doc = jx_parse(S("{\"a\":1,\"a\":2}"), &why);
    int64_t last = 0;
    assert_true(jx_int(jx_get(doc, "a"), &last) && last == 2);
    jx_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accept_and_refuse),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_repaired_texts),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_looking),
        cmocka_unit_test(test_values_of_all_lengths),
        cmocka_unit_test(test_nothing_is_taken_for_a_stand_in),
        cmocka_unit_test(test_long_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
