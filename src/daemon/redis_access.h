/*
 * redis_access.h - how this daemon reaches its Redis: url and TLS, the same for every connection.
 */
#ifndef TRIAGED_DAEMON_REDIS_ACCESS_H
#define TRIAGED_DAEMON_REDIS_ACCESS_H

#include <stdbool.h>

#include "triaged/base/diag.h"
#include "triaged/conf/conf.h"
#include "triaged/store/store.h"

struct redis_access;

/* What only the daemon can check of redis.*: the url whole, and that the files can be read. */
bool redis_access_check(const struct conf *conf, struct diag *why);
/* NULL with *why. Never changes (redis.* changes at a restart); threads may share it. */
struct redis_access *redis_access_create(const struct conf *conf, struct diag *why);
void redis_access_destroy(struct redis_access *a); /* accepts NULL; after all its stores */
/* A connection of its own for a loop. name: CLIENT SETNAME, the log and the metrics. */
struct store *
redis_access_open(const struct redis_access *a, struct event_base *base, const char *name,
                  void (*on_state)(void *arg, enum store_state state, const char *why), void *arg);

#endif
