/*
 * vcache.h - the verdict cache of a worker: what was decided on an alert that looked the same.
 * Bounded by entries and by bytes; entries not used since the last sweep go first (CLOCK).
 * Cleared when the rules are reloaded.
 */
#ifndef TRIAGED_DAEMON_VCACHE_H
#define TRIAGED_DAEMON_VCACHE_H

#include <stddef.h>

#include "prepared.h"
#include "triaged/base/hash.h"

enum { VCACHE_BYTES_MAX = 64 * 1024 * 1024 };

struct vcache_entry {
    struct hash128 key;
    struct prepared *prepared; /* NULL: the outcome depends on finer fields, decide anew */
    struct rules_path *path;   /* finer matchers to run per message, or NULL */
    int64_t valid_until_ms;    /* 0 = until the rules change */
    bool used, taken;
};

struct vcache {
    struct vcache_entry *slots;
    size_t cap, n, max, bytes, hand;
};

void vcache_init(struct vcache *c, size_t max_entries);
void vcache_finish(struct vcache *c);
void vcache_clear(struct vcache *c);
/* The entry or NULL; one that ran out is not found. */
struct vcache_entry *vcache_get(struct vcache *c, struct hash128 key, int64_t now_ms);
/* Stores (replacing an entry of the same key). Takes a reference of its own to prepared (may be
 * NULL) and takes path. */
void vcache_put(struct vcache *c, struct hash128 key, struct prepared *prepared,
                struct rules_path *path /* takes */, int64_t valid_until_ms);

#endif
