/*
 * buf.h - a growing byte buffer with a hard cap given at init.
 * A write that would pass the cap writes nothing, sets `overflow` and returns false; later writes
 * fail too, so a chain of puts may be checked once at its end.
 */
#ifndef TRIAGED_BASE_BUF_H
#define TRIAGED_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "triaged/base/mem.h"
#include "triaged/base/str.h"

struct buf {
    char *p;
    size_t n, cap, max;
    bool overflow;
};

void buf_init(struct buf *b, size_t max);
void buf_finish(struct buf *b);              /* accepts a zeroed buf */
void buf_reset(struct buf *b);               /* keeps the memory, clears overflow */
bool buf_put_slow(struct buf *b, const void *p, size_t n); /* of buf_put, where there is no room */
static inline bool buf_put(struct buf *b, const void *p, size_t n)
{
    if (b->overflow || n > b->cap - b->n || !b->p)
        return buf_put_slow(b, p, n);
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    return true;
}
bool buf_put_str(struct buf *b, struct str s);
bool buf_put_c(struct buf *b, const char *s);
bool buf_put_char(struct buf *b, char c);
bool buf_put_u32le(struct buf *b, uint32_t v);
bool buf_put_u64le(struct buf *b, uint64_t v);
bool buf_put_i64(struct buf *b, int64_t v);  /* decimal */
bool buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A JSON string literal with its quotes. Invalid UTF-8 bytes become U+FFFD. (RFC 8259 section 7) */
bool buf_put_json(struct buf *b, struct str s);
/* Drops the first n bytes. */
void buf_drop(struct buf *b, size_t n);
/* Makes room for n more bytes at b->p + b->n, or false (cap). */
bool buf_reserve(struct buf *b, size_t n);
static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->p, b->n};
}

#endif
