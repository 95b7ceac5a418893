/*
 * index.c - which record stands where: segments by position, their entries in memory.
 * Owns: the list of segments and streams, the entries, and the bound on how many are in memory.
 * Never: hands out payloads (reader.c); writes.
 *
 * Entries are dropped where nothing is lost by it: of segments that are acknowledged as a whole
 * or not at all, and of which nothing was put aside. They are found again by scanning the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool_internal.h"
#include "triaged/base/mem.h"

struct stream *spool_stream(struct spool *s, const uint8_t id[STREAM_ID_SIZE])
{
    struct stream *st;

    for (st = s->streams; st; st = st->next)
        if (memcmp(st->id, id, STREAM_ID_SIZE) == 0)
            return st;
    st = NEW(struct stream);
    memcpy(st->id, id, STREAM_ID_SIZE);
    segment_stream_hex(id, st->hex);
    st->next = s->streams;
    s->streams = st;
    return st;
}

/* ---- segments -----------------------------------------------------------------------------------
 */

struct segment *spool_segment_add(struct spool *s, struct stream *st, uint64_t number)
{
    struct segment *g = NEW(struct segment);

    if (s->n_segs == s->cap_segs) {
        s->cap_segs = s->cap_segs ? 2 * s->cap_segs : 16;
        s->segs = xrealloc_array(s->segs, s->cap_segs, sizeof(struct segment *));
    }
    s->segs[s->n_segs++] = g;
    segment_name(number, st->hex, g->name);
    g->number = number;
    g->stream = st;
    g->fd = -1;
    st->segments++;
    st->gone = false;
    return g;
}

void spool_segment_forget(struct spool *s, struct segment *g)
{
    size_t i = 0;

    while (s->segs[i] != g)
        i++;
    s->n_segs--;
    memmove(s->segs + i, s->segs + i + 1, (s->n_segs - i) * sizeof(struct segment *));
    g->stream->segments--;
    spool_index_drop(s, g);
    if (g->fd >= 0)
        close(g->fd);
    if (s->rseg == g)
        s->rseg = NULL;
    if (s->active == g)
        s->active = NULL;
    free(g);
}

struct segment *spool_segment_at(struct spool *s, uint64_t pos)
{
    size_t lo = 0, hi = s->n_segs;

    while (lo < hi) { /* the first that ends after pos */
        size_t mid = lo + (hi - lo) / 2;

        if (s->segs[mid]->first_pos + s->segs[mid]->count <= pos)
            lo = mid + 1;
        else
            hi = mid;
    }
    while (lo < s->n_segs && s->segs[lo]->count == 0)
        lo++;
    return lo < s->n_segs ? s->segs[lo] : NULL;
}

bool spool_has_unsynced(const struct spool *s, const struct segment *g)
{
    return s->b_unsynced < s->b_to && g->first_pos + g->count > s->batches[s->b_unsynced].first_pos;
}

/* ---- entries ------------------------------------------------------------------------------------
 */

static void push_entry(struct segment *g, uint32_t n, const struct entry *e)
{
    if (n == g->cap) {
        g->cap = g->cap ? g->cap + g->cap / 2 : 64;
        g->entries = xrealloc_array(g->entries, g->cap, sizeof(*g->entries));
    }
    g->entries[n] = *e;
}

void spool_entry_add(struct spool *s, struct segment *g, const struct entry *e)
{
    push_entry(g, g->count, e);
    s->loaded++;
    if (g->count == 0)
        g->first_at_ms = e->at_ms;
    g->count++;
    g->n_acked += e->acked;
    g->n_aside += e->aside;
    g->last_seq = e->seq;
    g->stream->teams[e->team / 8] |= (uint8_t)(1u << e->team % 8);
}

void spool_entry_lost(struct spool *s, struct segment *g, struct entry *e)
{
    e->dead = true;
    s->corrupt++;
    if (!e->acked) {
        e->acked = true;
        g->n_acked++;
        s->waiting--;
    }
}

void spool_index_drop(struct spool *s, struct segment *g)
{
    if (!g->entries)
        return;
    s->loaded -= g->count;
    free(g->entries);
    g->entries = NULL;
    g->cap = 0;
}

/* True when the entries of g can be found again as they are. */
static bool may_drop(struct spool *s, const struct segment *g)
{
    if (!g->entries || g == s->active || g->n_aside > 0 || spool_has_unsynced(s, g))
        return false;
    if (s->read_pos >= g->first_pos && s->read_pos < g->first_pos + g->count)
        return false; /* the reader is in it */
    return g->n_acked == g->count || g->n_acked == 0;
}

void spool_index_trim(struct spool *s, const struct segment *keep)
{
    /* From the end, which the reader reaches last. */
    for (size_t i = s->n_segs; i-- > 0 && s->loaded > s->loaded_max;)
        if (s->segs[i] != keep && may_drop(s, s->segs[i]))
            spool_index_drop(s, s->segs[i]);
}

/* ---- loading ------------------------------------------------------------------------------------
 */

/* The whole file, up to g->size bytes; owned by the caller. What cannot be read: *unread of them,
 * with errno. A file that is gone has none. */
static char *segment_bytes(struct spool *s, struct segment *g, size_t *n, size_t *unread)
{
    char *p = xmalloc(g->size + 1);
    int fd = g->fd >= 0 ? g->fd
                        : s->io->openat(s->dir_fd, g->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);

    *n = 0;
    *unread = fd < 0 && errno != ENOENT ? g->size : 0;
    if (fd < 0)
        return p;
    *n = spool_pread_all(s->io, fd, p, g->size, 0, unread);
    if (fd != g->fd)
        close(fd);
    if (*unread)
        errno = EIO;
    return p;
}

struct loading {
    struct spool *s;
    struct segment *g;
    uint32_t n;
    uint64_t last; /* as recover.c: a lower seq is a copy */
    bool all_acked;
};

static void on_record(void *arg, size_t offset, size_t size, const struct segment_record *r)
{
    struct loading *l = arg;
    struct entry e = {.seq = r->seq,
                      .prev = r->prev,
                      .at_ms = r->at_ms,
                      .offset = (uint32_t)offset,
                      .size = (uint32_t)size};
    int team;

    if (r->seq <= l->last || l->n == l->g->count)
        return;
    l->last = r->seq;
    team = spool_team(l->s, r->team);
    e.team = (uint16_t)team;
    e.acked = l->all_acked;
    e.dead = team < 0;
    push_entry(l->g, l->n++, &e);
}

static void on_bad(void *arg, size_t from, size_t to, bool torn)
{
    (void)arg;
    (void)from;
    (void)to;
    (void)torn;
}

static void index_bytes(struct spool *s, struct segment *g, struct str bytes)
{
    struct loading l = {.s = s, .g = g, .last = g->skip_upto, .all_acked = g->n_acked == g->count};
    struct segment_visitor v = {.on_record = on_record, .on_bad = on_bad, .arg = &l};
    uint32_t found;

    segment_scan(bytes, g->stream->id, bytes.n < g->head_size ? bytes.n : g->head_size, &v);
    for (found = l.n; l.n < g->count; l.n++) {
        struct entry e = {.acked = l.all_acked};

        push_entry(g, l.n, &e);
        spool_entry_lost(s, g, &g->entries[l.n]);
    }
    s->loaded += g->count;
    if (found < g->count)
        log_error("spool", "%s/%s: %u records cannot be read any more", s->directory, g->name,
                  g->count - found);
    spool_index_trim(s, g);
}

static bool load(struct spool *s, struct segment *g, bool whole)
{
    size_t n, unread;
    char *p;
    int e;

    if (g->entries || g->count == 0)
        return true;
    p = segment_bytes(s, g, &n, &unread);
    e = errno;
    if (unread == 0 || !whole)
        index_bytes(s, g, (struct str){p, n});
    free(p);
    errno = e;
    return g->entries;
}

bool spool_index_load(struct spool *s, struct segment *g)
{
    return load(s, g, true);
}

void spool_index_load_rest(struct spool *s, struct segment *g)
{
    load(s, g, false);
}

struct entry *spool_entry_at(struct spool *s, uint64_t pos, struct segment **out)
{
    struct segment *g = spool_segment_at(s, pos);

    if (!g || pos < g->first_pos || !spool_index_load(s, g))
        return NULL;
    *out = g;
    return &g->entries[pos - g->first_pos];
}

/* In g, whose entries are in memory. */
static struct entry *find_seq(const struct segment *g, uint64_t seq)
{
    uint32_t lo = 0, hi = g->count;

    while (hi > 0 && g->entries[hi - 1].seq == 0) /* could not be found again */
        hi--;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (g->entries[mid].seq == seq)
            return &g->entries[mid];
        if (g->entries[mid].seq < seq)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

struct entry *spool_entry_of(struct spool *s, const char *stream, uint64_t seq,
                             struct segment **out)
{
    for (size_t i = 0; i < s->n_segs; i++) {
        struct segment *g = s->segs[i];

        if (g->count == 0 || g->last_seq < seq || strcmp(g->stream->hex, stream) != 0)
            continue;
        if (!spool_index_load(s, g))
            return NULL;
        *out = g;
        return find_seq(g, seq);
    }
    return NULL;
}
