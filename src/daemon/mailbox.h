/*
 * mailbox.h - the only way from one thread to another: a locked list and an eventfd.
 * A message carries ownership of what it points to.
 */
#ifndef TRIAGED_DAEMON_MAILBOX_H
#define TRIAGED_DAEMON_MAILBOX_H

#include <stdint.h>

#include "triaged/base/list.h"

struct event_base;
struct mailbox;

struct message {
    struct list node;
    int kind;
    void *data;
    void *more;
    int64_t number;
};

typedef void mailbox_fn(void *arg, struct message *m); /* m is freed by the mailbox afterwards */

struct mailbox *mailbox_create(struct event_base *base, mailbox_fn *on_message, void *arg);
/* Frees messages never delivered, not what they point to. Accepts NULL. */
void mailbox_destroy(struct mailbox *m);
/* From any thread. */
void mailbox_post(struct mailbox *m, int kind, void *data, void *more, int64_t number);

#endif
