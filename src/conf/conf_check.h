/*
 * conf_check.h - what spans keys. Private to conf.
 */
#ifndef TRIAGED_CONF_CHECK_H
#define TRIAGED_CONF_CHECK_H

#include "schema.h"

/* Checks a configuration whose walk is done (sites ready). Errors go to w->why. */
void conf_check(struct conf *c, struct schema_walk *w);
/* Listeners: addresses, transports, who may reach them. "localhost" becomes 127.0.0.1. */
void conf_check_listeners(struct conf *c, struct schema_walk *w);
void conf_check_redis(const struct conf *c, struct schema_walk *w);

/* An error at the place where `field` was written; else, a default or a key left out, at
 * `otherwise` (may be NULL: no place), whose path gets ".key" when key is not NULL. */
void conf_field_error(struct schema_walk *w, const void *field, const struct conf_place *otherwise,
                      const char *key, const char *fmt, ...) PRINTF_LIKE(5, 6);

#endif
