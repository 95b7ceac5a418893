/*
 * decode.h - the parts of `triagectl decode`. Private to cli.
 */
#ifndef TRIAGED_CLI_DECODE_H
#define TRIAGED_CLI_DECODE_H

#include "triaged/alert/jx.h"
#include "triaged/base/buf.h"
#include "triaged/decode/syslog.h"

struct decode_run {
    struct syslog_options options;
    struct syslog_times times;
    struct str peer; /* the sender's address, or empty */
    struct arena arena;
    struct buf out; /* one line at a time, written to standard output */
};

/* decode_output.c: the message as a JSON object: `{"format": …}`, or after `"id": …, ` when id is
 * not NULL. extra_flags: SYSLOG_* beyond those of the parser. */
void decode_put(struct decode_run *r, struct str raw, unsigned extra_flags, const jx *id);
/* Ends the line and writes it. */
void decode_flush(struct decode_run *r);

/* decode_cases.c: one JSON line of {id, raw, enc, kind, ctx}. False with *why when it is none. */
bool decode_case(struct decode_run *r, struct str line, struct jx_error *why);

enum { DECODE_LINE_MAX = 16 * 1024 * 1024 };

#endif
