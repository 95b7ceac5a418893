/*
 * main.c - triagectl: finds the command and runs it.
 *
 *   commands.c      the table of commands        help.c      usage, help, complaints
 *   args.c          options and words            settings.c  URL, token, team, actor
 *   client.c        requests, answers, errors    api.c       HTTP (the only door to libcurl)
 *   term.c table.c when.c sse.c                  width and colours, tables, times, event streams
 *   incident.c card.c                            an incident in a word, in a line, in full
 *
 *   cmd_next.c      next                         cmd_incidents.c  list, show, open
 *   cmd_verbs.c     ack to merge                 cmd_explain.c    explain
 *   cmd_views.c     queues, automation, whoami   cmd_stats.c      stats, noise
 *   cmd_watch.c     watch                        cmd_reviews.c    reviews, review …
 *   cmd_records.c   problems, actions, known errors
 *   cmd_completion.c completion                  cmd_check.c      check, config reference
 *   cmd_rules.c     rules test (rules_input.c, rules_output.c)
 *   cmd_decode.c    decode (decode_cases.c, decode_output.c)
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include "args.h"

static int unknown_command(const char *word)
{
    const char *near = command_nearest(word);

    fprintf(stderr, "triagectl: unknown command \"%s\"", word);
    if (near)
        fprintf(stderr, " (did you mean \"%s\"?)", near);
    fputs("\n", stderr);
    for (size_t g = 0; g < command_groups_n; g++)
        for (size_t i = 0; i < command_groups[g].n; i++)
            if (str_starts(str_c(command_groups[g].commands[i]->name), str_c(word)))
                fprintf(stderr, "  triagectl %s\n", command_groups[g].commands[i]->name);
    return CLI_USAGE;
}

static int help(int argc, char **argv)
{
    int words;
    const struct command *c = command_find(argc, argv, &words);

    if (argc == 0)
        cli_list_commands(stdout);
    else if (c)
        cli_help(c, stdout);
    else
        return unknown_command(argv[0]);
    return CLI_OK;
}

/* Words of argv that are options before the command: "--url URL next". */
static int leading_options(int argc, char **argv)
{
    int n = 0;

    while (n < argc && argv[n][0] == '-' && strcmp(argv[n], "--") != 0) {
        const struct cli_option *o = common_options;

        while (o->name && strncmp(argv[n], "--", 2) == 0 && strcmp(argv[n] + 2, o->name) != 0)
            o++;
        n += o->name && o->arg && strncmp(argv[n], "--", 2) == 0 ? 2 : 1;
    }
    return n < argc ? n : argc;
}

static int run(int argc, char **argv)
{
    int before = leading_options(argc, argv), words, status;
    const struct command *c = command_find(argc - before, argv + before, &words);
    char **moved;

    if (before == argc) {
        fputs("triagectl: which command?\n", stderr);
        return CLI_USAGE;
    }
    if (!c)
        return unknown_command(argv[before]);
    /* last word of the name, the options that stood before it, the rest */
    moved = NEW_ARRAY(char *, (size_t)argc + 2);
    moved[0] = argv[before + words - 1];
    memcpy(moved + 1, argv, (size_t)before * sizeof(*argv));
    memcpy(moved + 1 + before, argv + before + words,
           (size_t)(argc - before - words) * sizeof(*argv));
    status = c->run(c, argc - words + 1, moved);
    free(moved);
    return status;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;
    int status;

    if (!word) {
        cli_list_commands(stderr);
        return CLI_USAGE;
    }
    if (strcmp(word, "--version") == 0)
        puts("triagectl " TRIAGED_VERSION);
    if (strcmp(word, "--version") == 0)
        status = CLI_OK;
    else if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        status = help(argc - 2, argv + 2);
    else
        status = run(argc - 1, argv + 1);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("triagectl: cannot write to standard output\n", stderr);
        return CLI_FAILED;
    }
    return status;
}
