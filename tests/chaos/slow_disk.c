/* slow_disk.c - preloaded into triaged by test_durable.py: syncs wait while the file $SLOW_DISK.hold
 * exists, and fail while $SLOW_DISK.fail does; writes of the spool fail while $SLOW_DISK.nowrite does. */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int there(const char *what)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s.%s", getenv("SLOW_DISK"), what);
    return access(path, F_OK) == 0;
}

static int slow(const char *name, int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);

    while (there("hold"))
        usleep(1000); /* polls */
    if (there("fail")) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}

int fdatasync(int fd)
{
    return slow("fdatasync", fd);
}

/* what pwrite is called with 64-bit offsets, which the build asks for */
ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
    static ssize_t (*real)(int, const void *, size_t, off64_t);

    if (!real)
        real = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    if (there("nowrite")) {
        errno = EIO;
        return -1;
    }
    return real(fd, p, n, at);
}

int fsync(int fd)
{
    return slow("fsync", fd);
}
