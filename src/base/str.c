/*
 * str.c - predicates and searches over borrowed text.
 * Owns: nothing. Never: allocates; needs a terminating NUL. Numbers and units: str_number.c.
 */
#include "triaged/base/str.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_ieq(struct str a, struct str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

int str_cmp(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    if (c)
        return c;
    return a.n < b.n ? -1 : a.n > b.n;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n &&
           (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

size_t str_find_char(struct str s, char c)
{
    const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
    return at ? (size_t)(at - s.p) : s.n;
}

size_t str_find(struct str s, struct str needle)
{
    if (!needle.n)
        return 0;
    if (needle.n > s.n)
        return s.n;
    const char *at = memmem(s.p, s.n, needle.p, needle.n);
    return at ? (size_t)(at - s.p) : s.n;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.n && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct str str_sub(struct str s, size_t from, size_t to)
{
    if (to > s.n)
        to = s.n;
    if (from > to)
        from = to;
    return (struct str){s.p ? s.p + from : NULL, to - from};
}

struct str str_cut(struct str s, char sep, struct str *rest)
{
    size_t at = str_find_char(s, sep);
    *rest = at < s.n ? str_sub(s, at + 1, s.n) : str_sub(s, s.n, s.n);
    return str_sub(s, 0, at);
}

size_t str_utf8_seq(struct str s, size_t i)
{
    if (i >= s.n)
        return 0;
    const unsigned char *p = (const unsigned char *)s.p + i;
    size_t left = s.n - i;
    unsigned char c = p[0];
    if (c < 0x80)
        return 1;
    if (c < 0xC2 || c > 0xF4)
        return 0; /* continuation byte, overlong lead, or beyond U+10FFFF */
    size_t n = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    if (left < n)
        return 0;
    /* the second byte's range depends on the first (RFC 3629 section 4) */
    unsigned char low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    unsigned char high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t k = 2; k < n; k++)
        if ((p[k] & 0xC0) != 0x80)
            return 0;
    return n;
}

bool str_is_utf8(struct str s)
{
    size_t i = 0;
    while (i < s.n) {
        /* eight ASCII bytes at once: most text is ASCII */
        uint64_t word;
        if (s.n - i >= sizeof(word)) {
            memcpy(&word, s.p + i, sizeof(word));
            if (!(word & 0x8080808080808080ull)) {
                i += sizeof(word);
                continue;
            }
        }
        size_t n = str_utf8_seq(s, i);
        if (!n)
            return false;
        i += n;
    }
    return true;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

enum { DISTANCE_MAX = 64 };

/* Optimal string alignment: a transposition of neighbours counts one. Three rows are enough. */
unsigned str_distance(struct str a, struct str b)
{
    unsigned rows[3][DISTANCE_MAX + 1];
    size_t n = a.n < DISTANCE_MAX ? a.n : DISTANCE_MAX;
    size_t m = b.n < DISTANCE_MAX ? b.n : DISTANCE_MAX;
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i - 1) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned differ = lower(a.p[i - 1]) != lower(b.p[j - 1]);
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + differ);
            bool swapped = i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1];
            if (swapped && two_above[j - 2] + 1 < row[j])
                row[j] = two_above[j - 2] + 1;
        }
    }
    return rows[n % 3][m];
}

const char *str_nearest(struct str word, const char *const *candidates, size_t n)
{
    const char *best = NULL;
    unsigned best_distance = (unsigned)(1 + word.n / 4) + 1;
    for (size_t i = 0; i < n; i++) {
        unsigned d = str_distance(word, str_c(candidates[i]));
        if (d < best_distance) {
            best_distance = d;
            best = candidates[i];
        }
    }
    return best;
}
