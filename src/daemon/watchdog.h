/*
 * watchdog.h - our own beat to somewhere else (watchdog_url): sent while the tick runs and every
 * open incident has a valid next deadline, so that its silence tells that people are not told.
 */
#ifndef TRIAGED_DAEMON_WATCHDOG_H
#define TRIAGED_DAEMON_WATCHDOG_H

#include "triaged/conf/conf.h"

struct audit;
struct ticker;
struct watchdog;

/* Borrows both: when the last ticks were, and how the incidents stand. */
struct watchdog *watchdog_create(struct ticker *t, struct audit *a, const struct conf *conf);
void watchdog_configure(struct watchdog *w, const struct conf *conf);
void watchdog_second(struct watchdog *w);
void watchdog_destroy(struct watchdog *w); /* after the ticker; accepts NULL */

#endif
