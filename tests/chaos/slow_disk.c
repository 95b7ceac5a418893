/* slow_disk.c - preloaded into triaged by test_durable.py: syncs wait while the file $SLOW_DISK.hold
 * exists, and fail while $SLOW_DISK.fail does. */
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

int fsync(int fd)
{
    return slow("fsync", fd);
}
