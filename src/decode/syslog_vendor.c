/*
 * syslog_vendor.c - what single vendors put where RFC 3164 has its timestamp, host or tag.
 * Owns: Cisco's sequence numbers, uptimes and mnemonics; AIX's forwarding notes; "last message
 * repeated"; the bodies that other formats begin (JSON, CEF, LEEF, CEE, Snare).
 */
#include "syslog_parts.h"

/* ---- Cisco ---------------------------------------------------------------------------------- */

/* "91:" and blanks; the number is what changes with every message, so it is kept apart. */
static bool read_sequence(struct cursor *c, struct str *out)
{
    struct cursor look = *c;

    while (cursor_at_digit(&look))
        look.p++;
    size_t n = (size_t)(look.p - c->p);
    if (n == 0 || n > 10 || !cursor_at(&look, ':'))
        return false;
    look.p++;
    if (!cursor_at(&look, ' ') && !cursor_at(&look, '*') && !cursor_at(&look, '.'))
        return false;
    cursor_skip_blanks(&look);
    *out = (struct str){c->p, n};
    *c = look;
    return true;
}

static bool is_upper(char ch)
{
    return ch >= 'A' && ch <= 'Z';
}

/* "ASA-session", "UC_CALLMANAGER", "DeviceUnregistered" */
static bool is_mnemonic_byte(char ch)
{
    return ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z') || (ch >= '0' && ch <= '9') || ch == '_';
}

/* "sw01:" (logging origin-id); IOS XR has no blank: "RP/0/RP0/CPU0:Jul 11 …"; a line card has one
 * within: "CLC 6/0: Dec 11 …". */
static bool read_origin(struct cursor *c, struct str *out)
{
    struct str token = cursor_token(c);
    size_t n = token.n;

    if (n > 1 && str_find_char(token, ':') == n && is_upper(token.p[0])) {
        struct cursor second = {token.p + n + (token.p + n < c->end), c->end};
        struct str slot = cursor_token(&second);
        if (slot.n > 3 && memchr(slot.p, '/', slot.n) && slot.p[slot.n - 1] == ':')
            n = token.n += 1 + slot.n;
    }

    if (n < 2 || token.p[0] == '%' || memchr(token.p, '[', n))
        return false;
    if (token.p[n - 1] == ':')
        n--;
    else
        n = str_find_char(token, ':');
    if (n == 0 || n == token.n)
        return false;
    c->p += n + 1;
    cursor_skip_blanks(c);
    *out = (struct str){token.p, n};
    return true;
}

/* "00:01:01:", "13w1d:", "1d02h:", "2y3w:": time since the device's start, which is no moment. */
static bool read_uptime(struct cursor *c)
{
    struct cursor look = *c;
    unsigned colons = 0;

    if (cursor_at(&look, '*') || cursor_at(&look, '.'))
        look.p++;
    if (!cursor_at_digit(&look))
        return false;
    for (; look.p < look.end && *look.p != ' '; look.p++) {
        if (*look.p == ':')
            colons++;
        else if (!cursor_at_digit(&look) && !memchr(".ywdhms", *look.p, 7))
            return false;
    }
    if (look.p[-1] != ':' || (colons != 1 && colons != 3))
        return false;
    cursor_skip_blanks(&look);
    if (!cursor_at(&look, '%'))
        return false;
    *c = look;
    return true;
}

/* "*spamApTask1:", a wireless controller's task, between its name and the time. */
static bool read_task(struct cursor *c, struct syslog_msg *m)
{
    struct str token = cursor_token(c);

    if (token.n < 4 || token.p[0] != '*' || token.p[token.n - 1] != ':' ||
        !((token.p[1] | 0x20) >= 'a'))
        return false;
    m->procid = str_sub(token, 1, token.n - 1);
    c->p += token.n;
    cursor_skip_blanks(c);
    return true;
}

/* What precedes Cisco's mnemonic. May leave marks in m although it returns false. */
static bool read_prefix(struct cursor *c, const struct syslog_options *o, struct syslog_msg *m,
                        bool *out_time)
{
    struct str first = STR_NONE, second = STR_NONE, origin = STR_NONE;

    if (read_sequence(c, &first)) /* with a counter of all messages sent: "421370: 421366: Nov …" */
        (void)read_sequence(c, &second);
    bool has_time = syslog_time_3164(c, o, m);
    if (!has_time && !read_uptime(c) && !syslog_mnemonic(c)) {
        if (!read_origin(c, &origin))
            return false;
        (void)read_task(c, m);
        (void)read_sequence(c, &second);
        has_time = syslog_time_3164(c, o, m);
        if (!has_time && !read_uptime(c) && !(first.p && syslog_mnemonic(c)))
            return false;
    }
    m->seq = second.p ? second : first;
    if (origin.p && memchr(origin.p, ' ', origin.n))
        m->procid = origin; /* a line card is no host */
    else if (origin.p)
        m->host = origin;
    *out_time = has_time && !origin.p;
    /* Without a number, "app: Jul 11 …" may be anybody's text; a mnemonic tells. */
    return m->seq.p || syslog_mnemonic(c) || memchr(origin.p ? origin.p : "", '/', origin.n);
}

bool syslog_read_cisco(struct cursor *c, const struct syslog_options *o, struct syslog_msg *m,
                       bool *out_time)
{
    struct cursor look = *c;
    const struct syslog_msg before = *m;

    if (read_prefix(&look, o, m, out_time)) {
        *c = look;
        return true;
    }
    *m = before;
    *out_time = false;
    return false;
}

void syslog_skip_cisco(struct cursor *c, const struct syslog_options *o, struct syslog_msg *m)
{
    struct cursor look = *c;
    struct syslog_msg inner = {0};
    bool has_time;

    if (!read_prefix(&look, o, &inner, &has_time) || !inner.seq.p || !syslog_mnemonic(&look))
        return;
    m->seq = inner.seq;
    *c = look;
}

size_t syslog_mnemonic(const struct cursor *c)
{
    const char *p = c->p;
    unsigned dashes = 0;
    bool severity = false; /* "-4-" was seen */

    if (!cursor_at(c, '%'))
        return 0;
    for (p++; p < c->end && (is_mnemonic_byte(*p) || *p == '-'); p++) {
        if (*p != '-')
            continue;
        if (dashes++ > 0 && p[-2] == '-' && p[-1] >= '0' && p[-1] <= '7')
            severity = true;
    }
    if (!severity || p[-1] == '-')
        return 0;
    size_t n = (size_t)(p - c->p);
    if (p < c->end && *p == ' ') /* IOS XR: "%PKT_INFRA-LINK-3-UPDOWN : …" */
        p++;
    return p < c->end && *p == ':' && (p + 1 == c->end || p[1] == ' ') ? n : 0;
}

void syslog_read_mnemonic_severity(struct syslog_msg *m)
{
    struct cursor c = {m->msg.p, m->msg.p + m->msg.n}; /* IOS XR: after "ifmgr[142]: " */
    struct str s = m->app;

    if (!m->app.p || *m->app.p != '%')
        s = (struct str){c.p, syslog_mnemonic(&c)};
    for (size_t i = s.n; i > 2; i--) {
        if (s.p[i - 1] == '-' && s.p[i - 3] == '-' && s.p[i - 2] >= '0' && s.p[i - 2] <= '7') {
            m->severity = (uint8_t)(s.p[i - 2] - '0');
            return;
        }
    }
}

/* ---- AIX ------------------------------------------------------------------------------------ */

bool syslog_read_forwarded(struct cursor *c, bool has_time, struct syslog_msg *m)
{
    static const struct str notes[] = {{"Message forwarded from ", 23}, {"From ", 5}};

    if (!cursor_at(c, 'M') && !cursor_at(c, 'F'))
        return false;
    for (size_t i = 0; i < (has_time ? ARRAY_LEN(notes) : 1); i++) {
        if (!cursor_at_text(c, notes[i]))
            continue;
        struct cursor look = {c->p + notes[i].n, c->end};
        struct str host = cursor_token(&look);
        if (host.n < 2 || host.p[host.n - 1] != ':')
            continue;
        m->host = (struct str){host.p, host.n - 1};
        c->p = host.p + host.n;
        cursor_skip_blanks(c);
        return true;
    }
    return false;
}

/* ---- bodies --------------------------------------------------------------------------------- */

bool syslog_is_body(const struct cursor *c)
{
    if (c->p == c->end)
        return true;
    switch (*c->p) {
    case '{':
    case '[':
        return true;
    case '@':
        return cursor_at_text(c, S("@cee:"));
    case 'C':
        return cursor_at_text(c, S("CEF:"));
    case 'L':
        return cursor_at_text(c, S("LEEF:"));
    case 'M':
        return cursor_at_text(c, S("MSWinEventLog\t"));
    case 'l':
        return cursor_at_text(c, S("last message repeated "));
    case 'm':
        return cursor_at_text(c, S("message repeated "));
    default:
        return false;
    }
}

/* ---- "last message repeated N times" -------------------------------------------------------- */

static bool read_count(struct cursor *c, uint32_t *out)
{
    uint64_t v = 0;

    if (!cursor_at_digit(c))
        return false;
    for (; cursor_at_digit(c); c->p++) {
        v = v * 10 + (uint64_t)(*c->p - '0');
        if (v > UINT32_MAX)
            v = UINT32_MAX;
    }
    *out = (uint32_t)v;
    return true;
}

void syslog_read_repeat(struct syslog_msg *m)
{
    struct cursor c = {m->msg.p, m->msg.p + m->msg.n};
    uint32_t count;

    if (m->msg.n < 24 || !memchr("lm -", *c.p, 4))
        return;
    if (cursor_at_text(&c, S("--- "))) /* BSD and macOS: "--- last message repeated 2 times ---" */
        c.p += 4;
    else
        cursor_skip_blanks(&c);
    if (cursor_at_text(&c, S("last ")))
        c.p += 5;
    if (!cursor_at_text(&c, S("message repeated ")))
        return;
    c.p += 17;
    if (!read_count(&c, &count) || count == 0 || !cursor_at_text(&c, S(" time")))
        return;
    c.p += 5;
    if (cursor_at(&c, 's'))
        c.p++;
    if (cursor_at_text(&c, S(": ["))) {
        c.p += 3;
        struct str inner = cursor_rest(&c);
        if (inner.n > 0 && inner.p[inner.n - 1] == ']')
            inner.n--;
        m->repeated = str_trim(inner);
    } else if (c.p != c.end && !str_eq(cursor_rest(&c), S(" ---"))) {
        return; /* somebody's sentence */
    }
    m->repeat = count;
    m->flags |= SYSLOG_REPEAT;
}
