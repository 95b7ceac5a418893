/*
 * mailbox.c - mutex, list, eventfd.
 * Owns: messages in flight. Never: interprets them.
 * Called by: worker.c, supervisor.c; posted to from any thread.
 */
#include "mailbox.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "triaged/base/log.h"
#include "triaged/base/mem.h"

struct mailbox {
    pthread_mutex_t lock;
    struct list messages;
    int fd;
    struct event *readable;
    mailbox_fn *on_message;
    void *arg;
};

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct mailbox *m = arg;
    struct list taken;
    uint64_t n;

    (void)what;
    if (read(fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
        log_warn("mailbox", "read: errno=%d", errno);
    list_init(&taken);
    pthread_mutex_lock(&m->lock);
    while (!list_empty(&m->messages)) {
        struct list *node = m->messages.next;

        list_remove(node);
        list_append(&taken, node);
    }
    pthread_mutex_unlock(&m->lock);
    while (!list_empty(&taken)) {
        struct message *msg = LIST_FIRST(&taken, struct message, node);

        list_remove(&msg->node);
        m->on_message(m->arg, msg);
        free(msg);
    }
}

struct mailbox *mailbox_create(struct event_base *base, mailbox_fn *on_message, void *arg)
{
    struct mailbox *m = NEW(struct mailbox);

    pthread_mutex_init(&m->lock, NULL);
    list_init(&m->messages);
    m->on_message = on_message;
    m->arg = arg;
    m->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (m->fd >= 0)
        m->readable = event_new(base, m->fd, EV_READ | EV_PERSIST, on_readable, m);
    if (!m->readable || event_add(m->readable, NULL) < 0) {
        mailbox_destroy(m);
        return NULL;
    }
    return m;
}

void mailbox_destroy(struct mailbox *m)
{
    if (!m)
        return;
    if (m->readable)
        event_free(m->readable);
    if (m->fd >= 0)
        close(m->fd);
    while (!list_empty(&m->messages)) {
        struct message *msg = LIST_FIRST(&m->messages, struct message, node);

        list_remove(&msg->node);
        free(msg);
    }
    pthread_mutex_destroy(&m->lock);
    free(m);
}

void mailbox_post(struct mailbox *m, int kind, void *data, void *more, int64_t number)
{
    struct message *msg = NEW(struct message);
    uint64_t one = 1;

    *msg = (struct message){.kind = kind, .data = data, .more = more, .number = number};
    pthread_mutex_lock(&m->lock);
    list_append(&m->messages, &msg->node);
    pthread_mutex_unlock(&m->lock);
    if (write(m->fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
        log_error("mailbox", "write: errno=%d", errno);
}
