/*
 * fetch.h - commands to Redis whose answers are wanted together: asked one after the other, kept as
 * copies, handed over when the last is here.
 */
#ifndef TRIAGED_DAEMON_FETCH_H
#define TRIAGED_DAEMON_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "triaged/base/arena.h"
#include "triaged/base/str.h"
#include "triaged/store/store.h"

struct value { /* a reply that stays */
    enum store_reply_type type;
    struct str s;
    int64_t i;
    size_t n;
    struct value *v;
};

struct fetch;
typedef void fetch_done_fn(void *arg, struct fetch *f);

struct fetch {
    struct store *store;
    struct arena *arena; /* borrows: where the copies lie */
    struct value **answers;
    size_t n, cap, waiting;
    bool lost; /* Redis is away, or an answer did not come: what is here is not whole */
    fetch_done_fn *done;
    void *arg;
};

/* Begins anew, e.g. for the next round: nothing may be waiting. */
void fetch_init(struct fetch *f, struct store *store, struct arena *arena);
void fetch_finish(struct fetch *f); /* accepts a zeroed one; nothing may be waiting */
/* Sends one command; its index. A command that Redis refuses has a NIL answer. */
size_t fetch_send(struct fetch *f, const struct str *args, size_t n_args);
#define FETCH(f, ...)                                                                              \
    fetch_send((f), (const struct str[]){__VA_ARGS__},                                             \
               sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))
/* What to do when all are answered; at once when nothing was asked. */
void fetch_then(struct fetch *f, fetch_done_fn *done, void *arg);

/* The i-th answer; a NIL one beyond the end. Never NULL. */
const struct value *fetch_at(const struct fetch *f, size_t i);
/* The i-th element; NIL beyond the end. */
const struct value *value_at(const struct value *v, size_t i);
/* The value of a name in a flat list of names and values (HGETALL), or an empty str. */
struct str value_member(const struct value *v, const char *name);

#endif
