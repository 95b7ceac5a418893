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
};

struct tokens {
    struct token v[SKELETON_TOKENS_MAX];
    size_t n;
    bool cut; /* there was more */
};

/* Cuts a message (at most SKELETON_INPUT_MAX bytes) into tokens; texts borrow from it. */
void skeleton_lex(struct str msg, struct tokens *out);

#endif
