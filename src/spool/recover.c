/*
 * recover.c - what earlier starts left: every segment is read once, in order.
 * Owns: cutting torn tails, keeping damaged bytes aside, the numbering of positions.
 * Never: refuses to start because of damage (that would be a crash loop); removes a sound record.
 * Called by: spool_open.
 *
 * A torn tail is an unfinished write: nobody was told that it is kept, it is cut off, as are the
 * records of a group before it: its sender will come again with all of them. Zeros that were
 * written ahead of the records (fill.c) go too. Damage anywhere else costs the records that it hit:
 * the scan goes on at the next sound record.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool_internal.h"
#include "triaged/base/mem.h"
#include "triaged/conf/conf.h"

struct found { /* a segment file */
    uint64_t number;
    uint8_t stream[STREAM_ID_SIZE];
    char name[SEGMENT_NAME_SIZE];
};

struct recovery {
    struct spool *s;
    struct found *files;
    size_t n, cap;
    uint64_t aside_bytes;
    size_t aside_files;
    /* the file at hand */
    const struct found *f;
    struct segment *g;
    struct str bytes;
    size_t unread; /* bytes of it that the disk could not give */
    uint64_t last_seq;
    size_t copies, places; /* repeated records; damaged places */
    size_t used;           /* the end of the bytes that are not zeros written ahead */
    bool torn;
    bool group_open;       /* the last record said that more of its group follows */
    size_t group_from;     /* where the records after the last whole group begin … */
    uint32_t before_group; /* … and how many of the segment's stand before that */
    uint64_t seq_before_group;
};

/* ---- damaged bytes ------------------------------------------------------------------------------
 */

static void keep_aside(struct recovery *r, size_t from, size_t to)
{
    const struct spool_io *io = r->s->io;
    char name[64];
    int fd;

    if (r->aside_files >= ASIDE_FILES_MAX || r->aside_bytes + (to - from) > ASIDE_MAX)
        return;
    snprintf(name, sizeof(name), "corrupt-%016llx-%zu.bin", (unsigned long long)r->f->number, from);
    fd = io->openat(r->s->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) /* EEXIST: an earlier start kept it */
        return;
    if (!spool_pwrite_all(io, fd, r->bytes.p + from, to - from, 0))
        log_warn("spool", "%s/%s: cannot keep damaged bytes: %s", r->s->directory, name,
                 strerror(errno));
    close(fd);
    r->aside_files++;
    r->aside_bytes += to - from;
}

/* Follows the groups: what has been taken up to here is whole. */
static void group_ends(struct recovery *r, size_t end)
{
    r->group_from = end;
    r->before_group = r->g->count;
    r->seq_before_group = r->last_seq;
}

static void on_bad(void *arg, size_t from, size_t to, bool torn)
{
    struct recovery *r = arg;

    if (torn) {
        r->torn = true;
        r->used = to;
        return;
    }
    r->used = r->bytes.n; /* zeros behind it may be its own: the next start is to find the same */
    r->places++;
    r->group_open = false; /* not unfinished but damaged: what is left of it stays */
    group_ends(r, to);
    keep_aside(r, from, to);
    log_error("spool", "%s/%s: bytes %zu to %zu are damaged, skipping them", r->s->directory,
              r->f->name, from, to);
}

/* ---- one segment --------------------------------------------------------------------------------
 */

static void take_record(struct recovery *r, size_t offset, size_t size,
                        const struct segment_record *rec)
{
    struct entry e = {.seq = rec->seq,
                      .prev = rec->prev,
                      .at_ms = rec->at_ms,
                      .offset = (uint32_t)offset,
                      .size = (uint32_t)size};
    int team;

    if (rec->seq <= r->last_seq) { /* written again after a failed sync (write.c) */
        r->copies++;
        return;
    }
    team = spool_team(r->s, rec->team);
    if (team < 0) {
        r->places++;
        return;
    }
    r->last_seq = rec->seq;
    e.team = (uint16_t)team;
    spool_entry_add(r->s, r->g, &e);
}

static void on_record(void *arg, size_t offset, size_t size, const struct segment_record *rec)
{
    struct recovery *r = arg;

    r->used = offset + size;
    take_record(r, offset, size, rec);
    r->group_open = rec->more;
    if (!rec->more)
        group_ends(r, offset + size);
}

/* The group at the end of the file lacks its last record. Returns where the file ends now. */
static size_t drop_group(struct recovery *r)
{
    struct segment *g = r->g;

    r->s->loaded -= g->count - r->before_group;
    g->count = r->before_group;
    r->last_seq = r->seq_before_group;
    if (g->count > 0)
        g->last_seq = g->entries[g->count - 1].seq;
    r->torn = true;
    return r->group_from;
}

static void read_teams(struct recovery *r, struct segment_head *h)
{
    struct str name;
    uint64_t last_seq;

    while (segment_head_team(h, &last_seq, &name)) {
        int team = name.n && name.n <= SPOOL_TEAM_MAX ? spool_team(r->s, name) : -1;

        if (team >= 0)
            r->g->stream->teams[team / 8] |= (uint8_t)(1u << team % 8);
    }
}

/* Cuts off an unfinished write, and zeros that were written ahead. `end` = the end of the last
 * sound record, or of the header. Damaged bytes behind that stay. */
static void cut_tail(struct recovery *r, int fd, size_t end)
{
    struct spool *s = r->s;

    if (r->torn) {
        log_warn("spool", "%s/%s: cutting off an unfinished write of %zu bytes", s->directory,
                 r->f->name, r->used - end);
        s->torn++;
        metric_add(metric_cell(&spool_torn_total), 1);
    } else {
        end = r->used;
    }
    if (end < r->bytes.n && s->io->ftruncate(fd, (off_t)end) != 0)
        log_warn("spool", "%s/%s: cannot cut it off: %s", s->directory, r->f->name,
                 strerror(errno));
}

static void scan_file(struct recovery *r, int fd)
{
    struct spool *s = r->s;
    struct segment *g = r->g;
    struct segment_visitor v = {.on_record = on_record, .on_bad = on_bad, .arg = r};
    struct segment_head h;
    size_t end;

    if (segment_read_head(r->bytes, &h, &g->head_size) &&
        memcmp(h.stream, r->f->stream, STREAM_ID_SIZE) == 0) {
        g->created_ms = h.created_ms;
        read_teams(r, &h);
    } else {
        g->head_size = 0;
    }
    g->skip_upto = r->last_seq = g->stream->last_seq;
    r->copies = r->places = 0;
    r->torn = r->group_open = false;
    r->used = g->head_size;
    group_ends(r, g->head_size);
    end = segment_scan(r->bytes, r->f->stream, g->head_size, &v);
    if (r->group_open)
        end = drop_group(r);
    cut_tail(r, fd, end);
    g->size = end;
    g->stream->last_seq = r->last_seq;
    s->corrupt += r->places;
    if (r->copies)
        log_info("spool", "%s/%s: %zu records stand in an earlier segment too", s->directory,
                 g->name, r->copies);
}

/* Nothing of the file can be had. If the disk could not be read, the next start may be luckier. */
static void leave_out(struct recovery *r)
{
    struct spool *s = r->s;
    struct segment *g = r->g;

    if (r->unread > 0) {
        log_error("spool", "%s/%s: cannot be read, left for the next start", s->directory, g->name);
        g->stream->left_behind = true;
    } else {
        s->io->unlink(s->dir_fd, g->name);
    }
    spool_segment_forget(s, g);
}

/* The segment takes its place in the order of positions, or goes when nothing is in it. */
static void settle(struct recovery *r, int64_t now_ms)
{
    struct spool *s = r->s;
    struct segment *g = r->g;

    if (g->count == 0 && g->head_size == 0) {
        leave_out(r);
        return;
    }
    if (g->count > 0) {
        g->entries = xrealloc_array(g->entries, g->count, sizeof(*g->entries));
        g->cap = g->count;
    }
    g->first_pos = s->next_pos;
    g->last_ack_ms = now_ms;
    s->next_pos += g->count;
    s->written_pos = s->next_pos - 1;
    s->waiting += g->count;
    s->bytes += g->size;
    spool_index_trim(s, g);
}

static int open_file(struct recovery *r, struct stat *st, struct diag *why)
{
    struct spool *s = r->s;
    int fd;

    if (fstatat(s->dir_fd, r->f->name, st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st->st_mode)) {
        log_warn("spool", "%s/%s: is not a file, leaving it alone", s->directory, r->f->name);
        return -1;
    }
    fd = s->io->openat(s->dir_fd, r->f->name, O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0 || fstat(fd, st) != 0) {
        diag_error(why, NULL, 0, 0, NULL, "cannot open %s/%s: %s", s->directory, r->f->name,
                   strerror(errno));
        if (fd >= 0)
            close(fd);
        return -2;
    }
    if (S_ISREG(st->st_mode) && st->st_size <= SEGMENT_SIZE_MAX + SPOOL_PAYLOAD_MAX)
        return fd;
    log_error("spool", "%s/%s: is not a segment file (%lld bytes), leaving it alone", s->directory,
              r->f->name, (long long)st->st_size);
    close(fd);
    return -1;
}

static bool recover_file(struct recovery *r, int64_t now_ms, struct diag *why)
{
    struct spool *s = r->s;
    struct stat st;
    int fd = open_file(r, &st, why);
    char *p;

    if (fd == -2)
        return false;
    if (fd < 0)
        return true;
    p = xmalloc((size_t)st.st_size + 1);
    r->bytes = (struct str){p, spool_pread_all(s->io, fd, p, (size_t)st.st_size, 0, &r->unread)};
    r->g = spool_segment_add(s, spool_stream(s, r->f->stream), r->f->number);
    scan_file(r, fd);
    /* A killed process may have answered for bytes that still are in memory only (`interval`). */
    if (s->policy != SPOOL_NEVER && s->io->fdatasync(fd) != 0)
        log_warn("spool", "%s/%s: cannot be synced: %s", s->directory, r->f->name, strerror(errno));
    close(fd);
    free(p);
    settle(r, now_ms);
    return true;
}

/* ---- the directory ------------------------------------------------------------------------------
 */

static void add_file(struct recovery *r, const char *name)
{
    struct found f;
    struct stat st;

    if (strncmp(name, "corrupt-", 8) == 0 && fstatat(r->s->dir_fd, name, &st, 0) == 0) {
        r->aside_files++;
        r->aside_bytes += (uint64_t)st.st_size;
    }
    if (!segment_parse_name(str_c(name), &f.number, f.stream))
        return;
    memcpy(f.name, name, sizeof(f.name));
    if (r->n == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 32;
        r->files = xrealloc_array(r->files, r->cap, sizeof(*r->files));
    }
    r->files[r->n++] = f;
}

static int by_number(const void *a, const void *b)
{
    return strcmp(((const struct found *)a)->name, ((const struct found *)b)->name);
}

static bool list_files(struct recovery *r, struct diag *why)
{
    int fd = openat(r->s->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *d;

    if (!dir) {
        diag_error(why, NULL, 0, 0, NULL, "cannot list the spool directory %s: %s", r->s->directory,
                   strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    while ((d = readdir(dir)))
        add_file(r, d->d_name);
    closedir(dir);
    if (r->n > 1)
        qsort(r->files, r->n, sizeof(*r->files), by_number);
    return true;
}

bool spool_recover(struct spool *s, int64_t now_ms, struct diag *why)
{
    struct recovery r = {.s = s};
    bool ok = list_files(&r, why);

    for (size_t i = 0; ok && i < r.n; i++) {
        r.f = &r.files[i];
        ok = recover_file(&r, now_ms, why);
        if (r.f->number >= s->next_number && r.f->number < UINT64_MAX)
            s->next_number = r.f->number + 1;
    }
    free(r.files);
    /* Nor need their names be durable yet. */
    if (ok && r.n > 0 && s->policy != SPOOL_NEVER && s->io->fsync(s->dir_fd) != 0)
        log_warn("spool", "%s: cannot be synced: %s", s->directory, strerror(errno));
    if (ok && s->waiting)
        log_info("spool", "%s: recovered %llu records in %zu segments", s->directory,
                 (unsigned long long)s->waiting, s->n_segs);
    return ok;
}
