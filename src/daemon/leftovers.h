/*
 * leftovers.h - spools of workers that are no more, since `workers` was lowered: what stands in
 * them was answered and is shipped all the same, by the first worker.
 */
#ifndef TRIAGED_DAEMON_LEFTOVERS_H
#define TRIAGED_DAEMON_LEFTOVERS_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/base/diag.h"
#include "triaged/spool/spool.h"

struct leftovers;
struct worker;

/* Opens those that hold anything. False when *why says what is wrong; *out may be NULL for none.
 * The others accept NULL. */
bool leftovers_open(struct worker *w, struct leftovers **out, struct diag *why);
void leftovers_destroy(struct leftovers *l); /* after the store */
void leftovers_on_store(struct leftovers *l, bool ready);
void leftovers_resend(struct leftovers *l);
void leftovers_second(struct leftovers *l, int64_t now_ms);
/* Adds what waits in them to the figures of a spool. */
void leftovers_add_stats(const struct leftovers *l, struct spool_stats *st);
bool leftovers_was_written(const struct leftovers *l, const struct spool_place *place);

#endif
