/*
 * test_rules_errors.c - rules that cannot be compiled: every error, once, with its place.
 */
#include "rules_util.h"

static void errors_have_a_place(void **state)
{
    static const struct {
        const char *yaml, *said;
    } rows[] = {
        {"rules:\n  - name: r\n    match: ['a=\"x\"', 'foo']\n",
         "t.yaml:3:22: rules[0].match[1]: bad matcher format: foo (expected one of =, !=, =~, !~ "
         "at offset 3)\n"},
        {"rules:\n  - name: r\n    match: ['a=~\"(?=x)\"']\n",
         "t.yaml:3:13: rules[0].match[0]: bad regex: RE2 has no look-ahead: (?= at offset 0\n"},
        {"rules:\n  - name: r\n    match: ['a=\"x\"']\n    set: {title: \"x {{y\"}\n",
         "t.yaml:4:18: rules[0].set.title: a placeholder that is not closed with }}\n"},
        {"rules:\n  - name: r\n    match: ['a=\"x\"']\n    set: {title: \"x {{}}\"}\n",
         "t.yaml:4:18: rules[0].set.title: an empty placeholder {{}}\n"},
        {"rules:\n  - name: r\n    match: ['a=\"x\"']\n    runbook: \"x {{ y | z }}\"\n",
         "t.yaml:4:14: rules[0].runbook: a placeholder must be a plain name, as in {{instance}}\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *said;
        struct ruleset *rs = compile_yaml(rows[i].yaml, &said);
        assert_null(rs);
        if (strcmp(said, rows[i].said) != 0)
            fail_msg("--- got\n%s--- expected\n%s", said, rows[i].said);
        free(said);
    }
}

/* Of a file with errors of both kinds one run names all, and none twice. */
static void all_errors_in_one_run(void **state)
{
    (void)state;
    char *text;
    assert_null(compile_yaml("rules:\n"
                             "  - {name: a, match: ['x=~\"(\"', 'y'], nonsense: 1}\n"
                             "  - {name: b, match: ['x=\"1\"', 7, ''], known_error: KE-9, set: "
                             "{team: nobody, title: \"{{x\"}}\n"
                             "maintenance:\n"
                             "  - {name: m, match: ['z=~\"[\"'], weekly: {days: [sun], from: "
                             "\"02:00\", to: \"03:00\", zone: Mars/Base}}\n",
                             &text));
    static const char *const parts[] = {"t.yaml:2:23: rules[0].match[0]: bad regex",
                                        "rules[0].match[1]: bad matcher",
                                        "nonsense",
                                        "KE-9",
                                        "nobody",
                                        "maintenance[0].match[0]: bad regex",
                                        "\"Mars/Base\" is not"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const char *at = strstr(text, parts[i]);
        if (!at || strstr(at + 1, parts[i]))
            fail_msg("\"%s\" once in:\n%s", parts[i], text);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_have_a_place),
        cmocka_unit_test(all_errors_in_one_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
