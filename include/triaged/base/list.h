/*
 * list.h - intrusive doubly linked list. A node is on one list or on none; removing is idempotent.
 */
#ifndef TRIAGED_BASE_LIST_H
#define TRIAGED_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "triaged/base/mem.h"

struct list {
    struct list *prev, *next;
};

static inline void list_init(struct list *l)
{
    l->prev = l->next = l;
}

static inline bool list_empty(const struct list *l)
{
    return !l->next || l->next == l;
}

static inline void list_remove(struct list *node)
{
    if (!node->next)
        return;
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->prev = node->next = node;
}

static inline void list_append(struct list *head, struct list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void list_prepend(struct list *head, struct list *node)
{
    node->next = head->next;
    node->prev = head;
    head->next->prev = node;
    head->next = node;
}

#define LIST_FIRST(head, T, member) \
    (list_empty(head) ? NULL : container_of((head)->next, T, member))
#define LIST_FOR_EACH(var, head, T, member) \
    for (T *var = container_of((head)->next, T, member); &var->member != (head); \
         var = container_of(var->member.next, T, member))
#define LIST_FOR_EACH_SAFE(var, tmp, head, T, member) \
    for (T *var = container_of((head)->next, T, member), \
           *tmp = container_of(var->member.next, T, member); \
         &var->member != (head); var = tmp, tmp = container_of(tmp->member.next, T, member))

#endif
