/*
 * syslog_parts.h - what the files of the syslog reader share. Private to decode.
 * A reader takes what it knows off the front of a cursor and says whether it did; a reader that
 * returns false leaves the cursor where it was.
 */
#ifndef TRIAGED_DECODE_SYSLOG_PARTS_H
#define TRIAGED_DECODE_SYSLOG_PARTS_H

#include "triaged/decode/syslog.h"

struct cursor {
    const char *p, *end;
};

static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->p);
}

static inline bool cursor_at(const struct cursor *c, char ch)
{
    return c->p < c->end && *c->p == ch;
}

static inline bool cursor_at_digit(const struct cursor *c)
{
    return c->p < c->end && *c->p >= '0' && *c->p <= '9';
}

static inline bool cursor_at_text(const struct cursor *c, struct str s)
{
    return cursor_left(c) >= s.n && memcmp(c->p, s.p, s.n) == 0;
}

static inline void cursor_skip_blanks(struct cursor *c)
{
    while (c->p < c->end && *c->p == ' ')
        c->p++;
}

static inline struct str cursor_rest(const struct cursor *c)
{
    return (struct str){c->p, cursor_left(c)};
}

/* From the cursor to the first SP, or to the end. */
static inline struct str cursor_token(const struct cursor *c)
{
    const char *sp = c->p < c->end ? memchr(c->p, ' ', cursor_left(c)) : NULL;

    return (struct str){c->p, (size_t)((sp ? sp : c->end) - c->p)};
}

/* A decimal number of min to max digits (at most 9). */
static inline bool cursor_number(struct cursor *c, unsigned min, unsigned max, unsigned *out)
{
    const char *p = c->p;
    unsigned v = 0, n = 0;

    for (; p < c->end && *p >= '0' && *p <= '9' && n < max; p++, n++)
        v = v * 10 + (unsigned)(*p - '0');
    if (n < min)
        return false;
    *out = v;
    c->p = p;
    return true;
}

/* syslog_text.c: the message with its end trimmed, cut at the limit, in valid UTF-8 without NUL. */
struct str syslog_clean(struct str raw, const struct syslog_options *o, struct arena *a,
                        unsigned *flags);

/* syslog_time.c */
/* The TIMESTAMP field of RFC 5424. False: not a moment. *out_no_zone: the source's zone was taken.
 */
bool syslog_time_5424(struct str field, const struct syslog_options *o, int64_t *out_us,
                      bool *out_no_zone);
/* A timestamp in any of the forms that stand in a 3164 header, with what ends it and the blanks
 * after. True when the form is one, even when it names no moment (Feb 30): see flags then. */
bool syslog_time_3164(struct cursor *c, const struct syslog_options *o, struct syslog_msg *m);

/* syslog_times.c: fixed layouts by the minutes in o->times, which must not be NULL. */
enum {
    SYSLOG_TIME_BSD = 15, /* bytes of "Mmm dd hh:mm:ss" */
    SYSLOG_TIME_ISO = 19, /* of "yyyy-mm-ddThh:mm:ss" */
    SYSLOG_MINUTE_BSD = 12,
    SYSLOG_MINUTE_ISO = 16,
};
/* SYSLOG_TIME_BSD bytes at p. False: not surely a moment of that layout. */
bool syslog_time_bsd(const char *p, const struct syslog_options *o, int64_t *out_s);
/* With its zone. Where it ends, or NULL: not surely a moment of that layout. */
const char *syslog_time_iso(const char *p, const char *end, const struct syslog_options *o,
                            int64_t *out_us);

/* syslog_common.c: the whole of "TIME host app[pid]: text" after the PRI; needs o->times. */
bool syslog_read_common(struct cursor *c, const struct syslog_options *o, struct syslog_msg *m);

/* syslog_5424.c: what follows "1 ". */
void syslog_read_5424(struct cursor *c, const struct syslog_options *o, struct arena *a,
                      struct syslog_msg *m);
/* syslog_sd.c: STRUCTURED-DATA at '['; fills m->sd. */
bool syslog_read_sd(struct cursor *c, struct arena *a, struct syslog_msg *m);

/* syslog_3164.c: what follows the PRI. */
void syslog_read_3164(struct cursor *c, const struct syslog_options *o, struct syslog_msg *m);

/* syslog_vendor.c */
/* Cisco: "91: ", "3132811: sw01: 3132807: ", "sw01: " and the time after it, or its uptime.
 * *out_time: a time (of day) was read, so that a host may follow. */
bool syslog_read_cisco(struct cursor *c, const struct syslog_options *o, struct syslog_msg *m,
                       bool *out_time);
/* The same behind a relay's header, whose time and host hold: only its number is kept. */
void syslog_skip_cisco(struct cursor *c, const struct syslog_options *o, struct syslog_msg *m);
/* "%FAC-SUB-SEV-MNEMONIC:" at the cursor: length up to the colon, or 0. */
size_t syslog_mnemonic(const struct cursor *c);
/* Its SEV over that of the PRI, where m->app or the head of m->msg is one. */
void syslog_read_mnemonic_severity(struct syslog_msg *m);
/* AIX: "Message forwarded from HOST:"; after a time also "From HOST:". */
bool syslog_read_forwarded(struct cursor *c, bool has_time, struct syslog_msg *m);
/* "last message repeated N times" and its kin in m->msg. */
void syslog_read_repeat(struct syslog_msg *m);
/* Text that must stay whole: JSON, @cee:, CEF:, LEEF:, Snare. */
bool syslog_is_body(const struct cursor *c);

#endif
