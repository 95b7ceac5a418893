/*
 * relp_acks.c - a log message is acknowledged once the append that it went into is durable.
 * Owns: the appends that wait. Never: talks to a sender; net/syslog_relp.c does.
 * Called by: pipeline.c.
 */
#include "relp_acks.h"

void relp_acks_take(struct relp_acks *a, uint64_t receipt)
{
    a->taken = receipt;
}

void relp_acks_append(struct relp_acks *a, uint64_t ticket)
{
    size_t last = (a->first + a->n - 1) % RELP_ACKS_MAX;

    if (!relp_acks_due(a))
        return;
    a->appended = a->taken;
    if (a->n > 0 && (ticket == 0 || a->n == RELP_ACKS_MAX)) {
        if (ticket)
            a->v[last].ticket = ticket;
        a->v[last].receipt = a->taken;
        return;
    }
    last = (a->first + a->n++) % RELP_ACKS_MAX;
    a->v[last].ticket = ticket;
    a->v[last].receipt = a->taken;
}

uint64_t relp_acks_durable(struct relp_acks *a, uint64_t durable)
{
    uint64_t receipt = 0;

    for (; a->n > 0 && a->v[a->first].ticket <= durable; a->n--) {
        receipt = a->v[a->first].receipt;
        a->first = (a->first + 1) % RELP_ACKS_MAX;
    }
    return receipt;
}
