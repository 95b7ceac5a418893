/*
 * pipeline_internal.h - what the ways of labelled alerts (pipeline.c) and of log messages
 * (pipeline_syslog.c) share. Private to those two.
 */
#ifndef TRIAGED_DAEMON_PIPELINE_INTERNAL_H
#define TRIAGED_DAEMON_PIPELINE_INTERNAL_H

#include "triaged/alert/alert.h"
#include "triaged/base/hash.h"
#include "triaged/spool/spool.h"

struct fold;
struct prepared;
struct rules_path;
struct worker;

enum { KEY_SEED = 1 };

void pipeline_key_put(struct buf *k, struct str s);

enum outcome { ACCEPTED, DROPPED, BEAT, REFUSED, OUTCOME_N };
void pipeline_count(enum alert_source source, enum outcome outcome, int64_t n);

enum lookup { HIT, RECHECK_FAILED, MISS, UNCACHEABLE, LOOKUP_N }; /* in the verdict cache */
void pipeline_count_lookup(enum lookup result);

/* Until when a verdict may be kept: see vcache_put. */
int64_t pipeline_valid_until(const struct worker *w);
/* Decides and encodes. The caller owns the reference. path: see rules_decide. */
struct prepared *pipeline_decide(struct worker *w, struct alert *a, struct rules_path **path);

/* A fold into the spool, all of it or nothing, and empties it. What could not be kept stays in the
 * fold or is given up. *ticket: see spool_append; 0 for an empty fold. about_to: called right
 * before the bytes are written; may be NULL. */
enum spool_result pipeline_write_fold(struct worker *w, struct fold *f, bool keep_on_failure,
                                      void (*about_to)(struct worker *w), uint64_t *ticket);

#endif
