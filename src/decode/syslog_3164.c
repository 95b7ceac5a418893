/*
 * syslog_3164.c - what stands after the PRI when it is not RFC 5424: timestamp, host, tag, text.
 * Owns: telling these apart. RFC 3164 only describes what it found; senders leave out any part, so
 * each is taken only when it looks like itself: a first word of free text must not become a host
 * or an app, since grouping goes by them.
 */
#include <arpa/inet.h>

#include "syslog_parts.h"

/* A blank or TAB ends a word here (Snare separates by TABs). */
static struct str read_word(const struct cursor *c)
{
    struct str s = cursor_token(c);
    const char *tab = s.n ? memchr(s.p, '\t', s.n) : NULL;

    return tab ? (struct str){s.p, (size_t)(tab - s.p)} : s;
}

static bool is_ipv6(struct str s)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (s.n < 2 || s.n >= sizeof(text) || !memchr(s.p, ':', s.n))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

/* ---- host ----------------------------------------------------------------------------------- */

/* Bytes that no host or no program's name has, but text and key=value pairs do. */
enum { NO_HOST = 1, NO_TAG = 2, DIGIT = 4, HEX = 8 };

static const uint8_t classes[256] = {
    ['='] = NO_HOST | NO_TAG, [','] = NO_HOST | NO_TAG,
    ['|'] = NO_HOST | NO_TAG, [';'] = NO_HOST | NO_TAG,
    ['"'] = NO_HOST | NO_TAG, ['<'] = NO_HOST | NO_TAG,
    ['>'] = NO_HOST | NO_TAG, ['{'] = NO_HOST | NO_TAG,
    ['}'] = NO_HOST | NO_TAG, ['\''] = NO_TAG,
    ['('] = NO_HOST,          [')'] = NO_HOST,
    ['['] = NO_HOST,          ['0' ... '9'] = DIGIT | HEX,
    ['a' ... 'f'] = HEX,      ['A' ... 'F'] = HEX,
};

/* "2024-02-03 12:34:56,123 ERROR …": a program's own log line. */
static bool is_level(struct str word)
{
    static const struct str levels[] = {{"INFO", 4},   {"WARN", 4},    {"DEBUG", 5},
                                        {"ERROR", 5},  {"FATAL", 5},   {"TRACE", 5},
                                        {"NOTICE", 6}, {"WARNING", 7}, {"CRITICAL", 8}};

    if (word.n < 4 || word.n > 8 || word.p[1] > 'Z')
        return false;
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        if (str_eq(word, levels[i]))
            return true;
    }
    return false;
}

static bool is_host(const struct cursor *c, struct str word)
{
    if (word.n == 0 || *c->p == '%' || syslog_is_body(c))
        return false;
    if (word.p[word.n - 1] == ':')
        return is_ipv6(word) || is_ipv6((struct str){word.p, word.n - 1}); /* "2001:db8::" */
    for (size_t i = 0; i < word.n; i++) {
        if (classes[(unsigned char)word.p[i]] & NO_HOST)
            return false;
    }
    return !is_level(word);
}

static void read_host(struct cursor *c, struct syslog_msg *m)
{
    struct str word = read_word(c);

    if (syslog_read_forwarded(c, true, m) || !is_host(c, word))
        return;
    if (!str_eq(word, S("-")))
        m->host = word;
    c->p += word.n;
    if (word.n > 2 && m->host.p && word.p[word.n - 1] == ':' && !is_ipv6(word))
        m->host.n--;
    if (cursor_at(c, '\t'))
        c->p++;
    cursor_skip_blanks(c);
    /* ASA with a device id: "asa01 : %ASA-6-302015: …" */
    if (cursor_at_text(c, S(": %")))
        c->p += 2;
}

/* ---- tag ------------------------------------------------------------------------------------ */

/* May this be a program's name? `closed`: a colon and a blank, or [pid], ended it. */
static bool is_tag_name(struct str s, bool closed)
{
    unsigned colons = 0, hex = 0, digits = 0;

    if (s.n == 0 || s.p[0] == '(' || s.p[0] == '[')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned class = classes[(unsigned char)s.p[i]];
        if (class & NO_TAG)
            return false;
        colons += s.p[i] == ':';
        digits += (class & DIGIT) != 0;
        hex += (class & HEX) != 0;
    }
    if (colons > 0) /* "db:rpd" may be one; "10:22:31", "aa:bb:cc", "fe80::1" are none */
        return hex + colons < s.n && !str_starts(s, S(":")) && str_find(s, S("::")) == s.n &&
               str_find(s, S("://")) == s.n;
    if (digits == s.n && s.n <= 10) /* a counter: it would make every message another app's */
        return false;
    return closed || (s.p[0] | 0x20) >= 'a';
}

/* "name[pid]:", "name[pid] ". */
static bool read_tag_pid(struct cursor *c, struct str word, bool strict, struct syslog_msg *m)
{
    const char *open = memchr(word.p, '[', word.n), *end = word.p + word.n;

    if (!open)
        return false;
    const char *close = memchr(open, ']', (size_t)(end - open));
    if (!close)
        return false;
    struct str name = {word.p, (size_t)(open - word.p)};
    struct str pid = {open + 1, (size_t)(close - open - 1)};
    const char *after = close + 1;
    bool colon = after < end && *after == ':';
    if (!is_tag_name(name, true) || (after < end && !colon))
        return false;
    if (strict) { /* nothing else says that this is syslog: only the unmistakable form */
        uint64_t number;
        if (!colon || !str_to_u64(pid, &number))
            return false;
    }
    m->app = name;
    m->procid = pid.n > 0 ? pid : STR_NONE;
    c->p = after + colon;
    return true;
}

/* "name:" before a blank; "name:text" when it cannot be an address, a time, a URL or a path. */
static bool read_tag_colon(struct cursor *c, struct str word, struct syslog_msg *m)
{
    struct str name = {word.p, word.n - 1};

    if (word.n == 0)
        return false;
    if (word.p[word.n - 1] != ':') {
        name.n = str_find_char(word, ':');
        if (name.n == word.n || memchr(word.p + name.n + 1, ':', word.n - name.n - 1))
            return false;
        char next = word.p[name.n + 1];
        if (!is_tag_name(name, false) || name.n < 2 || next == '/' || next == '\\' ||
            (next >= '0' && next <= '9'))
            return false;
    } else if (!is_tag_name(name, true)) {
        return false;
    }
    m->app = name;
    c->p = name.p + name.n + 1;
    return true;
}

static void read_tag(struct cursor *c, bool strict, struct syslog_msg *m)
{
    size_t mnemonic = syslog_mnemonic(c);
    struct str word = read_word(c);

    if (mnemonic > 0) {
        m->app = (struct str){c->p, mnemonic};
        c->p += mnemonic;
        cursor_skip_blanks(c);
        c->p++; /* the colon */
    } else if (syslog_is_body(c) ||
               !(read_tag_pid(c, word, strict, m) || (!strict && read_tag_colon(c, word, m)))) {
        return;
    }
    if (cursor_at(c, ' ')) /* one, and no more: the rest is the text's own */
        c->p++;
}

/* ---- the whole ------------------------------------------------------------------------------ */

void syslog_read_3164(struct cursor *c, const struct syslog_options *o, struct syslog_msg *m)
{
    bool has_time = syslog_time_3164(c, o, m), looks_so = has_time;

    if (!has_time) {
        struct cursor look = *c;
        if (cursor_at(&look, ':')) { /* NX-OS: "<189>: 2019 Mar 11 …" */
            look.p++;
            cursor_skip_blanks(&look);
        }
        if (look.p != c->p && syslog_time_3164(&look, o, m))
            looks_so = has_time = true;
        else
            looks_so = syslog_read_cisco(&look, o, m, &has_time);
        if (looks_so)
            *c = look;
    }
    if (has_time && !o->is_unix)
        read_host(c, m);
    else if (m->format == SYSLOG_RFC3164)
        (void)syslog_read_forwarded(c, false, m);
    if (looks_so)
        m->format = SYSLOG_RFC3164;
    read_tag(c, m->format == SYSLOG_RAW, m);
    if (m->app.p)
        m->format = SYSLOG_RFC3164;
    if (!m->has_timestamp && !(m->flags & SYSLOG_BAD_TIME))
        m->flags |= SYSLOG_NO_TIME;
    m->msg = cursor_rest(c);
}
