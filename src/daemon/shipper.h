/*
 * shipper.h - brings spooled records to Redis, in order, exactly once (DESIGN section 3.1).
 */
#ifndef TRIAGED_DAEMON_SHIPPER_H
#define TRIAGED_DAEMON_SHIPPER_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/base/str.h"

struct worker;
struct shipper;

struct shipper *shipper_create(struct worker *w);
void shipper_destroy(struct shipper *s); /* after its store; accepts NULL */
/* There may be something to send. */
void shipper_kick(struct shipper *s);
/* The store became ready (again), or was lost. */
void shipper_on_store(struct shipper *s, bool ready);
/* Once a second: frees acknowledged segments, retries what waited. */
void shipper_tick(struct shipper *s, int64_t now_ms);
bool shipper_idle(const struct shipper *s); /* nothing in flight and nothing left to send */

#endif
