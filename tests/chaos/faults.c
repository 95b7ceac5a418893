/* faults.c - preloaded into triaged by faults.py: counts its calls to the disk by class and lets
 * some fail.
 *
 * $FAULTS names a file that the test maps too: one row a class, in the order of `enum class`. The
 * calls first .. first + calls - 1 of a class fail with `error`. Only what is in the directory
 * $FAULTS_DIR counts, the directory itself included. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

enum class {
    ANY,
    WRITE,
    SYNC,
    RENAME,
    CREATE,
    OPEN,
    TRUNCATE,
    ALLOCATE,
    UNLINK,
    MKDIR,
    MAP,
    READ,
    STATFS,
    CLASSES
};
enum {
    SHORT = 1000,
    SHORT_FIRST = 2000
}; /* half is written; half of the first, then the error less 2000 */
enum { TEXT = 224 };

struct row {
    _Atomic uint64_t seen, first, calls, error, hit; /* hit: how many failed */
    char what[TEXT];                                 /* the first of them */
};

static struct row *rows;
static char directory[4096];

#define REAL(name)                                                                                 \
    static __typeof__(name) *real;                                                                 \
    if (!real)                                                                                     \
    real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void)
{
    const char *control = getenv("FAULTS"), *dir = getenv("FAULTS_DIR");
    int fd;

    if (!control || !dir || (fd = open(control, O_RDWR | O_CLOEXEC)) < 0)
        return;
    snprintf(directory, sizeof(directory), "%s", dir);
    rows = mmap(NULL, CLASSES * sizeof(struct row), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (rows == MAP_FAILED)
        abort();
}

/* ---- what is meant ----------------------------------------------------------------------------
 */

static const char *inside(const char *path)
{
    size_t n = strlen(directory);

    if (!rows || strncmp(path, directory, n) != 0 || (path[n] && path[n] != '/'))
        return NULL;
    return path[n] ? path + n + 1 : ".";
}

/* The path within the directory that is meant; NULL when it is elsewhere. */
static const char *of_fd(int fd, char path[4096])
{
    char link[64];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = rows ? readlink(link, path, 4095) : -1;
    if (n < 0)
        return NULL;
    path[n] = '\0';
    return inside(path);
}

static const char *of_name(int dir, const char *name, char path[4096])
{
    size_t n;

    if (!rows)
        return NULL;
    if (name[0] == '/')
        return inside(name);
    if (dir == AT_FDCWD || !of_fd(dir, path))
        return NULL;
    n = strlen(path);
    snprintf(path + n, 4096 - n, "/%s", name);
    return inside(path);
}

static int due(enum class c, const char *call, const char *what)
{
    struct row *r = &rows[c];
    uint64_t n = atomic_fetch_add(&r->seen, 1) + 1, first = r->first, error = r->error;

    if (!first || n < first || n - first >= r->calls)
        return 0;
    if (atomic_fetch_add(&r->hit, 1) == 0)
        snprintf(r->what, TEXT, "%s %s", call, what);
    if (error >= SHORT_FIRST)
        return n == first ? SHORT : (int)(error - SHORT_FIRST);
    return (int)error;
}

/* 0, an errno, or SHORT. */
static int fails(enum class c, const char *call, const char *what)
{
    int any, own;

    if (!what)
        return 0;
    any = due(ANY, call, what);
    own = due(c, call, what);
    return own ? own : any;
}

static int failed(int e)
{
    errno = e == SHORT ? EIO : e;
    return -1;
}

/* ---- the calls --------------------------------------------------------------------------------
 */

ssize_t write(int fd, const void *p, size_t n)
{
    REAL(write);
    char path[4096];
    int e = fails(WRITE, "write", of_fd(fd, path));

    return e == SHORT && n > 1 ? real(fd, p, n / 2) : e ? failed(e) : real(fd, p, n);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
    REAL(pwrite64);
    char path[4096];
    int e = fails(WRITE, "pwrite", of_fd(fd, path));

    return e == SHORT && n > 1 ? real(fd, p, n / 2, at) : e ? failed(e) : real(fd, p, n, at);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
    REAL(writev);
    char path[4096];
    int e = fails(WRITE, "writev", of_fd(fd, path));

    return e ? failed(e) : real(fd, v, n);
}

ssize_t pwritev64(int fd, const struct iovec *v, int n, off64_t at)
{
    REAL(pwritev64);
    char path[4096];
    int e = fails(WRITE, "pwritev", of_fd(fd, path));

    return e ? failed(e) : real(fd, v, n, at);
}

ssize_t pread64(int fd, void *p, size_t n, off64_t at)
{
    REAL(pread64);
    char path[4096];
    int e = fails(READ, "pread", of_fd(fd, path));

    return e == SHORT && n > 1 ? real(fd, p, n / 2, at) : e ? failed(e) : real(fd, p, n, at);
}

ssize_t read(int fd, void *p, size_t n)
{
    REAL(read);
    char path[4096];
    int e = fails(READ, "read", of_fd(fd, path));

    return e == SHORT && n > 1 ? real(fd, p, n / 2) : e ? failed(e) : real(fd, p, n);
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    char path[4096];
    int e = fails(SYNC, "fdatasync", of_fd(fd, path));

    return e ? failed(e) : real(fd);
}

int fsync(int fd)
{
    REAL(fsync);
    char path[4096];
    int e = fails(SYNC, "fsync", of_fd(fd, path));

    return e ? failed(e) : real(fd);
}

int sync_file_range(int fd, off64_t from, off64_t n, unsigned flags)
{
    REAL(sync_file_range);
    char path[4096];
    int e = fails(SYNC, "sync_file_range", of_fd(fd, path));

    return e ? failed(e) : real(fd, from, n, flags);
}

int rename(const char *from, const char *to)
{
    REAL(rename);
    char path[4096];
    int e = fails(RENAME, "rename", of_name(AT_FDCWD, from, path));

    return e ? failed(e) : real(from, to);
}

int renameat(int dir, const char *from, int to_dir, const char *to)
{
    REAL(renameat);
    char path[4096];
    int e = fails(RENAME, "renameat", of_name(dir, from, path));

    return e ? failed(e) : real(dir, from, to_dir, to);
}

int linkat(int dir, const char *from, int to_dir, const char *to, int flags)
{
    REAL(linkat);
    char path[4096];
    int e = fails(RENAME, "linkat", of_name(to_dir, to, path));

    return e ? failed(e) : real(dir, from, to_dir, to, flags);
}

static mode_t mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

int open64(const char *name, int flags, ...)
{
    REAL(open64);
    char path[4096];
    va_list args;
    mode_t mode;
    int e = fails(flags & O_CREAT ? CREATE : OPEN, "open", of_name(AT_FDCWD, name, path));

    va_start(args, flags);
    mode = mode_of(flags, args);
    va_end(args);
    return e ? failed(e) : real(name, flags, mode);
}

int openat64(int dir, const char *name, int flags, ...)
{
    REAL(openat64);
    char path[4096];
    va_list args;
    mode_t mode;
    int e = fails(flags & O_CREAT ? CREATE : OPEN, "openat", of_name(dir, name, path));

    va_start(args, flags);
    mode = mode_of(flags, args);
    va_end(args);
    return e ? failed(e) : real(dir, name, flags, mode);
}

int ftruncate64(int fd, off64_t size)
{
    REAL(ftruncate64);
    char path[4096];
    int e = fails(TRUNCATE, "ftruncate", of_fd(fd, path));

    return e ? failed(e) : real(fd, size);
}

int posix_fallocate64(int fd, off64_t at, off64_t n)
{
    REAL(posix_fallocate64);
    char path[4096];
    int e = fails(ALLOCATE, "posix_fallocate", of_fd(fd, path));

    return e == SHORT ? EIO : e ? e : real(fd, at, n);
}

int fallocate64(int fd, int mode, off64_t at, off64_t n)
{
    REAL(fallocate64);
    char path[4096];
    int e = fails(ALLOCATE, "fallocate", of_fd(fd, path));

    return e ? failed(e) : real(fd, mode, at, n);
}

int unlink(const char *name)
{
    REAL(unlink);
    char path[4096];
    int e = fails(UNLINK, "unlink", of_name(AT_FDCWD, name, path));

    return e ? failed(e) : real(name);
}

int unlinkat(int dir, const char *name, int flags)
{
    REAL(unlinkat);
    char path[4096];
    int e = fails(UNLINK, "unlinkat", of_name(dir, name, path));

    return e ? failed(e) : real(dir, name, flags);
}

int mkdir(const char *name, mode_t mode)
{
    REAL(mkdir);
    char path[4096];
    int e = access(name, F_OK) == 0 ? 0 : fails(MKDIR, "mkdir", of_name(AT_FDCWD, name, path));

    return e ? failed(e) : real(name, mode);
}

void *mmap64(void *addr, size_t n, int prot, int flags, int fd, off64_t at)
{
    REAL(mmap64);
    char path[4096];
    int e = fd < 0 ? 0 : fails(MAP, "mmap", of_fd(fd, path));

    if (!e)
        return real(addr, n, prot, flags, fd, at);
    errno = e;
    return MAP_FAILED;
}

int fstatvfs64(int fd, struct statvfs64 *out)
{
    REAL(fstatvfs64);
    char path[4096];
    int e = fails(STATFS, "fstatvfs", of_fd(fd, path));

    return e ? failed(e) : real(fd, out);
}
