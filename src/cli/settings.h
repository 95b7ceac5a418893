/*
 * settings.h - where the daemon is and who asks: from options, the environment, and files.
 */
#ifndef TRIAGED_CLI_SETTINGS_H
#define TRIAGED_CLI_SETTINGS_H

#include <stdbool.h>

#include "args.h"
#include "triaged/base/arena.h"
#include "triaged/base/diag.h"

#define SETTINGS_URL "http://127.0.0.1:9193"

enum setting { SET_URL, SET_TOKEN, SET_TOKEN_FILE, SET_CA_FILE, SET_TEAM, SET_ACTOR, SETTINGS_N };

struct settings {
    const char *values[SETTINGS_N]; /* NULL: not set. In the arena, argv or the environment */
    const char *url_from;           /* "--url", "TRIAGED_URL", a file, or "default" */
};

/* Options win over the environment, that over the user's file, that over the system's. */
bool settings_find(struct settings *s, struct arena *arena, const struct cli_args *args,
                   struct diag *why) MUSTUSE;
/* Adds what a file's text sets and *s does not. Texts live in the arena. */
bool settings_read(struct settings *s, struct arena *arena, const char *file, struct str text,
                   struct diag *why) MUSTUSE;

#endif
