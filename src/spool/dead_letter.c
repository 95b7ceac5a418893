/*
 * dead_letter.c - records that Redis refuses for their own sake, kept for a human in
 * DIR/dead-letter.jsonl: {"at","team","stream","seq","appended_at","error","payload" (base64)}.
 * When the file passes DEAD_LETTER_MAX it becomes dead-letter.jsonl.1 and a new one begins; what
 * stood in the .1 before is lost, counted and told.
 *
 * A letter may outlive the process that wrote it while Redis was not told yet to move past its
 * record. So the next one looks which records stand here (spool_mark_dead_letters): they are not
 * sent again, else `spool retry` would bring back what was applied. Nor are those that a retry has
 * given back, of which it leaves a note.
 *
 * Whoever writes to the file or takes lines out of it holds its flock. A retry renames it first: so
 * what was opened under the name may be another file by the time that it is held.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool_internal.h"
#include "triaged/base/base64.h"
#include "triaged/base/clock.h"
#include "triaged/conf/conf.h"

#define FILE_NAME "dead-letter.jsonl"
#define GIVEN     "dead-letter.given" /* what `triagectl spool retry` gave back */

enum { OPEN_TRIES = 10 }; /* a retry takes the file away once, but a person may do anything */

struct metric_family spool_dead_letters_lost_total = {
    .name = "triaged_dead_letters_lost_total",
    .help = "Refused records that could not be kept: the dead-letter file could not be written, or "
            "was full twice.",
    .type = METRIC_COUNTER,
};

static bool build_line(struct buf *b, const struct spool_record *r, struct str error,
                       int64_t now_ms)
{
    char at[CLOCK_RFC3339_SIZE], appended[CLOCK_RFC3339_SIZE];

    buf_put_c(b, "{\"at\":");
    buf_put_json(b, clock_format_ms(now_ms, at));
    buf_put_c(b, ",\"team\":");
    buf_put_json(b, r->team);
    buf_printf(b, ",\"stream\":\"%s\",\"seq\":%llu,\"appended_at\":", r->stream,
               (unsigned long long)r->seq);
    buf_put_json(b, clock_format_ms(r->appended_ms, appended));
    buf_put_c(b, ",\"error\":");
    buf_put_json(b, error);
    buf_put_c(b, ",\"payload\":\"");
    base64_put(b, r->payload);
    return buf_put_c(b, "\"}\n");
}

static bool has_name(const struct spool *s, int fd)
{
    struct stat named, open;

    return fstatat(s->dir_fd, FILE_NAME, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstat(fd, &open) == 0 && named.st_dev == open.st_dev && named.st_ino == open.st_ino;
}

/* Opens the file and holds it until it is closed. -1 with errno. */
static int open_file(struct spool *s)
{
    for (int i = 0; i < OPEN_TRIES; i++) {
        int fd = s->io->openat(s->dir_fd, FILE_NAME,
                               O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);

        if (fd < 0 || (flock(fd, LOCK_EX | LOCK_NB) == 0 && has_name(s, fd)))
            return fd;
        close(fd);
    }
    errno = EBUSY;
    return -1;
}

static void say_unreadable(const struct spool *s, const char *name)
{
    log_error("spool",
              "%s/%s: cannot be read: %s; what stands there may be applied now and again "
              "by `spool retry`",
              s->directory, name, strerror(errno));
}

/* Of a letter: a kill may have cut it off, and the next one has ended its line then. */
static bool is_whole(const char *line, size_t n)
{
    while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r' || line[n - 1] == ' '))
        n--;
    return n > 2 && line[n - 1] == '}' && line[n - 2] == '"' && line[n - 3] != '\\';
}

/* Calls fn for each whole letter of a file, if there is one. */
static void each_line(struct spool *s, const char *name, void (*fn)(void *arg, char *line),
                      void *arg)
{
    int fd = s->io->openat(s->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;

    if (!f) {
        if (fd >= 0 || errno != ENOENT)
            say_unreadable(s, name);
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((n = getline(&line, &cap, f)) > 0)
        if (is_whole(line, (size_t)n))
            fn(arg, line);
    if (ferror(f))
        say_unreadable(s, name);
    free(line);
    fclose(f);
}

static void count_line(void *arg, char *line)
{
    (void)line;
    ++*(int64_t *)arg;
}

/* What was in the older file is gone. */
static void say_lost(struct spool *s, int64_t n)
{
    if (n == 0)
        return;
    metric_add(metric_cell(&spool_dead_letters_lost_total), n);
    log_error("spool",
              "%s/" FILE_NAME ".1 made room: %lld refused records that stood there are lost",
              s->directory, (long long)n);
}

/* What a failed append left and could not cut back goes before anything else happens to the file:
 * its record comes again. False with errno. */
static bool cut_rest(struct spool *s, int fd, off_t *size)
{
    if (s->letters_rest && *size > s->letters_end) {
        if (s->io->ftruncate(fd, s->letters_end) != 0)
            return false;
        *size = s->letters_end;
    }
    s->letters_rest = false;
    return true;
}

/* Opens the file, a new one when n more bytes would pass the limit. -1 with errno. */
static int open_for(struct spool *s, size_t n, off_t *size)
{
    struct stat st;
    int64_t lost = 0;
    int fd = open_file(s);

    *size = 0;
    if (fd < 0 || fstat(fd, &st) != 0)
        return fd;
    *size = st.st_size;
    if (!cut_rest(s, fd, size)) {
        int e = errno;

        close(fd);
        errno = e;
        return -1;
    }
    if (*size == 0 || (uint64_t)*size + n <= DEAD_LETTER_MAX)
        return fd;
    close(fd);
    each_line(s, FILE_NAME ".1", count_line, &lost);
    if (s->io->rename(s->dir_fd, FILE_NAME, FILE_NAME ".1") != 0)
        return -1;
    say_lost(s, lost);
    *size = 0;
    log_warn("spool", "%s/" FILE_NAME " is full and became " FILE_NAME ".1", s->directory);
    return open_file(s);
}

static bool write_all(struct spool *s, int fd, struct str bytes)
{
    while (bytes.n > 0) {
        ssize_t w = s->io->write(fd, bytes.p, bytes.n);

        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0) {
            errno = w == 0 ? EIO : errno;
            return false;
        }
        bytes = str_sub(bytes, (size_t)w, bytes.n);
    }
    return true;
}

/* A kill in the middle of a line: the next one does not go on behind it. */
static bool ends_line(struct spool *s, int fd, off_t size)
{
    char last = '\n';

    return size == 0 || s->io->pread(fd, &last, 1, size - 1) != 1 || last == '\n';
}

/* The name of a new file is to be durable too. */
static bool sync_letter(struct spool *s, int fd, bool is_new)
{
    return s->policy == SPOOL_NEVER ||
           (s->io->fdatasync(fd) == 0 && (!is_new || s->io->fsync(s->dir_fd) == 0));
}

/* All of it, durable; or the file as it was. */
static bool append(struct spool *s, int fd, off_t size, const struct buf *b)
{
    int e;

    if ((ends_line(s, fd, size) || write_all(s, fd, S("\n"))) && write_all(s, fd, buf_str(b)) &&
        sync_letter(s, fd, size == 0))
        return true;
    e = errno;
    s->letters_rest = true;
    s->letters_end = size;
    if (s->io->ftruncate(fd, size) == 0)
        s->letters_rest = false;
    errno = e;
    return false;
}

bool spool_dead_letter(struct spool *s, const struct spool_record *r, struct str error,
                       int64_t now_ms)
{
    struct buf b;
    off_t size;
    bool ok = false;
    int fd;

    buf_init(&b, 2 * (size_t)SPOOL_PAYLOAD_MAX);
    if (error.n > 4096)
        error.n = 4096;
    if (build_line(&b, r, error, now_ms)) {
        fd = open_for(s, b.n, &size);
        ok = fd >= 0 && append(s, fd, size, &b);
        if (!ok)
            log_error("spool", "%s/" FILE_NAME ": cannot keep a refused record: %s", s->directory,
                      strerror(errno));
        if (fd >= 0)
            close(fd);
    }
    buf_finish(&b);
    return ok;
}

/* ---- those of earlier processes -----------------------------------------------------------------
 */

struct letter { /* what a line is of */
    const char *stream;
    uint64_t seq;
};

/* As build_line has written it. Cuts the line behind the stream. */
static bool read_letter(char *line, struct letter *out)
{
    static const char before_stream[] = "\"stream\":\"", before_seq[] = "\",\"seq\":";
    char *stream = strstr(line, before_stream), *seq;

    if (!stream)
        return false;
    stream += sizeof(before_stream) - 1;
    seq = strstr(stream, before_seq);
    if (!seq || seq - stream != 2 * STREAM_ID_SIZE)
        return false;
    *seq = '\0';
    *out = (struct letter){stream, strtoull(seq + sizeof(before_seq) - 1, NULL, 10)};
    return true;
}

static void mark(void *arg, char *line)
{
    struct spool *s = arg;
    struct letter letter;
    struct segment *g;
    struct entry *e;

    if (!read_letter(line, &letter))
        return;
    e = spool_entry_of(s, letter.stream, letter.seq, &g);
    if (e && !e->aside) {
        e->aside = true;
        g->n_aside++;
    }
}

struct given {
    const struct spool *s;
    bool needed;
};

/* As long as there may be records of the stream. */
static void look_whether_needed(void *arg, char *line)
{
    struct given *given = arg;
    struct letter letter;

    if (!read_letter(line, &letter))
        return;
    for (const struct stream *st = given->s->streams; st; st = st->next)
        if (strcmp(st->hex, letter.stream) == 0 && (st->segments > 0 || st->left_behind))
            given->needed = true;
}

static void forget_given(struct spool *s)
{
    struct given given = {.s = s};

    if (faccessat(s->dir_fd, GIVEN, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    each_line(s, GIVEN, look_whether_needed, &given);
    if (!given.needed)
        s->io->unlink(s->dir_fd, GIVEN);
}

void spool_mark_dead_letters(struct spool *s)
{
    /* The third: what `triagectl spool retry` has in hand. */
    static const char *const names[] = {FILE_NAME ".1", FILE_NAME, "dead-letter.retry.jsonl",
                                        GIVEN};

    for (size_t i = 0; s->n_segs > 0 && i < ARRAY_LEN(names); i++)
        each_line(s, names[i], mark, s);
    forget_given(s);
}
