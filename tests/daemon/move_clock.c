/* move_clock.c - preloaded into redis-server and triaged by test_day.py: the wall clock is ahead by as
 * many seconds as the file $MOVE_CLOCK says; the monotonic one runs as it does. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long ahead(void)
{
    FILE *f = fopen(getenv("MOVE_CLOCK"), "re");
    long seconds = 0;

    if (f) {
        if (fscanf(f, "%ld", &seconds) != 1)
            seconds = 0;
        fclose(f);
    }
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
    static int (*real)(clockid_t, struct timespec *);

    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    if (real(clock, ts) != 0)
        return -1;
    if (clock == CLOCK_REALTIME)
        ts->tv_sec += ahead();
    return 0;
}

int gettimeofday(struct timeval *tv, void *zone)
{
    struct timespec ts;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &ts);
    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    if (out)
        *out = ts.tv_sec;
    return ts.tv_sec;
}
