/*
 * lock.c - one process per spool directory: makes the directory, takes flock on DIR/lock.
 * The lock file keeps the holder's pid for the message; it is never removed (removing it would let
 * two processes lock two files of the same name).
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
#include "triaged/base/mem.h"

/* The name of a new directory is to be durable, else a power loss takes all that is in it. */
static void sync_name(const struct spool_io *io, const char *path)
{
    char *parent = xasprintf("%s/..", path);
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || io->fsync(fd) != 0)
        log_warn("spool", "%s: its name cannot be synced: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    free(parent);
}

bool spool_make_directory(const struct spool_io *io, const char *path, struct diag *why)
{
    char *copy = xstrdup(path);
    bool ok = true;

    for (char *p = copy + 1; ok && *copy; p++) {
        char c = *p;

        if (c != '/' && c != '\0')
            continue;
        *p = '\0';
        if (mkdir(copy, 0700) == 0) {
            sync_name(io, copy);
        } else if (errno != EEXIST) {
            diag_error(why, NULL, 0, 0, NULL, "cannot make the spool directory %s: %s", copy,
                       strerror(errno));
            ok = false;
        }
        *p = c;
        if (c == '\0')
            break;
    }
    free(copy);
    return ok;
}

static void say_holder(int fd, const char *directory, struct diag *why)
{
    char pid[24] = "";
    ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

    if (n > 0)
        pid[strcspn(pid, "\n")] = '\0';
    diag_error(why, NULL, 0, 0, NULL, "the spool directory %s is in use by process %s", directory,
               n > 0 ? pid : "(unknown)");
}

int spool_lock(int dir_fd, const char *directory, struct diag *why)
{
    char pid[24];
    int n, fd = openat(dir_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0) {
        diag_error(why, NULL, 0, 0, NULL, "cannot open %s/lock: %s", directory, strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            say_holder(fd, directory, why);
        else
            diag_error(why, NULL, 0, 0, NULL, "cannot lock %s/lock: %s", directory,
                       strerror(errno));
        close(fd);
        return -1;
    }
    n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    /* Only for the message: a full disk is no reason not to start. */
    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n, 0) != n)
        log_warn("spool", "%s/lock: cannot note the pid: %s", directory, strerror(errno));
    return fd;
}
