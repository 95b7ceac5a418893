/*
 * verbs.h - a worker's stream of what people do: a spool of its own (worker-N-verbs) and a shipper
 * of its own, so that a verb is done exactly once and answered after the script's reply (DESIGN
 * section 3.1). After a reconnect the alerts go first.
 */
#ifndef TRIAGED_DAEMON_VERBS_H
#define TRIAGED_DAEMON_VERBS_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/alert/jx.h"
#include "triaged/base/diag.h"
#include "triaged/base/str.h"

struct verbs;
struct worker;

enum verb_outcome {
    VERB_ANSWERED, /* answer: what the script said; borrowed */
    VERB_TIMEOUT,  /* none within VERB_WAIT_MS: it may still happen */
    VERB_REFUSED,  /* Redis refused it for its own sake */
    VERB_AWAY,     /* Redis is away, or the spool has no room: nothing was kept */
};

enum { VERB_WAIT_MS = 10000, VERBS_WAITING_MAX = 10000 };

typedef void verb_done_fn(void *arg, enum verb_outcome outcome, const jx *answer);

/* Opens the spool. NULL with *why. */
struct verbs *verbs_create(struct worker *w, struct diag *why);
/* After the store, which answers what is on its way. Accepts NULL. */
void verbs_destroy(struct verbs *v);

/* One item (a JSON object, see verb_forms.h) of a team. done is called exactly once, never before
 * the return; with VERB_AWAY it is not called: that is the return value, else VERB_ANSWERED.
 * request_id is the item's. */
enum verb_outcome verbs_submit(struct verbs *v, struct str team, struct str item,
                               struct str request_id, verb_done_fn *done, void *arg);

/* Which of its causes VERB_AWAY has now. */
struct verb_away {
    const char *code, *message;
};
struct verb_away verbs_away(const struct verbs *v);

/* What an answer to a verb means for its record and for numbers, whoever waits for it. */
struct shipper;
struct spool;
struct store_reply;
void verbs_look_at_answer(struct spool *spool, struct shipper *shipper, struct str team,
                          uint64_t position, const struct store_reply *reply);

void verbs_on_store(struct verbs *v, bool ready);
void verbs_resend(struct verbs *v);     /* Redis was emptied */
void verbs_on_durable(struct verbs *v); /* the sync thread moved on */
void verbs_second(struct verbs *v, int64_t now_ms);
int64_t
verbs_oldest_waiting(struct verbs *v); /* receipt of the oldest not yet in Redis; 0 = none */

#endif
