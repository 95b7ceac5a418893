/*
 * jx_text.c - what is done to the text of a document before Jansson sees it: limits, repairs, and
 * taking long plain strings out.
 * Never: allocates a value; knows Jansson.
 * Called by: jx.c.
 *
 * Jansson handles every byte of a string by several calls. Most of a payload is plain text in the
 * values of labels and annotations, which needs no more than a look at each byte. So these values
 * are replaced by stand-ins of a few bytes; Jansson reads the rest, and jx.c puts the texts back.
 */
#include "jx_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHORTEST = 6 }; /* shorter ones are left: a stand-in takes 2 to 5 bytes */

/* ---- limits ---------------------------------------------------------------------------------- */

static bool refuse(struct jx_error *why, int max, const char *of_what, size_t at)
{
    why->path[0] = 0;
    snprintf(why->text, sizeof(why->text), "more than %d %s (byte %zu)", max, of_what, at);
    return false;
}

/* Index behind the string that begins at s[i] == '"', or s.n. */
static size_t skip_string(struct str s, size_t i)
{
    for (i++; i < s.n; i++) {
        const char *quote = memchr(s.p + i, '"', s.n - i);
        if (!quote)
            return s.n;
        size_t at = (size_t)(quote - s.p), slashes = 0;
        while (at - slashes > i && s.p[at - slashes - 1] == '\\')
            slashes++;
        if (slashes % 2 == 0)
            return at + 1;
        i = at; /* escaped: look on behind it */
    }
    return s.n;
}

bool jx_text_within_limits(struct str s, struct jx_error *why)
{
    size_t depth = 0, values = 0, containers = 0;
    for (size_t i = 0; i < s.n;) {
        switch (s.p[i]) {
        case '"':
            i = skip_string(s, i);
            continue;
        case '[':
        case '{':
            if (++depth > JX_DEPTH_MAX)
                return refuse(why, JX_DEPTH_MAX, "levels of nesting", i);
            if (++containers > JX_CONTAINERS_MAX)
                return refuse(why, JX_CONTAINERS_MAX, "objects and arrays", i);
            break;
        case ']':
        case '}':
            depth -= depth > 0;
            break;
        case ',':
            if (++values > JX_VALUES_MAX)
                return refuse(why, JX_VALUES_MAX, "values", i);
            break;
        }
        i++;
    }
    return true;
}

/* ---- stand-ins -------------------------------------------------------------------------------
 */

/* No escape, no control character: the bytes of the literal are the text. */
static bool is_plain(struct str s)
{
    const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
    size_t i = 0;
    for (; s.n - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
        uint64_t w, slash;
        memcpy(&w, s.p + i, sizeof(w));
        slash = w ^ (ones * '\\');
        /* tops of bytes below 0x20, and of those that are a backslash; a carry only adds some */
        if ((((w - ones * 0x20) & ~w) | ((slash - ones) & ~slash)) & tops)
            return false;
    }
    for (; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == '\\')
            return false;
    return str_is_utf8(s);
}

/* May what this literal says begin with JX_STAND_IN? */
static bool looks_like_stand_in(struct str s)
{
    return s.n > 0 && (s.p[0] == JX_STAND_IN || str_starts(s, S("\\u007")));
}

static bool is_name(struct str s, size_t i)
{
    while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t' || s.p[i] == '\r' || s.p[i] == '\n'))
        i++;
    return i < s.n && s.p[i] == ':';
}

static char *put_stand_in(char *to, size_t number)
{
    *to++ = '"';
    *to++ = JX_STAND_IN;
    do {
        *to++ = (char)('0' + (number & 31));
        number >>= 5;
    } while (number);
    *to++ = '"';
    return to;
}

static void take_out(struct jx_short *out, struct str text)
{
    if (out->n == out->cap) {
        out->cap = out->cap ? 2 * out->cap : 64;
        out->strings = xrealloc_array(out->strings, out->cap, sizeof(*out->strings));
    }
    out->strings[out->n++] = text;
}

bool jx_text_shorten(struct str s, struct arena *a, struct jx_short *out)
{
    char *const text = arena_alloc(a, s.n), *to = text;
    *out = (struct jx_short){0};
    for (size_t i = 0, end; i < s.n; i = end) {
        const char *quote = memchr(s.p + i, '"', s.n - i);
        size_t from = quote ? (size_t)(quote - s.p) : s.n;
        memcpy(to, s.p + i, from - i);
        to += from - i;
        if (!quote)
            break;
        end = skip_string(s, from);
        struct str inside = str_sub(s, from + 1, end - 1);
        if (is_name(s, end)) {
            memcpy(to, s.p + from, end - from);
            to += end - from;
        } else if (inside.n >= SHORTEST && s.p[end - 1] == '"' && out->n < JX_VALUES_MAX &&
                   is_plain(inside)) {
            to = put_stand_in(to, out->n);
            take_out(out, inside);
        } else if (looks_like_stand_in(inside)) {
            return false;
        } else {
            memcpy(to, s.p + from, end - from);
            to += end - from;
        }
    }
    out->text = (struct str){text, (size_t)(to - text)};
    return true;
}

bool jx_text_stands_for(const struct jx_short *s, struct str value, struct str *out)
{
    size_t number = 0;
    if (value.n == 0 || value.p[0] != JX_STAND_IN)
        return false;
    for (size_t i = value.n - 1; i > 0; i--)
        number = number << 5 | (size_t)(value.p[i] - '0');
    *out = s->strings[number];
    return true;
}

/* ---- repairs --------------------------------------------------------------------------------- */

/* The code unit of \uXXXX at s[i], or -1. */
static long code_unit(struct str s, size_t i)
{
    long v = 0;
    if (s.n < i + 6 || s.p[i] != '\\' || s.p[i + 1] != 'u')
        return -1;
    for (size_t k = i + 2; k < i + 6; k++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *d = s.p[k] ? strchr(digits, s.p[k]) : NULL;
        if (!d)
            return -1;
        v = v * 16 + (d - digits) % 16;
    }
    return v;
}

/* Bytes of the escape at s[i] == '\\' that may stay as they are; 0 for a lone surrogate. */
static size_t good_escape(struct str s, size_t i)
{
    long unit = code_unit(s, i);
    if (unit < 0xD800 || unit > 0xDFFF)
        return unit < 0 ? 2 : 6;
    long next = code_unit(s, i + 6);
    return unit < 0xDC00 && next >= 0xDC00 && next <= 0xDFFF ? 12 : 0;
}

bool jx_text_repair(struct str s, struct buf *out)
{
    bool repaired = false;
    for (size_t i = 0; i < s.n;) {
        size_t n = s.p[i] == '\\' ? good_escape(s, i) : str_utf8_seq(s, i);
        if (n) {
            n = n < s.n - i ? n : s.n - i;
            if (s.p[i] == '\\' && n == 2 && (unsigned char)s.p[i + 1] >= 0x80)
                n = 1; /* the byte behind is judged by itself */
            buf_put(out, s.p + i, n);
            i += n;
            continue;
        }
        repaired = true;
        buf_put(out, "\xEF\xBF\xBD", 3);
        i += s.p[i] == '\\' ? 6 : 1;
    }
    return repaired && !out->overflow;
}
