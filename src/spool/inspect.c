/*
 * inspect.c - reads the segments of a directory, for a person who looks.
 * Never: writes, locks, or depends on who else has the directory open.
 */
#include "triaged/spool/inspect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "segment.h"
#include "spool_io.h"
#include "triaged/base/mem.h"

enum { FILE_MAX = 512 * 1024 * 1024 }; /* no segment is as large */

struct look {
    const struct spool_inspector *with;
    struct spool_segment_info info;
    size_t used; /* the end of what is no unused room */
};

static void on_record(void *arg, size_t offset, size_t size, const struct segment_record *r)
{
    struct look *l = arg;
    struct spool_record out = {.seq = r->seq,
                               .prev = r->prev,
                               .team = r->team,
                               .payload = r->payload,
                               .appended_ms = r->at_ms};

    l->used = offset + size;
    if (l->info.records++ == 0) {
        l->info.first_seq = r->seq;
        l->info.first_ms = r->at_ms;
    }
    l->info.last_seq = r->seq;
    l->info.last_ms = r->at_ms;
    memcpy(out.stream, l->info.stream, sizeof(out.stream));
    if (l->with->on_record)
        l->with->on_record(l->with->arg, &out);
}

static void on_bad(void *arg, size_t from, size_t to, bool torn)
{
    struct look *l = arg;

    l->used = to;
    if (torn) {
        l->info.torn_bytes += to - from;
        return;
    }
    l->info.places++;
    l->info.bad_bytes += to - from;
}

static void look_at(struct look *l, const uint8_t stream[STREAM_ID_SIZE], struct str bytes)
{
    struct segment_visitor v = {.on_record = on_record, .on_bad = on_bad, .arg = l};
    struct segment_head head;
    size_t from = 0;

    l->info.head_ok =
        segment_read_head(bytes, &head, &from) && memcmp(head.stream, stream, STREAM_ID_SIZE) == 0;
    if (l->info.head_ok)
        l->info.created_ms = head.created_ms;
    else
        from = 0;
    l->used = from;
    segment_scan(bytes, stream, from, &v);
    l->info.size = l->used;
    if (l->with->on_segment)
        l->with->on_segment(l->with->arg, &l->info);
}

static void inspect_file(const struct spool_inspector *with, int dir, const char *name,
                         struct diag *why)
{
    struct look l = {.with = with, .info = {.file = name}};
    uint8_t stream[STREAM_ID_SIZE];
    struct stat st;
    char *p;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC); /* no pipe waits */

    if (fd < 0 || fstat(fd, &st) != 0) {
        if (errno != ENOENT) /* else it was removed meanwhile */
            diag_warning(why, NULL, 0, 0, NULL, "%s: cannot be read: %s", name, strerror(errno));
    } else if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
        diag_warning(why, NULL, 0, 0, NULL, "%s: is no segment file", name);
    } else {
        p = xmalloc((size_t)st.st_size + 1);
        segment_parse_name(str_c(name), &l.info.number, stream);
        segment_stream_hex(stream, l.info.stream);
        look_at(
            &l, stream,
            (struct str){p, spool_pread_all(&spool_io_system, fd, p, (size_t)st.st_size, 0, NULL)});
        free(p);
    }
    if (fd >= 0)
        close(fd);
}

static int is_segment(const struct dirent *d)
{
    uint8_t stream[STREAM_ID_SIZE];
    uint64_t number;

    return segment_parse_name(str_c(d->d_name), &number, stream);
}

bool spool_inspect(const char *directory, const struct spool_inspector *with, struct diag *why)
{
    struct dirent **names = NULL;
    int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int n = dir < 0 ? -1 : scandirat(dir, ".", &names, is_segment, alphasort);

    if (n < 0)
        diag_error(why, NULL, 0, 0, NULL, "cannot read %s: %s", directory, strerror(errno));
    for (int i = 0; i < n; i++) {
        inspect_file(with, dir, names[i]->d_name, why);
        free(names[i]);
    }
    free(names);
    if (dir >= 0)
        close(dir);
    return n >= 0;
}
