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
    ['='] = NO_HOST | NO_TAG, [','] = NO_HOST,
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

/* "name:" or "name[pid]:", as far as one look tells. */
static bool is_closed_word(struct str word)
{
    return word.n > 1 && word.p[word.n - 1] == ':';
}

/* UniFi: `("BZ2,44d9e7f8a7d6,v3.7.58") hostapd: …`, "ap-1,18e8294876c3,v4.0.66 switch: …". Commas
 * are more often text, so a tag must follow. */
static bool is_unifi_host(const struct cursor *c, struct str word)
{
    bool quoted = word.n > 4 && word.p[0] == '(' && word.p[word.n - 1] == ')';
    struct cursor next = {word.p + word.n, c->end};

    if (!quoted && !((word.p[0] | 0x20) >= 'a' && (word.p[0] | 0x20) <= 'z'))
        return false;
    if (str_find_char(word, ',') == word.n || str_find_char(word, '=') < word.n)
        return false;
    cursor_skip_blanks(&next);
    return is_closed_word(read_word(&next));
}

static bool is_host(const struct cursor *c, struct str word)
{
    if (word.n == 0 || *c->p == '%' || syslog_is_body(c))
        return false;
    if (word.p[word.n - 1] == ':')
        return is_ipv6(word) || is_ipv6((struct str){word.p, word.n - 1}); /* "2001:db8::" */
    for (size_t i = 0; i < word.n; i++) {
        if (classes[(unsigned char)word.p[i]] & NO_HOST)
            return is_unifi_host(c, word);
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
}

/* A colon with blanks around it, where a tag was left out: "asa01 : %ASA-6-302015: …". */
static void skip_lone_colon(struct cursor *c)
{
    if (!cursor_at(c, ':') || (c->p + 1 < c->end && c->p[1] != ' '))
        return;
    c->p++;
    if (cursor_at(c, ' '))
        c->p++;
}

/* ---- tag ------------------------------------------------------------------------------------ */

enum { PID_MAX = 64 }; /* bytes of "[…]" after a name */

/* How a name ended: a colon amid the word, a colon at its end, or [pid]. */
enum ending { GLUED, CLOSED, WITH_PID };

static bool is_tag_name(struct str s, enum ending ending)
{
    unsigned colons = 0, hex = 0, digits = 0;

    /* systemd's children before their exec call themselves "(sd-pam)[7]" */
    if (s.n == 0 || (s.p[0] == '(' && ending != WITH_PID) || s.p[0] == '[')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned class = classes[(unsigned char)s.p[i]];
        if (class & NO_TAG)
            return false;
        if (s.p[i] == ',' && ending == GLUED)
            return false;
        colons += s.p[i] == ':';
        digits += (class & DIGIT) != 0;
        hex += (class & HEX) != 0;
    }
    if (colons > 0) { /* "db:rpd" and "My::Worker[3]" may be; "10:22:31", "aa:bb", "fe80::1" not */
        return hex + colons < s.n && s.p[0] != ':' && str_find(s, S("://")) == s.n &&
               (ending == WITH_PID || str_find(s, S("::")) == s.n);
    }
    /* a counter: it would make every message another app's */
    if (digits == s.n && s.n <= 10 && ending != WITH_PID)
        return false;
    return ending != GLUED || (s.p[0] | 0x20) >= 'a';
}

/* "[pid]" with its end, from "[" on: "]:" or "]" at the end of the word. Only the unmistakable
 * "]:" may have blanks before it: "app[main thread]: …". */
static const char *find_pid_end(const char *open, const char *word_end, const struct cursor *c)
{
    const char *end = c->end - open > PID_MAX ? open + PID_MAX : c->end, *p = open;

    while ((p = memchr(p + 1, ']', (size_t)(end - p - 1)))) {
        if (p + 1 == word_end || (p + 1 < c->end && p[1] == ':'))
            return p;
        if (p + 1 >= end)
            return NULL;
    }
    return NULL;
}

/* "name[pid]:", "name[pid] ". */
static bool read_tag_pid(struct cursor *c, struct str word, bool strict, struct syslog_msg *m)
{
    const char *open = memchr(word.p, '[', word.n);

    if (!open || open == word.p)
        return false;
    const char *close = find_pid_end(open, word.p + word.n, c);
    if (!close)
        return false;
    struct str name = {word.p, (size_t)(open - word.p)};
    struct str pid = {open + 1, (size_t)(close - open - 1)};
    bool colon = close + 1 < c->end && close[1] == ':';
    if (!is_tag_name(name, WITH_PID))
        return false;
    if (strict) { /* nothing else says that this is syslog: only the unmistakable form */
        uint64_t number;
        if (!colon || !str_to_u64(pid, &number))
            return false;
    }
    m->app = name;
    m->procid = pid.n > 0 ? pid : STR_NONE;
    c->p = close + 1 + colon;
    return true;
}

/* "tag:msgnum:3" is a tag and its text, "aa:bb:cc" and "main.c:12" are not. */
static bool is_glued_tag(struct str name, char next)
{
    size_t hex = 0;

    if (name.n < 2 || !is_tag_name(name, GLUED))
        return false;
    if (next == '/' || next == '\\' || next == ':' || (next >= '0' && next <= '9'))
        return false;
    while (hex < name.n && classes[(unsigned char)name.p[hex]] & HEX)
        hex++;
    return hex < name.n || name.n > 4;
}

/* "name:" before a blank; "name:text" when it cannot be an address, a time, a URL or a path. */
static bool read_tag_colon(struct cursor *c, struct str word, struct syslog_msg *m)
{
    struct str name = {word.p, word.n - 1};

    if (word.n < 2)
        return false;
    if (word.p[word.n - 1] != ':' || !is_tag_name(name, CLOSED)) {
        name.n = str_find_char(word, ':');
        if (name.n + 1 >= word.n || !is_glued_tag(name, word.p[name.n + 1]))
            return false;
    }
    if (!str_eq(name, S("-")))
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
    } else if (word.n == 0 || syslog_is_body(c) ||
               !(read_tag_pid(c, word, strict, m) || (!strict && read_tag_colon(c, word, m)))) {
        return;
    }
    if (cursor_at(c, ' ')) /* one, and no more: the rest is the text's own */
        c->p++;
}

/* Does "host prog[12]:" stand here? A local socket's messages have no host, but those of loggen and
 * of relays do; no other form is told apart from text surely enough. */
static bool has_host_before_pid(const struct cursor *c)
{
    struct str word = read_word(c);
    struct cursor next = {word.p + word.n, c->end};
    struct syslog_msg scratch = {0};

    if (word.n == 0 || is_closed_word(word) || !cursor_at(&next, ' '))
        return false;
    next.p++;
    return read_tag_pid(&next, read_word(&next), true, &scratch);
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
    if (has_time && (!o->is_unix || has_host_before_pid(c)))
        read_host(c, m);
    else if (m->format == SYSLOG_RFC3164)
        (void)syslog_read_forwarded(c, false, m);
    if (looks_so)
        m->format = SYSLOG_RFC3164;
    if (has_time)
        skip_lone_colon(c);
    if (has_time && m->host.p && cursor_at_digit(c))
        syslog_skip_cisco(c, o, m);
    read_tag(c, m->format == SYSLOG_RAW, m);
    if (m->app.p)
        m->format = SYSLOG_RFC3164;
    if (!m->has_timestamp && !(m->flags & SYSLOG_BAD_TIME))
        m->flags |= SYSLOG_NO_TIME;
    m->msg = cursor_rest(c);
}
