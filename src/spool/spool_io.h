/*
 * spool_io.h - the system calls of the spool behind function pointers, so that tests can make the
 * n-th of them fail. Private to spool.
 */
#ifndef TRIAGED_SPOOL_IO_H
#define TRIAGED_SPOOL_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/statvfs.h>
#include <sys/types.h>

#include "triaged/base/str.h"

struct spool_io {
    int (*openat)(int dir, const char *name, int flags, mode_t mode);
    ssize_t (*pwrite)(int fd, const void *p, size_t n, off_t at);
    ssize_t (*pread)(int fd, void *p, size_t n, off_t at);
    ssize_t (*write)(int fd, const void *p, size_t n);
    int (*fdatasync)(int fd);
    int (*fsync)(int fd);
    int (*ftruncate)(int fd, off_t size);
    int (*rename)(int dir, const char *from, const char *to);
    int (*unlink)(int dir, const char *name);
    int (*fstatvfs)(int fd, struct statvfs *out);
};

extern const struct spool_io spool_io_system;
/* What the next spool_open takes; NULL = the system's. For tests. */
void spool_io_use(const struct spool_io *io);
const struct spool_io *spool_io_current(void);

/* Writes all n bytes; false with errno. */
bool spool_pwrite_all(const struct spool_io *io, int fd, const void *p, size_t n, off_t at);
/* Reads up to n bytes into p. In place of what cannot be read (EIO) stands what no record is and no
 * room that was never written, so that damage on a disk costs the records that it hit and no more:
 * *unread = how many such bytes (may be NULL). Returns the bytes up to the end of the file. */
size_t spool_pread_all(const struct spool_io *io, int fd, char *p, size_t n, off_t at,
                       size_t *unread);

#endif
