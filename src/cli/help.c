/*
 * help.c - what triagectl says about itself, and how it complains.
 * Owns nothing. Called by: main.c, every command.
 */
#include "cli.h"

#include <stdarg.h>
#include <string.h>

#include "args.h"

enum { NAME_WIDTH = 18, OPTION_WIDTH = 24 };

void cli_list_commands(FILE *f)
{
    fputs("usage: triagectl COMMAND [ARGUMENTS]\n", f);
    for (size_t g = 0; g < command_groups_n; g++) {
        const struct command_group *group = &command_groups[g];

        fprintf(f, "\n%s\n", group->title);
        for (size_t i = 0; i < group->n; i++)
            fprintf(f, "  %-*s %s\n", NAME_WIDTH, group->commands[i]->name,
                    group->commands[i]->summary);
    }
    fputs("  help [COMMAND]     Print this, or a command's options.\n"
          "  --version          Print the version.\n"
          "\n"
          "The daemon is found through --url, TRIAGED_URL, or \"url\" in ~/.config/triagectl.yaml "
          "or\n" TRIAGED_SYSCONFDIR
          "/triaged/triagectl.yaml; so is the token. Exit status: 0 done, 1 refused, not found "
          "or\n"
          "wrong, 2 wrong arguments, 3 the daemon cannot be reached, 4 not allowed. See "
          "triagectl(1).\n",
          f);
}

static void print_option(FILE *f, const struct cli_option *o)
{
    char left[96], letter[8] = "";
    bool choices = o->arg && strchr(o->arg, '|');

    if (o->letter)
        snprintf(letter, sizeof(letter), "-%c, ", o->letter);
    snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name, o->arg ? " " : "",
             o->arg ? o->arg : "");
    if (choices || strlen(left) > OPTION_WIDTH)
        fprintf(f, "  %s\n  %*s %s\n", left, OPTION_WIDTH, "", o->help);
    else
        fprintf(f, "  %-*s %s\n", OPTION_WIDTH, left, o->help);
}

static void print_options(FILE *f, const char *title, const struct cli_option *rows)
{
    if (rows && rows->name)
        fprintf(f, "\n%s\n", title);
    for (; rows && rows->name; rows++)
        print_option(f, rows);
}

void cli_help(const struct command *c, FILE *f)
{
    fprintf(f, "usage: triagectl %s%s%s\n\n%s\n%s%s", c->name, *c->args ? " " : "", c->args,
            c->summary, *c->help ? "\n" : "", c->help);
    print_options(f, "Options", c->options);
    if (c->is_client)
        print_options(f, "Options of every command that asks the daemon", common_options);
}

void cli_complain(const char *fmt, ...)
{
    va_list ap;

    fflush(stdout);
    va_start(ap, fmt);
    fputs("triagectl: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputs("\n", stderr);
    va_end(ap);
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
