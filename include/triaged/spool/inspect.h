/*
 * inspect.h - looks into a spool directory without opening it: nothing is locked, cut or changed,
 * so that it may be done beside a running daemon. What is being written meanwhile shows as
 * unfinished.
 */
#ifndef TRIAGED_SPOOL_INSPECT_H
#define TRIAGED_SPOOL_INSPECT_H

#include "triaged/spool/spool.h"

struct spool_segment_info {
    const char *file;
    char stream[33];
    uint64_t number, size; /* without zeros that were written ahead of records to come */
    bool head_ok;
    int64_t created_ms; /* 0 with a damaged head */
    uint64_t records, first_seq, last_seq;
    int64_t first_ms, last_ms;  /* append times */
    uint64_t places, bad_bytes; /* damaged places */
    uint64_t torn_bytes;        /* an unfinished write at the end */
};

struct spool_inspector {
    /* Before on_segment of its file. May be NULL. position and acked are not set. */
    void (*on_record)(void *arg, const struct spool_record *r);
    void (*on_segment)(void *arg, const struct spool_segment_info *g);
    void *arg;
};

/* False when *why says what is wrong. Files that cannot be read are named in *why as warnings. */
bool spool_inspect(const char *directory, const struct spool_inspector *with, struct diag *why);

#endif
