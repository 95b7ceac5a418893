/*
 * repeats.h - what a peer's last message was, for "last message repeated N times" (syslog.md rule
 * 15): such a message counts on the one before it and never makes an incident of its own.
 */
#ifndef TRIAGED_DAEMON_REPEATS_H
#define TRIAGED_DAEMON_REPEATS_H

#include <stdint.h>

#include "prepared.h"
#include "triaged/base/hash.h"

enum {
    REPEATS_PEERS = 1024, /* power of two; a peer that shares a slot loses its memory, no more */
    REPEAT_COUNT_MAX = 100000, /* what one message may add: N is the sender's word */
};

struct repeats {
    struct {
        uint64_t peer;
        struct prepared *last; /* owns a reference */
    } slots[REPEATS_PEERS];
};

void repeats_finish(struct repeats *r);
/* Forgets everything: the rules changed. */
void repeats_clear(struct repeats *r);
/* The verdict on the last message of this peer (and listener), or NULL. Lends until the next call.
 */
struct prepared *repeats_last(const struct repeats *r, uint64_t peer);
void repeats_remember(struct repeats *r, uint64_t peer, struct prepared *p);

#endif
