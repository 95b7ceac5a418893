/*
 * store_internal.h - what the files of the store share. Private to store.
 *   store.c    calls and their answers      machine.c  states, back-off, deadlines
 *   prime.c    what is asked and checked between "connected" and "ready"
 *   script.c   the embedded scripts         redis_conn.c, reply.c, resolve.c, url.c
 */
#ifndef TRIAGED_STORE_INTERNAL_H
#define TRIAGED_STORE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "redis_conn.h"
#include "resolve.h"
#include "url.h"
#include "triaged/base/list.h"
#include "triaged/base/log.h"
#include "triaged/base/metrics.h"
#include "triaged/store/store.h"

struct event;

enum {
    PRIME_STEPS = 6,
    ERROR_MAX = 320,
};

struct prime {        /* answers gathered while priming */
    unsigned waiting; /* answers still to come */
    bool failed;
    bool rewrite_wanted; /* AOF on and not rewritten since this Redis started */
    bool aof, noeviction;
    char run_id[41], role[16], version[24];
    int64_t time_sent_ms;
};

struct prime_slot { /* what a redis_reply_fn gets */
    struct store *s;
    unsigned step;
};

struct store {
    struct event_base *base;
    struct store_url url;
    const struct store_tls *tls;
    char *name, *key; /* key: or NULL */
    int64_t connect_timeout_ms, call_timeout_ms;
    void (*on_state)(void *arg, enum store_state state, const char *why);
    void *arg;

    enum store_state state;
    char why[ERROR_MAX];
    char logged_why[ERROR_MAX]; /* said already; the same again is no news */
    struct redis_conn *conn;
    struct list conns; /* it, and those that wait to be freed */
    struct resolver *resolver;
    struct event *retry, *deadline, *call_timer, *minute, *answer_down;
    bool asking_sentinel;
    unsigned dial_port;
    char dial_name[ERROR_MAX]; /* before it was looked up: what a certificate must be for */
    size_t sentinel;           /* next to ask */
    int64_t backoff_ms, ready_since_ms;
    bool was_ready;

    struct prime prime;
    struct prime_slot slots[PRIME_STEPS];
    char run_id[41]; /* of the last READY */
    struct store_health health;

    struct list in_flight; /* struct call, oldest first */
    struct list not_sent;  /* struct call, answered in the next turn */
    size_t n_in_flight;
    bool reloading;    /* scripts, after NOSCRIPT */
    const char **argv; /* scratch, grows to the largest call */
    size_t *argv_n;
    size_t argv_cap;
    bool *destroyed; /* set by store_destroy within a callback; see store.c */
    struct metric_cell *connected, *reconnects;
    struct metric_cell *calls[SCRIPT_N + 1][STORE_DOWN + 1], *seconds[SCRIPT_N + 1];
};

/* machine.c */
void store_begin(struct store *s);
/* The connection is not usable, or not wanted any more: answers what is in flight with STORE_LOST,
 * backs off. */
void store_fail(struct store *s, const char *why);
void store_set_state(struct store *s, enum store_state state, const char *why);
void store_ready(struct store *s); /* priming is through */
bool store_make_events(struct store *s);
void store_free_events(struct store *s);

/* prime.c */
void store_prime(struct store *s);
/* Sends SCRIPT LOAD for all scripts again. */
void store_reload_scripts(struct store *s);
void store_ask_time(struct store *s);

/* store.c */
/* Sends words; a NULL-ended list. */
bool store_send_words(struct store *s, redis_reply_fn *fn, void *arg, const char *const *words);
void store_answer_lost(struct store *s);
void store_on_call_timer(struct store *s);
void store_on_answer_down(struct store *s);
bool store_error_passes(struct str error);

/* script.c: 40 hex digits */
const char *store_script_sha1(enum store_script script);

#endif
