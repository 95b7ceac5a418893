/*
 * when.h - times as a person says them: "3m ago", "in 12m", "overdue 5m". Pure: `now` is given.
 */
#ifndef TRIAGED_CLI_WHEN_H
#define TRIAGED_CLI_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/base/arena.h"
#include "triaged/base/str.h"

/* RFC 3339 to ms since 1970; false for anything else. */
bool when_parse(struct str s, int64_t *out_ms);
/* A span in its one or two greatest units: 45s, 12m, 3h12m, 2d4h, 12d. Negative ones as 0s. */
struct str when_span(struct arena *a, int64_t ms);
/* "just now", "3m ago", "in 12m". */
struct str when_ago(struct arena *a, int64_t at_ms, int64_t now_ms);
/* "in 12m", "overdue 5m". */
struct str when_due(struct arena *a, int64_t due_ms, int64_t now_ms);
/* Local date and time, "2026-11-24 18:14:30"; of today only the time. */
struct str when_local(struct arena *a, int64_t at_ms, int64_t now_ms);

#endif
