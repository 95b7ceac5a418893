/*
 * fold.h - observations gathered within a turn of the loop (HTTP) or a window (syslog): equals
 * become one with a count; then all are written as records, up to 256 of one team each.
 */
#ifndef TRIAGED_DAEMON_FOLD_H
#define TRIAGED_DAEMON_FOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "prepared.h"
#include "triaged/base/arena.h"
#include "triaged/base/buf.h"

enum { FOLD_MESSAGE_MAX = 1024 /* bytes of the last message that are kept */ };

struct team; /* teams.h */

struct fold_entry {
    struct prepared *prepared;
    struct fold_entry *next;
    uint64_t count;
    int64_t last_ms;
    char *message; /* logs: the last one, message_cap bytes in the arena */
    uint32_t message_n, message_cap;
    bool resolved;
    int64_t first_ms, starts_ms, ends_ms, lease_ms;
    struct str sender;
    struct str first_message; /* logs whose summary it is */
};

struct fold_team { /* the record of a team that is being filled */
    struct str team;
    struct buf record;
    uint32_t items;
    const struct prepared *before; /* of the item put last, NULL if there is none */
    int64_t at_ms;
};

struct fold {
    unsigned index; /* of prepared->pending */
    struct arena arena;
    struct fold_entry *first, **last;
    size_t n, max;
    size_t bytes, max_bytes;   /* about what it comes to as records */
    struct fold_entry **by_fp; /* labelled alerts: the last entry of a fingerprint */
    size_t by_fp_cap;
    struct fold_team *teams;
    size_t n_teams;
};

/* Where records go. Returns false when it could not be kept (spool full or broken). */
typedef bool fold_record_fn(void *arg, struct str team, struct str payload);

/* index: which place in prepared->pending is this fold's. max_bytes: what the spool certainly has
 * room for when it is empty. A fold that had grown beyond it while the spool was full could never
 * be written. */
void fold_init(struct fold *f, unsigned index, size_t max_entries, size_t max_bytes);
void fold_finish(struct fold *f);
static inline bool fold_is_empty(const struct fold *f)
{
    return f->n == 0;
}
static inline bool fold_is_full(const struct fold *f)
{
    return f->n >= f->max || f->bytes >= f->max_bytes;
}

/* Receipt of the first that waits in it; 0: it is empty. */
static inline int64_t fold_oldest_ms(const struct fold *f)
{
    return f->first ? f->first->first_ms : 0;
}

/* Adds one observation (of `a`, already decided). Takes no reference that outlives the flush. */
void fold_add(struct fold *f, struct prepared *p, const struct alert *a);
/* The short way for a log message whose verdict was cached. */
void fold_add_log(struct fold *f, struct prepared *p, struct str message, uint32_t repeat,
                  int64_t received_ms, int64_t starts_ms, struct str sender);

/*
 * Writes everything as records; the fold stays as it is, until fold_empty empties it. A resolve
 * whose start is older than rules_loaded_ms is written for the other teams of `teams` too, as
 * `elsewhere`. False when a record was not kept; the records before it are the caller's to take
 * back.
 */
bool fold_write(struct fold *f, const struct team *teams, size_t n_teams, int64_t rules_loaded_ms,
                fold_record_fn *record, void *arg);
/* now_ms: what is noted on the verdicts as the time of writing; 0: they were not written. */
void fold_empty(struct fold *f, int64_t now_ms);

#endif
