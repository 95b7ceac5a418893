/*
 * syslog_time.c - timestamps: RFC 5424's, and the many that stand in front of 3164 messages.
 * Owns: their forms, zones by name, and the year of a date without one.
 *
 *   [Www] Mmm d|dd [yyyy] hh:mm:ss[.frac] [ZONE|±hh:mm] [yyyy][:]   RFC 3164, Cisco, asctime
 *   yyyy Mmm dd hh:mm:ss …                                    NX-OS
 *   yyyy-mm-ddThh:mm:ss[.frac][ZONE]                          ISO 8601, T or a blank
 *   mm/dd/yyyy:hh:mm:ss ZONE                                  NetScaler
 *   … hh:mm:ss PM.685 UTC :                                   CUCM
 */
#include "syslog_parts.h"
#include "triaged/base/clock.h"
#include "triaged/base/zone.h"

enum {
    ZONE_WORD_MAX = 12, /* IOS takes any name: "NewYork" */
    DAY_S = 86400,
    AHEAD_S = 7 * DAY_S, /* a date without a year lies at most so far in the future */
    YEAR_FIRST = 1970,   /* of a year that stands after the time, where a host may stand too */
    YEAR_LAST = 2099,
};

struct moment {
    unsigned year, month, day, hour, minute, second, us; /* year 0: not given */
    bool has_zone;
    int32_t offset_s;
};

/* ---- small readers -------------------------------------------------------------------------- */

static uint32_t lower3(const char *p)
{
    return ((uint32_t)(unsigned char)p[0] << 16 | (uint32_t)(unsigned char)p[1] << 8 |
            (unsigned char)p[2]) |
           0x202020;
}

#define WORD3(a, b, c) ((uint32_t)(a) << 16 | (uint32_t)(b) << 8 | (uint32_t)(c))

static bool read_month(struct cursor *c, unsigned *out)
{
    if (cursor_left(c) < 4 || c->p[3] != ' ')
        return false;
    switch (lower3(c->p)) {
    case WORD3('j', 'a', 'n'):
        *out = 1;
        break;
    case WORD3('f', 'e', 'b'):
        *out = 2;
        break;
    case WORD3('m', 'a', 'r'):
        *out = 3;
        break;
    case WORD3('a', 'p', 'r'):
        *out = 4;
        break;
    case WORD3('m', 'a', 'y'):
        *out = 5;
        break;
    case WORD3('j', 'u', 'n'):
        *out = 6;
        break;
    case WORD3('j', 'u', 'l'):
        *out = 7;
        break;
    case WORD3('a', 'u', 'g'):
        *out = 8;
        break;
    case WORD3('s', 'e', 'p'):
        *out = 9;
        break;
    case WORD3('o', 'c', 't'):
        *out = 10;
        break;
    case WORD3('n', 'o', 'v'):
        *out = 11;
        break;
    case WORD3('d', 'e', 'c'):
        *out = 12;
        break;
    default:
        return false;
    }
    c->p += 3;
    return true;
}

/* What may follow a timestamp: end, blank, TAB, or a colon that ends it. */
static bool at_boundary(const struct cursor *c)
{
    if (c->p == c->end || *c->p == ' ' || *c->p == '\t')
        return true;
    return *c->p == ':' && (c->p + 1 == c->end || c->p[1] == ' ' || c->p[1] == '%');
}

static bool read_char(struct cursor *c, char ch)
{
    if (!cursor_at(c, ch))
        return false;
    c->p++;
    return true;
}

/* ".685", ",685": any number of digits, cut after six. */
static void read_fraction(struct cursor *c, struct moment *t)
{
    unsigned scale = 100000;

    if (!(cursor_at(c, '.') || cursor_at(c, ',')) || c->p + 1 == c->end || c->p[1] < '0' ||
        c->p[1] > '9')
        return;
    for (c->p++; cursor_at_digit(c); c->p++) {
        t->us += (unsigned)(*c->p - '0') * scale;
        scale /= 10;
    }
}

/* CUCM: " PM.685". 12 AM is midnight. */
static void read_half_day(struct cursor *c, struct moment *t)
{
    if (cursor_left(c) < 3 || c->p[0] != ' ' || (c->p[1] != 'A' && c->p[1] != 'P') ||
        c->p[2] != 'M' || !(c->p + 3 == c->end || c->p[3] == '.' || c->p[3] == ' '))
        return;
    if (t->hour >= 1 && t->hour <= 12)
        t->hour = t->hour % 12 + (c->p[1] == 'P' ? 12 : 0);
    c->p += 3;
    read_fraction(c, t);
}

/* hh:mm:ss with its fraction. */
static bool read_clock(struct cursor *c, struct moment *t)
{
    struct cursor look = *c;

    if (!cursor_number(&look, 1, 2, &t->hour) || !read_char(&look, ':') ||
        !cursor_number(&look, 2, 2, &t->minute) || !read_char(&look, ':') ||
        !cursor_number(&look, 2, 2, &t->second) || cursor_at_digit(&look))
        return false;
    read_fraction(&look, t);
    read_half_day(&look, t);
    *c = look;
    return true;
}

/* ---- zones ---------------------------------------------------------------------------------- */

/* Those of RFC 822 section 5.1 and the European ones that routers print. */
static const struct {
    struct str name;
    int8_t hours;
} zones[] = {
    {{"UTC", 3}, 0},  {{"GMT", 3}, 0},  {{"UT", 2}, 0},   {{"Z", 1}, 0},    {{"EST", 3}, -5},
    {{"EDT", 3}, -4}, {{"CST", 3}, -6}, {{"CDT", 3}, -5}, {{"MST", 3}, -7}, {{"MDT", 3}, -6},
    {{"PST", 3}, -8}, {{"PDT", 3}, -7}, {{"CET", 3}, 1},  {{"CEST", 4}, 2}, {{"EET", 3}, 2},
    {{"EEST", 4}, 3}, {{"WET", 3}, 0},  {{"WEST", 4}, 1},
};

/* "Z", "+02:00", "-0330", "+02". */
static bool read_offset(struct cursor *c, struct moment *t)
{
    struct cursor look = *c;
    unsigned hours, minutes = 0;
    bool negative = cursor_at(c, '-');

    if (cursor_at(c, 'Z') || cursor_at(c, 'z')) {
        look.p++;
        hours = 0;
    } else if (negative || cursor_at(c, '+')) {
        look.p++;
        if (!cursor_number(&look, 2, 2, &hours) || hours > 23)
            return false;
        if (read_char(&look, ':') || cursor_at_digit(&look)) {
            if (!cursor_number(&look, 2, 2, &minutes) || minutes > 59)
                return false;
        }
    } else {
        return false;
    }
    if (!at_boundary(&look))
        return false;
    t->has_zone = true;
    t->offset_s = (int32_t)(hours * 3600 + minutes * 60) * (negative ? -1 : 1);
    *c = look;
    return true;
}

/* Is this capital word, at `after`, in a place where only a zone stands? Before ": %MNEMONIC" or a
 * year; anywhere else it is more likely a host ("Mar  6 16:57:54 FW app: …"). */
static bool is_zone_place(struct cursor after)
{
    unsigned year;

    if (cursor_at_text(&after, S(": %")))
        return true;
    return read_char(&after, ' ') && cursor_number(&after, 4, 4, &year) && year >= YEAR_FIRST &&
           year <= YEAR_LAST && at_boundary(&after);
}

/* "UTC+2", "GMT-05:00"; RFC 3164 5.4 has "TZ-6", whose sign means nothing certain. */
static bool read_named_offset(struct cursor *c, size_t n, struct moment *t)
{
    struct cursor look = {c->p + n, c->end};
    bool known = cursor_at_text(c, S("UTC")) || cursor_at_text(c, S("GMT"));
    unsigned hours, minutes = 0;
    bool negative = cursor_at(&look, '-');

    if (!(known && n == 3) && !(n == 2 && cursor_at_text(c, S("TZ"))))
        return false;
    if (!negative && !cursor_at(&look, '+'))
        return false;
    look.p++;
    if (!cursor_number(&look, 1, 2, &hours) || hours > 23 ||
        (read_char(&look, ':') && (!cursor_number(&look, 2, 2, &minutes) || minutes > 59)) ||
        !at_boundary(&look))
        return false;
    t->has_zone = known;
    t->offset_s = (int32_t)(hours * 3600 + minutes * 60) * (negative ? -1 : 1);
    *c = look;
    return true;
}

/* Names that senders print but that say no certain offset: the source's zone holds. Between a time
 * and a host they are no host of that name. */
static bool is_zone_word(struct str name)
{
    static const char words[] = " ACDT ACST AEDT AEST AKDT AKST ART AWST BRT BST CAT DST EAT GST "
                                "HKT HST ICT IST JST KST MSK NZDT NZST PHT PKT SAST SGT TRT WAT "
                                "WIB ";
    char key[8];

    if (name.n < 3 || name.n > 4)
        return false;
    key[0] = ' ';
    memcpy(key + 1, name.p, name.n);
    key[name.n + 1] = ' ';
    return str_find(S(words), (struct str){key, name.n + 2}) < sizeof(words) - 1;
}

/* Does a word follow that may be a host: one that ends in neither a colon nor [pid]? */
static bool is_before_host(struct cursor after)
{
    if (!read_char(&after, ' '))
        return false;
    struct str word = cursor_token(&after);
    return word.n > 0 && word.p[word.n - 1] != ':' && !memchr(word.p, '[', word.n);
}

static void read_zone_name(struct cursor *c, struct moment *t)
{
    struct cursor look = *c;
    size_t n = 0;
    bool upper = true;

    for (; look.p < look.end && (*look.p | 0x20) >= 'a' && (*look.p | 0x20) <= 'z'; look.p++, n++)
        upper = upper && *look.p <= 'Z';
    if (n >= 2 && n <= 3 && read_named_offset(c, n, t))
        return;
    if (n == 0 || n > ZONE_WORD_MAX || !at_boundary(&look) ||
        !((upper && n <= 5) || is_zone_place(look)))
        return;
    struct str name = {c->p, n};
    for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
        if (str_ieq(name, zones[i].name)) {
            t->has_zone = true;
            t->offset_s = zones[i].hours * 3600;
            *c = look;
            return;
        }
    }
    if (n > 1 && (is_zone_place(look) || (is_zone_word(name) && is_before_host(look))))
        *c = look;
}

/* A zone directly at the time, or after a blank. */
static void read_zone(struct cursor *c, struct moment *t)
{
    struct cursor look = *c;

    if (read_offset(c, t) || !read_char(&look, ' ') || look.p == look.end)
        return;
    const char *from = look.p;
    if (!read_offset(&look, t))
        read_zone_name(&look, t);
    if (look.p > from)
        *c = look;
}

/* ---- from civil time to a moment ------------------------------------------------------------ */

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

static bool is_moment(const struct moment *t)
{
    return t->month >= 1 && t->month <= 12 && t->day >= 1 && t->hour <= 23 && t->minute <= 59 &&
           t->second <= 60;
}

/* UTC seconds in a given year; false when that year has no such day. */
static bool to_utc(const struct moment *t, unsigned year, const struct zone *zone, int64_t *out_s)
{
    if (year < 1 || t->day > days_in_month(year, t->month))
        return false;
    int64_t local = clock_days_from_civil(year, t->month, t->day) * DAY_S + t->hour * 3600 +
                    t->minute * 60 + t->second; /* second 60 is the next one */
    *out_s = local - (t->has_zone ? t->offset_s : zone_offset_of_local(zone, local));
    return true;
}

/* Of last, this and next year the one that comes nearest to now, but not more than 7 days after. */
static bool nearest_year(const struct moment *t, const struct syslog_options *o, int64_t *out_s)
{
    int64_t now_s = o->now_ms / 1000, year, best = INT64_MAX;
    unsigned month, day;

    clock_civil_from_days(now_s / DAY_S, &year, &month, &day);
    /* Nearly always it is this year, and so near that no other can be nearer. */
    if (year > 1 && to_utc(t, (unsigned)year, o->zone, out_s) && *out_s <= now_s + AHEAD_S &&
        *out_s > now_s - 180 * DAY_S)
        return true;
    for (int64_t y = year - 1; y <= year + 1; y++) {
        int64_t at, distance;
        if (y < 1 || !to_utc(t, (unsigned)y, o->zone, &at) || at > now_s + AHEAD_S)
            continue;
        distance = at > now_s ? at - now_s : now_s - at;
        if (distance < best) {
            best = distance;
            *out_s = at;
        }
    }
    return best < INT64_MAX;
}

static bool to_us(const struct moment *t, const struct syslog_options *o, int64_t *out_us)
{
    int64_t s;

    if (!is_moment(t))
        return false;
    if (t->year > 0 ? !to_utc(t, t->year, o->zone, &s) : !nearest_year(t, o, &s))
        return false;
    *out_us = s * 1000000 + t->us;
    return true;
}

/* ---- whole forms ---------------------------------------------------------------------------- */

/* yyyy-mm-dd, then T or a blank, then the time and its zone. */
static bool read_iso(struct cursor *c, struct moment *t)
{
    struct cursor look = *c;

    if (!cursor_number(&look, 4, 4, &t->year) || !read_char(&look, '-') ||
        !cursor_number(&look, 2, 2, &t->month) || !read_char(&look, '-') ||
        !cursor_number(&look, 2, 2, &t->day))
        return false;
    if (!read_char(&look, 'T') && !read_char(&look, ' ') && !read_char(&look, 't'))
        return false;
    if (!read_clock(&look, t))
        return false;
    if (t->year == 0) /* the year 0000 is no moment; 0 stands for "none given" elsewhere */
        t->month = 0;
    read_zone(&look, t);
    *c = look;
    return true;
}

bool syslog_time_5424(struct str field, const struct syslog_options *o, int64_t *out_us,
                      bool *out_no_zone)
{
    struct cursor c = {field.p, field.p + field.n};
    struct moment t = {0};

    if (!read_iso(&c, &t) || c.p != c.end || !to_us(&t, o, out_us))
        return false;
    *out_no_zone = !t.has_zone;
    return true;
}

/* "Oct 11 22:14:15", "Apr 15 2007 21:28:13", and what follows the time. */
static bool read_named_month(struct cursor *c, struct moment *t)
{
    struct cursor look = *c;
    unsigned year;

    if (!read_month(&look, &t->month))
        return false;
    cursor_skip_blanks(&look);
    if (!cursor_number(&look, 1, 2, &t->day) || !cursor_at(&look, ' '))
        return false;
    cursor_skip_blanks(&look);
    if (t->year == 0) {
        struct cursor at_year = look;
        if (cursor_number(&at_year, 4, 4, &year) && cursor_at(&at_year, ' ') && year > 0) {
            t->year = year;
            cursor_skip_blanks(&at_year);
            look = at_year;
        }
    }
    if (!read_clock(&look, t))
        return false;
    if (cursor_at_text(&look, S(". "))) /* a fraction of no digits */
        look.p++;
    read_zone(&look, t);
    if (t->year == 0) { /* "21:28:13 2007 linksys": but "2001:db8::1" is a host */
        struct cursor at_year = look;
        if (read_char(&at_year, ' ') && cursor_number(&at_year, 4, 4, &year) &&
            year >= YEAR_FIRST && year <= YEAR_LAST && at_boundary(&at_year)) {
            t->year = year;
            look = at_year;
            if (!t->has_zone)
                read_zone(&look, t);
        }
    }
    *c = look;
    return true;
}

/* "2019 Mar 11 02:20:25 UTC" */
static bool read_year_first(struct cursor *c, struct moment *t)
{
    struct cursor look = *c;

    if (!cursor_number(&look, 4, 4, &t->year) || t->year == 0 || !read_char(&look, ' ') ||
        !read_named_month(&look, t))
        return false;
    *c = look;
    return true;
}

/* "07/28/2021:08:00:20 GMT" */
static bool read_netscaler(struct cursor *c, struct moment *t)
{
    struct cursor look = *c;

    if (!cursor_number(&look, 2, 2, &t->month) || !read_char(&look, '/') ||
        !cursor_number(&look, 2, 2, &t->day) || !read_char(&look, '/') ||
        !cursor_number(&look, 4, 4, &t->year) || t->year == 0 || !read_char(&look, ':') ||
        !read_clock(&look, t))
        return false;
    read_zone(&look, t);
    *c = look;
    return true;
}

/* "Fri May  5 …": the date says it too. */
static void skip_weekday(struct cursor *c)
{
    size_t n = 3;

    if (cursor_left(c) < 6)
        return;
    switch (lower3(c->p)) {
    case WORD3('m', 'o', 'n'):
    case WORD3('t', 'u', 'e'):
    case WORD3('w', 'e', 'd'):
    case WORD3('t', 'h', 'u'):
    case WORD3('f', 'r', 'i'):
    case WORD3('s', 'a', 't'):
    case WORD3('s', 'u', 'n'):
        n += c->p[n] == ',';
        if (c->p[n] == ' ') {
            c->p += n;
            cursor_skip_blanks(c);
        }
    }
}

static bool read_any(struct cursor *c, struct moment *t)
{
    if (cursor_left(c) < 13) /* "Oct 1 1:02:03" */
        return false;
    if (!cursor_at_digit(c)) {
        skip_weekday(c);
        return read_named_month(c, t);
    }
    /* Which separator comes first tells the three that begin with a digit apart. */
    switch (c->p[4]) {
    case '-':
        return read_iso(c, t);
    case ' ':
        return read_year_first(c, t);
    default:
        return c->p[2] == '/' && read_netscaler(c, t);
    }
}

/* The colon that ends a timestamp: at once, or (CUCM) after a blank and before a mnemonic. */
static void read_end(struct cursor *c)
{
    struct cursor look = *c;

    if (read_char(c, ':'))
        return;
    if (read_char(&look, ' ') && read_char(&look, ':')) {
        cursor_skip_blanks(&look);
        if (cursor_at(&look, '%'))
            *c = look;
    }
}

bool syslog_time_3164(struct cursor *c, const struct syslog_options *o, struct syslog_msg *m)
{
    struct cursor look = *c;
    struct moment t = {0};
    bool unsynced = cursor_at(c, '*');

    if (unsynced || cursor_at(c, '.')) /* Cisco: never set; set once, source lost since */
        look.p++;
    if (!read_any(&look, &t) || !at_boundary(&look))
        return false;
    read_end(&look);
    if (cursor_at(&look, '\t'))
        look.p++;
    cursor_skip_blanks(&look);
    m->has_timestamp = to_us(&t, o, &m->timestamp_us);
    m->flags |= (m->has_timestamp ? 0 : (unsigned)SYSLOG_BAD_TIME) |
                (unsigned)(unsynced ? SYSLOG_CLOCK_UNSYNCED : 0);
    *c = look;
    return true;
}
