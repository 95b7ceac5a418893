/*
 * syslog_text.c - makes a message's bytes fit to be handled as text.
 * Owns: trimming the end, the size limit, and the escapes for bytes that are not text.
 * Never: changes valid UTF-8, CR, LF or TAB within a message.
 */
#include "syslog_parts.h"

/* SysLogHandler of Python ends every message with NUL; others with LF or CR LF. */
static struct str trim_end(struct str s)
{
    while (s.n > 0 && (s.p[s.n - 1] == '\0' || s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
        s.n--;
    return s;
}

/* Takes a UTF-8 sequence that the cut broke off the end. */
static struct str trim_broken(struct str s)
{
    size_t n = s.n;

    for (unsigned back = 0; back < 3 && n > 0 && ((unsigned char)s.p[n - 1] & 0xC0) == 0x80; back++)
        n--;
    if (n > 0 && (unsigned char)s.p[n - 1] >= 0xC0 && !str_utf8_seq(s, n - 1))
        s.n = n - 1;
    return s;
}

static uint64_t load(const char *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

/* True when every byte is ASCII and none is NUL: nearly all messages, 32 bytes at a time. A bit of
 * `high` is set by a byte over 127, or by the borrow out of a zero byte. */
static bool is_plain(struct str s)
{
    const uint64_t high = 0x8080808080808080u, ones = 0x0101010101010101u;
    const char *p = s.p, *end = s.p + s.n;

    for (; end - p >= 32; p += 32) {
        uint64_t a = load(p), b = load(p + 8), c = load(p + 16), d = load(p + 24);
        if ((a | (a - ones) | b | (b - ones) | c | (c - ones) | d | (d - ones)) & high)
            return false;
    }
    for (; end - p >= 8; p += 8) {
        uint64_t a = load(p);
        if ((a | (a - ones)) & high)
            return false;
    }
    if (p < end && s.n >= 8) { /* the last eight, some of them again */
        uint64_t a = load(end - 8);
        return !((a | (a - ones)) & high);
    }
    for (; p < end; p++) {
        if ((signed char)*p <= 0)
            return false;
    }
    return true;
}

/* Copies s with NUL and bytes that are not UTF-8 as \xHH. */
static struct str escape(struct str s, struct arena *a, bool *out_invalid)
{
    static const char hex[] = "0123456789abcdef";
    char *out = arena_alloc(a, 4 * s.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.n;) {
        unsigned char c = (unsigned char)s.p[i];
        size_t len = c == 0 ? 0 : c < 0x80 ? 1 : str_utf8_seq(s, i);
        if (len > 0) {
            memcpy(out + n, s.p + i, len);
            n += len;
            i += len;
            continue;
        }
        *out_invalid |= c != 0;
        memcpy(out + n, (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
        n += 4;
        i++;
    }
    return (struct str){out, n};
}

struct str syslog_clean(struct str raw, const struct syslog_options *o, struct arena *a,
                        unsigned *flags)
{
    struct str s = trim_end(raw);
    bool invalid = false;

    if (o->max_message > 0 && s.n > o->max_message) {
        s.n = (size_t)o->max_message;
        *flags |= SYSLOG_TRUNCATED;
    }
    if (is_plain(s))
        return s;
    /* Cut here, or by the framer at the same limit. */
    if (o->max_message > 0 && s.n == o->max_message)
        s = trim_broken(s);
    if (!memchr(s.p, '\0', s.n) && str_is_utf8(s))
        return s;
    s = escape(s, a, &invalid);
    if (invalid)
        *flags |= SYSLOG_BAD_UTF8;
    return s;
}
