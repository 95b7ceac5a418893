/*
 * relp.h - frames of the Reliable Event Logging Protocol as a pure state machine:
 *   TXNR SP COMMAND SP DATALEN [SP DATA] LF
 * Bounded memory: holds at most max_data bytes of an unfinished frame; what a frame has beyond them
 * is skipped, so that the session stays in step.
 */
#ifndef TRIAGED_NET_RELP_H
#define TRIAGED_NET_RELP_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/base/buf.h"
#include "triaged/base/str.h"

enum {
    RELP_TXNR_MAX = 999999999, /* the next one is 1 */
    RELP_COMMAND_MAX = 32,     /* letters */
    RELP_DIGITS_MAX = 9,       /* of a number of the header */
};

struct relp_frame {
    uint32_t txnr;
    struct str command; /* borrowed, as is the data */
    struct str data;
    bool cut; /* data is only the head of what came */
};

/* False: no more of them. */
typedef bool relp_frame_fn(void *arg, const struct relp_frame *frame);

struct relp_scanner {
    uint64_t max_data;
    struct buf data; /* of the unfinished frame */
    int state;       /* private */
    uint32_t txnr;
    uint64_t left; /* bytes of data still to come */
    unsigned digits;
    char command[RELP_COMMAND_MAX];
    unsigned command_n;
    bool cut;
    const char *error; /* what is wrong with the bytes, once feed was false */
};

void relp_scanner_init(struct relp_scanner *s, uint64_t max_data);
void relp_scanner_finish(struct relp_scanner *s);
/* Calls fn for each whole frame; one that lies whole within `bytes` is not copied. False: fn wanted
 * no more (error is NULL), or the bytes are no RELP (error says why). Then feed no more. */
bool relp_scanner_feed(struct relp_scanner *s, struct str bytes, relp_frame_fn *fn, void *arg);

/* The value of one offer of an `open` frame's data ("relp_version=0\ncommands=syslog"), or p NULL. */
struct str relp_offer(struct str data, const char *name);
/* Is the word in the comma-separated list? */
bool relp_offers(struct str list, struct str word);

#endif
