/*
 * main.c - triagectl: the table of its commands, and how one is found.
 *
 *   cmd_check.c     check, config reference
 *   cmd_rules.c     rules test: arguments
 *     rules_input.c   words, JSON lines and payloads become alerts
 *     rules_output.c  verdict and trace, for people and for programs
 *   cmd_decode.c    decode: arguments, lines and streams
 *     decode_cases.c  messages with their circumstances, as JSON lines
 *     decode_output.c the decoded message as JSON
 *
 * A new command is a file cmd_NAME.c and a row here. Exit status: 0 done, 1 something is wrong with
 * what was given (and said on standard error), 2 wrong arguments.
 */
#include "cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct command *const commands[] = {
    &cmd_check,
    &cmd_config_reference,
    &cmd_decode,
    &cmd_rules_test,
};

static void list_commands(FILE *f)
{
    fputs("usage: triagectl COMMAND [ARGUMENTS]\n\n", f);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        fprintf(f, "  %-18s %s\n", commands[i]->name, commands[i]->summary);
    fputs("  help [COMMAND]     print this, or a command's options\n"
          "  --version          print the version\n"
          "\n"
          "Exit status: 0 done, 1 something is wrong with what was given, 2 wrong arguments.\n"
          "See triagectl(1).\n",
          f);
}

void cli_help(const struct command *c, FILE *f)
{
    fprintf(f, "usage: triagectl %s%s%s\n\n%s\n%s%s", c->name, *c->args ? " " : "", c->args,
            c->summary, *c->help ? "\n" : "", c->help);
}

int cli_usage_error(const struct command *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("triagectl: ", stderr);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\nusage: triagectl %s%s%s\nTry: triagectl help %s\n", c->name,
            *c->args ? " " : "", c->args, c->name);
    return CLI_USAGE;
}

struct ruleset *cli_load(const char *file)
{
    struct diag why;
    diag_init(&why);
    struct conf *conf = conf_load(file, &why);
    struct ruleset *rules = conf ? ruleset_create(conf, &why) : NULL;
    conf_unref(conf);
    diag_print(&why, stderr);
    diag_finish(&why);
    return rules;
}

/* The command whose words argv begins with, the longest name first; *words of them. */
static const struct command *find_command(int argc, char **argv, int *words)
{
    const struct command *found = NULL;
    *words = 0;
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        char name[64];
        const char *second = strchr(commands[i]->name, ' ');
        int n = second ? 2 : 1;
        if (n > argc || n <= *words)
            continue;
        snprintf(name, sizeof(name), "%s%s%s", argv[0], n == 2 ? " " : "", n == 2 ? argv[1] : "");
        if (strcmp(name, commands[i]->name) == 0) {
            found = commands[i];
            *words = n;
        }
    }
    return found;
}

static int unknown_command(const char *word)
{
    const char *names[ARRAY_LEN(commands)];
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        names[i] = commands[i]->name;
    const char *near = str_nearest(str_c(word), names, ARRAY_LEN(names));
    fprintf(stderr, "triagectl: unknown command \"%s\"", word);
    if (near)
        fprintf(stderr, " (did you mean \"%s\"?)", near);
    fputs("\n", stderr);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (str_starts(str_c(commands[i]->name), str_c(word)))
            fprintf(stderr, "  triagectl %s\n", commands[i]->name);
    return CLI_USAGE;
}

static int help(int argc, char **argv)
{
    int words;
    const struct command *c = find_command(argc, argv, &words);
    if (argc == 0)
        list_commands(stdout);
    else if (c)
        cli_help(c, stdout);
    else
        return unknown_command(argv[0]);
    return CLI_OK;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        list_commands(stderr);
        return CLI_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0) {
        puts("triagectl " TRIAGED_VERSION);
        return CLI_OK;
    }
    if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return help(argc - 2, argv + 2);
    int words;
    const struct command *c = find_command(argc - 1, argv + 1, &words);
    if (!c)
        return unknown_command(word);
    int status = c->run(c, argc - words, argv + words);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("triagectl: cannot write to standard output\n", stderr);
        return CLI_FAILED;
    }
    return status;
}
