/*
 * str.h - a borrowed piece of text: pointer and length, not NUL-terminated unless said.
 * And the small parsers and predicates over it. Nothing here allocates.
 */
#ifndef TRIAGED_BASE_STR_H
#define TRIAGED_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

/* A string literal as a struct str. */
#define S(lit) ((struct str){(lit), sizeof(lit) - 1})
/* The two arguments of a "%.*s". */
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""
#define STR_NONE ((struct str){NULL, 0})

static inline struct str str_c(const char *s)
{
    return (struct str){s, s ? strlen(s) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_eq_c(struct str a, const char *b)
{
    return str_eq(a, str_c(b));
}

bool str_ieq(struct str a, struct str b);        /* ASCII case ignored */
int str_cmp(struct str a, struct str b);         /* bytewise, shorter first */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Index of c, or s.n. */
size_t str_find_char(struct str s, char c);
/* Index of needle, or s.n. */
size_t str_find(struct str s, struct str needle);
struct str str_trim(struct str s);               /* ASCII blanks at both ends */
struct str str_sub(struct str s, size_t from, size_t to); /* clamped */
/* Splits at the first sep: returns what is before it, *rest what is after it (empty when none). */
struct str str_cut(struct str s, char sep, struct str *rest);

/* Whole string a decimal number; false on anything else or overflow. */
bool str_to_u64(struct str s, uint64_t *out);
bool str_to_i64(struct str s, int64_t *out);
/* Go/Prometheus-like durations: 90s, 15m, 1h30m, 2d, 1w, 500ms, 0. Result in ms, >= 0. */
bool str_to_duration_ms(struct str s, int64_t *out);
/* Sizes: 8MiB, 64KiB, 1GiB, 10MB (decimal), 4096. Result in bytes. */
bool str_to_size(struct str s, uint64_t *out);

/* True when s is well-formed UTF-8 (RFC 3629: no surrogates, nothing over U+10FFFF, shortest form). */
bool str_is_utf8(struct str s);
/* Length of the well-formed UTF-8 sequence at s[i] (1..4), or 0. */
size_t str_utf8_seq(struct str s, size_t i);

/*
 * Damerau-Levenshtein distance of two short words (cut at 64 bytes), for "did you mean".
 */
unsigned str_distance(struct str a, struct str b);
/* The candidate nearest to word if it is near enough (distance <= 1 + n/4), else NULL. */
const char *str_nearest(struct str word, const char *const *candidates, size_t n);

#endif
