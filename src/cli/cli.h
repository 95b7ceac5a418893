/*
 * cli.h - what the commands of triagectl share. One file cmd_NAME.c and one row in main.c a
 * command.
 */
#ifndef TRIAGED_CLI_CLI_H
#define TRIAGED_CLI_CLI_H

#include <stdio.h>

#include "triaged/base/mem.h"
#include "triaged/rules/ruleset.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

#define CLI_CONFIG TRIAGED_SYSCONFDIR "/triaged/triaged.yaml"

struct command {
    const char *name;    /* one word or two: "check", "rules test" */
    const char *args;    /* for the usage line */
    const char *summary; /* one line */
    const char *help;    /* options and more, or "" */
    int (*run)(const struct command *self, int argc, char **argv); /* argv[0] = last word of name */
};

extern const struct command cmd_check;            /* cmd_check.c */
extern const struct command cmd_config_reference; /* cmd_check.c */
extern const struct command cmd_decode;           /* cmd_decode.c */
extern const struct command cmd_rules_test;       /* cmd_rules.c */

/* usage: triagectl NAME ARGS, summary, help */
void cli_help(const struct command *c, FILE *f);
/* "triagectl: ..." and the usage line on standard error; returns CLI_USAGE. */
int cli_usage_error(const struct command *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Loads and compiles a configuration; NULL after having said on standard error what is wrong. */
struct ruleset *cli_load(const char *file);

#endif
