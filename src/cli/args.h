/*
 * args.h - the options and words that a command was given, checked against its rows.
 */
#ifndef TRIAGED_CLI_ARGS_H
#define TRIAGED_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli.h"

enum { ARGS_GIVEN_MAX = 256, ARGS_OPTIONS_MAX = 64 };

struct cli_args {
    struct {
        const char *name, *value; /* value "" for one without argument */
    } given[ARGS_GIVEN_MAX];
    size_t n;
    char **words;
    size_t n_words;
};

/* The options that every command which asks the daemon has. */
extern const struct cli_option common_options[];

/*
 * -1 when the command shall go on, else its exit status: help was asked for, or something is wrong
 * and was said. Everything in *out is borrowed from argv.
 */
int args_parse(const struct command *self, int argc, char **argv, struct cli_args *out);
/* The last value of an option, or NULL. */
const char *args_get(const struct cli_args *a, const char *name);
bool args_has(const struct cli_args *a, const char *name);
/* The i-th value of an option that may be given several times, or NULL. */
const char *args_nth(const struct cli_args *a, const char *name, size_t i);
/* Calls fn for every option of a command; those without rows are read from its help text. */
void args_each_option(const struct command *c,
                      void (*fn)(void *arg, const struct cli_option *option), void *arg);

#endif
