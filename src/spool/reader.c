/*
 * reader.c - records out of the log: in order, again, and what was acknowledged.
 * Owns: the read position, the read-ahead buffer.
 * Never: writes; removes.
 * Called by: the shipper through spool.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "spool_internal.h"
#include "triaged/base/clock.h"

/* ---- bytes of one record ------------------------------------------------------------------------
 */

/* Opens g for reading. False with errno. */
static bool turn_to(struct spool *s, struct segment *g)
{
    if (s->rseg == g && s->rfd >= 0)
        return true;
    if (s->rfd >= 0)
        close(s->rfd);
    s->rseg = NULL;
    buf_reset(&s->rbuf);
    s->rfd = s->io->openat(s->dir_fd, g->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (s->rfd < 0)
        return false;
    s->rseg = g;
    return true;
}

static bool in_buffer(const struct spool *s, const struct entry *e)
{
    return e->offset >= s->roffset && e->offset + (uint64_t)e->size <= s->roffset + s->rbuf.n;
}

/* Reads ahead from e on. False with errno: an error, or the file ends before the record. */
static bool fill(struct spool *s, const struct segment *g, const struct entry *e)
{
    uint64_t left = g->size - e->offset;
    size_t want = e->size > READ_AHEAD ? e->size : READ_AHEAD;
    ssize_t r;

    if (want > left)
        want = (size_t)left;
    buf_reset(&s->rbuf);
    s->roffset = e->offset;
    if (!buf_reserve(&s->rbuf, want)) {
        errno = EFBIG;
        return false;
    }
    while (s->rbuf.n < want) {
        r = s->io->pread(s->rfd, s->rbuf.p + s->rbuf.n, want - s->rbuf.n,
                         (off_t)(s->roffset + s->rbuf.n));
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0) {
            if (r == 0)
                errno = ENODATA;
            break;
        }
        s->rbuf.n += (size_t)r;
    }
    return in_buffer(s, e);
}

enum outcome { GOT, LATER, LOST };

/* Errors that say nothing about the file. */
static bool is_ours(int e)
{
    return e == EMFILE || e == ENFILE || e == ENOMEM || e == EACCES || e == EPERM;
}

/* An error may pass (no descriptor left, a flaky disk); a record that stays unreadable must not
 * hold up all others for ever. */
static enum outcome cannot_read(struct spool *s, const struct segment *g, uint64_t pos, int e)
{
    int64_t now = clock_mono_ms();

    if (e == ENOENT || e == ENODATA)
        return LOST;
    if (s->stuck_pos != pos) {
        s->stuck_pos = pos;
        s->stuck_since_ms = now;
        log_warn("spool", "%s/%s: cannot be read, trying again: %s", s->directory, g->name,
                 strerror(e));
    }
    return now - s->stuck_since_ms > STUCK_READ_MS && !is_ours(e) ? LOST : LATER;
}

static enum outcome read_record(struct spool *s, struct segment *g, const struct entry *e,
                                uint64_t pos, struct segment_record *out)
{
    const struct batch *b = spool_batch_of(s, pos);
    struct str bytes;
    size_t size;

    if (b) { /* our own memory: what was encoded here needs no check, but costs little */
        bytes = (struct str){b->p + (e->offset - b->offset), e->size};
    } else {
        if (!turn_to(s, g) || (!in_buffer(s, e) && !fill(s, g, e)))
            return cannot_read(s, g, pos, errno);
        bytes = (struct str){s->rbuf.p + (e->offset - s->roffset), e->size};
    }
    if (segment_read_record(bytes, g->stream->id, out, &size) != FOUND_RECORD || out->seq != e->seq)
        return LOST;
    return GOT;
}

static void hand_out(const struct spool *s, const struct segment *g, const struct entry *e,
                     uint64_t pos, const struct segment_record *r, struct spool_record *out)
{
    memcpy(out->stream, g->stream->hex, sizeof(out->stream));
    out->seq = r->seq;
    out->prev = r->prev;
    out->team = r->team;
    out->payload = r->payload;
    out->appended_ms = r->at_ms;
    out->position = pos;
    out->acked = e->acked;
    out->aside = e->aside;
    out->own = g->stream == s->own;
}

/* ---- reading ------------------------------------------------------------------------------------
 */

/* Of the segment that read_pos is in. False: later. */
static bool load_index(struct spool *s, struct segment *g)
{
    if (spool_index_load(s, g))
        return true;
    if (cannot_read(s, g, s->read_pos, errno) == LATER)
        return false;
    spool_index_load_rest(s, g);
    return true;
}

/* The next entry to hand out at or after read_pos, which moves there. NULL: there is none, or it
 * cannot be looked up now. */
static struct entry *next_entry(struct spool *s, struct segment **out)
{
    while (s->read_pos <= s->written_pos) {
        struct segment *g = spool_segment_at(s, s->read_pos);
        uint64_t end;

        if (!g)
            return NULL;
        if (s->read_pos < g->first_pos)
            s->read_pos = g->first_pos;
        end = g->first_pos + g->count;
        if (g->n_acked == g->count && s->read_pos >= s->resend_until) {
            s->read_pos = end;
            continue;
        }
        if (!load_index(s, g))
            return NULL;
        for (; s->read_pos < end; s->read_pos++) {
            struct entry *e = &g->entries[s->read_pos - g->first_pos];

            if (!e->dead && (!e->acked || s->read_pos < s->resend_until)) {
                *out = g;
                return e;
            }
        }
    }
    return NULL;
}

bool spool_next(struct spool *s, struct spool_record *out)
{
    struct segment *g;
    struct entry *e;

    while ((e = next_entry(s, &g))) {
        struct segment_record r;

        switch (read_record(s, g, e, s->read_pos, &r)) {
        case GOT:
            hand_out(s, g, e, s->read_pos, &r, out);
            s->read_pos++;
            return true;
        case LATER:
            return false;
        case LOST:
            log_error("spool", "%s/%s: a record at offset %u is damaged, skipping it seq=%llu",
                      s->directory, g->name, e->offset, (unsigned long long)e->seq);
            spool_entry_lost(s, g, e);
            break;
        }
    }
    return false;
}

bool spool_read(struct spool *s, uint64_t position, struct spool_record *out)
{
    struct segment *g;
    struct entry *e = spool_entry_at(s, position, &g);
    struct segment_record r;

    if (!e || e->dead || read_record(s, g, e, position, &r) != GOT)
        return false;
    hand_out(s, g, e, position, &r, out);
    return true;
}

/* ---- going back ---------------------------------------------------------------------------------
 */

void spool_rewind(struct spool *s, uint64_t position)
{
    if (position < s->read_pos)
        s->read_pos = position;
}

static void resend_from(struct spool *s, uint64_t position)
{
    if (s->read_pos > s->resend_until)
        s->resend_until = s->read_pos;
    spool_rewind(s, position);
    s->in_doubt = s->in_doubt || s->read_pos < s->resend_until;
}

void spool_resent(struct spool *s)
{
    if (s->read_pos < s->resend_until)
        return;
    s->in_doubt = false;
    s->alive_ms = s->heard_ms;
}

void spool_rewind_all(struct spool *s)
{
    size_t i = 0;

    /* What the receiver acknowledged longer ago than retain and outlived is not in doubt; it may
     * still be here as the last segment of the own stream. */
    while (i < s->n_segs && s->segs[i]->n_acked == s->segs[i]->count &&
           s->alive_ms - s->segs[i]->last_ack_ms > s->retain_ms)
        i++;
    resend_from(s, i < s->n_segs ? s->segs[i]->first_pos : s->read_pos);
}

/* The first record of team after seq `applied` in g, whose entries are in memory. */
static struct entry *first_after(const struct segment *g, int team, uint64_t applied)
{
    for (uint32_t i = 0; i < g->count; i++) {
        struct entry *e = &g->entries[i];

        if (e->team == team && e->seq > applied && !e->dead)
            return e;
    }
    return NULL;
}

bool spool_rewind_after(struct spool *s, const char *stream, struct str team, uint64_t applied,
                        uint64_t *oldest_prev)
{
    const void *index = map_get(&s->team_ids, team);
    int id = (int)(intptr_t)index - 1;

    if (oldest_prev)
        *oldest_prev = applied;
    for (size_t i = 0; index && i < s->n_segs; i++) {
        struct segment *g = s->segs[i];
        struct entry *e;

        if (g->count == 0 || g->last_seq <= applied || strcmp(g->stream->hex, stream) != 0)
            continue;
        if (!spool_index_load(s, g)) { /* what is sought may be in it */
            resend_from(s, g->first_pos);
            return true;
        }
        if (!(e = first_after(g, id, applied)))
            continue;
        if (oldest_prev)
            *oldest_prev = e->prev;
        resend_from(s, g->first_pos + (uint64_t)(e - g->entries));
        return e->prev == applied;
    }
    return false;
}

/* ---- acknowledging ------------------------------------------------------------------------------
 */

void spool_ack(struct spool *s, uint64_t position, int64_t now_ms)
{
    struct segment *g;
    struct entry *e = spool_entry_at(s, position, &g);

    spool_alive(s, now_ms);
    if (!e)
        return;
    g->last_ack_ms = s->heard_ms;
    if (e->acked)
        return;
    e->acked = true;
    g->n_acked++;
    s->waiting--;
}

void spool_put_aside(struct spool *s, uint64_t position)
{
    struct segment *g;
    struct entry *e = spool_entry_at(s, position, &g);

    if (!e || e->aside)
        return;
    e->aside = true;
    g->n_aside++;
}

void spool_alive(struct spool *s, int64_t now_ms)
{
    s->now_ms = now_ms;
    if (now_ms > s->heard_ms)
        s->heard_ms = now_ms;
    if (!s->in_doubt)
        s->alive_ms = s->heard_ms;
}

/* When the oldest record that waits was appended; 0 = none waits. */
static int64_t oldest_waiting(struct spool *s)
{
    while (s->ack_low <= s->written_pos) {
        const struct segment *g = spool_segment_at(s, s->ack_low);

        if (!g)
            break;
        if (s->ack_low < g->first_pos)
            s->ack_low = g->first_pos;
        if (g->n_acked == g->count) {
            s->ack_low = g->first_pos + g->count;
            continue;
        }
        if (!g->entries) /* not read yet, so none of it is acknowledged */
            return g->first_at_ms;
        for (; s->ack_low < g->first_pos + g->count; s->ack_low++)
            if (!g->entries[s->ack_low - g->first_pos].acked)
                return g->entries[s->ack_low - g->first_pos].at_ms;
    }
    return s->n_pending ? s->pending[0].at_ms : 0;
}

void spool_stats(struct spool *s, struct spool_stats *out)
{
    out->records_waiting = s->waiting;
    out->oldest_waiting_ms = oldest_waiting(s);
    out->bytes = s->bytes + s->wbuf.n;
    out->segments = s->n_segs;
    out->corrupt = s->corrupt;
    out->torn = s->torn;
}
