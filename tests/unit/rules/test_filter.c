/*
 * test_filter.c - matchers on their own.
 */
#include "rules_util.h"

#include "triaged/rules/filter.h"

static const struct {
    const char *filter;
    bool match, empty; /* on the alert below; on no labels at all */
} rows[] = {
    {"{}", true, true},
    {"alertname=\"X\"", true, false},
    {"alertname=~\"X|Y\",job!=\"b\"", true, false},
    {"job!~\"a.*\"", false, true},
    {"none=\"\"", true, true},
    {"none!=\"\"", false, false},
    {"{alertname=X, job=b}", false, false},
    {"\"alertname\"=~\"[XY]\"", true, false},
};

static void filters(void **state)
{
    (void)state;
    struct arena a;
    struct str why;
    struct regex_scratch *s = regex_scratch_create();
    arena_init(&a, 0);
    struct alert al =
        make_alert(&a, SOURCE_PROMETHEUS, PAIRS("alertname=X", "job=abc", "@note=n", "source=own"));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct filter *f = filter_parse(str_c(rows[i].filter), &a, &why);
        assert_non_null(f);
        if (filter_match_labels(f, s, &al.labels) != rows[i].match ||
            filter_match_alert(f, s, &al) != rows[i].match ||
            filter_matches_empty(f, s) != rows[i].empty)
            fail_msg("%s", rows[i].filter);
        filter_destroy(f);
    }
    /* names as in rules, or as labels only */
    struct filter *f =
        filter_parse(S("annotation.note=n,source=prometheus,label.source=own"), &a, &why);
    assert_int_equal(filter_len(f), 3);
    assert_true(filter_match_alert(f, s, &al));
    assert_false(filter_match_labels(f, s, &al.labels));
    filter_destroy(f);
    assert_null(filter_parse(S("a=~\"(\""), &a, &why));
    assert_str(why, "bad regex of a: missing closing parenthesis at offset 1");
    assert_null(filter_parse(S("a"), &a, &why));
    filter_destroy(NULL);
    regex_scratch_destroy(s);
    arena_finish(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(filters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
