/*
 * skeleton_lex.h - the scanner's tokens; private to skeleton*.c.
 */
#ifndef TRIAGED_DECODE_SKELETON_LEX_H
#define TRIAGED_DECODE_SKELETON_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "triaged/base/str.h"
#include "triaged/decode/skeleton.h"

enum kind {
    WORD,   /* constant */
    KEY,    /* constant: the name of a JSON member; a ':' follows */
    NUMBER, /* variable, and a unit may follow */
    TIME,   /* variable, and a zone may follow */
    OTHER,  /* variable */
    PUNCT,  /* one byte */
};

struct token {
    const char *p;
    uint16_t n;
    uint8_t kind;
    bool glued; /* no blank before it */
    char punct; /* the byte of a PUNCT, else 0 */
};

/* Readable bytes behind the text and zero tokens behind the last one: so that looking at what
 * follows, and copying in steps, needs no question whether there is any. */
enum { LEX_PAD = 32, TOKENS_PAD = 5 };

struct tokens {
    struct token v[SKELETON_TOKENS_MAX + TOKENS_PAD];
    size_t n;
    bool cut; /* there was more */
    char text[SKELETON_INPUT_MAX + LEX_PAD];
};

/* Cuts a message (at most SKELETON_INPUT_MAX bytes) into tokens; their texts lie in out. */
void skeleton_lex(struct str msg, struct tokens *out);
/* Is the WORD at i a device of disks by its letters: sda, vdb, xvdc; of two letters ("sdaf") in
 * brackets alone? */
bool token_is_disk(const struct tokens *t, size_t i);

#endif
