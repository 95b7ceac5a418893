/*
 * syslog_common.c - "TIME host app[pid]: text", which nearly all messages are, in one pass.
 * Owns: knowing what is surely that. Never: decides anything unusual: then it says no, and the
 * general reader (syslog_3164.c) begins anew; on what this one takes both agree.
 */
#include "syslog_parts.h"

/* Bytes of which ordinary hosts and programs' names are made. */
enum { NAME = 1, LETTER = 2, SLASH = 4 };

static const uint8_t kinds[256] = {
    ['a' ... 'z'] = NAME | LETTER,
    ['A' ... 'Z'] = NAME | LETTER,
    ['0' ... '9'] = NAME,
    ['.'] = NAME,
    ['-'] = NAME,
    ['_'] = NAME,
    ['/'] = SLASH,
};

static inline bool is_digit(char ch)
{
    return ch >= '0' && ch <= '9';
}

/* May a word of letters only, as long as this, be anything but a host? A zone before it, a level,
 * or what begins "last message repeated", "message repeated", "Message forwarded from", "From". */
static bool is_doubtful(const char *p, const char *after, const char *end)
{
    size_t n = (size_t)(after - p);

    if (*p == 'l' || *p == 'm' || *p == 'M' || *p == 'F')
        return true;
    if (n == 1 || p[1] <= 'Z')
        return n <= 8;
    return n <= 5 && after + 1 < end && is_digit(after[1]); /* a year may follow: a zone */
}

static const char *read_host(const char *p, const char *end, struct syslog_msg *m)
{
    const char *from = p;
    unsigned all = LETTER;

    for (; p < end && kinds[(unsigned char)*p] & NAME; p++)
        all &= kinds[(unsigned char)*p];
    if (p == from || p == end || *p != ' ' || *from == '-' || (all && is_doubtful(from, p, end)))
        return NULL;
    if (is_digit(*from) && p - from == 4) /* a year */
        return NULL;
    m->host = (struct str){from, (size_t)(p - from)};
    return p + 1;
}

/* "app[12]: ", "app: " */
static const char *read_tag(const char *p, const char *end, struct syslog_msg *m)
{
    const char *from = p, *pid;

    if (p == end || !(kinds[(unsigned char)*p] & LETTER))
        return NULL;
    while (p < end && kinds[(unsigned char)*p] & (NAME | SLASH))
        p++;
    struct str name = {from, (size_t)(p - from)};
    if (p < end && *p == '[') {
        pid = ++p;
        while (p < end && is_digit(*p))
            p++;
        if (p == pid || end - p < 3 || *p != ']' || p - pid > 20)
            return NULL;
        m->procid = (struct str){pid, (size_t)(p++ - pid)};
    } else if (name.n <= 4 && (*from == 'C' || *from == 'L')) { /* CEF:, LEEF: */
        return NULL;
    }
    if (end - p < 2 || p[0] != ':' || p[1] != ' ') {
        m->procid = STR_NONE;
        return NULL;
    }
    m->app = name;
    return p + 2;
}

static const char *read_time(const struct cursor *c, const struct syslog_options *o,
                             int64_t *out_us)
{
    const char *p = c->p, *after;
    int64_t s;

    if (is_digit(*p)) {
        after = syslog_time_iso(p, c->end, o, out_us);
        return after && after < c->end && *after == ' ' ? after + 1 : NULL;
    }
    if (p[SYSLOG_TIME_BSD] != ' ' || !syslog_time_bsd(p, o, &s))
        return NULL;
    *out_us = s * 1000000;
    return p + SYSLOG_TIME_BSD + 1;
}

bool syslog_read_common(struct cursor *c, const struct syslog_options *o, struct syslog_msg *m)
{
    int64_t us;
    const char *p;

    if (cursor_left(c) < SYSLOG_TIME_BSD + 4 || !(p = read_time(c, o, &us)) ||
        !(p = read_host(p, c->end, m)))
        return false;
    if (!(p = read_tag(p, c->end, m))) {
        m->host = STR_NONE;
        return false;
    }
    m->format = SYSLOG_RFC3164;
    m->timestamp_us = us;
    m->has_timestamp = true;
    m->msg = (struct str){p, (size_t)(c->end - p)};
    return true;
}
