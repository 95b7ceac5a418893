/*
 * sync.c - the sync thread: group commit. While one fdatasync runs, further commits gather; the
 *          next one covers them all.
 * Owns: the thread, the queue of segments that want a sync, the durable position.
 * Never: reads or writes records; touches a spool's fields other than `sync` (under its lock) and
 *        those that never change after spool_open.
 *
 * A failed fdatasync says nothing about what reached the disk, and the kernel may have marked the
 * pages clean: trying again proves nothing. So the thread stops with `failed` set, and the loop's
 * thread writes the unsynced bytes again into a new file (write.c, spool_heal) before it goes on.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "spool_internal.h"
#include "triaged/base/clock.h"
#include "triaged/base/mem.h"
#include "triaged/base/thread.h"
#include "triaged/conf/conf.h"

static int sync_fd(int (*call)(int), int fd)
{
    int64_t from = clock_mono_ns();
    int r;

    do
        r = call(fd);
    while (r != 0 && errno == EINTR);
    metric_observe(metric_cell(&spool_sync_seconds), (clock_mono_ns() - from) / 1000);
    return r == 0 ? 0 : errno;
}

static bool has_work(const struct sync *y)
{
    return y->n > 0 || y->dir_done < y->dir_wanted;
}

/* `interval`: gathers until the interval since the first unsynced write is over. */
static void gather(struct spool *s)
{
    struct sync *y = &s->sync;
    int64_t due = clock_mono_ns() + s->interval_ms * 1000000;
    struct timespec until = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};

    while (!y->kick && !y->stop && !y->failed &&
           pthread_cond_timedwait(&y->wake, &y->lock, &until) == 0)
        ;
}

/* Waits until there is something to do. False when the thread should end. Called with the lock. */
static bool wait_for_work(struct spool *s)
{
    struct sync *y = &s->sync;

    while (y->failed || !has_work(y)) {
        if (y->stop)
            return false;
        pthread_cond_wait(&y->wake, &y->lock);
    }
    if (s->policy == SPOOL_INTERVAL)
        gather(s);
    return true;
}

/* One round: all that is queued now. Called with the lock, returns with it. */
static void sync_round(struct spool *s)
{
    struct sync *y = &s->sync;
    struct segment **taken = y->queue;
    size_t n = y->n;
    uint64_t target = y->target, dir = y->dir_wanted, dir_done = y->dir_done;
    int e = 0;

    y->queue = NULL;
    y->n = y->cap = 0;
    y->kick = false;
    y->busy = true;
    for (size_t i = 0; i < n; i++) {
        taken[i]->queued = false;
        taken[i]->pinned = true;
    }
    pthread_mutex_unlock(&y->lock);
    for (size_t i = 0; i < n && !e; i++)
        e = sync_fd(s->io->fdatasync, taken[i]->fd);
    if (!e && dir_done < dir)
        e = sync_fd(s->io->fsync, s->dir_fd);
    pthread_mutex_lock(&y->lock);
    for (size_t i = 0; i < n; i++)
        taken[i]->pinned = false;
    free(taken);
    if (e) {
        y->failed = e;
    } else {
        y->done = target;
        y->dir_done = dir;
    }
    y->busy = false;
    pthread_cond_broadcast(&y->idle);
}

static void *run(void *arg)
{
    struct spool *s = arg;
    struct sync *y = &s->sync;

    bool tell;

    pthread_mutex_lock(&y->lock);
    while (wait_for_work(s)) {
        sync_round(s);
        tell = s->policy == SPOOL_ALWAYS || y->failed;
        pthread_mutex_unlock(&y->lock);
        if (tell)
            spool_wake(s);
        pthread_mutex_lock(&y->lock);
    }
    pthread_mutex_unlock(&y->lock);
    return NULL;
}

bool sync_start(struct spool *s)
{
    struct sync *y = &s->sync;
    pthread_condattr_t attr;

    pthread_mutex_init(&y->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&y->wake, &attr);
    pthread_cond_init(&y->idle, NULL);
    pthread_condattr_destroy(&attr);
    y->started = thread_start(&y->thread, "spool-sync", run, s);
    return y->started;
}

void sync_stop(struct spool *s)
{
    struct sync *y = &s->sync;

    if (y->started) {
        pthread_mutex_lock(&y->lock);
        y->stop = true;
        pthread_cond_signal(&y->wake);
        pthread_mutex_unlock(&y->lock);
        pthread_join(y->thread, NULL);
        pthread_mutex_destroy(&y->lock);
        pthread_cond_destroy(&y->wake);
        pthread_cond_destroy(&y->idle);
        y->started = false;
    }
    free(y->queue);
    y->queue = NULL;
    y->n = y->cap = 0;
}

void sync_mark(struct spool *s, struct segment *g, uint64_t target)
{
    struct sync *y = &s->sync;

    pthread_mutex_lock(&y->lock);
    if (!g->queued) {
        if (y->n == y->cap) {
            y->cap = y->cap ? 2 * y->cap : 8;
            y->queue = xrealloc_array(y->queue, y->cap, sizeof(struct segment *));
        }
        y->queue[y->n++] = g;
        g->queued = true;
    }
    y->target = target;
    if (s->policy == SPOOL_INTERVAL && y->n == 1)
        pthread_cond_signal(&y->wake);
    pthread_mutex_unlock(&y->lock);
}

void sync_kick(struct spool *s)
{
    pthread_mutex_lock(&s->sync.lock);
    s->sync.kick = true;
    pthread_cond_signal(&s->sync.wake);
    pthread_mutex_unlock(&s->sync.lock);
}

uint64_t sync_directory(struct spool *s)
{
    uint64_t number;

    pthread_mutex_lock(&s->sync.lock);
    number = ++s->sync.dir_wanted;
    pthread_mutex_unlock(&s->sync.lock);
    return number;
}

uint64_t sync_state(struct spool *s, int *failed, uint64_t *dir_done)
{
    uint64_t done;

    pthread_mutex_lock(&s->sync.lock);
    done = s->sync.done;
    *failed = s->sync.failed;
    *dir_done = s->sync.dir_done;
    pthread_mutex_unlock(&s->sync.lock);
    return done;
}

void sync_reset(struct spool *s)
{
    struct sync *y = &s->sync;

    pthread_mutex_lock(&y->lock);
    while (y->busy)
        pthread_cond_wait(&y->idle, &y->lock);
    for (size_t i = 0; i < y->n; i++)
        y->queue[i]->queued = false;
    y->n = 0;
    pthread_mutex_unlock(&y->lock);
}

void sync_healed(struct spool *s)
{
    pthread_mutex_lock(&s->sync.lock);
    s->sync.failed = 0;
    s->sync.kick = true;
    pthread_cond_signal(&s->sync.wake);
    pthread_mutex_unlock(&s->sync.lock);
}

bool sync_in_use(struct spool *s, struct segment *g)
{
    bool in_use;

    pthread_mutex_lock(&s->sync.lock);
    in_use = g->queued || g->pinned;
    pthread_mutex_unlock(&s->sync.lock);
    return in_use;
}
