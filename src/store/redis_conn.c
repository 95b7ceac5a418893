/*
 * redis_conn.c - the only file that knows hiredis (0.14 and 1.x).
 * Owns: the hiredis context, the deferred free.
 * Never: reconnects, knows scripts, states or timeouts (machine.c, store.c).
 *
 * What hiredis 0.14 does, and what follows from it:
 * - A failed connect calls the connect callback (status REDIS_ERR, text in errstr) and frees the
 *   context by itself; a lost connection first answers all pending commands with NULL, then calls
 * the disconnect callback, then frees. In both the context is no longer ours.
 * - redisAsyncFree within one of its callbacks crashes before 1.1: a close is posted to the next
 * turn.
 * - A command that returns REDIS_ERR never calls back: its request is freed here.
 * - Its formatter costs 180 ns a word, which a record of 5000 words feels: commands are put
 * together here, in RESP, and handed over as bytes.
 * - It has no timeouts, and its name resolution blocks: both are done outside (machine.c,
 * resolve.c).
 */
#include "redis_conn.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include <hiredis/adapters/libevent.h>
#pragma GCC diagnostic pop

#include "triaged/base/buf.h"
#include "triaged/base/mem.h"

enum { COMMAND_MAX = 256 * 1024 * 1024 }; /* a record is at most 16 MiB */

struct redis_conn {
    struct list on_owner;
    redisAsyncContext *ac; /* NULL once hiredis has let go */
    struct redis_conn_callbacks cb;
    struct event *reap;
    struct buf out; /* the command that is being put together */
    unsigned depth; /* within callbacks of hiredis */
    bool closed;
};

struct request {
    struct redis_conn *c;
    redis_reply_fn *fn;
    void *arg;
};

/* ---- the end ------------------------------------------------------------------------------------
 */

static void conn_free(struct redis_conn *c)
{
    list_remove(&c->on_owner);
    if (c->ac)
        redisAsyncFree(c->ac); /* answers what is pending with NULL: on_reply drops it */
    event_free(c->reap);
    buf_finish(&c->out);
    free(c);
}

static void on_reap(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    conn_free(arg);
}

void redis_conn_close(struct redis_conn *c)
{
    if (c->closed)
        return;
    c->closed = true;
    event_active(c->reap, EV_TIMEOUT, 0);
}

void redis_conn_close_all(struct list *owner)
{
    LIST_FOR_EACH_SAFE (c, next, owner, struct redis_conn, on_owner) {
        redis_conn_close(c);
        if (c->depth == 0)
            conn_free(c);
        else /* the turn after this one frees it */
            list_remove(&c->on_owner);
    }
}

/* hiredis has given the context up. */
static void down(struct redis_conn *c, const char *why)
{
    bool told = c->closed;

    c->ac = NULL;
    redis_conn_close(c);
    if (!told)
        c->cb.on_down(c->cb.arg, why);
}

/* ---- callbacks of hiredis -----------------------------------------------------------------------
 */

static void on_connect(const redisAsyncContext *ac, int status)
{
    struct redis_conn *c = ac->data;
    char why[160];

    c->depth++;
    if (status == REDIS_OK) {
        if (!c->closed)
            c->cb.on_up(c->cb.arg);
    } else {
        snprintf(why, sizeof(why), "%s", ac->errstr && *ac->errstr ? ac->errstr : "cannot connect");
        down(c, why);
    }
    c->depth--;
}

static void on_disconnect(const redisAsyncContext *ac, int status)
{
    struct redis_conn *c = ac->data;
    char why[160];

    c->depth++;
    snprintf(why, sizeof(why), "%s",
             status != REDIS_OK && ac->errstr && *ac->errstr ? ac->errstr : "connection closed");
    down(c, why);
    c->depth--;
}

static void on_reply(redisAsyncContext *ac, void *reply, void *privdata)
{
    struct request r = *(struct request *)privdata;

    (void)ac;
    free(privdata);
    if (r.c->closed)
        return;
    r.c->depth++;
    r.fn(r.arg, reply);
    r.c->depth--;
}

/* ---- open and send ------------------------------------------------------------------------------
 */

struct redis_conn *redis_conn_open(struct event_base *base, struct list *owner, const char *address,
                                   unsigned port, const struct redis_conn_callbacks *cb, char *why,
                                   size_t why_size)
{
    redisAsyncContext *ac =
        port ? redisAsyncConnect(address, (int)port) : redisAsyncConnectUnix(address);
    struct redis_conn *c;

    if (!ac || ac->err) {
        snprintf(why, why_size, "%s", ac && ac->errstr && *ac->errstr ? ac->errstr : "no memory");
        if (ac)
            redisAsyncFree(ac);
        return NULL;
    }
    if (redisLibeventAttach(ac, base) != REDIS_OK) {
        snprintf(why, why_size, "cannot watch the socket");
        redisAsyncFree(ac);
        return NULL;
    }
    fcntl(ac->c.fd, F_SETFD, FD_CLOEXEC);
    c = NEW(struct redis_conn);
    c->ac = ac;
    c->cb = *cb;
    c->reap = event_new(base, -1, 0, on_reap, c);
    if (!c->reap)
        abort(); /* a small allocation, as NEW */
    buf_init(&c->out, COMMAND_MAX);
    ac->data = c;
    redisAsyncSetConnectCallback(ac, on_connect);
    redisAsyncSetDisconnectCallback(ac, on_disconnect);
    list_append(owner, &c->on_owner);
    return c;
}

/* "<mark>n\r\n" */
static void put_count(struct buf *b, char mark, size_t n)
{
    char text[24], *at = text + sizeof(text);

    *--at = '\n';
    *--at = '\r';
    do
        *--at = (char)('0' + n % 10);
    while (n /= 10);
    *--at = mark;
    buf_put(b, at, (size_t)(text + sizeof(text) - at));
}

void redis_conn_begin(struct redis_conn *c, size_t n_words)
{
    buf_reset(&c->out);
    put_count(&c->out, '*', n_words);
}

void redis_conn_put(struct redis_conn *c, struct str word)
{
    put_count(&c->out, '$', word.n);
    buf_put(&c->out, word.p ? word.p : "", word.n);
    buf_put(&c->out, "\r\n", 2);
}

bool redis_conn_send(struct redis_conn *c, redis_reply_fn *fn, void *arg)
{
    struct request *r;

    if (c->closed || !c->ac || c->out.overflow)
        return false;
    r = NEW(struct request);
    *r = (struct request){.c = c, .fn = fn, .arg = arg};
    if (redisAsyncFormattedCommand(c->ac, on_reply, r, c->out.p, c->out.n) == REDIS_OK)
        return true;
    free(r);
    return false;
}

/* ---- replies ------------------------------------------------------------------------------------
 */

static const redisReply *as_reply(const struct store_reply *r)
{
    return (const redisReply *)(const void *)r;
}

enum store_reply_type store_reply_type(const struct store_reply *r)
{
    if (!r)
        return REPLY_NIL;
    switch (as_reply(r)->type) {
    case REDIS_REPLY_STRING:
        return REPLY_STRING;
    case REDIS_REPLY_STATUS:
        return REPLY_STATUS;
    case REDIS_REPLY_INTEGER:
        return REPLY_INTEGER;
    case REDIS_REPLY_ARRAY:
        return REPLY_ARRAY;
    case REDIS_REPLY_ERROR:
        return REPLY_ERROR;
    default:
        return REPLY_NIL;
    }
}

struct str store_reply_str(const struct store_reply *r)
{
    enum store_reply_type t = store_reply_type(r);

    if (t != REPLY_STRING && t != REPLY_STATUS && t != REPLY_ERROR)
        return STR_NONE;
    return (struct str){as_reply(r)->str, (size_t)as_reply(r)->len};
}

int64_t store_reply_int(const struct store_reply *r)
{
    int64_t v = 0;

    if (store_reply_type(r) == REPLY_INTEGER)
        return as_reply(r)->integer;
    return str_to_i64(store_reply_str(r), &v) ? v : 0;
}

size_t store_reply_len(const struct store_reply *r)
{
    return store_reply_type(r) == REPLY_ARRAY ? (size_t)as_reply(r)->elements : 0;
}

const struct store_reply *store_reply_at(const struct store_reply *r, size_t i)
{
    if (i >= store_reply_len(r))
        return NULL;
    return (const struct store_reply *)(const void *)as_reply(r)->element[i];
}
