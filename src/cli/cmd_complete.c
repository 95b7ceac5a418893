/*
 * cmd_complete.c - complete ids|reviews|teams: the words that a shell offers, a line each, asked of
 * the daemon. Whoever presses a key waits for no daemon: a second, and no word about what failed.
 */
#include "commands.h"

#include <stdio.h>
#include <string.h>

#include "client.h"

enum { PATIENCE_MS = 1000 };

static const struct kind {
    const char *word, *path, *member, *name;
    const char *query, *value; /* or NULL */
} kinds[] = {
    {"ids", "incidents", "incidents", "id", "limit", "500"},
    {"reviews", "reviews", "reviews", "id", "state", "due"},
    {"teams", "whoami", "teams", "name", NULL, NULL},
};

static const struct kind *kind_of(const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i].word, word) == 0)
            return &kinds[i];
    return NULL;
}

/* Words of letters, digits, "-" and "_", as IDs and teams are: nothing that a shell would read. */
static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", s.p[i]))
            return false;
    return s.n > 0;
}

static void print_words(struct client *c, const struct kind *kind)
{
    const jx *answer, *list;

    client_path(c, kind->path, NULL);
    if (kind->query)
        client_query(c, kind->query, kind->value);
    if (!client_get_quietly(c, PATIENCE_MS, &answer))
        return;
    list = jx_get(answer, kind->member);
    for (size_t i = 0; i < jx_len(list); i++) {
        struct str word = jx_str(jx_get(jx_at(list, i), kind->name));

        if (is_plain(word))
            printf("%.*s\n", STR_ARG(word));
    }
}

static int run(const struct command *self, int argc, char **argv)
{
    struct client c;
    int status = client_begin(&c, self, argc, argv);

    if (status < 0)
        status = client_words(&c, 1, 1, "what to complete: ids, reviews or teams");
    if (status < 0) {
        const struct kind *kind = kind_of(c.args.words[0]);

        if (kind)
            print_words(&c, kind);
        status = kind ? CLI_OK
                      : cli_usage_error(self, "ids, reviews or teams can be completed, not \"%s\"",
                                        c.args.words[0]);
    }
    return client_end(&c, status);
}

static const struct cli_option options[] = {{NULL, 0, NULL, NULL}};

const struct command cmd_complete = {
    .name = "complete",
    .args = "ids|reviews|teams",
    .summary =
        "Print the words that shell completion offers; empty when the daemon does not answer.",
    .help = "Called by the scripts of: triagectl completion\n",
    .run = run,
    .options = options,
    .is_client = true,
};
