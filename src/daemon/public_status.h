/*
 * public_status.h - what the public status shows: how many incidents are open, and the urgent ones
 * with the last update that was given. A value; private to incident_metrics.c but for its forms.
 */
#ifndef TRIAGED_DAEMON_PUBLIC_STATUS_H
#define TRIAGED_DAEMON_PUBLIC_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/base/arena.h"
#include "triaged/base/buf.h"
#include "triaged/conf/conf.h"

enum { STATUS_INCIDENTS_MAX = 50, STATUS_STALE_MS = 45000 };

struct status_incident {
    struct str id, title, state, service, update_text;
    enum priority priority;
    int64_t opened_ms, update_ms;
};

struct public_status {
    int64_t as_of_ms; /* 0: never looked */
    int64_t open[PRIORITY_N];
    struct status_incident incidents[STATUS_INCIDENTS_MAX];
    size_t n;
    struct arena arena; /* of the texts */
};

void public_status_put_json(const struct public_status *s, int64_t now_ms, struct buf *b);
void public_status_put_html(const struct public_status *s, int64_t now_ms, struct buf *b);

#endif
