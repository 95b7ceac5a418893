/*
 * clock.c - the system's clocks, and dates as text.
 * Owns: every call of clock_gettime. Never: knows time zones (decode/zone.c does).
 */
#include "triaged/base/clock.h"

#include <time.h>

enum { US_PER_SECOND = 1000000, SECONDS_PER_DAY = 86400 };

static int64_t read_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t); /* cannot fail with a valid id and address */
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_wall_ms(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000;
}

int64_t clock_receipt_ms(int64_t before, int64_t wall)
{
    return wall < before && before - wall <= CLOCK_STEP_MAX_MS ? before : wall;
}

int64_t clock_mono_ms(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t clock_mono_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

/*
 * Civil dates: years are counted from 1 March, so that the leap day is the last of its year and
 * the length of months up to `month` is the linear (153 m + 2) / 5. Eras are 400 years.
 */
enum { DAYS_PER_ERA = 146097, EPOCH_FROM_ERA = 719468 };

int64_t clock_days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t shifted = month > 2 ? (int64_t)month - 3 : (int64_t)month + 9;
    int64_t day_of_year = (153 * shifted + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - EPOCH_FROM_ERA;
}

void clock_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    days += EPOCH_FROM_ERA;
    int64_t era = (days >= 0 ? days : days - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
    int64_t d = days - era * DAYS_PER_ERA;
    int64_t y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
    int64_t day_of_year = d - (365 * y + y / 4 - y / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    *day = (unsigned)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *month = (unsigned)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = y + era * 400 + (*month <= 2);
}

/* n digits at s[*i]; advances. */
static bool take_digits(struct str s, size_t *i, size_t n, unsigned *out)
{
    unsigned v = 0;
    if (s.n - *i < n)
        return false;
    for (size_t end = *i + n; *i < end; (*i)++) {
        char c = s.p[*i];
        if (c < '0' || c > '9')
            return false;
        v = v * 10 + (unsigned)(c - '0');
    }
    *out = v;
    return true;
}

static bool take_char(struct str s, size_t *i, const char *any_of)
{
    if (*i >= s.n || !s.p[*i] || !strchr(any_of, s.p[*i]))
        return false;
    (*i)++;
    return true;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* ".123456789": microseconds, finer digits dropped. */
static bool take_fraction(struct str s, size_t *i, unsigned *us)
{
    *us = 0;
    if (!take_char(s, i, ".,"))
        return true;
    size_t start = *i;
    unsigned scale = US_PER_SECOND / 10;
    for (; *i < s.n && s.p[*i] >= '0' && s.p[*i] <= '9'; (*i)++, scale /= 10)
        *us += (unsigned)(s.p[*i] - '0') * scale;
    return *i > start;
}

/* 'Z' or +hh:mm: seconds east of UTC. */
static bool take_offset(struct str s, size_t *i, int *seconds)
{
    *seconds = 0;
    if (take_char(s, i, "Zz"))
        return true;
    bool west = *i < s.n && s.p[*i] == '-';
    unsigned hours, minutes;
    if (!take_char(s, i, "+-") || !take_digits(s, i, 2, &hours) || !take_char(s, i, ":") ||
        !take_digits(s, i, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *seconds = (int)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return true;
}

bool clock_parse_rfc3339_us(struct str s, int64_t *out_us)
{
    unsigned year, month, day, hour, minute, second, us;
    int offset;
    size_t i = 0;
    if (!take_digits(s, &i, 4, &year) || !take_char(s, &i, "-") || !take_digits(s, &i, 2, &month) ||
        !take_char(s, &i, "-") || !take_digits(s, &i, 2, &day) || !take_char(s, &i, "Tt ") ||
        !take_digits(s, &i, 2, &hour) || !take_char(s, &i, ":") ||
        !take_digits(s, &i, 2, &minute) || !take_char(s, &i, ":") ||
        !take_digits(s, &i, 2, &second) || !take_fraction(s, &i, &us) ||
        !take_offset(s, &i, &offset) || i != s.n)
        return false;
    /* second 60 is a leap second (RFC 3339 section 5.7): it counts as the next second */
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) ||
        hour > 23 || minute > 59 || second > 60)
        return false;
    int64_t seconds = clock_days_from_civil(year, month, day) * SECONDS_PER_DAY +
                      (int64_t)hour * 3600 + minute * 60 + second - offset;
    *out_us = seconds * US_PER_SECOND + us;
    return true;
}

static char *put_digits(char *p, uint64_t v, unsigned n)
{
    for (unsigned i = n; i-- > 0; v /= 10)
        p[i] = (char)('0' + v % 10);
    return p + n;
}

/* The date and time to the second, without the zone; clamped to years 0..9999. */
static char *put_civil(char *p, int64_t seconds)
{
    const int64_t first = -62167219200, last = 253402300799;
    seconds = seconds < first ? first : seconds > last ? last : seconds;
    int64_t days = seconds / SECONDS_PER_DAY, rest = seconds % SECONDS_PER_DAY;
    if (rest < 0) {
        rest += SECONDS_PER_DAY;
        days--;
    }
    int64_t year;
    unsigned month, day;
    clock_civil_from_days(days, &year, &month, &day);
    p = put_digits(p, (uint64_t)year, 4);
    *p++ = '-';
    p = put_digits(p, month, 2);
    *p++ = '-';
    p = put_digits(p, day, 2);
    *p++ = 'T';
    p = put_digits(p, (uint64_t)rest / 3600, 2);
    *p++ = ':';
    p = put_digits(p, (uint64_t)rest / 60 % 60, 2);
    *p++ = ':';
    return put_digits(p, (uint64_t)rest % 60, 2);
}

struct str clock_format_us(int64_t us, char out[CLOCK_RFC3339_SIZE])
{
    int64_t seconds = us / US_PER_SECOND, fraction = us % US_PER_SECOND;
    if (fraction < 0) {
        fraction += US_PER_SECOND;
        seconds--;
    }
    char *p = put_civil(out, seconds);
    *p++ = '.';
    p = put_digits(p, (uint64_t)fraction, 6);
    for (unsigned spare = 3; spare && p[-1] == '0'; spare--)
        p--;
    *p++ = 'Z';
    *p = 0;
    return (struct str){out, (size_t)(p - out)};
}

struct str clock_format_ms(int64_t ms, char out[CLOCK_RFC3339_SIZE])
{
    int64_t us;
    if (__builtin_mul_overflow(ms, (int64_t)1000, &us))
        us = ms < 0 ? INT64_MIN : INT64_MAX;
    return clock_format_us(us, out);
}
