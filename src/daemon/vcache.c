/*
 * vcache.c - open addressing over 128-bit keys, CLOCK eviction by sweeping whole neighbourhoods.
 * Owns: its slots, a reference to each prepared verdict, the finer matchers' paths.
 * Never: looks into a verdict.
 * Called by: pipeline.c.
 */
#include "vcache.h"

#include <stdlib.h>
#include <string.h>

#include "triaged/base/mem.h"

enum { PROBE_MAX = 16 };

static size_t entry_bytes(const struct vcache_entry *e)
{
    return sizeof(*e) + (e->prepared ? e->prepared->bytes : 0) +
           (e->path ? rules_path_size(e->path) : 0);
}

void vcache_init(struct vcache *c, size_t max_entries)
{
    size_t cap = 64;

    while (cap < max_entries * 2)
        cap *= 2;
    *c = (struct vcache){
        .slots = NEW_ARRAY(struct vcache_entry, cap), .cap = cap, .max = max_entries};
}

static void evict(struct vcache *c, struct vcache_entry *e)
{
    c->bytes -= entry_bytes(e);
    c->n--;
    prepared_unref(e->prepared);
    rules_path_destroy(e->path);
    memset(e, 0, sizeof(*e));
}

void vcache_clear(struct vcache *c)
{
    for (size_t i = 0; i < c->cap; i++)
        if (c->slots[i].taken)
            evict(c, &c->slots[i]);
}

void vcache_finish(struct vcache *c)
{
    vcache_clear(c);
    free(c->slots);
    memset(c, 0, sizeof(*c));
}

/*
 * A key lives within PROBE_MAX slots of its home and look-up always tries all of them, so an entry
 * may be taken out of the middle without moving others.
 */
static struct vcache_entry *find(struct vcache *c, struct hash128 key)
{
    for (size_t i = 0; i < PROBE_MAX; i++) {
        struct vcache_entry *e = &c->slots[(key.lo + i) & (c->cap - 1)];

        if (e->taken && e->key.lo == key.lo && e->key.hi == key.hi)
            return e;
    }
    return NULL;
}

struct vcache_entry *vcache_get(struct vcache *c, struct hash128 key, int64_t now_ms)
{
    struct vcache_entry *e = find(c, key);

    if (!e || (e->valid_until_ms && e->valid_until_ms <= now_ms))
        return NULL;
    e->used = true;
    return e;
}

/* One step of the clock hand: takes out an entry that was not used since it last came by. */
static void sweep_one(struct vcache *c)
{
    for (size_t steps = 0; steps < 2 * c->cap; steps++) {
        struct vcache_entry *e = &c->slots[c->hand++ & (c->cap - 1)];

        if (e->taken && !e->used) {
            evict(c, e);
            return;
        }
        e->used = false;
    }
}

/* A slot for key: free, or one of the neighbourhood given up for it. */
static struct vcache_entry *make_room(struct vcache *c, struct hash128 key)
{
    struct vcache_entry *victim = NULL;

    for (size_t i = 0; i < PROBE_MAX; i++) {
        struct vcache_entry *e = &c->slots[(key.lo + i) & (c->cap - 1)];

        if (!e->taken)
            return e;
        if (!victim || (victim->used && !e->used))
            victim = e;
    }
    evict(c, victim);
    return victim;
}

void vcache_put(struct vcache *c, struct hash128 key, struct prepared *prepared,
                struct rules_path *path, int64_t valid_until_ms)
{
    struct vcache_entry *e = find(c, key);

    if (e)
        evict(c, e);
    while (c->n > 0 && (c->n >= c->max || c->bytes > VCACHE_BYTES_MAX))
        sweep_one(c);
    e = make_room(c, key);
    *e = (struct vcache_entry){.key = key,
                               .prepared = prepared ? prepared_ref(prepared) : NULL,
                               .path = path,
                               .valid_until_ms = valid_until_ms,
                               .used = true,
                               .taken = true};
    c->bytes += entry_bytes(e);
    c->n++;
}
