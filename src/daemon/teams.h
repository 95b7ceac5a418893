/*
 * teams.h - which teams there are: those of the configuration, and those that stand in Redis
 * without being in it (taken out of the file, or another daemon's), so that their incidents can be
 * worked off too. One per worker.
 */
#ifndef TRIAGED_DAEMON_TEAMS_H
#define TRIAGED_DAEMON_TEAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "triaged/base/arena.h"
#include "triaged/base/str.h"

struct conf;
struct teams;
struct worker;

struct team { /* borrowed */
    struct str name, id;
};

struct teams *teams_create(struct worker *w);
void teams_destroy(struct teams *t); /* after the store; accepts NULL */
/* Looks again in Redis now and then; call once a second. */
void teams_second(struct teams *t);
/* All of them, those of the configuration first; copies in the arena. */
size_t teams_all(const struct teams *t, const struct conf *conf, struct arena *a,
                 struct team **out);
/* The team named, or the one that an incident ID ("NET-42") belongs to; false when there is none.
 * Copies in the arena. */
bool teams_find(const struct teams *t, const struct conf *conf, struct str name, struct arena *a,
                struct team *out);
bool teams_of_incident(const struct teams *t, const struct conf *conf, struct str id,
                       struct arena *a, struct team *out);

#endif
