/*
 * cli.h - what the commands of triagectl share. One file cmd_NAME.c a group of commands, and one
 * row in commands.c each.
 */
#ifndef TRIAGED_CLI_CLI_H
#define TRIAGED_CLI_CLI_H

#include <stdio.h>

#include "triaged/base/mem.h"
#include "triaged/rules/ruleset.h"

/* Documented in triagectl(1). */
enum {
    CLI_OK = 0,
    CLI_FAILED = 1,      /* refused, not found, or something is wrong with what was given */
    CLI_USAGE = 2,       /* wrong arguments */
    CLI_UNREACHABLE = 3, /* the daemon does not answer, or cannot at the moment */
    CLI_DENIED = 4,      /* no token, a wrong one, or one whose role does not allow it */
};

#define CLI_CONFIG TRIAGED_SYSCONFDIR "/triaged/triaged.yaml"

/* An option of a command: --name ARG. */
struct cli_option {
    const char *name;
    char letter;      /* -x, or 0 */
    const char *arg;  /* NULL: takes none; "a|b|c": one of these; else a word for the help */
    const char *help; /* lower case, no full stop */
};

struct command {
    const char *name;    /* one word or two: "check", "rules test" */
    const char *args;    /* for the usage line */
    const char *summary; /* one line */
    const char *help;    /* more, or "" */
    int (*run)(const struct command *self, int argc, char **argv); /* argv[0] = last word of name */
    const struct cli_option *options; /* up to a row without a name; NULL: those named in help */
    bool is_client;                   /* asks the daemon: the common options hold too */
    const void *data;                 /* the command's own */
};

/* A heading in the list of commands, and the commands below it. */
struct command_group {
    const char *title;
    const struct command *const *commands;
    size_t n;
};

/* commands.c */
extern const struct command_group command_groups[];
extern const size_t command_groups_n;
/* The command whose words argv begins with, the longest name first; *words of them. Or NULL. */
const struct command *command_find(int argc, char **argv, int *words);
/* The name nearest to word, or NULL. */
const char *command_nearest(const char *word);

/* help.c */
/* The list of all commands. */
void cli_list_commands(FILE *f);
/* usage: triagectl NAME ARGS, summary, help, options */
void cli_help(const struct command *c, FILE *f);
/* "triagectl: ..." and the usage line on standard error; returns CLI_USAGE. */
int cli_usage_error(const struct command *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* "triagectl: ..." on standard error. */
void cli_complain(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* cmd_check.c: loads and compiles a configuration; NULL after having said what is wrong. */
struct ruleset *cli_load(const char *file);

#endif
