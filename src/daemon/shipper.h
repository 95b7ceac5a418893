/*
 * shipper.h - brings spooled records to Redis, in order, exactly once (DESIGN section 3.1).
 */
#ifndef TRIAGED_DAEMON_SHIPPER_H
#define TRIAGED_DAEMON_SHIPPER_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/base/str.h"

struct metric_family;
struct shipper;
struct spool;
struct store_reply;
struct worker;

/* What `verb` answered to a record (one item per record); called when it was applied, and again
 * with NULL when the record was refused for its own sake. */
typedef void shipper_verb_fn(void *arg, struct str team, uint64_t position,
                             const struct store_reply *reply, struct str error);

/* Times that Redis had lost more than is kept here, or all it had. */
extern struct metric_family store_rewound_total;

/* Ships one spool over the worker's store. A worker has two: alerts, and responders' verbs. */
struct shipper *shipper_create(struct worker *w, struct spool *spool, shipper_verb_fn *on_verb,
                               void *arg);
void shipper_destroy(struct shipper *s); /* after its store; accepts NULL */
/* There is an incident of this ID: its number is not to be given again, whatever Redis loses. */
void shipper_saw_incident(struct shipper *s, struct str team, struct str id);
/* There may be something to send. */
void shipper_kick(struct shipper *s);
/* The store became ready (again), or was lost. */
void shipper_on_store(struct shipper *s, bool ready);
/* What is kept is sent again, acknowledged or not: Redis may lack it. */
void shipper_resend(struct shipper *s);
/* Once a second: frees acknowledged segments, retries what waited. */
void shipper_tick(struct shipper *s, int64_t now_ms);
/* How far Redis is behind: 0 = it keeps up; else the window of records in flight is this full, in
 * twenty-fourths. */
unsigned shipper_behind(const struct shipper *s);
bool shipper_idle(const struct shipper *s); /* nothing in flight and nothing left to send */

#endif
