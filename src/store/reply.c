/*
 * reply.c - replies of Redis, read and looked at.
 * The only file that knows hiredis, of which just its reader is used: bytes in, replies out. Its
 * connections are not: before 1.1 they crash when freed from their own callbacks, have no
 * time-outs, look names up with the loop standing still, and cannot be given a socket, so no TLS
 * either. Never: touches a socket (redis_conn.c).
 */
#include "reply.h"

#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "triaged/base/mem.h"

static redisReader *as_reader(struct reply_reader *r)
{
    return (redisReader *)(void *)r;
}

struct reply_reader *reply_reader_create(void)
{
    redisReader *r = redisReaderCreate();

    if (!r)
        abort(); /* a small allocation, as NEW */
    return (struct reply_reader *)(void *)r;
}

void reply_reader_destroy(struct reply_reader *r)
{
    if (r)
        redisReaderFree(as_reader(r));
}

bool reply_reader_feed(struct reply_reader *r, const void *p, size_t n)
{
    return redisReaderFeed(as_reader(r), p, n) == REDIS_OK;
}

struct store_reply *reply_reader_next(struct reply_reader *r, char *why, size_t why_size)
{
    void *reply = NULL;

    *why = '\0';
    if (redisReaderGetReply(as_reader(r), &reply) != REDIS_OK)
        snprintf(why, why_size, "it does not speak the protocol of Redis: %s",
                 as_reader(r)->errstr);
    return reply;
}

void reply_free(struct store_reply *reply)
{
    freeReplyObject(reply);
}

/* ---- looking at one -----------------------------------------------------------------------------
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
