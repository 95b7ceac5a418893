/*
 * mem.h - allocation that cannot fail: small fixed allocations abort instead of returning NULL.
 * Sizes that a peer controls are checked against a named limit before they come here.
 */
#ifndef TRIAGED_BASE_MEM_H
#define TRIAGED_BASE_MEM_H

#include <stddef.h>

#define MUSTUSE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

/* One object, zeroed. */
#define NEW(T) ((T *)xcalloc(1, sizeof(T)))
/* An array of n objects, zeroed; aborts when n * sizeof(T) overflows. */
#define NEW_ARRAY(T, n) ((T *)xcalloc((n), sizeof(T)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
/* Resizes p (may be NULL) to count * size bytes; new bytes are not zeroed. */
void *xrealloc_array(void *p, size_t count, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
/* printf into a fresh string; the caller owns it. */
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
