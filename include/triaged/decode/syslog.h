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

struct zone; /* a time zone read from the system's zone files; decode/zone.h */

enum syslog_format { SYSLOG_RAW, SYSLOG_RFC3164, SYSLOG_RFC5424 };

enum { /* flags, one bit each; syslog_flag_name gives the word used in the case files */
    SYSLOG_BAD_PRI = 1 << 0,
    SYSLOG_NO_PRI = 1 << 1,
    SYSLOG_BAD_TIME = 1 << 2,
    SYSLOG_BAD_SD = 1 << 3,
    SYSLOG_SD_LENIENT = 1 << 4,
    SYSLOG_BAD_UTF8 = 1 << 5,
    SYSLOG_TRUNCATED = 1 << 6,
    SYSLOG_OCTET_PREFIX = 1 << 7,
    /* further ones as the case file names them */
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
    struct str seq;             /* Cisco sequence number, p NULL = none */
    struct syslog_sd *sd;       /* in order, in the arena */
    size_t n_sd;
    struct str msg;
    unsigned flags;
    uint32_t repeat;            /* "last message repeated N times": N; else 1 */
};

struct syslog_options {
    int64_t now_ms;           /* for dates without a year */
    const struct zone *zone;  /* for times without a zone; NULL = UTC */
    bool is_unix;             /* /dev/log style: no host field is looked for */
    bool is_datagram;         /* an octet count in front is stripped */
    uint64_t max_message;     /* longer input is cut and flagged; 0 = no limit */
};

void syslog_parse(struct str raw, const struct syslog_options *o, struct arena *a,
                  struct syslog_msg *out);
const char *syslog_facility_name(unsigned facility); /* kern user mail daemon … local7 */
bool syslog_facility_from_name(struct str name, unsigned *out);
const char *syslog_flag_name(unsigned bit);

/* Fills `a` from a message: labels of DESIGN section 5, times, identity before the rules
 * (SipHash of scanner version, skeleton, host, app). host_if_none: the peer's address. */
void syslog_to_alert(const struct syslog_msg *m, struct str skeleton, struct str host_if_none,
                     int64_t received_ms, struct arena *arena, struct alert *a);

#endif
