/* test_report.c - diag and log: what a human reads. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "triaged/base/diag.h"
#include "triaged/base/log.h"

static void assert_rendered(const struct diag *d, size_t i, const char *expected)
{
    char *line = diag_item_render(&d->items[i]);
    assert_string_equal(line, expected);
    free(line);
}

static void test_diag(void **state)
{
    (void)state;
    struct diag d;
    diag_init(&d);
    diag_error(&d, "a.yaml", 3, 7, "rules[0].match", "unknown label \"%s\"", "x");
    diag_error(&d, NULL, 0, 0, "alerts[3]", "has no labels");
    diag_warning(&d, "a.yaml", 4, 0, NULL, "takes a restart");
    diag_error(&d, "a.yaml", 0, 9, "", "cannot be read");
    assert_rendered(&d, 0, "a.yaml:3:7: rules[0].match: unknown label \"x\"");
    assert_rendered(&d, 1, "alerts[3]: has no labels");
    assert_rendered(&d, 2, "a.yaml:4: warning: takes a restart");
    assert_rendered(&d, 3, "a.yaml: cannot be read");
    assert_int_equal(d.errors, 3);
    assert_int_equal(d.warnings, 1);
    diag_finish(&d);
    assert_int_equal(d.n, 0);
}

static void test_diag_limit(void **state)
{
    (void)state;
    struct diag d;
    diag_init(&d);
    for (int i = 0; i < DIAG_MAX + 2; i++)
        diag_error(&d, NULL, 0, 0, NULL, "%d", i);
    assert_int_equal(d.n, DIAG_MAX);
    assert_int_equal(d.errors, DIAG_MAX + 2);
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    diag_print(&d, f);
    fclose(f);
    assert_non_null(strstr(text, "\n49\n... and 2 more\n"));
    free(text);
    diag_finish(&d);
}

/* Standard error in a file for one call of log_line. */
static char logged[8192];
static FILE *capture;
static int saved_stderr;

static void capture_begin(void)
{
    capture = tmpfile();
    fflush(stderr);
    saved_stderr = dup(2);
    dup2(fileno(capture), 2);
}

static void capture_end(void)
{
    dup2(saved_stderr, 2);
    close(saved_stderr);
    rewind(capture);
    logged[fread(logged, 1, sizeof(logged) - 1, capture)] = 0;
    fclose(capture);
}

static void test_log_lines(void **state)
{
    (void)state;
    unsetenv("JOURNAL_STREAM");
    capture_begin();
    log_info("store", "connected to %s", "redis\nforged line\x1b[2J");
    log_debug("store", "not shown");
    capture_end();
    assert_int_equal(logged[4], '-');
    assert_non_null(strstr(logged, "Z info store: connected to redis forged line [2J\n"));
    assert_null(strstr(logged, "not shown"));
    log_set_level(LOG_ERROR_);
    capture_begin();
    log_warn("x", "hidden");
    capture_end();
    log_set_level(LOG_INFO_);
    assert_string_equal(logged, "");
    char longer[6000];
    memset(longer, 'a', sizeof(longer));
    capture_begin();
    log_error("x", "%.*s", (int)sizeof(longer), longer);
    capture_end();
    assert_int_equal(strlen(logged), 4096);
    assert_int_equal(logged[4095], '\n');
}

static void test_log_journal(void **state)
{
    (void)state;
    capture_begin();
    struct stat st;
    fstat(2, &st);
    char stream[64];
    snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_warn("net", "slow");
    setenv("JOURNAL_STREAM", "1:1", 1); /* inherited, but standard error is another file now */
    log_warn("net", "slow");
    capture_end();
    unsetenv("JOURNAL_STREAM");
    assert_int_equal(strncmp(logged, "<4>net: slow\n20", 15), 0);
}

static void test_log_levels(void **state)
{
    (void)state;
    enum log_level level;
    assert_true(log_level_from_name("debug", &level));
    assert_int_equal(level, LOG_DEBUG_);
    assert_true(log_level_from_name("warning", &level));
    assert_int_equal(level, LOG_WARN_);
    assert_false(log_level_from_name("loud", &level));
}

static void test_rate(void **state)
{
    (void)state;
    struct log_rate r = {.interval_ms = 100};
    uint64_t held = 99;
    assert_true(log_rate_pass(&r, 1000, &held));
    assert_int_equal(held, 0);
    assert_false(log_rate_pass(&r, 1001, &held));
    assert_false(log_rate_pass(&r, 1099, &held));
    assert_true(log_rate_pass(&r, 1100, &held));
    assert_int_equal(held, 2);
    assert_true(log_rate_pass(&r, 5, &held)); /* the clock was set back */
    struct log_rate plain = {0};
    assert_true(log_rate_pass(&plain, 0, &held));
    assert_false(log_rate_pass(&plain, 10000, &held));
    assert_true(log_rate_pass(&plain, 10001, &held));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_diag),       cmocka_unit_test(test_diag_limit),
        cmocka_unit_test(test_log_lines),  cmocka_unit_test(test_log_journal),
        cmocka_unit_test(test_log_levels), cmocka_unit_test(test_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
