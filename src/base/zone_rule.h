/*
 * zone_rule.h - the rule in a zone file's footer: POSIX TZ, as "CET-1CEST,M3.5.0,M10.5.0/3".
 * Private to base.
 */
#ifndef TRIAGED_BASE_ZONE_RULE_H
#define TRIAGED_BASE_ZONE_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/base/str.h"

/* When in a year the clock changes. */
struct zone_change {
    char kind; /* 'M' month.week.day, 'J' day 1..365 without Feb 29, 'N' day 0..365 */
    unsigned month, week, day; /* day also for J and N */
    int32_t time_s;            /* wall time; may be negative or over a day (RFC 8536 3.3.1) */
};

struct zone_rule {
    int32_t std, dst; /* seconds east of UTC */
    bool has_dst;
    struct zone_change start, end; /* of daylight saving time */
};

bool zone_rule_parse(struct str s, struct zone_rule *out);
int32_t zone_rule_offset(const struct zone_rule *r, int64_t utc_s);

#endif
