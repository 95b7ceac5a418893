/*
 * sse.h - reads a stream of server-sent events (WHATWG HTML 9.2.6) from bytes in any pieces.
 * Pure. A line or an event longer than SSE_MAX ends the reading.
 */
#ifndef TRIAGED_CLI_SSE_H
#define TRIAGED_CLI_SSE_H

#include <stdbool.h>

#include "triaged/base/buf.h"

enum { SSE_MAX = 8 * 1024 * 1024 };

/* One event; texts are lent until it returns. False ends the reading. */
typedef bool sse_event_fn(void *arg, struct str type, struct str id, struct str data);

struct sse {
    struct buf line, type, data, id; /* id: the last one that was seen, kept */
    bool had_cr, has_data;
    sse_event_fn *on_event;
    void *arg;
};

void sse_init(struct sse *s, sse_event_fn *on_event, void *arg);
void sse_finish(struct sse *s);
/* False when on_event said so, or a limit was passed. */
bool sse_feed(struct sse *s, struct str bytes);
/* A new connection: what was half read is forgotten, the last id is kept. */
void sse_reset(struct sse *s);

#endif
