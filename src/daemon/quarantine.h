/*
 * quarantine.h - payloads that are well-formed but of no use, kept aside in the stream
 * PREFIX:quarantine with the reason (capped), so that a person can see what a sender means.
 */
#ifndef TRIAGED_DAEMON_QUARANTINE_H
#define TRIAGED_DAEMON_QUARANTINE_H

#include <stddef.h>
#include <stdint.h>

#include "triaged/base/list.h"
#include "triaged/base/str.h"

struct store;

enum {
    QUARANTINE_WAITING_MAX = 100,
    QUARANTINE_BODY_MAX = 64 * 1024,
    QUARANTINE_STREAM_MAX = 1000
};

struct quarantine { /* those that wait for Redis */
    struct list waiting;
    size_t n;
};

void quarantine_init(struct quarantine *q);
void quarantine_finish(struct quarantine *q);
/* Keeps a copy (of the first QUARANTINE_BODY_MAX bytes) and counts it. webhook: its name in the
 * path, by which it can be tried again. */
void quarantine_add(struct quarantine *q, const char *format, struct str webhook, struct str peer,
                    const char *reason, struct str body, int64_t now_ms);
/* Sends what waits; call when the store is ready. */
void quarantine_send(struct quarantine *q, struct store *store, struct str prefix);

#endif
