/*
 * when.c - times for people. Owns nothing.
 */
#include "when.h"

#include <time.h>

#include "triaged/base/clock.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

bool when_parse(struct str s, int64_t *out_ms)
{
    int64_t us;

    if (!s.n || !clock_parse_rfc3339_us(s, &us))
        return false;
    *out_ms = us / 1000;
    return true;
}

static struct str two_units(struct arena *a, int64_t big, const char *big_unit, int64_t small,
                            const char *small_unit)
{
    if (small == 0)
        return arena_printf(a, "%lld%s", (long long)big, big_unit);
    return arena_printf(a, "%lld%s%lld%s", (long long)big, big_unit, (long long)small, small_unit);
}

struct str when_span(struct arena *a, int64_t ms)
{
    if (ms < 0)
        ms = 0;
    if (ms < MINUTE)
        return arena_printf(a, "%llds", (long long)(ms / SECOND));
    if (ms < HOUR)
        return arena_printf(a, "%lldm", (long long)(ms / MINUTE));
    if (ms < DAY)
        return two_units(a, ms / HOUR, "h", ms % HOUR / MINUTE, "m");
    if (ms < 7 * (int64_t)DAY)
        return two_units(a, ms / DAY, "d", ms % DAY / HOUR, "h");
    return arena_printf(a, "%lldd", (long long)(ms / DAY));
}

struct str when_ago(struct arena *a, int64_t at_ms, int64_t now_ms)
{
    int64_t past = now_ms - at_ms;

    if (past > -2 * SECOND && past < 2 * SECOND)
        return S("just now");
    if (past < 0)
        return arena_printf(a, "in %s", when_span(a, -past).p);
    return arena_printf(a, "%s ago", when_span(a, past).p);
}

struct str when_due(struct arena *a, int64_t due_ms, int64_t now_ms)
{
    int64_t left = due_ms - now_ms;

    /* to the nearest minute: just after it was set to 5m, it is due in 5m */
    if (left >= MINUTE)
        left += MINUTE / 2;
    if (left >= 0)
        return arena_printf(a, "in %s", when_span(a, left).p);
    return arena_printf(a, "overdue %s", when_span(a, now_ms - due_ms).p);
}

struct str when_local(struct arena *a, int64_t at_ms, int64_t now_ms)
{
    time_t at = (time_t)(at_ms / 1000), now = (time_t)(now_ms / 1000);
    struct tm t, today;

    if (!localtime_r(&at, &t) || !localtime_r(&now, &today))
        return S("?");
    if (t.tm_year == today.tm_year && t.tm_yday == today.tm_yday)
        return arena_printf(a, "%02d:%02d:%02d", t.tm_hour, t.tm_min, t.tm_sec);
    return arena_printf(a, "%04d-%02d-%02d %02d:%02d:%02d", t.tm_year + 1900, t.tm_mon + 1,
                        t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
}
