/*
 * failing_disk.h - a disk that fails at the n-th call of a kind, and may lose power.
 *
 * The shim behind spool_io keeps a shadow of what a power loss would leave: the content of each
 * file at its last successful fdatasync, if its name was in a directory that was synced since.
 * Bytes that were dirty when an fdatasync failed are gone for good, however often it is called
 * again (the kernel marks such pages clean); only writing them again brings them back.
 */
#ifndef FAILING_DISK_H
#define FAILING_DISK_H

#include <pthread.h>

#include "spool_fixture.h"
#include "spool_io.h"

enum op {
    OP_OPENAT,
    OP_PWRITE,
    OP_SHORT,
    OP_PREAD,
    OP_FDATASYNC,
    OP_FSYNC,
    OP_FTRUNCATE,
    OP_UNLINK,
    OP_WRITE,
    OP_RENAME,
    OP_N
};
static const char *const op_names[OP_N] = {"openat",    "pwrite", "short pwrite", "pread",
                                           "fdatasync", "fsync",  "ftruncate",    "unlink",
                                           "write",     "rename"};
enum { FDS = 256, FILES = 256, FILE_MAX = 1 << 17 };

struct shadow_file {
    char name[96];
    char *synced; /* content at the last sync */
    size_t n;
    bool in_directory; /* its name is durable */
    uint8_t *lost;     /* per byte: dirty when a sync failed, not written since */
    size_t lost_n;     /* extent of lost */
    uint8_t *dirty;    /* per byte: written since the last sync */
    bool removed;
};

static struct {
    pthread_mutex_t lock;
    enum op op;
    int at, times, error; /* the at-th call of op, and times - 1 after it, fail */
    int calls[OP_N + 1];
    struct shadow_file *of_fd[FDS];
    struct shadow_file files[FILES];
    size_t n_files;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool fails(enum op op)
{
    int n = ++disk.calls[op];

    if (op != disk.op || n < disk.at || n >= disk.at + disk.times)
        return false;
    errno = disk.error;
    return true;
}

static struct shadow_file *shadow(const char *name)
{
    struct shadow_file *f;

    for (size_t i = disk.n_files; i-- > 0;)
        if (strcmp(disk.files[i].name, name) == 0 && !disk.files[i].removed)
            return &disk.files[i];
    assert_true(disk.n_files < FILES);
    f = &disk.files[disk.n_files++];
    snprintf(f->name, sizeof(f->name), "%s", name);
    f->lost = calloc(1, FILE_MAX);
    f->dirty = calloc(1, FILE_MAX);
    return f;
}

static int shim_openat(int dir, const char *name, int flags, mode_t mode)
{
    int fd = -1;

    pthread_mutex_lock(&disk.lock);
    if (!fails(OP_OPENAT)) {
        fd = openat(dir, name, flags, mode);
        if (fd >= 0 && fd < FDS)
            disk.of_fd[fd] =
                (flags & O_ACCMODE) == O_RDONLY || !strstr(name, ".seg") ? NULL : shadow(name);
    }
    pthread_mutex_unlock(&disk.lock);
    return fd;
}

static ssize_t shim_pwrite(int fd, const void *p, size_t n, off_t at)
{
    ssize_t r = -1;

    pthread_mutex_lock(&disk.lock);
    if (fails(OP_SHORT)) { /* some bytes, then none */
        n = n / 2 ? n / 2 : 1;
        errno = 0;
    }
    if (!fails(OP_PWRITE))
        r = pwrite(fd, p, n, at);
    if (r > 0 && disk.of_fd[fd]) {
        assert_true((size_t)(at + r) <= FILE_MAX);
        memset(disk.of_fd[fd]->dirty + at, 1, (size_t)r);
        memset(disk.of_fd[fd]->lost + at, 0, (size_t)r);
    }
    pthread_mutex_unlock(&disk.lock);
    return r;
}

static ssize_t shim_pread(int fd, void *p, size_t n, off_t at)
{
    ssize_t r = -1;

    pthread_mutex_lock(&disk.lock);
    if (!fails(OP_PREAD))
        r = pread(fd, p, n, at);
    pthread_mutex_unlock(&disk.lock);
    return r;
}

static void snapshot(int fd, struct shadow_file *f)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    assert_true(st.st_size <= FILE_MAX);
    free(f->synced);
    f->n = (size_t)st.st_size;
    f->synced = calloc(1, f->n + 1);
    assert_int_equal(pread(fd, f->synced, f->n, 0), f->n);
    for (size_t i = 0; i < f->n; i++)
        if (f->lost[i])
            f->synced[i] = 0;
    memset(f->dirty, 0, FILE_MAX);
}

static int shim_fdatasync(int fd)
{
    int r = -1;

    pthread_mutex_lock(&disk.lock);
    if (fails(OP_FDATASYNC)) {
        for (size_t i = 0; disk.of_fd[fd] && i < FILE_MAX; i++)
            disk.of_fd[fd]->lost[i] |= disk.of_fd[fd]->dirty[i];
    } else {
        r = 0;
        if (disk.of_fd[fd])
            snapshot(fd, disk.of_fd[fd]);
    }
    pthread_mutex_unlock(&disk.lock);
    return r;
}

static int shim_fsync(int fd)
{
    int r = -1;

    (void)fd;
    pthread_mutex_lock(&disk.lock);
    if (!fails(OP_FSYNC)) {
        r = 0;
        for (size_t i = 0; i < disk.n_files; i++)
            disk.files[i].in_directory = !disk.files[i].removed;
    }
    pthread_mutex_unlock(&disk.lock);
    return r;
}

static int shim_ftruncate(int fd, off_t size)
{
    int r = -1;

    pthread_mutex_lock(&disk.lock);
    if (!fails(OP_FTRUNCATE))
        r = ftruncate(fd, size);
    pthread_mutex_unlock(&disk.lock);
    return r;
}

static int shim_rename(int dir, const char *from, const char *to)
{
    int r = -1;

    pthread_mutex_lock(&disk.lock);
    if (!fails(OP_RENAME))
        r = renameat(dir, from, dir, to);
    pthread_mutex_unlock(&disk.lock);
    return r;
}

static ssize_t shim_write(int fd, const void *p, size_t n)
{
    ssize_t r = -1;

    pthread_mutex_lock(&disk.lock);
    if (!fails(OP_WRITE)) /* in pieces: the n-th fails in the middle of a line */
        r = write(fd, p, n > 100 && n < 4096 ? 100 : n);
    pthread_mutex_unlock(&disk.lock);
    return r;
}

static int shim_unlink(int dir, const char *name)
{
    int r = -1;

    pthread_mutex_lock(&disk.lock);
    if (!fails(OP_UNLINK)) {
        r = unlinkat(dir, name, 0);
        if (r == 0)
            shadow(name)->removed = true;
    }
    pthread_mutex_unlock(&disk.lock);
    return r;
}

static const struct spool_io shim = {
    .openat = shim_openat,
    .pwrite = shim_pwrite,
    .pread = shim_pread,
    .write = shim_write,
    .fdatasync = shim_fdatasync,
    .fsync = shim_fsync,
    .ftruncate = shim_ftruncate,
    .rename = shim_rename,
    .unlink = shim_unlink,
    .fstatvfs = fstatvfs,
};

static inline void disk_reset(enum op op, int at, int times, int error)
{
    for (size_t i = 0; i < disk.n_files; i++) {
        free(disk.files[i].synced);
        free(disk.files[i].lost);
        free(disk.files[i].dirty);
    }
    memset(disk.files, 0, sizeof(disk.files));
    memset(disk.of_fd, 0, sizeof(disk.of_fd));
    memset(disk.calls, 0, sizeof(disk.calls));
    disk.n_files = 0;
    disk.op = op;
    disk.at = at;
    disk.times = times;
    disk.error = error;
}

/* The directory as a power loss would leave it now. */
static inline void power_loss(const char *dir)
{
    pthread_mutex_lock(&disk.lock);
    for (size_t i = 0; i < disk.n_files; i++) {
        struct shadow_file *f = &disk.files[i];
        char path[200];
        int fd;

        if (!f->in_directory || !strstr(f->name, ".seg"))
            continue;
        snprintf(path, sizeof(path), "%s/%s", dir, f->name);
        fd = open(path, O_WRONLY | O_CREAT, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, f->synced ? f->synced : "", f->n), f->n);
        close(fd);
    }
    pthread_mutex_unlock(&disk.lock);
}

#endif
