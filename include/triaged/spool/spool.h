/*
 * spool.h - the promise that an accepted alert survives a crash: a worker's write-ahead log.
 * Owns: one directory (lock file, segment files), its sync thread, the sync policy.
 * Never: interprets a payload; talks to Redis. Called from one thread, the worker's.
 *
 * Stream rule (DESIGN 3.1): each open takes a new random 128-bit stream id. Segments found from
 * earlier starts are handed out first, under their own ids. A record carries (stream, seq, prev):
 * prev = the previous seq of the same team in the same stream (0 = none).
 */
#ifndef TRIAGED_SPOOL_SPOOL_H
#define TRIAGED_SPOOL_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/base/diag.h"
#include "triaged/base/metrics.h"
#include "triaged/base/str.h"

struct spool;

struct spool_options {
    const char *directory; /* created (mode 0700) when missing */
    int sync;              /* enum spool_sync of conf.h: always, interval, never */
    int64_t interval_ms;
    uint64_t max_size, segment_size, min_free;
    int64_t retain_ms;
    /* Called whenever the durable position moved, or the disk failed: from the sync thread, and
     * under `interval` and `never` from spool_commit. Must only wake the loop (write an eventfd),
     * which then asks spool_durable. May be NULL. */
    void (*on_durable)(void *arg);
    void *arg;
};

enum spool_result {
    SPOOL_OK,
    SPOOL_FULL,  /* max_size or min_free: the sender should try again later */
    SPOOL_BROKEN /* an I/O error; the log line says which. Tried again by later appends */
};

struct spool_record {
    char stream[33]; /* hex */
    uint64_t seq, prev;
    struct str team, payload; /* borrowed until the next spool_* call */
    int64_t appended_ms;
    uint64_t position; /* of this process: total order over all streams; for ack and rewind */
    bool acked;        /* was acknowledged to this process already: it is sent again */
    bool aside;        /* is not to be applied any more: see spool_put_aside */
    bool own;          /* of the stream that this process began */
};

struct spool_stats {
    uint64_t records_waiting;  /* appended or recovered, not yet acknowledged */
    int64_t oldest_waiting_ms; /* when the oldest of them was appended; 0 = none */
    uint64_t bytes, segments;
    uint64_t corrupt, torn; /* records skipped, tails cut */
};

/* NULL when *why says what is wrong (locked by another process, not writable …). */
struct spool *spool_open(const struct spool_options *o, int64_t now_ms, struct diag *why);
/* Syncs, then closes. Accepts NULL. */
void spool_close(struct spool *s);

/* Limits of one record; a larger one is SPOOL_BROKEN, which no retry mends. */
enum {
    SPOOL_PAYLOAD_MAX = 16 * 1024 * 1024,
    SPOOL_TEAM_MAX = 255,
    SPOOL_TEAMS_MAX = 4096,
    SPOOL_GROUP_MAX = 128 * 1024 * 1024
};

/* Appends one record of a team to the commit buffer, which is written by spool_commit, or here when
 * it is larger than a MiB (not in a group, which may have SPOOL_GROUP_MAX bytes). *ticket = the
 * position to compare with spool_durable; never 0. A record that was taken is never given up: after
 * a write error it stays in the buffer and is tried again by the next call; until then nothing
 * further is taken. */
enum spool_result spool_append(struct spool *s, struct str team, struct str payload, int64_t now_ms,
                               uint64_t *ticket);
/* Begins a group, for which max_size is no limit when nothing else waits: appends until the next
 * spool_commit or spool_cancel stay together in the buffer. Anything but SPOOL_OK: earlier records
 * still wait to be written, nothing can be taken. */
enum spool_result spool_begin(struct spool *s);
/* Where a group will end, as the next process will find it. */
struct spool_place {
    uint8_t stream[16];
    uint64_t seq;
};
/* After the appends of a group, before its commit: its last record. A group is recovered whole or
 * not at all. */
void spool_group_end(const struct spool *s, struct spool_place *out);
/* Whether an earlier process brought that group to its file, of those that spool_open found. */
bool spool_was_written(const struct spool *s, const struct spool_place *place);
/* Takes back what was appended since spool_begin: none of it was written, or the write failed. A
 * group whose commit succeeded is not touched. */
void spool_cancel(struct spool *s);
/* Writes what was appended since the last call (one write) and hands it to the sync thread (group
 * commit). With `never` and `interval` it counts as durable once written. Call once per loop turn
 * that appended. Anything but SPOOL_OK: not written yet; the tickets become durable when a later
 * append, commit or tick succeeds. */
enum spool_result spool_commit(struct spool *s);
/* Everything up to this ticket is as durable as the policy asks. */
uint64_t spool_durable(struct spool *s);
/* True while appends would be refused for lack of room; what HTTP and TCP intake ask first. */
bool spool_is_full(struct spool *s);

/* The next record to ship, in order; false when there is none. Moves the read position. Only what
 * is written to its file is handed out. Acknowledged records are passed over, unless a rewind_all
 * or rewind_after asked for them. */
bool spool_next(struct spool *s, struct spool_record *out);
/* Moves the read position back to the first record whose position is >= position; never forward. */
void spool_rewind(struct spool *s, uint64_t position);
/* Reads one retained record again without moving the read position; false when it is gone. */
bool spool_read(struct spool *s, uint64_t position, struct spool_record *out);
/* Moves it back to the record of `stream` and `team` that follows `applied` (for GAP). False when
 * no retained record has prev == applied: Redis lost more than we kept, or a record was damaged
 * here. Then *oldest_prev = the prev of the oldest retained one after `applied` (what `adopt`
 * sets), and the read position moves back to that one; with none at all, *oldest_prev = applied. */
bool spool_rewind_after(struct spool *s, const char *stream, struct str team, uint64_t applied,
                        uint64_t *oldest_prev);
/* Rewinds to the oldest record that is retained, acknowledged or not (after a reconnect). */
void spool_rewind_all(struct spool *s);
/* All that was handed out again is answered (call now and then; has no effect before the last of it
 * is handed out). */
void spool_resent(struct spool *s);
/* Marks a record as applied in Redis. Segments whose records are all acknowledged and older than
 * retain are removed by spool_tick; on_stream_gone hears of streams that have no segment left
 * (after the removal is durable, so that no power loss brings back a stream that Redis forgot).
 * Older is counted up to the last sign of life of the receiver, not to now: during an outage
 * nothing is removed by age, since a receiver that comes back may lack what it acknowledged last.
 * Signs of life are acks and spool_alive, once all that is sent again is answered: an ack of one
 * record says nothing about the next. */
void spool_ack(struct spool *s, uint64_t position, int64_t now_ms);
/* It is not to be applied any more, however often it is sent again: it stands in the dead-letter
 * file, or came too late. Only to be moved past. Those of earlier processes that stand in the
 * dead-letter file are so from the start. */
void spool_put_aside(struct spool *s, uint64_t position);
/* The receiver answers and has what it acknowledged (call now and then while the store is ready).
 */
void spool_alive(struct spool *s, int64_t now_ms);
void spool_tick(struct spool *s, int64_t now_ms,
                void (*on_stream_gone)(void *arg, const char *stream, struct str team), void *arg);
void spool_stats(struct spool *s, struct spool_stats *out);
/* Those that could not be kept, or made room. */
extern struct metric_family spool_dead_letters_lost_total;
/* Keeps a record that Redis refuses for its own sake in DIR/dead-letter.jsonl. True once that is
 * durable; else there is no trace of it. */
bool spool_dead_letter(struct spool *s, const struct spool_record *r, struct str error,
                       int64_t now_ms);

#endif
