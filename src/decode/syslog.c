/*
 * syslog.c - reads one syslog message.
 * Owns: the order of the steps, the PRI, and the choice between RFC 5424 and RFC 3164.
 * Never: refuses. What is not understood stays whole in msg, with PRI 13 and a flag.
 *
 *   clean (syslog_text.c) -> PRI -> RFC 5424 (syslog_5424.c, syslog_sd.c)
 *                               '-> RFC 3164 (syslog_common.c, syslog_3164.c, syslog_vendor.c)
 *   times: syslog_times.c, syslog_time.c · words for numbers: syslog_names.c · into an alert:
 * syslog_alert.c, syslog_body.c
 */
#include "syslog_parts.h"

enum {
    PRI_DEFAULT = 13,
    PRI_MAX = 191,
    RELAYS_MAX = 4, /* headers that are taken off */
    /* Flags of a message's bytes, whichever header counts. */
    OF_THE_WHOLE = SYSLOG_BAD_UTF8 | SYSLOG_TRUNCATED | SYSLOG_OCTET_PREFIX | SYSLOG_NO_PRI,
};

static void set_pri(struct syslog_msg *m, unsigned pri)
{
    m->facility = (uint8_t)(pri / 8);
    m->severity = (uint8_t)(pri % 8);
}

/* "<34>". False when the message has none or it cannot be read. */
static bool read_pri(struct cursor *c, struct syslog_msg *m)
{
    struct cursor look = *c;
    unsigned pri;

    set_pri(m, PRI_DEFAULT);
    if (!cursor_at(c, '<')) {
        m->flags |= SYSLOG_NO_PRI;
        return false;
    }
    look.p++;
    if (!cursor_number(&look, 1, 3, &pri) || !cursor_at(&look, '>')) {
        m->flags |= SYSLOG_BAD_PRI;
        return false;
    }
    if (pri > PRI_MAX)
        m->flags |= SYSLOG_BAD_PRI;
    else
        set_pri(m, pri);
    c->p = look.p + 1;
    return true;
}

/* White space or a BOM in front of a PRI (templates that begin with a line end) is nobody's text.
 */
static void skip_to_pri(struct cursor *c)
{
    struct cursor look = *c;
    unsigned number;

    if (cursor_at_text(&look, S("\xEF\xBB\xBF")))
        look.p += 3;
    while (look.p < look.end && (*look.p == ' ' || (*look.p >= '\t' && *look.p <= '\r')))
        look.p++;
    const char *pri = look.p;
    if (!cursor_at(&look, '<'))
        return;
    look.p++;
    if (cursor_number(&look, 1, 3, &number) && cursor_at(&look, '>'))
        c->p = pri;
}

/* An octet count of RFC 6587 in front of a datagram: "28 <13>…". */
static void skip_count(struct cursor *c, struct syslog_msg *m)
{
    struct cursor look = *c;
    unsigned number;

    if (cursor_at(c, '0') || !cursor_number(&look, 1, 9, &number) || !cursor_at(&look, ' '))
        return;
    look.p++;
    const char *pri = look.p;
    if (!cursor_at(&look, '<'))
        return;
    look.p++;
    if (!cursor_number(&look, 1, 3, &number) || !cursor_at(&look, '>'))
        return;
    c->p = pri;
    m->flags |= SYSLOG_OCTET_PREFIX;
}

/* dddd-dd-dd, without a branch for each. */
static bool is_date(const char *p)
{
    unsigned wrong = (unsigned)(p[4] != '-') | (unsigned)(p[7] != '-');

    for (unsigned i = 0; i < 4; i++)
        wrong |= (unsigned)(p[i] < '0') | (unsigned)(p[i] > '9');
    for (unsigned i = 5; i < 7; i++)
        wrong |= (unsigned)(p[i] < '0') | (unsigned)(p[i] > '9') | (unsigned)(p[i + 3] < '0') |
                 (unsigned)(p[i + 3] > '9');
    return !wrong;
}

/* "1 " and a date, or "1 - ". Meraki's "1 1563249630.774 host" is something else. */
static bool is_5424(const struct cursor *c)
{
    struct cursor look = *c;

    if (!cursor_at_text(c, S("1 ")))
        return false;
    look.p += 2;
    cursor_skip_blanks(&look);
    if (cursor_at_text(&look, S("- ")))
        return true;
    return cursor_left(&look) >= 10 && is_date(look.p);
}

static void read_message(struct cursor *c, const struct syslog_options *o, struct arena *a,
                         struct syslog_msg *out)
{
    if (!cursor_at(c, '<'))
        skip_to_pri(c);
    bool has_pri = read_pri(c, out);
    if (has_pri)
        cursor_skip_blanks(c);
    if (!has_pri && (out->flags & SYSLOG_BAD_PRI)) {
        out->msg = cursor_rest(c);
    } else if (is_5424(c)) {
        c->p += 2;
        syslog_read_5424(c, o, a, out);
    } else if (!(o->times && !o->is_unix && syslog_read_common(c, o, out))) {
        if (has_pri)
            out->format = SYSLOG_RFC3164;
        syslog_read_3164(c, o, out);
    }
}

/* "… relay <34>Oct 11 22:14:15 host su: text": what a relay wrapped, as if it had come alone. A
 * time makes a header of it; what it does not say is the relay's. False: nothing is wrapped. */
static bool unwrap(struct syslog_msg *m, const struct syslog_options *o, struct arena *a)
{
    struct cursor c = {m->msg.p, m->msg.p + m->msg.n};
    struct syslog_msg inner = {.repeat = 1};
    struct syslog_options of_host = *o;

    if (m->msg.n == 0)
        return false;
    of_host.is_unix = false;
    read_message(&c, &of_host, a, &inner);
    if (!inner.has_timestamp || (inner.flags & SYSLOG_BAD_PRI))
        return false;
    if (inner.flags & SYSLOG_NO_PRI) {
        /* A program's own time before its text is no header. */
        if (m->app.p || !inner.host.p || !inner.app.p)
            return false;
        inner.facility = m->facility;
        inner.severity = m->severity;
    }
    if (!inner.host.p)
        inner.host = m->host;
    inner.flags = (inner.flags & ~(unsigned)SYSLOG_NO_PRI) | (m->flags & OF_THE_WHOLE);
    *m = inner;
    return true;
}

void syslog_parse(struct str raw, const struct syslog_options *o, struct arena *a,
                  struct syslog_msg *out)
{
    *out = (struct syslog_msg){.repeat = 1};
    struct str text = syslog_clean(raw, o, a, &out->flags);
    struct cursor c = {text.p, text.p + text.n};

    if (text.n == 0) /* p may be NULL */
        c.p = c.end = "";
    if (o->is_datagram)
        skip_count(&c, out);
    read_message(&c, o, a, out);
    for (unsigned i = 0; o->inner_header && i < RELAYS_MAX && unwrap(out, o, a); i++)
        ;
    if (o->mnemonic_severity)
        syslog_read_mnemonic_severity(out);
    syslog_read_repeat(out);
}
