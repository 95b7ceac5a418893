/*
 * store_keys.h - names of keys in Redis (DESIGN section 6): PREFIX:{TEAM}:NAME.
 */
#ifndef TRIAGED_DAEMON_STORE_KEYS_H
#define TRIAGED_DAEMON_STORE_KEYS_H

#include <stdio.h>

#include "triaged/base/str.h"

enum { STORE_KEY_SIZE = 512 };

static inline struct str store_key(struct str prefix, struct str team, const char *name,
                                   char out[STORE_KEY_SIZE])
{
    int n = snprintf(out, STORE_KEY_SIZE, "%.*s:{%.*s}:%s", STR_ARG(prefix), STR_ARG(team), name);

    return (struct str){out, n < STORE_KEY_SIZE ? (size_t)n : STORE_KEY_SIZE - 1};
}

#endif
