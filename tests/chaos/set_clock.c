/* set_clock.c - preloaded into triaged by the fixture clock: the wall clock is behind by as many
 * seconds as the file $SET_CLOCK says; the others run as they do. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *ts)
{
    static int (*real)(clockid_t, struct timespec *);
    long behind = 0;
    FILE *f;

    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    if (real(clock, ts) != 0)
        return -1;
    if (clock == CLOCK_REALTIME && (f = fopen(getenv("SET_CLOCK"), "r"))) {
        if (fscanf(f, "%ld", &behind) == 1)
            ts->tv_sec -= behind;
        fclose(f);
    }
    return 0;
}
