/*
 * zone_rule.c - POSIX TZ rules (POSIX.1-2017 section 8.3, with RFC 8536 3.3.1's wider hours).
 * Owns: parsing the rule and evaluating it at a moment. Never: reads files or the environment.
 */
#include "zone_rule.h"

#include "triaged/base/clock.h"

enum { DAY_S = 86400, YEAR_DAYS = 365 };

/* ---- parsing: each reader takes what it knows off the front of *s -----------------------------
 */

static bool take_char(struct str *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    s->p++, s->n--;
    return true;
}

static bool take_number(struct str *s, unsigned max, unsigned *out)
{
    unsigned v = 0, digits = 0;

    while (s->n > 0 && *s->p >= '0' && *s->p <= '9') {
        if (++digits > 3)
            return false;
        v = v * 10 + (unsigned)(*s->p - '0');
        s->p++, s->n--;
    }
    *out = v;
    return digits > 0 && v <= max;
}

/* An abbreviation: three letters or more, or anything in <>. */
static bool take_name(struct str *s)
{
    size_t n = 0;

    if (take_char(s, '<')) {
        n = str_find_char(*s, '>');
        if (n == s->n || n < 3)
            return false;
        *s = str_sub(*s, n + 1, s->n);
        return true;
    }
    while (n < s->n && ((s->p[n] | 0x20) >= 'a' && (s->p[n] | 0x20) <= 'z'))
        n++;
    *s = str_sub(*s, n, s->n);
    return n >= 3;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool take_hms(struct str *s, unsigned hours_max, int32_t *out)
{
    bool negative = take_char(s, '-');
    unsigned h, m = 0, sec = 0;

    if (!negative)
        (void)take_char(s, '+');
    if (!take_number(s, hours_max, &h))
        return false;
    if (take_char(s, ':')) {
        if (!take_number(s, 59, &m) || (take_char(s, ':') && !take_number(s, 59, &sec)))
            return false;
    }
    *out = (int32_t)(h * 3600 + m * 60 + sec) * (negative ? -1 : 1);
    return true;
}

static bool take_change(struct str *s, struct zone_change *c)
{
    bool ok;

    c->time_s = 2 * 3600;
    if (take_char(s, 'M')) {
        c->kind = 'M';
        ok = take_number(s, 12, &c->month) && c->month >= 1 && take_char(s, '.') &&
             take_number(s, 5, &c->week) && c->week >= 1 && take_char(s, '.') &&
             take_number(s, 6, &c->day);
    } else if (take_char(s, 'J')) {
        c->kind = 'J';
        ok = take_number(s, YEAR_DAYS, &c->day) && c->day >= 1;
    } else {
        c->kind = 'N';
        ok = take_number(s, YEAR_DAYS, &c->day);
    }
    return ok && (!take_char(s, '/') || take_hms(s, 167, &c->time_s));
}

bool zone_rule_parse(struct str s, struct zone_rule *out)
{
    struct zone_rule r = {0};

    /* POSIX counts west of UTC. */
    if (!take_name(&s) || !take_hms(&s, 24, &r.std))
        return false;
    r.std = -r.std;
    if (s.n > 0) {
        r.has_dst = true;
        r.dst = r.std + 3600;
        if (!take_name(&s))
            return false;
        if (s.n > 0 && *s.p != ',') {
            if (!take_hms(&s, 24, &r.dst))
                return false;
            r.dst = -r.dst;
        }
        if (!take_char(&s, ',') || !take_change(&s, &r.start) || !take_char(&s, ',') ||
            !take_change(&s, &r.end) || s.n > 0)
            return false;
    }
    *out = r;
    return true;
}

/* ---- evaluation ----------------------------------------------------------------------------- */

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t month_day(const struct zone_change *c, int64_t year)
{
    int64_t first = clock_days_from_civil(year, c->month, 1);
    int64_t next = c->month == 12 ? clock_days_from_civil(year + 1, 1, 1)
                                  : clock_days_from_civil(year, c->month + 1, 1);
    /* 1970-01-01 was a Thursday (4). */
    int64_t weekday = ((first + 4) % 7 + 7) % 7;
    int64_t day = first + ((int64_t)c->day - weekday + 7) % 7 + (int64_t)(c->week - 1) * 7;

    return day >= next ? day - 7 : day; /* week 5 = the last one */
}

/* Wall-clock seconds of a change in a year. */
static int64_t change_local(const struct zone_change *c, int64_t year)
{
    int64_t day;

    if (c->kind == 'M') {
        day = month_day(c, year);
    } else {
        day = clock_days_from_civil(year, 1, 1) + c->day;
        if (c->kind == 'J') /* never counts Feb 29: day 60 is always March 1 */
            day += c->day >= 60 && is_leap(year) ? 0 : -1;
    }
    return day * DAY_S + c->time_s;
}

int32_t zone_rule_offset(const struct zone_rule *r, int64_t utc_s)
{
    int64_t year, days, local = utc_s + r->std;
    unsigned month, day;

    if (!r->has_dst)
        return r->std;
    days = local / DAY_S - (local % DAY_S < 0);
    clock_civil_from_days(days, &year, &month, &day);
    int64_t start = change_local(&r->start, year) - r->std;
    int64_t end = change_local(&r->end, year) - r->dst;
    /* South of the equator daylight saving time spans the new year. */
    bool dst = start < end ? utc_s >= start && utc_s < end : !(utc_s >= end && utc_s < start);
    return dst ? r->dst : r->std;
}
