/*
 * repeats.c - a direct-mapped table of the last verdict per peer.
 * Owns: a reference to each verdict. Never: looks into one.
 * Called by: pipeline.c.
 */
#include "repeats.h"

void repeats_clear(struct repeats *r)
{
    for (unsigned i = 0; i < REPEATS_PEERS; i++) {
        prepared_unref(r->slots[i].last);
        r->slots[i].last = NULL;
    }
}

void repeats_finish(struct repeats *r)
{
    repeats_clear(r);
}

struct prepared *repeats_last(const struct repeats *r, uint64_t peer)
{
    unsigned i = peer & (REPEATS_PEERS - 1);

    return r->slots[i].peer == peer ? r->slots[i].last : NULL;
}

void repeats_remember(struct repeats *r, uint64_t peer, struct prepared *p)
{
    unsigned i = peer & (REPEATS_PEERS - 1);

    if (r->slots[i].last == p && r->slots[i].peer == peer)
        return;
    prepared_unref(r->slots[i].last);
    r->slots[i].last = prepared_ref(p);
    r->slots[i].peer = peer;
}
