/*
 * map.h - hash map from strings to pointers, seeded per process (SipHash-1-3), open addressing.
 * Keys are borrowed: they must live as long as their entry. Values are borrowed too.
 */
#ifndef TRIAGED_BASE_MAP_H
#define TRIAGED_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "triaged/base/str.h"

struct map_slot {
    struct str key; /* key.p NULL = free */
    uint64_t hash;
    void *value;
};

struct map {
    struct map_slot *slots;
    size_t cap; /* power of two, or 0 */
    size_t n;
};

/* A zeroed map is a valid empty one. */
void map_finish(struct map *m);
void map_clear(struct map *m);
void *map_get(const struct map *m, struct str key);
/* Stores value (not NULL); returns the value that stood there, or NULL. */
void *map_put(struct map *m, struct str key, void *value);
void *map_remove(struct map *m, struct str key);
/* Iterates: start with *i = 0; false at the end. Order is arbitrary. */
bool map_next(const struct map *m, size_t *i, struct str *key, void **value);

#endif
