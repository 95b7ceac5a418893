/*
 * spool.c - the promise that an accepted record survives a crash: open, append, commit, close.
 * Owns: the struct spool, the numbering of records, what "durable" means under each policy.
 * Never: interprets a payload; talks to Redis; blocks on a sync (sync.c does that in its thread).
 * Called by: the worker's thread only.
 *
 *   segment.c  the file format        write.c   buffer -> file, rotation, after a failed sync
 *   recover.c  what was left          index.c   position -> place
 *   sync.c     group commit           reader.c  records out, rewind, ack
 *   retain.c   removal, limits        fill.c    zeros ahead of the records
 *   lock.c, io.c, dead_letter.c
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool_internal.h"
#include "triaged/base/clock.h"
#include "triaged/base/hash.h"
#include "triaged/base/mem.h"
#include "triaged/conf/conf.h"

static const int64_t sync_bounds_us[] = {50,     100,    250,    500,     1000,
                                         2500,   5000,   10000,  25000,   50000,
                                         100000, 250000, 500000, 1000000, 5000000};

struct metric_family spool_torn_total = {
    .name = "triaged_spool_torn_tails_total",
    .help = "Unfinished writes that were cut off the end of spool segments at start.",
    .type = METRIC_COUNTER,
};
struct metric_family spool_write_errors_total = {
    .name = "triaged_spool_write_errors_total",
    .help = "Writes, syncs and creations of spool segments that failed.",
    .type = METRIC_COUNTER,
};
struct metric_family spool_sync_seconds = {
    .name = "triaged_spool_sync_seconds",
    .help = "Time that one fdatasync or fsync of the spool took.",
    .type = METRIC_HISTOGRAM,
    .scale = 1e-6,
    .bounds = sync_bounds_us,
    .n_bounds = ARRAY_LEN(sync_bounds_us),
};

struct metric_family spool_filled_bytes = {
    .name = "triaged_spool_filled_bytes_total",
    .help = "Zeros written ahead of the records of the spool, which makes syncs short.",
    .type = METRIC_COUNTER,
};
struct metric_family spool_fill_failures = {
    .name = "triaged_spool_fill_failures_total",
    .help = "Times that there was no room for zeros ahead of the records: syncs take longer.",
    .type = METRIC_COUNTER,
};

int spool_team(struct spool *s, struct str name)
{
    const void *known = map_get(&s->team_ids, name);
    struct team *t;

    if (known)
        return (int)(intptr_t)known - 1;
    if (s->n_teams == SPOOL_TEAMS_MAX)
        return -1;
    if ((s->n_teams & (s->n_teams + 1)) == 0) /* 0, 1, 3, 7 … */
        s->teams = xrealloc_array(s->teams, 2 * s->n_teams + 2, sizeof(*s->teams));
    t = &s->teams[s->n_teams++];
    t->name = xstrndup(name.p, name.n);
    t->last_seq = 0;
    map_put(&s->team_ids, (struct str){t->name, name.n}, (void *)(intptr_t)s->n_teams);
    return (int)s->n_teams - 1;
}

void spool_wake(struct spool *s)
{
    if (s->on_durable)
        s->on_durable(s->arg);
}

/* ---- open and close -----------------------------------------------------------------------------
 */

static uint64_t clamp(uint64_t v, uint64_t lo, uint64_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

static struct spool *create(const struct spool_options *o, int64_t now_ms)
{
    struct spool *s = NEW(struct spool);
    size_t record_max = RECORD_HEAD + SPOOL_TEAM_MAX + SPOOL_PAYLOAD_MAX;

    s->directory = xstrdup(o->directory);
    s->io = spool_io_current();
    s->dir_fd = s->lock_fd = s->rfd = -1;
    s->policy = o->sync;
    s->interval_ms = o->interval_ms > 0 ? o->interval_ms : 1000;
    s->retain_ms = o->retain_ms;
    s->max_size = o->max_size ? o->max_size : UINT64_MAX / 2;
    s->segment_size = o->segment_size ? clamp(o->segment_size, SEGMENT_SIZE_MIN, SEGMENT_SIZE_MAX)
                                      : 16 * 1024 * 1024;
    s->min_free = o->min_free;
    s->on_durable = o->on_durable;
    s->arg = o->arg;
    s->next_number = s->next_seq = s->next_pos = s->read_pos = s->ack_low = 1;
    s->now_ms = s->heard_ms = s->alive_ms = now_ms;
    s->loaded_max = INDEX_LOADED_MAX;
    buf_init(&s->wbuf, SPOOL_GROUP_MAX + record_max);
    buf_init(&s->rbuf, record_max > READ_AHEAD ? record_max : READ_AHEAD);
    return s;
}

static void destroy(struct spool *s)
{
    sync_stop(s);
    while (s->n_segs) {
        spool_fill_cut(s, s->segs[s->n_segs - 1]);
        spool_segment_forget(s, s->segs[s->n_segs - 1]);
    }
    while (s->streams) {
        struct stream *st = s->streams;

        s->streams = st->next;
        free(st);
    }
    for (size_t i = 0; i < s->n_teams; i++)
        free(s->teams[i].name);
    free(s->teams);
    map_finish(&s->team_ids);
    spool_batches_finish(s);
    buf_finish(&s->wbuf);
    buf_finish(&s->rbuf);
    closer_stop(&s->closer);
    free(s->pending);
    free(s->segs);
    if (s->rfd >= 0)
        close(s->rfd);
    if (s->dir_fd >= 0)
        close(s->dir_fd);
    if (s->lock_fd >= 0) /* last: it lets the next process in */
        close(s->lock_fd);
    free(s->directory);
    free(s);
}

static bool open_directory(struct spool *s, struct diag *why)
{
    if (!spool_make_directory(s->io, s->directory, why))
        return false;
    s->dir_fd = open(s->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir_fd < 0) {
        diag_error(why, NULL, 0, 0, NULL, "cannot open the spool directory %s: %s", s->directory,
                   strerror(errno));
        return false;
    }
    s->lock_fd = spool_lock(s->dir_fd, s->directory, why);
    return s->lock_fd >= 0;
}

struct spool *spool_open(const struct spool_options *o, int64_t now_ms, struct diag *why)
{
    struct spool *s = create(o, now_ms);
    uint8_t id[STREAM_ID_SIZE];

    if (!open_directory(s, why) || !spool_recover(s, now_ms, why)) {
        destroy(s);
        return NULL;
    }
    spool_mark_dead_letters(s);
    hash_random(id, sizeof(id));
    s->own = spool_stream(s, id);
    s->sync.done = s->sync.target =
        s->written_pos; /* recovered records are as durable as they get */
    s->reported = s->written_pos;
    metric_cell(&spool_write_errors_total); /* zero from the start, for alert rules */
    metric_cell(&spool_filled_bytes);
    metric_cell(&spool_fill_failures);
    if (!sync_start(s)) {
        diag_error(why, NULL, 0, 0, NULL, "cannot start the sync thread of %s: %s", s->directory,
                   strerror(errno));
        destroy(s);
        return NULL;
    }
    return s;
}

void spool_close(struct spool *s)
{
    if (!s)
        return;
    s->heal_after_ms = 0;
    if (spool_commit(s) != SPOOL_OK)
        log_error("spool", "%s: closing with %zu records that could not be written", s->directory,
                  s->n_pending);
    destroy(s);
}

/* ---- append -------------------------------------------------------------------------------------
 */

/* What is larger than max_size as a whole would be refused for ever; so it is taken when nothing
 * else waits. */
static bool nothing_waits(const struct spool *s)
{
    return s->waiting == s->n_pending && (s->group || s->n_pending == 0);
}

/* Room for n more bytes? Removes acknowledged segments if that helps. */
static bool has_room(struct spool *s, uint64_t n)
{
    uint64_t need = s->wbuf.n + n;

    if (!s->active || s->active->size + need > s->segment_size)
        need += SEGMENT_HEAD_MIN;
    spool_check_free(s);
    if (s->low_disk || s->unsynced_bytes > UNSYNCED_MAX) {
        s->refused = n;
        return false;
    }
    if (s->bytes + need > s->max_size && !spool_make_room(s, need) && !nothing_waits(s)) {
        s->refused = n;
        return false;
    }
    s->refused = 0;
    return true;
}

static void put_pending(struct spool *s, const struct segment_record *r, uint32_t offset,
                        uint32_t size, int team)
{
    struct entry e = {.seq = r->seq,
                      .prev = r->prev,
                      .at_ms = r->at_ms,
                      .offset = offset,
                      .size = size,
                      .team = (uint16_t)team};

    if (s->n_pending == s->cap_pending) {
        s->cap_pending = s->cap_pending ? 2 * s->cap_pending : 64;
        s->pending = xrealloc_array(s->pending, s->cap_pending, sizeof(*s->pending));
    }
    s->pending[s->n_pending++] = e;
}

/* Brings what stands in the buffer to its file if n more bytes make it too large, or if the disk
 * refused it before. */
static enum spool_result flush_before(struct spool *s, size_t n)
{
    size_t limit = s->segment_size < WBUF_WRITE_AT ? s->segment_size : WBUF_WRITE_AT;
    int failed = 0;
    uint64_t dir_done;

    if (s->group)
        return s->wbuf.n + n <= SPOOL_GROUP_MAX ? SPOOL_OK : SPOOL_FULL;
    sync_state(s, &failed, &dir_done);
    if (failed || s->broken || (s->wbuf.n > 0 && s->wbuf.n + n > limit))
        return spool_flush(s);
    return SPOOL_OK;
}

enum spool_result spool_append(struct spool *s, struct str team, struct str payload, int64_t now_ms,
                               uint64_t *ticket)
{
    struct segment_record r = {.at_ms = now_ms, .more = s->group, .team = team, .payload = payload};
    size_t size = segment_record_size(team, payload), offset;
    enum spool_result res;
    int id;

    s->now_ms = now_ms;
    if (team.n == 0 || team.n > SPOOL_TEAM_MAX || payload.n > SPOOL_PAYLOAD_MAX)
        return SPOOL_BROKEN;
    if (!has_room(s, size))
        return SPOOL_FULL;
    if ((res = flush_before(s, size)) != SPOOL_OK)
        return res;
    if ((id = spool_team(s, team)) < 0)
        return SPOOL_BROKEN;
    r.seq = s->next_seq;
    r.prev = s->teams[id].last_seq;
    offset = s->wbuf.n;
    if (!segment_put_record(&s->wbuf, s->own->id, &r))
        return SPOOL_BROKEN;
    put_pending(s, &r, (uint32_t)offset, (uint32_t)size, id);
    s->teams[id].last_seq = s->next_seq++;
    s->own->last_seq = r.seq;
    s->waiting++;
    *ticket = s->next_pos++;
    return SPOOL_OK;
}

enum spool_result spool_begin(struct spool *s)
{
    enum spool_result res = spool_flush(s);

    s->group = res == SPOOL_OK;
    return res;
}

void spool_group_end(const struct spool *s, struct spool_place *out)
{
    memcpy(out->stream, s->own->id, sizeof(out->stream));
    out->seq = s->own->last_seq;
}

bool spool_was_written(const struct spool *s, const struct spool_place *place)
{
    for (const struct stream *st = s->streams; st; st = st->next)
        if (memcmp(st->id, place->stream, sizeof(place->stream)) == 0)
            return st->last_seq >= place->seq;
    return false;
}

void spool_cancel(struct spool *s)
{
    if (!s->group)
        return;
    while (s->n_pending > 0) {
        const struct entry *e = &s->pending[--s->n_pending];

        s->teams[e->team].last_seq = e->prev;
        s->next_seq = e->seq;
        s->next_pos--;
        s->waiting--;
    }
    s->own->last_seq = s->next_seq - 1;
    buf_reset(&s->wbuf);
    s->group = false;
}

/* ---- durability ---------------------------------------------------------------------------------
 */

/* Takes over what the sync thread achieved. */
static uint64_t settle(struct spool *s)
{
    uint64_t dir_done, done;
    int failed;

    done = sync_state(s, &failed, &dir_done);
    if (s->policy != SPOOL_NEVER)
        spool_batches_settle(s, done);
    if (failed)
        spool_heal(s);
    return s->policy == SPOOL_ALWAYS ? done : s->written_pos;
}

enum spool_result spool_commit(struct spool *s)
{
    enum spool_result res;

    settle(s);
    if (s->group && s->n_pending > 0)
        segment_end_group(s->wbuf.p + s->pending[s->n_pending - 1].offset, s->own->id);
    res = spool_flush(s);
    if (res == SPOOL_OK)
        s->group = false;
    if (s->policy == SPOOL_ALWAYS ? s->b_unsynced < s->b_to : s->unsynced_bytes > UNSYNCED_KICK)
        sync_kick(s);
    if (s->policy != SPOOL_ALWAYS && s->written_pos > s->reported) {
        s->reported = s->written_pos;
        spool_wake(s);
    }
    return res;
}

uint64_t spool_durable(struct spool *s)
{
    return settle(s);
}

bool spool_is_full(struct spool *s)
{
    uint64_t least = s->refused ? s->refused : RECORD_HEAD + 1;

    if (s->broken && s->n_pending > 0 && !s->group)
        return spool_flush(s) != SPOOL_OK;
    if (s->broken && clock_mono_ms() - s->broken_ms < BROKEN_RETRY_MS)
        return true;
    return !has_room(s, least);
}
