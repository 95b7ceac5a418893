/*
 * commands.c - the table of commands, in the order of the help, and how one is found.
 * A new command is a struct in the cmd_*.c of its subject, a name in commands.h, and a row here.
 */
#include "commands.h"

#include <string.h>

static const struct command *const working[] = {
    &cmd_next,   &cmd_list,    &cmd_show,     &cmd_explain, &cmd_ack,   &cmd_assign, &cmd_release,
    &cmd_note,   &cmd_update,  &cmd_escalate, &cmd_raise,   &cmd_lower, &cmd_snooze, &cmd_resolve,
    &cmd_verify, &cmd_confirm, &cmd_close,    &cmd_reopen,  &cmd_merge, &cmd_open,
};

static const struct command *const overview[] = {
    &cmd_watch, &cmd_queues, &cmd_stats, &cmd_noise, &cmd_automation, &cmd_whoami, &cmd_complete,
};

static const struct command *const learning[] = {
    &cmd_reviews,      &cmd_review_show,     &cmd_review_write,       &cmd_actions,
    &cmd_action_add,   &cmd_action_done,     &cmd_problems,           &cmd_problem_write,
    &cmd_known_errors, &cmd_known_error_add, &cmd_known_error_delete,
};

static const struct command *const aside[] = {
    &cmd_quarantine_list,
    &cmd_quarantine_show,
    &cmd_quarantine_replay,
    &cmd_spool_retry,
};

static const struct command *const local[] = {
    &cmd_check,  &cmd_config_reference, &cmd_rules_test,
    &cmd_decode, &cmd_completion,       &cmd_spool_inspect,
};

const struct command_group command_groups[] = {
    {"Work on incidents", working, ARRAY_LEN(working)},
    {"See how things stand", overview, ARRAY_LEN(overview)},
    {"Learn from them", learning, ARRAY_LEN(learning)},
    {"Look after what was put aside", aside, ARRAY_LEN(aside)},
    {"Without a daemon", local, ARRAY_LEN(local)},
};
const size_t command_groups_n = ARRAY_LEN(command_groups);

const struct command *command_find(int argc, char **argv, int *words)
{
    const struct command *found = NULL;

    *words = 0;
    for (size_t g = 0; g < command_groups_n; g++) {
        for (size_t i = 0; i < command_groups[g].n; i++) {
            const struct command *c = command_groups[g].commands[i];
            int n = strchr(c->name, ' ') ? 2 : 1;
            char name[64];

            if (n > argc || n <= *words)
                continue;
            snprintf(name, sizeof(name), "%s%s%s", argv[0], n == 2 ? " " : "",
                     n == 2 ? argv[1] : "");
            if (strcmp(name, c->name) == 0) {
                found = c;
                *words = n;
            }
        }
    }
    return found;
}

const char *command_nearest(const char *word)
{
    const char *names[64];
    size_t n = 0;

    for (size_t g = 0; g < command_groups_n; g++)
        for (size_t i = 0; i < command_groups[g].n && n < ARRAY_LEN(names); i++)
            names[n++] = command_groups[g].commands[i]->name;
    return str_nearest(str_c(word), names, n);
}
