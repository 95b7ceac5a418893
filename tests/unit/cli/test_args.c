/*
 * Options and words of a command; the table of commands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <string.h>

#include "args.h"
#include "commands.h"

static const struct cli_option options[] = {
    {"team", 't', "TEAM", "of this team"},
    {"state", 's', "open|closed", "in this state"},
    {"wait", 'w', NULL, "wait"},
    {NULL, 0, NULL, NULL},
};
static const struct command command = {.name = "try",
                                       .args = "",
                                       .summary = "Try.",
                                       .help = "",
                                       .options = options,
                                       .is_client = true};

static struct cli_args args;

static int parse(const char *line)
{
    static char copy[256], *argv[32];
    int argc = 0;

    snprintf(copy, sizeof(copy), "%s", line);
    for (char *p = strtok(copy, " "); p; p = strtok(NULL, " "))
        argv[argc++] = p;
    argv[argc] = NULL;
    return args_parse(&command, argc, argv, &args);
}

static void options_and_words(void **state)
{
    (void)state;
    assert_int_equal(parse("try NET-1 --team a -t b --wait x -- --y"), -1);
    assert_string_equal(args_get(&args, "team"), "b");
    assert_string_equal(args_nth(&args, "team", 0), "a");
    assert_string_equal(args_nth(&args, "team", 1), "b");
    assert_null(args_nth(&args, "team", 2));
    assert_true(args_has(&args, "wait"));
    assert_false(args_has(&args, "state"));
    assert_int_equal(args.n_words, 3);
    assert_string_equal(args.words[0], "NET-1");
    assert_string_equal(args.words[2], "--y");
    assert_int_equal(parse("try --json --url=http://h"), -1);
    assert_true(args_has(&args, "json"));
    assert_string_equal(args_get(&args, "url"), "http://h");
}

static void wrong_options(void **state)
{
    static const char *const lines[] = {
        "try --tema x", "try --state broken", "try --state", "try -q", "try --wait=5", "try -s",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_int_equal(parse(lines[i]), CLI_USAGE);
    assert_int_equal(parse("try --state open"), -1);
}

static void limit_of_options(void **state)
{
    static char name[] = "try", option[] = "-w", *argv[3 + ARGS_GIVEN_MAX];
    int n = 0;

    (void)state;
    argv[n++] = name;
    while (n <= ARGS_GIVEN_MAX)
        argv[n++] = option;
    assert_int_equal(args_parse(&command, n, argv, &args), -1);
    assert_int_equal(args.n, ARGS_GIVEN_MAX);
    argv[n++] = option;
    assert_int_equal(args_parse(&command, n, argv, &args), CLI_USAGE);
}

/* ---- the table of commands ------------------------------------------------------------------- */

static void find_by_words(void **state)
{
    char review[] = "review", show[] = "show", list[] = "list", id[] = "NET-1";
    char *two[] = {review, show, id}, *one[] = {list, show}, *none[] = {review};
    int words;

    (void)state;
    assert_string_equal(command_find(3, two, &words)->name, "review show");
    assert_int_equal(words, 2);
    assert_string_equal(command_find(2, one, &words)->name, "list");
    assert_int_equal(words, 1);
    assert_null(command_find(1, none, &words));
    assert_null(command_find(0, none, &words));
    assert_string_equal(command_nearest("lsit"), "list");
    assert_null(command_nearest("zzzzzzzz"));
}

struct options_seen {
    const char *command;
    char names[ARGS_OPTIONS_MAX][32];
    char letters[ARGS_OPTIONS_MAX];
    size_t n;
};

static void see_option(void *arg, const struct cli_option *o)
{
    struct options_seen *seen = arg;

    for (size_t i = 0; i < seen->n; i++) {
        if (o->letter && seen->letters[i] == o->letter)
            fail_msg("%s: -%c twice", seen->command, o->letter);
    }
    assert_in_range(seen->n, 0, ARGS_OPTIONS_MAX - 1);
    seen->letters[seen->n] = o->letter;
    snprintf(seen->names[seen->n++], sizeof(seen->names[0]), "%s", o->name);
}

static void every_row_is_sound(void **state)
{
    (void)state;
    for (size_t g = 0; g < command_groups_n; g++) {
        for (size_t i = 0; i < command_groups[g].n; i++) {
            const struct command *c = command_groups[g].commands[i];
            struct options_seen seen = {.command = c->name};

            assert_non_null(c->run);
            assert_non_null(c->help);
            if (c->summary[strlen(c->summary) - 1] != '.')
                fail_msg("%s: a summary is a sentence", c->name);
            args_each_option(c, see_option, &seen);
            if (c->is_client && seen.n < 8)
                fail_msg("%s: the common options are missing", c->name);
        }
    }
}

/* Commands whose options stand in their help text only. */
static void options_from_help(void **state)
{
    static const struct command c = {.name = "x",
                                     .args = "",
                                     .summary = "X.",
                                     .help = "  -c, --config FILE   the file\n"
                                             "      --json          as JSON\n"
                                             "and no --other\n"};
    struct options_seen seen = {.command = "x"};

    (void)state;
    args_each_option(&c, see_option, &seen);
    assert_int_equal(seen.n, 2);
    assert_string_equal(seen.names[0], "config");
    assert_int_equal(seen.letters[0], 'c');
    assert_string_equal(seen.names[1], "json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_words),  cmocka_unit_test(wrong_options),
        cmocka_unit_test(limit_of_options),   cmocka_unit_test(find_by_words),
        cmocka_unit_test(every_row_is_sound), cmocka_unit_test(options_from_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
