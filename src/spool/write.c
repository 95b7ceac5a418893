/*
 * write.c - from the commit buffer into segment files, and again after a sync that failed.
 * Owns: the commit buffer, the batches (bytes of earlier writes), creation and rotation of
 * segments. Never: tells anyone that something is durable (sync.c); removes what is not
 * acknowledged. Called by: spool.c (append, commit, tick), reader.c (batches as a cache).
 *
 * A write that fails leaves the buffer as it is and the file cut back to what it was, so the next
 * call tries the same bytes again. What is accepted meanwhile is bounded by the buffer: nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool_internal.h"
#include "triaged/base/clock.h"
#include "triaged/base/mem.h"
#include "triaged/conf/conf.h"

enum spool_result spool_errno_result(int e)
{
    return e == ENOSPC || e == EDQUOT || e == EFBIG ? SPOOL_FULL : SPOOL_BROKEN;
}

static enum spool_result failed(struct spool *s, int e, const char *what)
{
    uint64_t held;

    metric_add(metric_cell(&spool_write_errors_total), 1);
    if (log_rate_pass(&s->write_errors, clock_mono_ms(), &held))
        log_error("spool", "%s: %s failed, trying again: %s suppressed=%llu", s->directory, what,
                  strerror(e), (unsigned long long)held);
    s->broken = e;
    s->broken_ms = clock_mono_ms();
    return spool_errno_result(e);
}

static void works(struct spool *s)
{
    if (s->broken)
        log_info("spool", "%s: writing works again", s->directory);
    s->broken = 0;
}

/* ---- segments -----------------------------------------------------------------------------------
 */

/* The header names every team of the stream so far, so that the last segment of a stream still
 * knows which teams' `applied` fields are to be removed. */
static void build_head(struct spool *s, struct buf *b, uint64_t number)
{
    uint32_t n = 0;

    segment_begin_head(b, s->own->id, number, s->now_ms);
    for (size_t i = 0; i < s->n_teams; i++)
        if (s->teams[i].last_seq > 0) {
            segment_put_team(b, s->teams[i].last_seq, str_c(s->teams[i].name));
            n++;
        }
    segment_end_head(b, n);
}

/* A new file with its header, as the active segment. False with errno. */
static bool create_segment(struct spool *s)
{
    struct segment *g;
    struct buf head;
    char name[SEGMENT_NAME_SIZE];
    uint64_t number;
    int fd, e;

    do {
        number = s->next_number++;
        segment_name(number, s->own->hex, name);
        fd = s->io->openat(s->dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                           0600);
    } while (fd < 0 && errno == EEXIST);
    if (fd < 0)
        return false;
    buf_init(&head, SEGMENT_HEAD_MAX);
    build_head(s, &head, number);
    if (!spool_pwrite_all(s->io, fd, head.p, head.n, 0)) {
        e = errno;
        s->io->unlink(s->dir_fd, name);
        close(fd);
        buf_finish(&head);
        errno = e;
        return false;
    }
    g = spool_segment_add(s, s->own, number);
    g->fd = fd;
    g->head_size = head.n;
    g->size = head.n;
    g->created_ms = s->now_ms;
    g->first_pos = s->written_pos + 1;
    s->bytes += head.n;
    s->active = g;
    buf_finish(&head);
    spool_index_trim(s, g);
    if (s->policy != SPOOL_NEVER)
        sync_directory(s);
    return true;
}

bool spool_rotate(struct spool *s)
{
    return create_segment(s);
}

/* An active segment with room for n bytes. Rotates by size, and by age so that what is sent again
 * after a reconnect stays little on a quiet system. */
static bool ensure_active(struct spool *s, size_t n)
{
    const struct segment *g = s->active;
    int64_t max_age = s->retain_ms > 1000 ? s->retain_ms : 1000;

    if (g &&
        (g->count == 0 || (g->size + n <= s->segment_size && s->now_ms - g->created_ms <= max_age)))
        return true;
    return create_segment(s);
}

/* ---- batches ------------------------------------------------------------------------------------
 */

static void push_batch(struct spool *s, const struct batch *b)
{
    if (s->b_to == s->b_cap && s->b_from > s->b_cap / 2) {
        memmove(s->batches, s->batches + s->b_from, (s->b_to - s->b_from) * sizeof(*s->batches));
        s->b_to -= s->b_from;
        s->b_unsynced -= s->b_from;
        s->b_from = 0;
    }
    if (s->b_to == s->b_cap) {
        s->b_cap = s->b_cap ? 2 * s->b_cap : 64;
        s->batches = xrealloc_array(s->batches, s->b_cap, sizeof(*s->batches));
    }
    s->batches[s->b_to++] = *b;
    s->batch_bytes += b->n + sizeof(*b);
    s->unsynced_bytes += b->n;
}

const struct batch *spool_batch_of(struct spool *s, uint64_t pos)
{
    size_t lo = s->b_from, hi = s->b_to;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (s->batches[mid].last_pos < pos)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < s->b_to && s->batches[lo].first_pos <= pos ? &s->batches[lo] : NULL;
}

void spool_batches_settle(struct spool *s, uint64_t synced)
{
    while (s->b_unsynced < s->b_to && s->batches[s->b_unsynced].last_pos <= synced)
        s->unsynced_bytes -= s->batches[s->b_unsynced++].n;
    while (s->batch_bytes > CACHE_MAX && s->b_from < s->b_unsynced) {
        struct batch *b = &s->batches[s->b_from++];

        s->batch_bytes -= b->n + sizeof(*b);
        free(b->p);
    }
}

void spool_batches_finish(struct spool *s)
{
    for (size_t i = s->b_from; i < s->b_to; i++)
        free(s->batches[i].p);
    free(s->batches);
    s->batches = NULL;
    s->b_from = s->b_to = s->b_cap = s->b_unsynced = 0;
}

/* The buffer becomes a batch; a new one takes its place. */
static void keep_buffer(struct spool *s, uint64_t offset)
{
    struct batch b = {.segment = s->active,
                      .first_pos = s->written_pos + 1,
                      .last_pos = s->written_pos + s->n_pending,
                      .offset = (uint32_t)offset,
                      .p = s->wbuf.p,
                      .n = s->wbuf.n};
    size_t max = s->wbuf.max, next = b.n < 64 * 1024 ? b.n : 64 * 1024;

    if (s->wbuf.cap > b.n + b.n / 4)
        b.p = xrealloc_array(b.p, b.n, 1);
    push_batch(s, &b);
    buf_init(&s->wbuf, max);
    buf_reserve(&s->wbuf, next);
}

/* ---- flush --------------------------------------------------------------------------------------
 */

static void index_pending(struct spool *s, uint64_t offset)
{
    for (size_t i = 0; i < s->n_pending; i++) {
        struct entry e = s->pending[i];

        e.offset += (uint32_t)offset;
        spool_entry_add(s, s->active, &e);
    }
    s->written_pos += s->n_pending;
    s->n_pending = 0;
}

enum spool_result spool_flush(struct spool *s)
{
    uint64_t offset;
    size_t n = s->wbuf.n;

    if (!spool_heal(s))
        return s->broken ? spool_errno_result(s->broken) : SPOOL_BROKEN;
    if (n == 0)
        return SPOOL_OK;
    if (!ensure_active(s, n))
        return failed(s, errno, "creating a segment");
    offset = s->active->size;
    if (!spool_pwrite_all(s->io, s->active->fd, s->wbuf.p, n, (off_t)offset)) {
        int e = errno;

        spool_fill_back(s, s->active, n);
        return failed(s, e, "writing");
    }
    works(s);
    s->active->size += n;
    s->bytes += n;
    s->written_total += n;
    spool_fill_ahead(s, s->active, n);
    keep_buffer(s, offset);
    index_pending(s, offset);
    if (s->policy == SPOOL_NEVER)
        spool_batches_settle(s, s->written_pos);
    else
        sync_mark(s, s->active, s->written_pos);
    return SPOOL_OK;
}

/* ---- after a failed sync ------------------------------------------------------------------------
 */

struct moved { /* where a batch stands now */
    struct segment *segment;
    uint64_t offset;
};

/* Writes the unsynced batches again, into new segments. False with errno. */
static bool write_again(struct spool *s, struct moved *to)
{
    s->active = NULL;
    for (size_t i = s->b_unsynced; i < s->b_to; i++) {
        const struct batch *b = &s->batches[i];

        if ((!s->active || s->active->size + b->n > s->segment_size) && !create_segment(s))
            return false;
        if (!spool_pwrite_all(s->io, s->active->fd, b->p, b->n, (off_t)s->active->size))
            return false;
        to->segment = s->active;
        to->offset = s->active->size;
        s->active->size += b->n;
        s->bytes += b->n;
        to++;
    }
    return true;
}

static void undo_write_again(struct spool *s, size_t n_segs, struct segment *active)
{
    while (s->n_segs > n_segs) {
        struct segment *g = s->segs[s->n_segs - 1];

        s->io->unlink(s->dir_fd, g->name);
        s->bytes -= g->size;
        spool_segment_forget(s, g);
    }
    s->active = active;
}

/* The index follows the bytes. */
static void move_entries(struct spool *s, const struct moved *to)
{
    for (size_t i = s->b_unsynced; i < s->b_to; i++, to++) {
        struct batch *b = &s->batches[i];

        if (to->segment->count == 0)
            to->segment->first_pos = b->first_pos;
        for (uint64_t pos = b->first_pos; pos <= b->last_pos; pos++) {
            struct entry e = b->segment->entries[pos - b->segment->first_pos];

            e.offset = (uint32_t)(e.offset - b->offset + to->offset);
            spool_entry_add(s, to->segment, &e);
        }
        b->segment = to->segment;
        b->offset = (uint32_t)to->offset;
    }
}

/* Cuts the segments [.., n_segs) that held positions >= pos back to what comes before. */
static void cut_back(struct spool *s, size_t n_segs, uint64_t pos)
{
    for (size_t i = n_segs; i-- > 0 && s->segs[i]->first_pos + s->segs[i]->count > pos;) {
        struct segment *g = s->segs[i];
        uint32_t keep = pos > g->first_pos ? (uint32_t)(pos - g->first_pos) : 0;

        if (keep == 0) {
            spool_remove_segment(s, g);
            continue;
        }
        s->bytes -= g->size - g->entries[keep].offset;
        g->size = g->entries[keep].offset;
        for (uint32_t k = keep; k < g->count; k++) {
            g->n_acked -= g->entries[k].acked;
            g->n_aside -= g->entries[k].aside;
        }
        s->loaded -= g->count - keep;
        g->count = keep;
        g->last_seq = g->entries[keep - 1].seq;
        if (s->io->ftruncate(g->fd, (off_t)g->size) == 0)
            g->filled = g->size;
        else
            log_debug("spool", "%s: cannot cut %s back", s->directory, g->name);
        sync_mark(s, g, s->written_pos); /* else a power loss brings some of it back, with holes */
    }
}

bool spool_heal(struct spool *s)
{
    size_t n_segs = s->n_segs, n = 0;
    struct segment *active = s->active;
    struct moved *to;
    uint64_t dir_done, synced;
    int e;

    synced = sync_state(s, &e, &dir_done);
    if (!e)
        return true;
    if (clock_mono_ms() < s->heal_after_ms)
        return false;
    s->heal_after_ms = clock_mono_ms() + HEAL_RETRY_MS;
    failed(s, e, "syncing");
    sync_reset(s);
    spool_batches_settle(s, synced);
    n = s->b_to - s->b_unsynced;
    to = NEW_ARRAY(struct moved, n + 1);
    if (n > 0 && !write_again(s, to)) {
        failed(s, errno, "writing again what could not be synced");
        undo_write_again(s, n_segs, active);
        free(to);
        return false;
    }
    if (n > 0) {
        uint64_t from = s->batches[s->b_unsynced].first_pos;

        move_entries(s, to);
        cut_back(s, n_segs, from);
        log_warn("spool", "%s: %zu writes whose sync failed were written again", s->directory, n);
    }
    for (size_t i = 0; i < n; i++)
        sync_mark(s, to[i].segment, s->written_pos);
    free(to);
    s->broken = 0;
    sync_healed(s);
    return true;
}
