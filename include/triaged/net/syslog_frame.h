/*
 * syslog_frame.h - RFC 6587 framing of a byte stream as a pure state machine: octet counting and
 * LF, told apart per frame (shared rules: syslog.md section 2, rule 16). Bounded memory: holds at
 * most max_message bytes of an unfinished frame.
 */
#ifndef TRIAGED_NET_SYSLOG_FRAME_H
#define TRIAGED_NET_SYSLOG_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/base/buf.h"
#include "triaged/base/str.h"

enum { /* flags of a frame */
    FRAME_TRUNCATED = 1,  /* over-long or cut by the peer's close: only the head is kept */
    FRAME_OCTET = 2,      /* was octet-counted */
    FRAME_BAD_COUNT = 4,  /* a count that could not be believed; read as LF text */
    FRAME_TLS_BYTES = 8,  /* a TLS ClientHello on a plain port: close the connection */
};

typedef void syslog_frame_fn(void *arg, struct str frame, unsigned flags);

struct syslog_framer {
    uint64_t max_message;
    struct buf pending;  /* the unfinished frame */
    int state;           /* private */
    uint64_t left;       /* octets of the present frame still to come, or to skip */
    unsigned flags;
    bool started;
};

void syslog_framer_init(struct syslog_framer *f, uint64_t max_message);
void syslog_framer_finish(struct syslog_framer *f);
/* Feeds bytes; calls `frame` for each whole frame (text borrowed until it returns). False: the
 * connection must be closed (TLS bytes). Frames that lie whole within `bytes` are not copied. */
bool syslog_framer_feed(struct syslog_framer *f, struct str bytes, syslog_frame_fn *frame, void *arg);
/* The peer closed: delivers what is unfinished. */
void syslog_framer_close(struct syslog_framer *f, syslog_frame_fn *frame, void *arg);

#endif
