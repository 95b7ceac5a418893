/*
 * fill.c - zeros ahead of the records, so that a sync of these has no size and no blocks to note.
 * Owns: how much is written ahead, when, and the cutting off of it and of what a failed write left.
 * Never: fails a write: without room there are no zeros, and syncs take longer.
 * Called by: write.c (flush), retain.c (a segment is left), spool.c (close).
 *
 * An fdatasync of a file that has grown waits for the journal of the file system, and with it for
 * whatever others have written there, such as an append-only file of Redis. Over blocks that were
 * written before, it waits for the records alone. Only `always` lets anyone wait for a sync.
 *
 * The zeros are written behind a record that no longer found any, and reach the disk with it, in
 * the same sync. Nothing depends on that: they may be missing as a whole or in part.
 */
#include <errno.h>
#include <string.h>

#include "spool_internal.h"
#include "triaged/base/clock.h"
#include "triaged/conf/conf.h"

enum {
    FILL_FIRST = 64 * 1024,   /* then as much as the segment holds already … */
    FILL_MAX = 1024 * 1024,   /* … up to this */
    FILL_WRITES = 8,          /* worth it for so many further writes of the same size */
    FILL_RETRY_MS = 5 * 1000, /* after there was no room */
};

static const char zeros[64 * 1024];

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How much should be written ahead after a write of n bytes; 0 = not worth it. */
static uint64_t fill_size(const struct spool *s, const struct segment *g, size_t n)
{
    uint64_t size = g->size > FILL_FIRST ? g->size : FILL_FIRST;

    if (g->size >= s->segment_size || s->bytes >= s->max_size)
        return 0;
    size = least(size, FILL_MAX);
    size = least(size, s->segment_size - g->size);
    size = least(size, s->max_size / 8);
    size = least(size, s->max_size - s->bytes);
    return size >= FILL_WRITES * (uint64_t)n ? size : 0;
}

/* What is written ahead must not be what makes the disk full. False with errno. */
static bool has_free(struct spool *s, uint64_t size)
{
    struct statvfs v;

    if (s->io->fstatvfs(s->dir_fd, &v) != 0)
        return false;
    errno = ENOSPC;
    return (uint64_t)v.f_bavail * v.f_frsize >= s->min_free + 2 * size;
}

/* Zeros behind the records. False with errno. */
static bool write_zeros(struct spool *s, struct segment *g, uint64_t size)
{
    for (uint64_t at = g->size, end = g->size + size; at < end;) {
        size_t n = (size_t)least(end - at, sizeof(zeros));

        if (!spool_pwrite_all(s->io, g->fd, zeros, n, (off_t)at))
            return false;
        at += n;
        if (at > g->filled)
            g->filled = at;
    }
    return true;
}

static bool cut(struct spool *s, struct segment *g)
{
    if (s->io->ftruncate(g->fd, (off_t)g->size) != 0) {
        log_warn("spool", "%s/%s: cannot be cut to its records: %s", s->directory, g->name,
                 strerror(errno));
        return false;
    }
    g->filled = g->size;
    return true;
}

static void no_room(struct spool *s, int e)
{
    uint64_t held;

    s->fill_after_ms = clock_mono_ms() + FILL_RETRY_MS;
    metric_add(metric_cell(&spool_fill_failures), 1);
    if (log_rate_pass(&s->fill_errors, clock_mono_ms(), &held))
        log_warn("spool", "%s: no room for zeros ahead, syncs take longer: %s suppressed=%llu",
                 s->directory, strerror(e), (unsigned long long)held);
}

void spool_fill_ahead(struct spool *s, struct segment *g, size_t n)
{
    uint64_t size;

    if (g->size <= g->filled)
        return;
    g->filled = g->size;
    if (s->policy != SPOOL_ALWAYS || clock_mono_ms() < s->fill_after_ms ||
        (size = fill_size(s, g, n)) == 0)
        return;
    if (!has_free(s, size)) {
        no_room(s, errno);
    } else if (!write_zeros(s, g, size)) {
        no_room(s, errno);
        cut(s, g); /* some may be there */
    } else {
        metric_add(metric_cell(&spool_filled_bytes), (int64_t)size);
    }
}

void spool_fill_cut(struct spool *s, struct segment *g)
{
    if (g->fd >= 0 && g->filled > g->size)
        cut(s, g);
}

void spool_fill_back(struct spool *s, struct segment *g, size_t n)
{
    if (!cut(s, g) && !write_zeros(s, g, n))
        log_warn("spool", "%s/%s: cannot be overwritten either: %s", s->directory, g->name,
                 strerror(errno));
}
