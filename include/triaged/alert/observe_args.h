/*
 * observe_args.h - the items of a record as script `observe` takes them. To Redis an argument costs
 * as much as a small command, and neighbours say nearly the same: so items go in runs, and what the
 * items of a run share is told once, and of that only what differs from the run before.
 *
 *   fingerprint of each item · alert of each item · runs
 *   run   = LETTERS COUNT ("bs7": which fields follow, a = fingerprint in the order of
 *           OBSERVE_FIELDS, and how many items; the first run has all that are shared)
 *           · the value of each letter · systems, of each item "LENGTH:TEXT" in one argument
 *
 * Pure. The spool keeps records whole (observation.h); src/store/lua/lib/observation.lua reads
 * this.
 */
#ifndef TRIAGED_ALERT_OBSERVE_ARGS_H
#define TRIAGED_ALERT_OBSERVE_ARGS_H

#include <stddef.h>
#include <stdint.h>

#include "triaged/alert/observation.h"
#include "triaged/base/arena.h"
#include "triaged/base/str.h"

/* The most that one item can come to: a run of its own that shares nothing. */
enum { OBSERVE_ARGS_AN_ITEM = OBSERVE_N + 1 };

/* fields: n_items times OBSERVE_N. args has room for n_items * OBSERVE_ARGS_AN_ITEM; they point
 * into the fields and into a. Returns how many there are. */
size_t observe_args(const struct str *fields, uint32_t n_items, struct arena *a, struct str *args);

#endif
