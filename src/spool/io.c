/*
 * io.c - the system calls behind the fault seam, and loops over short reads and writes.
 * Never: knows a format or a policy.
 */
#include "spool_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "triaged/base/log.h"

enum {
    READ_STEP = 4096, /* what is given up when the disk cannot read a place … */
    READ_TRIES = 10,  /* … after so many more of a file, since errors may pass … */
    UNREADABLE = 0xFF /* … and what stands there then */
};

static int do_openat(int dir, const char *name, int flags, mode_t mode)
{
    return openat(dir, name, flags, mode);
}

static int do_rename(int dir, const char *from, const char *to)
{
    return renameat(dir, from, dir, to);
}

static int do_unlink(int dir, const char *name)
{
    return unlinkat(dir, name, 0);
}

const struct spool_io spool_io_system = {
    .openat = do_openat,
    .pwrite = pwrite,
    .pread = pread,
    .write = write,
    .fdatasync = fdatasync,
    .fsync = fsync,
    .ftruncate = ftruncate,
    .rename = do_rename,
    .unlink = do_unlink,
    .fstatvfs = fstatvfs,
};

static const struct spool_io *current = &spool_io_system;

void spool_io_use(const struct spool_io *io)
{
    current = io ? io : &spool_io_system;
}

const struct spool_io *spool_io_current(void)
{
    return current;
}

bool spool_pwrite_all(const struct spool_io *io, int fd, const void *p, size_t n, off_t at)
{
    const char *from = p;

    while (n > 0) {
        ssize_t w = io->pwrite(fd, from, n, at);

        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0) {
            if (w == 0)
                errno = EIO;
            return false;
        }
        from += w;
        at += w;
        n -= (size_t)w;
    }
    return true;
}

size_t spool_pread_all(const struct spool_io *io, int fd, char *p, size_t n, off_t at,
                       size_t *unread)
{
    unsigned tries = READ_TRIES;
    size_t got = 0, lacking = 0;

    while (got < n) {
        ssize_t r = io->pread(fd, p + got, n - got, at + (off_t)got);

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0 && tries > 0) {
            if (tries-- == READ_TRIES)
                log_warn("spool", "a segment cannot be read, trying again: %s", strerror(errno));
            continue;
        }
        if (r == 0)
            break;
        if (r < 0) { /* a place that the disk cannot read: try behind it */
            size_t step = n - got < READ_STEP ? n - got : READ_STEP;

            r = io->pread(fd, p + got, step, at + (off_t)got);
            if (r <= 0) {
                memset(p + got, UNREADABLE, step);
                r = (ssize_t)step;
                lacking += step;
            }
        }
        got += (size_t)r;
    }
    if (unread)
        *unread = lacking;
    return got;
}
