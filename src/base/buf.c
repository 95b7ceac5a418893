/*
 * buf.c - a growing byte buffer with a hard cap.
 * Owns: its memory. Never: grows past the cap given at init; writes half a value.
 */
#include "triaged/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 256 };

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_finish(struct buf *b)
{
    free(b->p);
    *b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
    b->n = 0;
    b->overflow = false;
}

bool buf_reserve(struct buf *b, size_t n)
{
    if (b->overflow)
        return false;
    if (n > b->max || b->n > b->max - n) {
        b->overflow = true;
        return false;
    }
    size_t need = b->n + n;
    if (need <= b->cap && b->p)
        return true;
    size_t cap = b->cap ? b->cap : b->max < FIRST_SIZE ? b->max : FIRST_SIZE;
    while (cap < need)
        cap = cap > b->max / 2 ? b->max : cap * 2;
    b->p = xrealloc_array(b->p, cap, 1);
    b->cap = cap;
    return true;
}

bool buf_put_slow(struct buf *b, const void *p, size_t n)
{
    if (!buf_reserve(b, n))
        return false;
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    return true;
}

bool buf_put_str(struct buf *b, struct str s)
{
    return buf_put(b, s.p, s.n);
}

bool buf_put_c(struct buf *b, const char *s)
{
    return buf_put(b, s, strlen(s));
}

bool buf_put_char(struct buf *b, char c)
{
    return buf_put(b, &c, 1);
}

bool buf_put_u32le(struct buf *b, uint32_t v)
{
    unsigned char le[4];
    for (unsigned i = 0; i < 4; i++)
        le[i] = (unsigned char)(v >> (8 * i));
    return buf_put(b, le, sizeof(le));
}

bool buf_put_u64le(struct buf *b, uint64_t v)
{
    unsigned char le[8];
    for (unsigned i = 0; i < 8; i++)
        le[i] = (unsigned char)(v >> (8 * i));
    return buf_put(b, le, sizeof(le));
}

bool buf_put_i64(struct buf *b, int64_t v)
{
    char digits[20], *end = digits + sizeof(digits), *p = end;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        *--p = (char)('0' + u % 10);
        u /= 10;
    } while (u);
    if (v < 0)
        *--p = '-';
    return buf_put(b, p, (size_t)(end - p));
}

bool buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    char small[256];
    int n = vsnprintf(small, sizeof(small), fmt, ap);
    va_end(ap);
    bool ok = false;
    if (n >= 0 && (size_t)n < sizeof(small)) {
        ok = buf_put(b, small, (size_t)n);
    } else if (n >= 0) {
        char *p = xmalloc((size_t)n + 1);
        vsnprintf(p, (size_t)n + 1, fmt, again);
        ok = buf_put(b, p, (size_t)n);
        free(p);
    } else {
        b->overflow = true;
    }
    va_end(again);
    return ok;
}

/* Writes what stands for the byte at s[i] when it may not stand for itself; returns bytes eaten. */
static size_t put_json_special(struct buf *b, struct str s, size_t i)
{
    static const char short_escapes[128] = {['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
                                            ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't'};
    unsigned char c = (unsigned char)s.p[i];
    if (c >= 0x80) {
        size_t n = str_utf8_seq(s, i);
        if (n)
            buf_put(b, s.p + i, n);
        else
            buf_put(b, "\xEF\xBF\xBD", 3);
        return n ? n : 1;
    }
    if (short_escapes[c]) {
        char e[2] = {'\\', short_escapes[c]};
        buf_put(b, e, 2);
    } else {
        static const char hex[] = "0123456789abcdef";
        char e[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        buf_put(b, e, 6);
    }
    return 1;
}

bool buf_put_json(struct buf *b, struct str s)
{
    size_t before = b->n;
    buf_put_char(b, '"');
    for (size_t i = 0; i < s.n && !b->overflow;) {
        size_t run = i;
        while (run < s.n && (unsigned char)s.p[run] >= 0x20 && (unsigned char)s.p[run] < 0x7f &&
               s.p[run] != '"' && s.p[run] != '\\')
            run++;
        buf_put(b, s.p + i, run - i);
        i = run;
        if (i < s.n)
            i += put_json_special(b, s, i);
    }
    if (!buf_put_char(b, '"')) {
        b->n = before; /* nothing of a value that did not fit */
        return false;
    }
    return true;
}

void buf_drop(struct buf *b, size_t n)
{
    if (n >= b->n) {
        b->n = 0;
        return;
    }
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
}
