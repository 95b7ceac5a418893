/*
 * Where the daemon is and who asks: options before environment before the user's file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "settings.h"

static char home[] = "/tmp/triagectl-test-XXXXXX";
static struct arena arena;
static struct diag why;
static struct settings s;

static void write_file(const char *name, const char *text)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", home, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* Settings of the options given as NAME, VALUE, … NULL. */
static bool find(const char *name, ...)
{
    struct cli_args args = {0};
    va_list ap;

    va_start(ap, name);
    for (; name; name = va_arg(ap, const char *)) {
        args.given[args.n].name = name;
        args.given[args.n++].value = va_arg(ap, const char *);
    }
    va_end(ap);
    diag_finish(&why);
    diag_init(&why);
    return settings_find(&s, &arena, &args, &why);
}

static void assert_setting(enum setting which, const char *want)
{
    if (want)
        assert_string_equal(s.values[which], want);
    else
        assert_null(s.values[which]);
}

static void assert_why(const char *part)
{
    char *line;

    assert_true(why.n > 0);
    line = diag_item_render(&why.items[0]);
    if (!strstr(line, part))
        fail_msg("\"%s\" is not in: %s", part, line);
    free(line);
}

static void nothing_set(void **state)
{
    (void)state;
    assert_true(find(NULL));
    assert_setting(SET_URL, SETTINGS_URL);
    assert_string_equal(s.url_from, "default");
    assert_setting(SET_TOKEN, NULL);
    assert_setting(SET_TEAM, NULL);
}

static void nearer_places_win(void **state)
{
    (void)state;
    write_file("triagectl.yaml", "url: http://file\nteam: net\nactor: alice\n");
    assert_true(find(NULL));
    assert_setting(SET_URL, "http://file");
    assert_non_null(strstr(s.url_from, "triagectl.yaml"));
    setenv("TRIAGED_URL", "http://env", 1);
    assert_true(find(NULL));
    assert_setting(SET_URL, "http://env");
    assert_string_equal(s.url_from, "TRIAGED_URL");
    assert_setting(SET_TEAM, "net");
    assert_true(find("url", "http://option", "actor", "bob", NULL));
    assert_setting(SET_URL, "http://option");
    assert_setting(SET_ACTOR, "bob");
    setenv("TRIAGED_URL", "", 1); /* as if not set */
    assert_true(find(NULL));
    assert_setting(SET_URL, "http://file");
    unsetenv("TRIAGED_URL");
}

static void tokens(void **state)
{
    char path[256];

    (void)state;
    write_file("token", "  s3cret\n");
    snprintf(path, sizeof(path), "%s/token", home);
    assert_true(find("token-file", path, NULL));
    assert_setting(SET_TOKEN, "s3cret");
    /* a token file of the options displaces a token of the environment, and the other way round */
    setenv("TRIAGED_TOKEN", "env", 1);
    assert_true(find("token-file", path, NULL));
    assert_setting(SET_TOKEN, "s3cret");
    assert_true(find(NULL));
    assert_setting(SET_TOKEN, "env");
    unsetenv("TRIAGED_TOKEN");
    assert_false(find("token-file", "/nowhere/token", NULL));
    assert_why("there is no such token file");
    assert_false(find("token", "two words", NULL));
    assert_why("printable ASCII");
    assert_false(find("token", "a\r\nX-Evil: 1", NULL));
    assert_false(find("token", "", NULL));
    assert_why("is empty");
}

static void files_with_errors(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"urll: x\n", "did you mean \"url\""},    {"colour: blue\n", "unknown key"},
        {"url: [a]\n", "must be a text"},         {"- a\n", "must be a mapping"},
        {"url: a\nurl: b\n", "triagectl.yaml:2"}, {"url: \"a\n", "triagectl.yaml"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        write_file("triagectl.yaml", rows[i].text);
        assert_false(find(NULL));
        assert_why(rows[i].want);
    }
    write_file("triagectl.yaml", "team:\nurl: ~\n"); /* says nothing */
    assert_true(find(NULL));
    assert_setting(SET_TEAM, NULL);
    assert_setting(SET_URL, SETTINGS_URL);
}

static void a_file_too_long(void **state)
{
    char *text = malloc(65538);

    (void)state;
    assert_non_null(text);
    memset(text, '#', 65537);
    text[65536] = '\0';
    write_file("triagectl.yaml", text);
    assert_true(find(NULL));
    text[65536] = '#';
    text[65537] = '\0';
    write_file("triagectl.yaml", text);
    assert_false(find(NULL));
    assert_why("too long");
    free(text);
}

static int set_up(void **state)
{
    static const char *const unset[] = {"TRIAGED_URL",  "TRIAGED_TOKEN", "TRIAGED_TOKEN_FILE",
                                        "TRIAGED_TEAM", "TRIAGED_ACTOR", "TRIAGED_CA_FILE"};

    (void)state;
    if (!mkdtemp(home))
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(unset); i++)
        unsetenv(unset[i]);
    setenv("XDG_CONFIG_HOME", home, 1);
    arena_init(&arena, 0);
    diag_init(&why);
    return 0;
}

static int tear_down(void **state)
{
    char path[256];

    (void)state;
    snprintf(path, sizeof(path), "%s/triagectl.yaml", home);
    unlink(path);
    snprintf(path, sizeof(path), "%s/token", home);
    unlink(path);
    rmdir(home);
    diag_finish(&why);
    arena_finish(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_set),     cmocka_unit_test(nearer_places_win),
        cmocka_unit_test(tokens),          cmocka_unit_test(files_with_errors),
        cmocka_unit_test(a_file_too_long),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
