/*
 * map.c - hash map from strings to pointers: open addressing, linear probing, backward-shift
 * removal (no tombstones), at most three quarters full.
 * Owns: the slot array. Never: owns keys or values.
 */
#include "triaged/base/map.h"

#include <stdlib.h>

#include "triaged/base/hash.h"
#include "triaged/base/mem.h"

enum { FIRST_CAP = 16 };

void map_finish(struct map *m)
{
    free(m->slots);
    *m = (struct map){0};
}

void map_clear(struct map *m)
{
    if (m->slots)
        memset(m->slots, 0, m->cap * sizeof(*m->slots));
    m->n = 0;
}

/* The key's slot, or the free one where it belongs. The map has free slots. */
static struct map_slot *find(const struct map *m, struct str key, uint64_t hash)
{
    size_t i = (size_t)hash & (m->cap - 1);
    while (m->slots[i].key.p && (m->slots[i].hash != hash || !str_eq(m->slots[i].key, key)))
        i = (i + 1) & (m->cap - 1);
    return &m->slots[i];
}

static void grow(struct map *m)
{
    struct map old = *m;
    m->cap = old.cap ? old.cap * 2 : FIRST_CAP;
    m->slots = NEW_ARRAY(struct map_slot, m->cap);
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].key.p)
            *find(m, old.slots[i].key, old.slots[i].hash) = old.slots[i];
    free(old.slots);
}

/* An empty key is a key: give it an address, since NULL marks a free slot. */
static struct str addressed(struct str key)
{
    return key.p ? key : (struct str){"", 0};
}

void *map_get(const struct map *m, struct str key)
{
    if (!m->n)
        return NULL;
    return find(m, key, hash_seeded(key.p, key.n))->value;
}

void *map_put(struct map *m, struct str key, void *value)
{
    if ((m->n + 1) * 4 > m->cap * 3)
        grow(m);
    key = addressed(key);
    uint64_t hash = hash_seeded(key.p, key.n);
    struct map_slot *s = find(m, key, hash);
    void *before = s->key.p ? s->value : NULL;
    if (!s->key.p)
        m->n++;
    *s = (struct map_slot){key, hash, value};
    return before;
}

void *map_remove(struct map *m, struct str key)
{
    if (!m->n)
        return NULL;
    struct map_slot *s = find(m, key, hash_seeded(key.p, key.n));
    if (!s->key.p)
        return NULL;
    void *value = s->value;
    size_t mask = m->cap - 1, hole = (size_t)(s - m->slots);
    for (size_t i = (hole + 1) & mask; m->slots[i].key.p; i = (i + 1) & mask) {
        size_t home = (size_t)m->slots[i].hash & mask;
        /* may this one move back into the hole? only if its home is not behind the hole */
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole] = (struct map_slot){0};
    m->n--;
    return value;
}

bool map_next(const struct map *m, size_t *i, struct str *key, void **value)
{
    while (*i < m->cap) {
        const struct map_slot *s = &m->slots[(*i)++];
        if (s->key.p) {
            *key = s->key;
            *value = s->value;
            return true;
        }
    }
    return false;
}
