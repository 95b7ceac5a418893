/*
 * test_form.c - bodies of requests against tables of fields: what is written, what is refused and
 * where the fault is said to be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "form.h"
#include "verb_forms.h"
#include "triaged/base/mem.h"

static const char *const colours[] = {"red", "green", NULL};
static const struct field inner_fields[] = {
    {.name = "text", .type = FIELD_TEXT, .flags = FORM_REQUIRED}, {.name = NULL}};
static const struct form inner = {inner_fields, NULL};
static const struct field also_fields[] = {{.name = "also", .type = FIELD_COUNT}, {.name = NULL}};
static const struct form also = {also_fields, NULL};
static const struct field fields[] = {
    {.name = "text", .type = FIELD_TEXT, .max = 8},
    {.name = "name", .type = FIELD_NAME},
    {.name = "word", .type = FIELD_WORD, .words = colours},
    {.name = "flag", .type = FIELD_BOOL},
    {.name = "time", .type = FIELD_TIME},
    {.name = "span", .type = FIELD_SPAN},
    {.name = "names", .type = FIELD_NAMES, .max = 2, .item_max = 3},
    {.name = "one", .type = FIELD_FORM, .of = &inner},
    {.name = "many", .type = FIELD_FORMS, .max = 2, .of = &inner},
    {.name = "ours", .type = FIELD_NAME, .flags = FORM_UNWRITTEN},
    {.name = NULL},
};
static const struct form form = {fields, &also};

static bool read_text(const struct form *f, const char *json, struct buf *out,
                      struct form_error *why)
{
    struct jx_error error;
    jx *doc = jx_parse(str_c(json), &error);
    bool ok;

    assert_non_null(doc);
    buf_init(out, 1 << 20);
    ok = form_read(f, doc, out, why);
    jx_free(doc);
    return ok;
}

static void test_written(void **state)
{
    static const struct {
        const char *json, *want;
    } rows[] = {
        {"{}", ""},
        {"{\"text\":\"12345678\"}", "\"text\":\"12345678\""},
        {"{\"text\":\"\"}", "\"text\":\"\""},
        {"{\"text\":null}", ""},
        {"{\"word\":\"green\",\"flag\":false}", "\"word\":\"green\",\"flag\":false"},
        {"{\"time\":\"1970-01-01T00:00:01.5+00:00\"}", "\"time\":1500"},
        {"{\"span\":\"1h30m\"}", "\"span\":5400000"},
        {"{\"span\":250}", "\"span\":250"},
        {"{\"names\":[\"abc\",\"d\"]}", "\"names\":[\"abc\",\"d\"]"},
        {"{\"names\":[]}", "\"names\":[]"},
        {"{\"one\":{\"text\":\"x\"}}", "\"one\":{\"text\":\"x\"}"},
        {"{\"many\":[{\"text\":\"x\"},{\"text\":\"y\"}]}",
         "\"many\":[{\"text\":\"x\"},{\"text\":\"y\"}]"},
        {"{\"ours\":\"x\",\"also\":7}", "\"also\":7"},
        {"{\"also\":7,\"ours\":\"x\",\"flag\":true}", "\"also\":7,\"flag\":true"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct form_error why;
        struct buf out;

        if (!read_text(&form, rows[i].json, &out, &why) || !str_eq_c(buf_str(&out), rows[i].want))
            fail_msg("%s: %.*s", rows[i].json, STR_ARG(buf_str(&out)));
        buf_finish(&out);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *json, *path, *text;
    } rows[] = {
        {"[]", "", "JSON object"},
        {"7", "", "JSON object"},
        {"{\"text\":\"123456789\"}", "text", "at most 8 bytes"},
        {"{\"text\":7}", "text", "must be a text"},
        {"{\"text\":\"a\\u0000\"}", "text", "U+0000"},
        {"{\"name\":\"\"}", "name", "not be empty"},
        {"{\"name\":\"a\\tb\"}", "name", "control"},
        {"{\"word\":\"blue\"}", "word", "red, green"},
        {"{\"flag\":1}", "flag", "true or false"},
        {"{\"also\":-1}", "also", "whole number"},
        {"{\"also\":1.5}", "also", "whole number"},
        {"{\"also\":9000000000000001}", "also", "whole number"},
        {"{\"time\":\"tomorrow\"}", "time", "2026-11-24T18:00:00Z"},
        {"{\"time\":\"1969-01-01T00:00:00Z\"}", "time", "must be a time"},
        {"{\"span\":\"long\"}", "span", "30m"},
        {"{\"span\":-5}", "span", "whole number"},
        {"{\"names\":\"a\"}", "names", "must be a list"},
        {"{\"names\":[\"a\",\"b\",\"c\"]}", "names", "at most 2 members"},
        {"{\"names\":[\"a\",\"bcde\"]}", "names[1]", "at most 3 bytes"},
        {"{\"one\":[]}", "one", "must be an object"},
        {"{\"one\":{}}", "one.text", "is missing"},
        {"{\"many\":[{\"text\":\"x\"},{\"txt\":\"y\"}]}", "many[1].txt", "did you mean text?"},
        {"{\"tex\":\"x\"}", "tex", "did you mean text?"},
        {"{\"\":\"x\"}", "", "not known"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct form_error why;
        struct buf out;

        if (read_text(&form, rows[i].json, &out, &why))
            fail_msg("%s was taken", rows[i].json);
        if (strcmp(why.path, rows[i].path) != 0 || !strstr(why.text, rows[i].text))
            fail_msg("%s: %s: %s", rows[i].json, why.path, why.text);
        buf_finish(&out);
    }
}

/* Nobody may say in a body what the daemon says in the item. */
static void test_no_verb_takes_what_is_ours(void **state)
{
    static const char *const verbs[] = {"acknowledge", "assign",  "close",  "confirm", "escalate",
                                        "lower",       "merge",   "note",   "raise",   "release",
                                        "reopen",      "resolve", "snooze", "update",  "verify"};
    static const char *const ours[] = {"verb", "role", "at", "uid", "id", "url_base"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        assert_non_null(verb_form(str_c(verbs[i])));
        for (size_t k = 0; k < ARRAY_LEN(ours); k++) {
            char json[64];
            struct form_error why;
            struct buf out;

            snprintf(json, sizeof(json), "{\"%s\":\"x\"}", ours[k]);
            assert_false(read_text(verb_form(str_c(verbs[i])), json, &out, &why));
            assert_string_equal(why.path, ours[k]);
            buf_finish(&out);
        }
    }
    assert_null(verb_form(S("explode")));
    assert_null(verb_form(S("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_verb_takes_what_is_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
