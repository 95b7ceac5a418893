/*
 * retain.c - how long acknowledged records are kept, and how much room there is.
 * Owns: removal of segment files, the end of streams, the size and free-space limits.
 * Never: removes a record that is not acknowledged.
 * Called by: spool.c (append, tick), write.c (heal).
 *
 * A segment whose records are all acknowledged goes
 *   - with the tick, when it is older than retain (up to the last sign of life);
 *   - at once, oldest first, when max_size presses;
 *   - not at all while it is the last of the own stream: it alone tells the next start which
 *     stream may go.
 * Its name goes here, its blocks are given back by closer.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool_internal.h"
#include "triaged/base/clock.h"
#include "triaged/conf/conf.h"

void spool_remove_segment(struct spool *s, struct segment *g)
{
    struct stream *st = g->stream;
    int last = s->io->openat(s->dir_fd, g->name, O_RDONLY | O_CLOEXEC, 0);

    if (last < 0 && errno != ENOENT)
        log_warn("spool", "%s: %s cannot be opened, its removal takes longer: %s", s->directory,
                 g->name, strerror(errno));
    if (s->io->unlink(s->dir_fd, g->name) != 0 && errno != ENOENT) {
        log_error("spool", "%s: cannot remove %s: %s", s->directory, g->name, strerror(errno));
        st->left_behind = true; /* then the receiver must not forget it */
    }
    s->bytes -= g->size;
    spool_segment_forget(s, g);
    closer_close(&s->closer, last);
    if (st->segments == 0 && st != s->own && !st->left_behind) {
        st->gone = true;
        st->gone_sync = sync_directory(s);
        sync_kick(s);
    }
}

static bool may_remove(struct spool *s, struct segment *g)
{
    if (g->n_acked < g->count || spool_has_unsynced(s, g) || sync_in_use(s, g))
        return false;
    return g->stream != s->own || (g != s->active && g->stream->segments > 1);
}

/* The active segment may be acknowledged as a whole and hold the very room that is needed: it is
 * closed, so that it can go. False when that helps nothing. */
static bool retire_active(struct spool *s, uint64_t need)
{
    const struct segment *g = s->active;

    if (!g || g->count == 0 || g->n_acked < g->count || spool_has_unsynced(s, g) ||
        s->bytes - g->size + 2 * g->head_size + need > s->max_size)
        return false;
    return spool_rotate(s);
}

bool spool_make_room(struct spool *s, uint64_t need)
{
    bool again = true;

    while (again) {
        size_t i = 0;

        while (s->bytes + need > s->max_size && i < s->n_segs) {
            if (!may_remove(s, s->segs[i])) {
                i++;
                continue;
            }
            spool_remove_segment(s, s->segs[i]);
            closer_wait(&s->closer, CLOSER_URGENT);
        }
        again = s->bytes + need > s->max_size && retire_active(s, need);
    }
    return s->bytes + need <= s->max_size;
}

static void remove_old(struct spool *s)
{
    if (s->in_doubt) /* what is being sent again may turn out to be missing there */
        return;
    for (size_t i = 0; i < s->n_segs && closer_has_room(&s->closer);) {
        struct segment *g = s->segs[i];

        if (s->alive_ms - g->last_ack_ms > s->retain_ms && may_remove(s, g))
            spool_remove_segment(s, g);
        else
            i++;
    }
}

void spool_check_free(struct spool *s)
{
    struct statvfs v;
    int64_t now = clock_mono_ms();
    bool low;

    if (s->min_free == 0 || (s->written_total - s->free_checked_at_bytes < FREE_CHECK_BYTES &&
                             now - s->free_checked_ms < FREE_CHECK_MS && s->free_checked_ms))
        return;
    s->free_checked_at_bytes = s->written_total;
    s->free_checked_ms = now;
    if (s->io->fstatvfs(s->dir_fd, &v) != 0)
        return;
    low = (uint64_t)v.f_bavail * v.f_frsize < s->min_free;
    if (low != s->low_disk)
        log_warn("spool", "%s: %s", s->directory,
                 low ? "the file system has less than min_free left, refusing new records"
                     : "the file system has room again");
    s->low_disk = low;
}

void spool_close_idle(struct spool *s)
{
    for (size_t i = 0; i < s->n_segs; i++) {
        struct segment *g = s->segs[i];

        if (g->fd >= 0 && g != s->active && !spool_has_unsynced(s, g) && !sync_in_use(s, g)) {
            spool_fill_cut(s, g);
            close(g->fd);
            g->fd = -1;
        }
    }
}

static void tell_gone(struct spool *s, const struct stream *st,
                      void (*gone)(void *arg, const char *stream, struct str team), void *arg)
{
    if (!gone)
        return;
    for (size_t i = 0; i < s->n_teams; i++)
        if (st->teams[i / 8] & 1u << i % 8)
            gone(arg, st->hex, str_c(s->teams[i].name));
}

static void end_streams(struct spool *s,
                        void (*gone)(void *arg, const char *stream, struct str team), void *arg)
{
    uint64_t dir_done;
    int failed;

    sync_state(s, &failed, &dir_done);
    for (struct stream **at = &s->streams; *at;) {
        struct stream *st = *at;

        if (!st->gone || st->gone_sync > dir_done) {
            at = &st->next;
            continue;
        }
        tell_gone(s, st, gone, arg);
        *at = st->next;
        free(st);
    }
}

void spool_tick(struct spool *s, int64_t now_ms,
                void (*on_stream_gone)(void *arg, const char *stream, struct str team), void *arg)
{
    s->now_ms = now_ms;
    spool_commit(s); /* what a full disk refused, perhaps it takes it now */
    spool_check_free(s);
    remove_old(s);
    spool_close_idle(s);
    end_streams(s, on_stream_gone, arg);
}
