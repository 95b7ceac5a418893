/*
 * store.h - the connection to Redis as one state machine, and calls of our scripts over it.
 * Only src/store/reply.c knows hiredis. One store per event loop; not thread-safe.
 *   DOWN -> CONNECTING -> PRIMING (AUTH, SELECT, INFO, checks, SCRIPT LOAD) -> READY
 *   any failure -> BACKOFF (doubling with jitter, 100 ms to 10 s) -> CONNECTING
 * Whoever calls store_call gets exactly one answer, never before the call returns: also when the
 * connection is lost (STORE_LOST: may or may not have been done) or down (STORE_DOWN: not sent).
 */
#ifndef TRIAGED_STORE_STORE_H
#define TRIAGED_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "triaged/base/diag.h"
#include "triaged/base/str.h"

struct bufferevent;
struct event_base;
struct store;

enum store_state { STORE_S_DOWN, STORE_S_CONNECTING, STORE_S_PRIMING, STORE_S_READY, STORE_S_BACKOFF };
const char *store_state_name(enum store_state s);

enum store_script {
    SCRIPT_OBSERVE,  /* src/store/lua/observe.lua */
    SCRIPT_VERB,
    SCRIPT_TICK,
    SCRIPT_ADOPT,
    SCRIPT_SKIP,
    SCRIPT_SETTINGS,
    SCRIPT_AUDIT,
    SCRIPT_RIGHTS,   /* asked by the store itself before it is ready */
    SCRIPT_N
};

enum store_status {
    STORE_OK,
    STORE_WAIT,    /* an error that passes by itself (OOM, LOADING, READONLY, NOSCRIPT …) */
    STORE_REFUSED, /* an error for the call's own sake */
    STORE_LOST,    /* connection lost or timed out before the answer */
    STORE_DOWN     /* not sent */
};

/* A reply, read-only, valid during the callback. */
struct store_reply;
enum store_reply_type { REPLY_NIL, REPLY_STRING, REPLY_STATUS, REPLY_INTEGER, REPLY_ARRAY, REPLY_ERROR };
enum store_reply_type store_reply_type(const struct store_reply *r);
struct str store_reply_str(const struct store_reply *r); /* strings, statuses, errors */
int64_t store_reply_int(const struct store_reply *r);    /* integers, and strings of digits */
size_t store_reply_len(const struct store_reply *r);
const struct store_reply *store_reply_at(const struct store_reply *r, size_t i); /* NULL beyond */

/* error: the text when status is not STORE_OK. reply: NULL unless STORE_OK. */
typedef void store_done_fn(void *arg, enum store_status status, const struct store_reply *reply,
                           struct str error);

/* TLS, which the store does not know: whoever has it hands it in. Outlives the store. */
struct store_tls {
    /* The client's end of TLS on a connected socket, which it then owns; `name` is who the peer must
     * prove to be, a host name or an address. NULL with why: fd is still the caller's. */
    struct bufferevent *(*wrap)(void *arg, struct event_base *base, int fd, const char *name,
                                char *why, size_t why_size);
    /* Why such a connection failed; "" when TLS had no part in it. */
    void (*explain)(void *arg, struct bufferevent *bev, const char *name, char *why,
                    size_t why_size);
    const char *server_name; /* asked of every peer in place of the name it was dialled by; or "" */
    void *arg;
};

struct store_options {
    const char *url;          /* redis://[user:pass@]host:port/db, unix:///path[?db=n],
                                 redis+sentinel://; rediss:// and rediss+sentinel:// with TLS */
    const struct store_tls *tls; /* for these; NULL: they are refused */
    const char *name;         /* CLIENT SETNAME: triaged-worker-0 */
    const char *key;          /* any key of ours: Redis is of use only if the scripts may do there all
                                 they do; NULL: not asked */
    int64_t connect_timeout_ms; /* 5 s when 0 */
    int64_t call_timeout_ms;    /* 30 s when 0: an answer that does not come ends the connection */
    /* A state was entered; ready: `first` is false on a reconnect. */
    void (*on_state)(void *arg, enum store_state state, const char *why);
    void *arg;
};

struct store_health {
    enum store_state state;
    char run_id[41];
    bool run_id_changed;      /* since the last READY: what was acknowledged may be lost */
    bool aof;                 /* appendonly yes */
    bool noeviction;          /* maxmemory-policy, else /-/ready says so */
    int64_t clock_offset_ms;  /* Redis' TIME minus ours, 0 when within 5 s */
    char why[320];            /* last failure */
};

/* Checks a url; *why says what is wrong ("redis+cluster is not supported yet" …). */
bool store_url_check(const char *url, struct diag *why);
/* Begins to connect at once. */
struct store *store_create(struct event_base *base, const struct store_options *o);
/* Answers all pending calls with STORE_LOST, then frees. Accepts NULL. */
void store_destroy(struct store *s);
void store_health(const struct store *s, struct store_health *out);
size_t store_in_flight(const struct store *s);

/* EVALSHA of an embedded script. keys and args are copied before return. */
void store_call(struct store *s, enum store_script script, const struct str *keys, size_t n_keys,
                const struct str *args, size_t n_args, store_done_fn *done, void *arg);
/* A plain command (the first arg is its name): XADD to quarantine, HGETALL … done may be NULL: then
 * the answer is dropped (an error is logged at debug). Args are copied before return. */
void store_command(struct store *s, const struct str *args, size_t n_args, store_done_fn *done,
                   void *arg);
/* For a callback whose answer cannot be one to its call: ends the connection. All that waits for an
 * answer is LOST before this returns. */
void store_distrust(struct store *s);
/* The embedded source of a script (for triagectl and tests). */
struct str store_script_source(enum store_script script);
const char *store_script_name(enum store_script script);

#endif
