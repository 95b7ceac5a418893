/*
 * client.h - a command's conversation with the daemon: who asks, how, and what went wrong.
 *
 *     struct client c;
 *     int status = client_begin(&c, self, argc, argv);
 *     if (status < 0)
 *         status = the command's work;
 *     return client_end(&c, status);
 */
#ifndef TRIAGED_CLI_CLIENT_H
#define TRIAGED_CLI_CLIENT_H

#include <stdbool.h>

#include "api.h"
#include "args.h"
#include "settings.h"
#include "term.h"
#include "triaged/alert/jx.h"

struct client {
    const struct command *self;
    struct cli_args args;
    struct settings settings;
    struct term term;
    struct arena arena; /* until client_end */
    bool json;
    struct api *api;
    struct buf path, body; /* of the next request */
    struct api_answer answer;
    jx *doc;
};

/* -1: go on. Else the exit status; what was wrong has been said. */
int client_begin(struct client *c, const struct command *self, int argc, char **argv);
int client_end(struct client *c, int status);

/* Begins the path of a request: "/api/v1/" and the words, escaped; NULL ends them. */
void client_path(struct client *c, const char *word, ...) __attribute__((sentinel));
void client_query(struct client *c, const char *name, const char *value);
/* One for each time that the option was given; its name is the parameter's. */
void client_query_option(struct client *c, const char *name);

/* Who we are: the actor of the settings, without a token the login name, else the token's name,
 * for which the daemon is asked (before client_path). CLI_OK, else it was said why not. */
int client_actor(struct client *c, const char **out);

/* Begins a body: request_id, and the actor where there is one to name. */
void client_body(struct client *c);
void client_put(struct client *c, const char *name, const char *value);
void client_put_bool(struct client *c, const char *name, bool value);
void client_put_option(struct client *c, const char *option, const char *name); /* when given */
void client_put_texts(struct client *c, const char *name, const char *const *values, size_t n);
void client_put_list(struct client *c, const char *option, const char *name); /* when given */
/* A time: RFC 3339, or a span from now ("30m"). False after having complained. */
bool client_put_time(struct client *c, const char *name, const char *value);

/* Sends it. CLI_OK with *out (lent until the next request; NULL when the answer is empty), else the
 * exit status after having said why, led by `what` ("close NET-1") where it is not NULL. */
int client_get(struct client *c, const jx **out);
int client_post(struct client *c, const char *what, const jx **out);
/* As client_get, for at most so long, and without a word about what failed. */
bool client_get_quietly(struct client *c, int ms, const jx **out);
/* As client_get; the answer's bytes are in c->answer.body. */
int client_get_text(struct client *c, const char *accept);
/* Says why an answer is a refusal, and gives its exit status. */
int client_refusal(struct client *c, const char *what);
int client_unreachable(const struct client *c, const char *why);
/* As client_get; the answer is printed, with --json its bytes. */
int client_show(struct client *c, void (*print)(struct client *c, const jx *answer));
/* With --json: prints the last answer's bytes. */
void client_print_json(const struct client *c);

/* -1 when there are so many words, else a usage error; `what` names the one that is missing. */
int client_words(const struct client *c, size_t n_min, size_t n_max, const char *what);

#endif
