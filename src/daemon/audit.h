/*
 * audit.h - walks over the boards of all teams now and then: how many incidents there are of each
 * state, priority and category, and whether each has a valid next deadline.
 */
#ifndef TRIAGED_DAEMON_AUDIT_H
#define TRIAGED_DAEMON_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/conf/conf.h"

struct audit;
struct ticker;

struct audit_result {
    bool whole; /* all incidents were looked at: Redis was there all the time */
    uint64_t faults;
    char first_fault[160]; /* "NET-7 has no ..." */
};

/* Borrows the ticker: its connection and its teams. */
struct audit *audit_create(struct ticker *t, const struct conf *conf);
void audit_configure(struct audit *a, const struct conf *conf);
/* Calls done once, after a walk that begins now or after the present one. One at a time. */
void audit_ask(struct audit *a, void (*done)(void *arg, const struct audit_result *r), void *arg);
void audit_second(struct audit *a);
void audit_destroy(struct audit *a); /* after the ticker; accepts NULL */

#endif
