/*
 * syslog_times.c - timestamps of the two layouts that nearly all senders use, by what the same
 * minute was before: "Mmm dd hh:mm:ss" and "yyyy-mm-ddThh:mm:ss[.frac](Z|±hh:mm)". Owns: when a
 * minute that was worked out may be taken again. Never: reads a form that syslog_time.c does not;
 * whatever is unusual is left to that.
 *
 * A calendar minute is turned into UTC once; what follows it is a few digits. Zones change at whole
 * minutes, so a minute's seconds are all alike. A date without a year depends on the present, too:
 * it is kept only where it lies within 30 days of now, which no other year's can, and for an hour.
 */
#include "syslog_parts.h"
#include "triaged/base/clock.h"

enum { DAY_S = 86400, NEAR_S = 30 * DAY_S, AHEAD_S = 7 * DAY_S, KEPT_S = 3600 };

/* Two digits, or over 99. */
static inline unsigned two_digits(const char *p)
{
    unsigned tens = (unsigned)(unsigned char)p[0] - '0', ones = (unsigned)(unsigned char)p[1] - '0';

    return tens <= 9 && ones <= 9 ? tens * 10 + ones : 100;
}

/* ---- Mmm dd hh:mm:ss ------------------------------------------------------------------------- */

/* By the general reader; into the slot when it may be taken again. */
static bool work_out(const char *p, unsigned second, const struct syslog_options *o,
                     struct syslog_minute *slot, int64_t *out_s)
{
    struct cursor c = {p, p + SYSLOG_TIME_BSD};
    struct syslog_msg m = {0};
    int64_t now_s = o->now_ms / 1000;

    if (!syslog_time_3164(&c, o, &m) || c.p != c.end || !m.has_timestamp)
        return false;
    *out_s = m.timestamp_us / 1000000;
    int64_t minute_s = *out_s - second;
    if (minute_s <= now_s - NEAR_S || minute_s + 60 > now_s + AHEAD_S)
        return true;
    *slot = (struct syslog_minute){
        .zone = o->zone, .at_s = minute_s, .from_s = now_s, .until_s = now_s + KEPT_S};
    memcpy(slot->text, p, SYSLOG_MINUTE_BSD);
    return true;
}

bool syslog_time_bsd(const char *p, const struct syslog_options *o, int64_t *out_s)
{
    unsigned second = two_digits(p + 13);

    if (p[3] != ' ' || p[6] != ' ' || p[9] != ':' || p[12] != ':' || second > 60)
        return false;
    struct syslog_minute *slot = &o->times->bsd[(unsigned char)p[11] % SYSLOG_TIMES_N];
    int64_t now_s = o->now_ms / 1000;
    if (memcmp(slot->text, p, SYSLOG_MINUTE_BSD) != 0 || slot->zone != o->zone ||
        now_s < slot->from_s || now_s >= slot->until_s)
        return work_out(p, second, o, slot, out_s);
    *out_s = slot->at_s + second;
    return true;
}

/* ---- yyyy-mm-ddThh:mm:ss --------------------------------------------------------------------- */

/* Local seconds of a minute's begin; the zone comes after it. */
static bool iso_minute(const char *p, struct syslog_minute *slot)
{
    unsigned century = two_digits(p), year = two_digits(p + 2), month = two_digits(p + 5),
             day = two_digits(p + 8), hour = two_digits(p + 11), minute = two_digits(p + 14);

    if (p[4] != '-' || p[7] != '-' || p[10] != 'T' || p[13] != ':')
        return false;
    if (century < 1 || century > 99 || year > 99 || month < 1 || month > 12 || day < 1 ||
        day > 31 || hour > 23 || minute > 59)
        return false;
    int64_t days = clock_days_from_civil(century * 100 + year, month, day);
    int64_t y;
    unsigned m, d;
    clock_civil_from_days(days, &y, &m, &d);
    if (d != day) /* February 30 */
        return false;
    slot->at_s = days * DAY_S + hour * 3600 + minute * 60;
    memcpy(slot->text, p, SYSLOG_MINUTE_ISO);
    return true;
}

/* "Z", "+02:00": seconds, and where it ends, or NULL. */
static const char *iso_offset(const char *p, const char *end, int *out_s)
{
    if (p < end && *p == 'Z') {
        *out_s = 0;
        return p + 1;
    }
    if (end - p < 6 || (*p != '+' && *p != '-') || p[3] != ':')
        return NULL;
    unsigned hours = two_digits(p + 1), minutes = two_digits(p + 4);
    if (hours > 23 || minutes > 59)
        return NULL;
    *out_s = (int)(hours * 3600 + minutes * 60) * (*p == '-' ? -1 : 1);
    return p + 6;
}

const char *syslog_time_iso(const char *p, const char *end, const struct syslog_options *o,
                            int64_t *out_us)
{
    unsigned second, us = 0, scale = 100000;
    int offset_s;

    if (end - p < SYSLOG_TIME_ISO + 1 || p[16] != ':' || (second = two_digits(p + 17)) > 60)
        return NULL;
    struct syslog_minute *slot = &o->times->iso[(unsigned char)p[15] % SYSLOG_TIMES_N];
    if (memcmp(slot->text, p, SYSLOG_MINUTE_ISO) != 0 && !iso_minute(p, slot))
        return NULL;
    p += SYSLOG_TIME_ISO;
    if (*p == '.') {
        const char *from = ++p;
        for (; p < end && *p >= '0' && *p <= '9'; p++, scale /= 10)
            us += (unsigned)(*p - '0') * scale;
        if (p == from)
            return NULL;
    }
    p = iso_offset(p, end, &offset_s);
    if (p)
        *out_us = (slot->at_s + second - offset_s) * 1000000 + us;
    return p;
}
