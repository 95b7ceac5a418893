/*
 * arena.h - a bump allocator that is freed or reset as a whole.
 * Ownership: whatever is allocated lives until arena_reset or arena_finish. Not thread-safe.
 */
#ifndef TRIAGED_BASE_ARENA_H
#define TRIAGED_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "triaged/base/mem.h"
#include "triaged/base/str.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunk; /* newest first */
    char *next, *end;          /* free part of the newest chunk */
    size_t chunk_size;         /* size of an ordinary chunk in bytes */
};

/* chunk_size 0 takes the default (16 KiB). Allocates nothing yet. */
void arena_init(struct arena *a, size_t chunk_size);
/* Frees everything but one ordinary chunk, which is used again. */
void arena_reset(struct arena *a);
/* Frees everything. Accepts a zeroed arena. */
void arena_finish(struct arena *a);
/* n bytes, aligned to 16, not zeroed. Never NULL. */
void *arena_alloc(struct arena *a, size_t n);
void *arena_calloc(struct arena *a, size_t count, size_t size);
/* Copies with a terminating NUL that n does not count. */
struct str arena_str(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Bytes handed out since the last reset (for limits and tests). */
size_t arena_used(const struct arena *a);

#define ARENA_NEW(a, T) ((T *)arena_calloc((a), 1, sizeof(T)))
#define ARENA_ARRAY(a, T, n) ((T *)arena_calloc((a), (n), sizeof(T)))

#endif
