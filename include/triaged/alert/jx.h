/*
 * jx.h - the only door to Jansson: parsing with limits, typed look-ups that fail with a JSON path.
 * Limits: nesting depth, bytes (the caller's), duplicate keys refused on request.
 * Texts are borrowed from the document and live until jx_free.
 */
#ifndef TRIAGED_ALERT_JX_H
#define TRIAGED_ALERT_JX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "triaged/base/str.h"

typedef struct json_t jx; /* opaque outside jx.c */

enum jx_type { JX_NONE, JX_NULL, JX_BOOL, JX_NUMBER, JX_STRING, JX_ARRAY, JX_OBJECT };

struct jx_error {
    char path[128];
    char text[192];
};

/* A document of more values is refused before it is built: three bytes of input ("[],") take about
 * 150 bytes of memory, so that 8 MiB of them would be 400 MiB. 10000 alerts with 50 values fit. */
enum { JX_DEPTH_MAX = 64, JX_CONTAINERS_MAX = 1 << 17, JX_VALUES_MAX = 1 << 19 };

/* NULL on failure with *why set (offset and sentence). Any value may be at the top (null too).
 * Bytes that are no UTF-8 and lone surrogates are read as U+FFFD, of equal names the last wins. */
jx *jx_parse(struct str bytes, struct jx_error *why);
void jx_free(jx *doc); /* accepts NULL */
enum jx_type jx_type(const jx *v); /* JX_NONE for NULL */
const char *jx_type_name(enum jx_type t); /* "string", "array" ... */

/* Members and elements; NULL when absent or v is of another type. */
const jx *jx_get(const jx *object, const char *key);
const jx *jx_get_str(const jx *object, struct str key);
size_t jx_len(const jx *v);                    /* elements or members; 0 for others */
const jx *jx_at(const jx *array, size_t i);
/* Iterates an object in order of insertion: start with *it = NULL. */
bool jx_next(const jx *object, void **it, struct str *key, const jx **value);

struct str jx_str(const jx *v);                /* empty str (p NULL) unless a string */
bool jx_bool(const jx *v, bool otherwise);
bool jx_int(const jx *v, int64_t *out);
double jx_num(const jx *v, double otherwise);
/* Compact JSON of v into a malloc'ed string (NULL when v is NULL); the caller frees it. */
char *jx_dump(const jx *v);

#endif
