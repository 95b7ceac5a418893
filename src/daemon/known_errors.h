/*
 * known_errors.h - the known errors that reviews and managers declared, read from Redis every few
 * seconds: PREFIX:{TEAM}:known_errors. Those that can be matched, as the rules take them.
 * A Redis that is away changes nothing: what was read last stays in force.
 */
#ifndef TRIAGED_DAEMON_KNOWN_ERRORS_H
#define TRIAGED_DAEMON_KNOWN_ERRORS_H

#include <stddef.h>

#include "triaged/conf/conf.h"
#include "triaged/rules/ruleset.h"

struct known_errors;
struct store;

enum {
    KNOWN_ERRORS_PER_TEAM = 500,        /* more are not matched; the script declares no more */
    KNOWN_ERROR_BYTES_MAX = 128 * 1024, /* of one record */
    KNOWN_ERROR_NOTE_MAX = 4096,        /* of a workaround; it goes with every alert that matches */
    KNOWN_ERROR_KB_MAX = 2048,
    KNOWN_ERROR_TITLE_MAX = 512,
};

/* `changed` is called when another set than the one before has been read. */
struct known_errors *known_errors_create(const struct conf *conf, void (*changed)(void *arg),
                                         void *arg);
/* Other teams may be in force. */
void known_errors_configure(struct known_errors *k, const struct conf *conf);
/* Once a second, with a store that is ready; asks when it is time to. */
void known_errors_second(struct known_errors *k, struct store *store);
/* Asks at once (a connection became ready, one was declared); while asking, once more after it. */
void known_errors_hurry(struct known_errors *k, struct store *store);
/* What was read last, grouped by team; lent until the next call of `changed`. */
const struct declared_error *known_errors_declared(const struct known_errors *k, size_t *n);
void known_errors_destroy(struct known_errors *k); /* after its store; accepts NULL */

#endif
