/*
 * commands.c - the table of commands, in the order of the help, and how one is found.
 * A new command is a struct in the cmd_*.c of its subject, a name in commands.h, and a row here.
 */
#include "commands.h"

#include <string.h>

static const struct command *const local[] = {
    &cmd_check,
    &cmd_config_reference,
    &cmd_rules_test,
    &cmd_decode,
};

const struct command_group command_groups[] = {
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
