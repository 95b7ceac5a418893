/*
 * arena.c - a bump allocator that is freed or reset as a whole.
 * Owns: a chain of chunks, newest first; arena.next..arena.end is the free part of the newest.
 * Never: frees a single allocation; moves what it handed out.
 */
#include "triaged/base/arena.h"

#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 16, CHUNK_DEFAULT = 16 * 1024 };

struct arena_chunk {
    struct arena_chunk *older;
    size_t size; /* of data */
    size_t used; /* of data; of the newest chunk it is told by arena.next */
    _Alignas(ALIGNMENT) char data[];
};

static struct arena_chunk *chunk_new(size_t size)
{
    if (size > SIZE_MAX - sizeof(struct arena_chunk))
        size = SIZE_MAX - sizeof(struct arena_chunk); /* no such block: xmalloc aborts */
    struct arena_chunk *c = xmalloc(sizeof(*c) + size);
    c->older = NULL;
    c->size = size;
    c->used = 0;
    return c;
}

void arena_init(struct arena *a, size_t chunk_size)
{
    *a = (struct arena){.chunk_size = chunk_size ? chunk_size : CHUNK_DEFAULT};
}

void arena_reset(struct arena *a)
{
    struct arena_chunk *kept = NULL;
    for (struct arena_chunk *c = a->chunk, *older; c; c = older) {
        older = c->older;
        if (!kept && c->size == a->chunk_size)
            kept = c;
        else
            free(c);
    }
    a->chunk = kept;
    a->next = a->end = NULL;
    if (kept) {
        kept->older = NULL;
        kept->used = 0;
        a->next = kept->data;
        a->end = kept->data + kept->size;
    }
}

void arena_finish(struct arena *a)
{
    for (struct arena_chunk *c = a->chunk, *older; c; c = older) {
        older = c->older;
        free(c);
    }
    a->chunk = NULL;
    a->next = a->end = NULL;
}

/* Called when the newest chunk has no room for n (already rounded up). */
static void *alloc_slow(struct arena *a, size_t n)
{
    if (!a->chunk_size)
        a->chunk_size = CHUNK_DEFAULT;
    if (n > a->chunk_size / 4 && a->chunk) {
        /* Large: a chunk of its own behind the newest, whose room stays in use. */
        struct arena_chunk *c = chunk_new(n);
        c->used = n;
        c->older = a->chunk->older;
        a->chunk->older = c;
        return c->data;
    }
    struct arena_chunk *c = chunk_new(n > a->chunk_size ? n : a->chunk_size);
    if (a->chunk)
        a->chunk->used = (size_t)(a->next - a->chunk->data);
    c->older = a->chunk;
    a->chunk = c;
    a->next = c->data + n;
    a->end = c->data + c->size;
    return c->data;
}

void *arena_alloc(struct arena *a, size_t n)
{
    if (n > SIZE_MAX - ALIGNMENT)
        abort();
    n = n ? (n + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1) : ALIGNMENT;
    if ((size_t)(a->end - a->next) < n)
        return alloc_slow(a, n);
    void *p = a->next;
    a->next += n;
    return p;
}

void *arena_calloc(struct arena *a, size_t count, size_t size)
{
    size_t n;
    if (__builtin_mul_overflow(count, size, &n))
        abort();
    return memset(arena_alloc(a, n), 0, n);
}

struct str arena_str(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = 0;
    return (struct str){p, s.n};
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
    char small[256];
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof(small), fmt, ap);
    va_end(ap);
    struct str out = STR_NONE;
    if (n >= 0 && (size_t)n < sizeof(small)) {
        out = arena_str(a, (struct str){small, (size_t)n});
    } else if (n >= 0) {
        char *p = arena_alloc(a, (size_t)n + 1);
        vsnprintf(p, (size_t)n + 1, fmt, again);
        out = (struct str){p, (size_t)n};
    }
    va_end(again);
    return out.p ? out : arena_str(a, STR_NONE);
}

size_t arena_used(const struct arena *a)
{
    size_t n = 0;
    for (const struct arena_chunk *c = a->chunk; c; c = c->older)
        n += c == a->chunk ? (size_t)(a->next - c->data) : c->used;
    return n;
}
