/*
 * dead_letter.c - records that Redis refuses for their own sake, kept for a human in
 * DIR/dead-letter.jsonl: {"at","team","stream","seq","appended_at","error","payload" (base64)}.
 * When the file passes DEAD_LETTER_MAX it becomes dead-letter.jsonl.1 and a new one begins.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool_internal.h"
#include "triaged/base/base64.h"
#include "triaged/base/clock.h"
#include "triaged/conf/conf.h"

#define FILE_NAME "dead-letter.jsonl"

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

static int open_file(struct spool *s)
{
    return s->io->openat(s->dir_fd, FILE_NAME,
                         O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* Opens the file, a new one when n more bytes would pass the limit. -1 with errno. */
static int open_for(struct spool *s, size_t n, off_t *size)
{
    struct stat st;
    int fd = open_file(s);

    *size = 0;
    if (fd < 0 || fstat(fd, &st) != 0)
        return fd;
    *size = st.st_size;
    if (st.st_size == 0 || (uint64_t)st.st_size + n <= DEAD_LETTER_MAX)
        return fd;
    close(fd);
    if (s->io->rename(s->dir_fd, FILE_NAME, FILE_NAME ".1") != 0)
        return -1;
    *size = 0;
    log_warn("spool", "%s/" FILE_NAME " is full and became " FILE_NAME ".1", s->directory);
    return open_file(s);
}

/* All of it, or the file as it was. */
static bool append(struct spool *s, int fd, off_t size, const struct buf *b)
{
    size_t done = 0;

    while (done < b->n) {
        ssize_t w = s->io->write(fd, b->p + done, b->n - done);

        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0) {
            int e = w == 0 ? EIO : errno;

            if (s->io->ftruncate(fd, size) != 0)
                log_debug("spool", "%s/" FILE_NAME ": cannot be cut back", s->directory);
            errno = e;
            return false;
        }
        done += (size_t)w;
    }
    return s->policy == SPOOL_NEVER || s->io->fdatasync(fd) == 0;
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
