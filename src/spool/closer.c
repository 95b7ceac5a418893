/*
 * closer.c - gives the room of removed files back to the file system, in a thread of its own.
 * Owns: the thread, begun with the first removal; the descriptors that wait for their last close.
 * Never: removes a name or knows why one went; touches a spool's fields other than `closer`.
 * Called by: retain.c (removal), spool.c (close).
 *
 * A removed file lives until its last descriptor is closed; only then are its blocks freed, and
 * that takes a file system 10 to 100 ms where it discards them on the disk or finds them scattered:
 * time in which the loop would neither answer senders nor feed Redis.
 */
#include <unistd.h>

#include "spool_internal.h"
#include "triaged/base/thread.h"

static void *run(void *arg)
{
    struct closer *c = arg;

    pthread_mutex_lock(&c->lock);
    for (;;) {
        while (c->n == 0 && !c->stop)
            pthread_cond_wait(&c->wake, &c->lock);
        if (c->n == 0)
            break;
        pthread_mutex_unlock(&c->lock);
        close(c->fds[c->first]); /* nobody else takes from the front */
        pthread_mutex_lock(&c->lock);
        c->first = (c->first + 1) % CLOSER_MAX;
        c->n--;
        pthread_cond_signal(&c->closed);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static void finish(struct closer *c)
{
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->wake);
    pthread_cond_destroy(&c->closed);
}

static bool started(struct closer *c)
{
    if (c->started)
        return true;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->wake, NULL);
    pthread_cond_init(&c->closed, NULL);
    c->started = thread_start(&c->thread, "spool-close", run, c);
    if (!c->started)
        finish(c);
    return c->started;
}

static void put(struct closer *c, int fd)
{
    pthread_mutex_lock(&c->lock);
    while (c->n == CLOSER_MAX)
        pthread_cond_wait(&c->closed, &c->lock);
    c->fds[(c->first + c->n++) % CLOSER_MAX] = fd;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

void closer_close(struct closer *c, int fd)
{
    if (fd < 0)
        return;
    if (started(c))
        put(c, fd);
    else
        close(fd);
}

bool closer_has_room(struct closer *c)
{
    bool room = true;

    if (c->started) {
        pthread_mutex_lock(&c->lock);
        room = c->n < CLOSER_MAX;
        pthread_mutex_unlock(&c->lock);
    }
    return room;
}

void closer_wait(struct closer *c, size_t at_most)
{
    if (!c->started)
        return;
    pthread_mutex_lock(&c->lock);
    while (c->n > at_most)
        pthread_cond_wait(&c->closed, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

void closer_stop(struct closer *c)
{
    if (!c->started)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    finish(c);
    c->started = false;
}
