/*
 * redis_conn.h - one connection to a Redis, from open to its end. Private to store. A connection is
 * never reused: after its end a new one is opened.
 */
#ifndef TRIAGED_STORE_REDIS_CONN_H
#define TRIAGED_STORE_REDIS_CONN_H

#include <stdbool.h>
#include <stddef.h>

#include "triaged/base/list.h"
#include "triaged/store/store.h"

struct redis_conn;

struct redis_conn_callbacks {
    void (*on_up)(void *arg);                    /* may send */
    void (*on_down)(void *arg, const char *why); /* the connection is gone; forget it */
    void *arg;
};
/* The answer to a command. */
typedef void redis_reply_fn(void *arg, const struct store_reply *reply);

struct redis_address {
    const char *host; /* a literal address, or with port 0 a unix socket's path */
    unsigned port;
    const struct store_tls *tls; /* NULL: plain. Outlives the connection */
    const char *tls_name;        /* who the peer must prove to be; copied */
};

/* Begins to connect; what comes of it is told later. NULL with *why.
 * Puts itself on `owner` until it is freed, which may be a turn of the loop after its end. */
struct redis_conn *redis_conn_open(struct event_base *base, struct list *owner,
                                   const struct redis_address *to,
                                   const struct redis_conn_callbacks *cb, char *why,
                                   size_t why_size);
/* Sends a command: begin with the number of its words, put each, send. fn is called once with the
 * answer, unless the connection ends first (on_down, redis_conn_close). False: not sent. Words are
 * copied. */
void redis_conn_begin(struct redis_conn *c, size_t n_words);
void redis_conn_put(struct redis_conn *c, struct str word);
bool redis_conn_send(struct redis_conn *c, redis_reply_fn *fn, void *arg);
/* Connected, and nothing but the TLS handshake is missing. */
bool redis_conn_is_shaking_hands(const struct redis_conn *c);
/* Ends it. No callback and no fn of it is called any more. May be called from within one. */
void redis_conn_close(struct redis_conn *c);
/* At the end of the owner: closes and frees all that are on the list. */
void redis_conn_close_all(struct list *owner);

#endif
