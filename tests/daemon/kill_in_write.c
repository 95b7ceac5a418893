/* kill_in_write.c - preloaded into triaged by test_relp.py: while the file $KILL_IN_WRITE exists, the
 * next write of the spool lets through as many quarters of its bytes as the file says, then kills the
 * process: before the write (0), within it, or right after it (4). */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* what pwrite is called with 64-bit offsets, which the build asks for */
ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    FILE *f = fopen(getenv("KILL_IN_WRITE"), "re");
    unsigned quarters;

    if (!real)
        real = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    if (!f)
        return real(fd, p, n, at);
    if (fscanf(f, "%u", &quarters) == 1) {
        real(fd, p, n * quarters / 4, at);
        kill(getpid(), SIGKILL);
    }
    fclose(f);
    return real(fd, p, n, at);
}
