/*
 * syslog.h - one syslog message, RFC 5424 or RFC 3164 as it is really sent, read into its parts.
 * Never fails: what is not understood is kept whole as `msg`. Rules: syslog.md section 2 of the
 * project's notes, RFC 5424, RFC 3164, RFC 6587. Pure; views borrow from the input or the arena
 * (only where text had to be changed: escapes, invalid UTF-8).
 */
#ifndef TRIAGED_DECODE_SYSLOG_H
#define TRIAGED_DECODE_SYSLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/alert/alert.h"
#include "triaged/base/arena.h"
#include "triaged/base/str.h"

struct zone; /* a time zone read from the system's zone files; base/zone.h */

enum syslog_format { SYSLOG_RAW, SYSLOG_RFC3164, SYSLOG_RFC5424 };

enum { /* flags, one bit each, for counters per source; syslog_flag_name gives the word for each */
       SYSLOG_BAD_PRI = 1 << 0,        /* unreadable, or over 191 */
       SYSLOG_NO_PRI = 1 << 1,         /* 13 is taken (RFC 3164 4.3.3) */
       SYSLOG_BAD_TIME = 1 << 2,       /* not a moment, or RFC 5424 without a zone */
       SYSLOG_BAD_SD = 1 << 3,         /* unreadable: left in msg */
       SYSLOG_SD_LENIENT = 1 << 4,     /* not by the RFC, but understood */
       SYSLOG_BAD_UTF8 = 1 << 5,       /* bytes were written as \xHH */
       SYSLOG_TRUNCATED = 1 << 6,      /* longer than max_message */
       SYSLOG_OCTET_PREFIX = 1 << 7,   /* an octet count in front of a datagram */
       SYSLOG_NO_TIME = 1 << 8,        /* receipt time stands in */
       SYSLOG_CLOCK_UNSYNCED = 1 << 9, /* a Cisco clock that was never set ("*") */
       SYSLOG_REPEAT = 1 << 10,        /* stands for earlier messages: see `repeat` */
       SYSLOG_FLAGS_N = 11
};

struct syslog_sd {
    struct str id, name, value; /* name empty: an element without parameters */
};

enum { SYSLOG_SD_MAX = 128 };

struct syslog_msg {
    enum syslog_format format;
    uint8_t facility, severity; /* RFC 5424 tables 1 and 2 */
    int64_t timestamp_us;       /* valid if has_timestamp */
    bool has_timestamp;
    struct str host, app, procid, msgid; /* p NULL = not given */
    struct str seq;                      /* Cisco sequence number, p NULL = none */
    struct syslog_sd *sd;                /* in order, in the arena; NULL when n_sd is 0 */
    size_t n_sd;
    struct str msg;
    unsigned flags;
    /* "last message repeated N times": N >= 1 (saturating), with SYSLOG_REPEAT set; else 1. It
     * belongs to the previous message of the same peer and is never an incident of its own. */
    uint32_t repeat;
    /* "message repeated N times: [TEXT]" says which message: TEXT; else p NULL. */
    struct str repeated;
};

/* Calendar minutes that were worked out before (decode/syslog_times.c): kept by the caller from one
 * message to the next, zeroed before the first. Not to be shared by threads. */
enum { SYSLOG_TIMES_N = 8 };
struct syslog_minute {
    char text[16];           /* "Nov 24 18:14", "2024-11-24T18:14" */
    const struct zone *zone; /* of at_s, where the text has none */
    int64_t at_s;
    int64_t from_s, until_s; /* the presents in which it holds */
};
struct syslog_times {
    struct syslog_minute bsd[SYSLOG_TIMES_N], iso[SYSLOG_TIMES_N];
};

struct syslog_options {
    int64_t now_ms;          /* for dates without a year */
    const struct zone *zone; /* for times without a zone of their own; NULL = UTC */
    bool is_unix;            /* /dev/log style: no host field is looked for */
    bool is_datagram;        /* an octet count in front is stripped */
    bool mnemonic_severity;  /* the 3 of "%LINK-3-UPDOWN" stands over the PRI's severity */
    bool inner_header;       /* of a message that a relay wrapped the inner header counts */
    uint64_t max_message;    /* longer input is cut and flagged; 0 = no limit */
    /* Makes ordinary messages cost half; changes nothing about how they are read. Or NULL. */
    struct syslog_times *times;
};

void syslog_parse(struct str raw, const struct syslog_options *o, struct arena *a,
                  struct syslog_msg *out);
const char *syslog_facility_name(unsigned facility); /* kern user mail daemon … local7 */
bool syslog_facility_from_name(struct str name, unsigned *out);
const char *syslog_flag_name(unsigned bit);

/* Fills `a` (zeroed before) from a message: labels, times, identity before the rules: see
 * syslog_identity. host_if_none: the peer's address. Texts are borrowed from m and its arena. */
void syslog_to_alert(const struct syslog_msg *m, struct str skeleton, struct str host_if_none,
                     int64_t received_ms, struct arena *arena, struct alert *a);

/* CEF, LEEF and JSON bodies as labels (cef.device_vendor, cef.ext.src, json.a.b.0; all the
 * names are in docs/SYSLOG.md) added to l, which is normalised then. Not part of syslog_to_alert:
 * only worth its time where a rule reads such a label. What is beyond a limit is left out, a longer
 * value cut. */
enum {
    SYSLOG_BODY_LABELS_MAX = 64,
    SYSLOG_BODY_NAME_MAX = 128,
    SYSLOG_BODY_VALUE_MAX = 1024,
    SYSLOG_BODY_DEPTH_MAX = 8,
    SYSLOG_BODY_JSON_MAX = 16 * 1024, /* bytes of a body */
};
/* By its first byte: nearly all that have none are told. */
static inline bool syslog_may_have_body(const struct syslog_msg *m)
{
    return m->msg.n > 1 && memchr(" @CL{", m->msg.p[0], 5);
}
void syslog_body_labels(const struct syslog_msg *m, struct arena *arena, struct labels *l);

/* The identity of a syslog alert before the rules complete it: SipHash-2-4 under a fixed key over
 * the scanner's version, app, host and skeleton. The same on every machine; a new
 * SKELETON_VERSION makes new identities. */
uint64_t syslog_identity(struct str app, struct str host, struct str skeleton, struct arena *arena);

#endif
