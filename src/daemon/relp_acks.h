/*
 * relp_acks.h - which RELP messages may be acknowledged: receipts of the syslog server (they only
 * grow) against tickets of the spool. Private to the worker that owns both.
 */
#ifndef TRIAGED_DAEMON_RELP_ACKS_H
#define TRIAGED_DAEMON_RELP_ACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RELP_ACKS_MAX = 64 /* appends that are told apart; further ones wait for the last of them */
};

struct relp_acks {
    uint64_t taken, appended; /* receipts: of the last message in the fold, in the spool */
    struct {
        uint64_t ticket, receipt;
    } v[RELP_ACKS_MAX]; /* a ring, ordered by both */
    size_t first, n;
};

/* A message that its sender waits for went into the fold (or was dropped by a rule). */
void relp_acks_take(struct relp_acks *a, uint64_t receipt);
/* Is there one that no append has covered yet? */
static inline bool relp_acks_due(const struct relp_acks *a)
{
    return a->taken > a->appended;
}
/* The fold was written up to this ticket; 0: it was empty, so what was written before covers it. */
void relp_acks_append(struct relp_acks *a, uint64_t ticket);
/* The last receipt that is durable now, or 0 when there is no news. */
uint64_t relp_acks_durable(struct relp_acks *a, uint64_t durable);

#endif
