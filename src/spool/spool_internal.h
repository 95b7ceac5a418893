/*
 * spool_internal.h - what the files of the spool share. Private to spool.
 *
 * Positions count all records of all streams in this process, 1, 2, 3 …; a segment holds `count`
 * records from first_pos on, so a position is found by a binary search and one array access.
 *
 *   appended  >=  written_pos  >=  synced_pos          (positions)
 *      wbuf          batches          (cache)
 *
 * An appended record stands in wbuf until one pwrite brings the buffer into the active segment. The
 * buffer then lives on as a batch: the sync may fail, and then its bytes are written again
 * elsewhere; and the reader is served from it. Synced batches stay as a bounded cache.
 */
#ifndef TRIAGED_SPOOL_INTERNAL_H
#define TRIAGED_SPOOL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "segment.h"
#include "spool_io.h"
#include "triaged/base/buf.h"
#include "triaged/base/log.h"
#include "triaged/base/map.h"
#include "triaged/base/metrics.h"
#include "triaged/spool/spool.h"

enum {
    WBUF_WRITE_AT = 1024 * 1024,     /* appends write by themselves beyond this */
    CACHE_MAX = 8 * 1024 * 1024,     /* synced batches kept for the reader */
    UNSYNCED_KICK = 8 * 1024 * 1024, /* `interval` does not wait beyond this */
    UNSYNCED_MAX = 64 * 1024 * 1024, /* a disk that does not keep up: SPOOL_FULL */
    INDEX_LOADED_MAX = 1024 * 1024,  /* entries in memory: 40 MiB */
    READ_AHEAD = 256 * 1024,
    SEGMENT_SIZE_MIN = 4096,
    SEGMENT_SIZE_MAX = 256 * 1024 * 1024,
    HEAL_RETRY_MS = 1000,
    BROKEN_RETRY_MS = 250,              /* after a failed write of a group that was taken back */
    STUCK_READ_MS = 30 * 1000,          /* a record that cannot be read is given up after this */
    FREE_CHECK_BYTES = 1024 * 1024,     /* the file system is asked after so much was written … */
    FREE_CHECK_MS = 1000,               /* … and so long */
    DEAD_LETTER_MAX = 16 * 1024 * 1024, /* then it is renamed to .1 */
    ASIDE_MAX = 64 * 1024 * 1024,       /* damaged bytes kept aside in corrupt-*.bin */
    ASIDE_FILES_MAX = 100,
    CLOSER_MAX = 16,   /* removed segments whose blocks are not free yet … */
    CLOSER_URGENT = 1, /* … while max_size presses */
};

struct entry { /* of the index; 40 bytes */
    uint64_t seq, prev;
    int64_t at_ms;
    uint32_t offset, size; /* the whole record in its file */
    uint16_t team;
    bool acked;
    bool dead;  /* damaged: nothing to read here any more */
    bool aside; /* not to be applied any more */
};
_Static_assert(sizeof(struct entry) <= 48, "the index must stay small");

struct stream {
    struct stream *next;
    uint8_t id[STREAM_ID_SIZE];
    char hex[33];
    size_t segments;
    uint64_t last_seq;  /* highest that was recovered or appended */
    bool gone;          /* no segment left; wait until the removal is durable */
    bool left_behind;   /* a file of it could not be removed: the next start sends it again */
    uint64_t gone_sync; /* number of the directory sync that makes it so */
    uint8_t teams[SPOOL_TEAMS_MAX / 8];
};

struct segment {
    char name[SEGMENT_NAME_SIZE];
    struct stream *stream;
    uint64_t number;
    size_t head_size; /* where records begin; 0 with a damaged header */
    uint64_t size;    /* bytes that count */
    uint64_t filled;  /* zeros stand in the file from size up to here; or it is <= size */
    int64_t created_ms;
    uint64_t first_pos;
    uint32_t count, n_acked, n_aside;
    uint64_t skip_upto; /* records up to this seq are copies of earlier ones */
    uint64_t last_seq;
    int64_t first_at_ms;
    int64_t last_ack_ms;
    struct entry *entries; /* NULL = not in memory */
    uint32_t cap;
    int fd;              /* open for writing or syncing, else -1 */
    bool queued, pinned; /* under sync.lock: waits for the sync thread; is in its hands */
};

struct batch { /* bytes of one write, whole records */
    struct segment *segment;
    uint64_t first_pos, last_pos;
    uint32_t offset; /* in the segment */
    char *p;
    size_t n;
};

struct team {
    char *name;
    uint64_t last_seq; /* in the own stream */
};

struct sync {
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t wake, idle;
    /* under lock */
    struct segment **queue;
    size_t n, cap;
    uint64_t target;               /* position that is durable once the queue is synced */
    uint64_t done;                 /* synced up to here */
    uint64_t dir_wanted, dir_done; /* numbers of directory syncs */
    bool kick, stop, busy;
    int failed; /* errno of the sync that failed; nothing is done until it is healed */
};

struct closer {
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t wake, closed;
    /* under lock */
    int fds[CLOSER_MAX]; /* n of them from first on, in a ring */
    size_t first, n;
    bool stop;
};

struct spool {
    char *directory;
    const struct spool_io *io;
    int dir_fd, lock_fd;
    int policy; /* enum spool_sync */
    int64_t interval_ms, retain_ms;
    uint64_t max_size, segment_size, min_free;
    void (*on_durable)(void *arg);
    void *arg;

    struct team *teams;
    size_t n_teams;
    struct map team_ids; /* name -> index + 1 */
    struct stream *streams, *own;

    struct segment **segs; /* by first_pos */
    size_t n_segs, cap_segs;
    struct segment *active;
    uint64_t next_number, next_seq, next_pos, written_pos;
    int64_t now_ms; /* of the last call that said it */

    struct buf wbuf;
    bool group;            /* what stands in wbuf is a group: not to be written before its commit */
    struct entry *pending; /* records in wbuf; offsets from its start */
    size_t n_pending, cap_pending;
    struct batch *batches; /* a window [b_from, b_to) of an array */
    size_t b_from, b_to, b_cap;
    size_t b_unsynced; /* first of them that is not synced */
    size_t batch_bytes, unsynced_bytes;

    uint64_t bytes;   /* of all segments */
    uint64_t refused; /* size of the append that found no room; 0 = there was room */
    bool low_disk;
    uint64_t free_checked_at_bytes, written_total;
    int64_t free_checked_ms;
    int broken;            /* errno of the last write that failed; 0 = fine */
    int64_t broken_ms;     /* monotonic: when that was */
    int64_t heal_after_ms; /* monotonic */
    int64_t fill_after_ms; /* monotonic: there was no room for zeros ahead */
    struct log_rate write_errors, fill_errors;

    uint64_t read_pos;     /* next to hand out */
    uint64_t resend_until; /* acknowledged ones before this are handed out too */
    uint64_t stuck_pos;
    int64_t stuck_since_ms;
    struct buf rbuf; /* read-ahead of rseg from roffset */
    struct segment *rseg;
    uint64_t roffset;
    int rfd;
    size_t loaded;     /* entries in memory */
    size_t loaded_max; /* INDEX_LOADED_MAX, less in tests */
    uint64_t waiting;  /* not acknowledged */
    uint64_t ack_low;  /* all before it are acknowledged */
    bool in_doubt;     /* not all of what is sent again is answered */
    int64_t heard_ms;  /* last sign of life of the receiver; never back, as a wall clock may go */
    int64_t alive_ms;  /* the last one when nothing was in doubt */

    bool letters_rest; /* behind letters_end the dead-letter file holds what was not kept */
    off_t letters_end;
    uint64_t corrupt, torn;
    uint64_t reported; /* durable position last told through on_durable */
    struct sync sync;
    struct closer closer;
};

/* spool.c */
extern struct metric_family spool_torn_total, spool_write_errors_total, spool_sync_seconds,
    spool_filled_bytes, spool_fill_failures;
/* Index of a team's name, made when new; -1 when there are too many. */
int spool_team(struct spool *s, struct str name);
void spool_wake(struct spool *s);

/* lock.c */
bool spool_make_directory(const struct spool_io *io, const char *path, struct diag *why);
/* The lock's descriptor, or -1 with *why naming the holder. */
int spool_lock(int dir_fd, const char *directory, struct diag *why);

/* recover.c */
bool spool_recover(struct spool *s, int64_t now_ms, struct diag *why);

/* index.c */
struct stream *spool_stream(struct spool *s, const uint8_t id[STREAM_ID_SIZE]); /* made when new */
struct segment *spool_segment_add(struct spool *s, struct stream *st, uint64_t number);
/* Takes it off the list and frees it; the file is the caller's. */
void spool_segment_forget(struct spool *s, struct segment *g);
/* The segment that holds pos, or the next one after it; NULL beyond the end. */
struct segment *spool_segment_at(struct spool *s, uint64_t pos);
void spool_entry_add(struct spool *s, struct segment *g, const struct entry *e);
/* Brings the entries of g into memory; may drop others'. What does not stand in the file any more
 * is marked dead. False with errno when the file cannot be read now, which may pass. */
bool spool_index_load(struct spool *s, struct segment *g);
/* The same of a file that stays unreadable: what cannot be read is marked dead. */
void spool_index_load_rest(struct spool *s, struct segment *g);
/* The record cannot be read any more: it is counted and waits for nobody. */
void spool_entry_lost(struct spool *s, struct segment *g, struct entry *e);
/* Some of its records may be lost by a failing sync. */
bool spool_has_unsynced(const struct spool *s, const struct segment *g);
void spool_index_drop(struct spool *s, struct segment *g);
void spool_index_trim(struct spool *s, const struct segment *keep);
/* The entry of pos, in memory; NULL when it is not retained or cannot be looked up now. */
struct entry *spool_entry_at(struct spool *s, uint64_t pos, struct segment **g);

/* The same of a record by its number in a stream. */
struct entry *spool_entry_of(struct spool *s, const char *stream, uint64_t seq, struct segment **g);

/* dead_letter.c */
void spool_mark_dead_letters(struct spool *s);

/* write.c */
enum spool_result spool_flush(struct spool *s);
/* A new active segment. False with errno. */
bool spool_rotate(struct spool *s);
/* The batch that holds pos, or NULL. */
const struct batch *spool_batch_of(struct spool *s, uint64_t pos);
void spool_batches_settle(struct spool *s, uint64_t synced);
void spool_batches_finish(struct spool *s);
/* After a failed sync: writes again what was not synced. True when there is nothing to mend. */
bool spool_heal(struct spool *s);
enum spool_result spool_errno_result(int e);

/* fill.c */
/* After a write of n bytes to g: zeros behind it if none are left there. Never fails. */
void spool_fill_ahead(struct spool *s, struct segment *g, size_t n);
/* Takes back what a write of n bytes that failed left behind the records of g. */
void spool_fill_back(struct spool *s, struct segment *g, size_t n);
/* Cuts g to its records. */
void spool_fill_cut(struct spool *s, struct segment *g);

/* retain.c */
/* Makes room for need more bytes by removing acknowledged segments; false when there is none. */
bool spool_make_room(struct spool *s, uint64_t need);
void spool_remove_segment(struct spool *s, struct segment *g);
/* Asks the file system when it is time; sets low_disk. */
void spool_check_free(struct spool *s);
/* Closes the files that nobody writes or syncs any more. */
void spool_close_idle(struct spool *s);

/* closer.c */
/* Closes fd (or nothing, when that is -1) soon; waits when CLOSER_MAX others have to be closed. */
void closer_close(struct closer *c, int fd);
bool closer_has_room(struct closer *c);
/* Until no more than that many are left. */
void closer_wait(struct closer *c, size_t at_most);
void closer_stop(struct closer *c); /* closes what is left, joins */

/* sync.c */
bool sync_start(struct spool *s);
void sync_stop(struct spool *s); /* syncs what is left, joins */
/* g has bytes up to position target that want a sync. */
void sync_mark(struct spool *s, struct segment *g, uint64_t target);
void sync_kick(struct spool *s);
uint64_t sync_directory(struct spool *s); /* the number to wait for */
/* Synced position; *failed = errno of a failure that waits to be healed, or 0. */
uint64_t sync_state(struct spool *s, int *failed, uint64_t *dir_done);
/* Waits until the thread is at rest and forgets its queue (before healing). */
void sync_reset(struct spool *s);
void sync_healed(struct spool *s);
bool sync_in_use(struct spool *s, struct segment *g);

#endif
