/* test_severity.c - the words for how bad it is. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "triaged/alert/severity.h"
#include "triaged/base/mem.h"

static const struct {
    const char *word;
    enum severity severity;
    const char *class;
} rows[] = {
    {"emerg", SEVERITY_EMERG, "critical"},   {"panic", SEVERITY_EMERG, "critical"},
    {"alert", SEVERITY_ALERT, "critical"},   {"CRITICAL", SEVERITY_CRIT, "critical"},
    {"page", SEVERITY_CRIT, "critical"},     {"Disaster", SEVERITY_CRIT, "critical"},
    {"fatal", SEVERITY_CRIT, "critical"},    {"sev1", SEVERITY_CRIT, "critical"},
    {"P1", SEVERITY_CRIT, "critical"},       {"high", SEVERITY_CRIT, "critical"},
    {"error", SEVERITY_ERR, "error"},        {"major", SEVERITY_ERR, "error"},
    {"p2", SEVERITY_ERR, "error"},           {"warn", SEVERITY_WARNING, "warning"},
    {"ticket", SEVERITY_WARNING, "warning"}, {"Average", SEVERITY_WARNING, "warning"},
    {"sev3", SEVERITY_WARNING, "warning"},   {"notice", SEVERITY_NOTICE, "info"},
    {" info ", SEVERITY_INFO, "info"},       {"none", SEVERITY_INFO, "info"},
    {"ok", SEVERITY_INFO, "info"},           {"low", SEVERITY_INFO, "info"},
    {"debug", SEVERITY_DEBUG, "info"},       {"", SEVERITY_NONE, "warning"},
    {"critica", SEVERITY_NONE, "warning"},   {"criticals", SEVERITY_NONE, "warning"},
};

static void test_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum severity s = severity_from_name(str_c(rows[i].word));
        if (s != rows[i].severity)
            fail_msg("%s: %d", rows[i].word, (int)s);
        assert_string_equal(severity_class(s), rows[i].class);
    }
}

static void test_names(void **state)
{
    (void)state;
    for (int s = SEVERITY_EMERG; s <= SEVERITY_DEBUG; s++)
        assert_int_equal(severity_from_name(str_c(severity_name((enum severity)s))), s);
    assert_string_equal(severity_name(SEVERITY_WARNING), "warning");
    assert_string_equal(severity_name(SEVERITY_NONE), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
