/*
 * skeleton_scan.h - the bytes of a message: their classes, and runs of them that are known by their
 * form (paths, addresses, quotations). Private to skeleton*.c.
 */
#ifndef TRIAGED_DECODE_SKELETON_SCAN_H
#define TRIAGED_DECODE_SKELETON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Counted by tests/unit/decode/test_skeleton_steps.c alone: a byte looked at, a token gone over. */
#ifdef SKELETON_STEPS
extern unsigned long skeleton_steps;
#define STEP() ((void)skeleton_steps++)
#else
#define STEP() ((void)0)
#endif

enum {
    C_WORD = 1,
    C_DIGIT = 2,
    C_LETTER = 4, /* a word byte that is no digit */
    C_NO_HEX = 8, /* a word byte that is no hex digit */
    C_JOIN = 16,  /* joins two word bytes */
    C_MAY = 32,   /* may join: C_JOIN, ':' and ',' */
    C_SUFFIX = 64,
    C_BLANK = 128,
    C_PATH_END = 256,
    C_BRACKET = 512,
    C_TRAIL = 1024,
    C_UPPER = 2048,
};
extern const uint16_t skeleton_classes[256];

struct scan {
    const char *p; /* LEX_PAD zero bytes behind p[n] */
    size_t n;
    size_t no_run_before; /* no colon run begins before here: one was refused */
};

static inline unsigned class_of(char c)
{
    STEP();
    return skeleton_classes[(unsigned char)c];
}

static inline unsigned class_at(const struct scan *s, size_t i)
{
    return class_of(s->p[i]);
}

static inline bool is(const struct scan *s, size_t i, unsigned class)
{
    return class_at(s, i) & class;
}

static inline bool is_hex(const struct scan *s, size_t i)
{
    return (class_at(s, i) & (C_WORD | C_NO_HEX)) == C_WORD;
}

/*
 * Each returns the end of what begins at i, or i when it is none. Each looks ahead so far and no
 * further.
 */

/* A path or what follows "scheme://": to a blank, a quote, <>|, a bracket that it did not open, or
 * punctuation before a blank. */
size_t scan_path_end(const struct scan *s, size_t i);
/* The same, but blanks in the names of folders belong to it. */
size_t scan_windows_path_end(const struct scan *s, size_t i);
/* IPv6, MAC, hh:mm:ss. */
size_t scan_colon_run_end(struct scan *s, size_t i, bool *out_time);
/* "[2001:db8::1]:443" */
size_t scan_bracketed_end(struct scan *s, size_t i);
/* Cisco's "%LINK-3-UPDOWN", "%ASA-4-106023": the name of the message, its digits too. */
size_t scan_mnemonic_end(const struct scan *s, size_t i);
/* A quoted token without blanks: end after its closing quote. */
size_t scan_quoted_end(const struct scan *s, size_t i);
/* A quoted path, which may have blanks in it. */
size_t scan_quoted_path_end(const struct scan *s, size_t i);

#endif
