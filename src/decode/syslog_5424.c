/*
 * syslog_5424.c - the header of RFC 5424 section 6.2 and its message.
 * Owns: the positional fields. Once a message is taken for RFC 5424 no field is guessed: over-long
 * tokens, doubled blanks and bad timestamps are accepted as they stand.
 */
#include "syslog_parts.h"

/* The next field; "-" and a missing one are p NULL. */
static struct str read_field(struct cursor *c)
{
    cursor_skip_blanks(c);
    const char *from = c->p, *p = from, *end = c->end;
    while (p < end && *p != ' ') /* short: a loop beats memchr */
        p++;
    c->p = p;
    struct str s = {from, (size_t)(p - from)};
    return s.n == 0 || str_eq(s, S("-")) ? STR_NONE : s;
}

static void read_timestamp(struct cursor *c, const struct syslog_options *o, struct syslog_msg *m)
{
    const char *end = o->times ? syslog_time_iso(c->p, c->end, o, &m->timestamp_us) : NULL;
    bool no_zone = false;

    if (end && end < c->end && *end == ' ') {
        c->p = end;
        m->has_timestamp = true;
        return;
    }
    struct str field = read_field(c);
    if (!field.p)
        return;
    m->has_timestamp = syslog_time_5424(field, o, &m->timestamp_us, &no_zone);
    if (!m->has_timestamp || no_zone)
        m->flags |= SYSLOG_BAD_TIME;
}

static void read_structured_data(struct cursor *c, struct arena *a, struct syslog_msg *m)
{
    cursor_skip_blanks(c);
    if (c->p == c->end)
        return;
    if (cursor_at(c, '-') && (c->p + 1 == c->end || c->p[1] == ' '))
        c->p++;
    else if (!cursor_at(c, '[') || !syslog_read_sd(c, a, m)) {
        m->flags |= SYSLOG_BAD_SD; /* stays in msg, from here on */
        return;
    }
    if (cursor_at(c, ' '))
        c->p++;
}

void syslog_read_5424(struct cursor *c, const struct syslog_options *o, struct arena *a,
                      struct syslog_msg *m)
{
    m->format = SYSLOG_RFC5424;
    read_timestamp(c, o, m);
    m->host = read_field(c);
    m->app = read_field(c);
    m->procid = read_field(c);
    m->msgid = read_field(c);
    read_structured_data(c, a, m);
    if (cursor_at_text(c, S("\xEF\xBB\xBF"))) /* RFC 5424 6.4: the BOM says UTF-8 and no more */
        c->p += 3;
    m->msg = cursor_rest(c);
}
