/*
 * jx_text.h - what is done to the text of a document before Jansson sees it. Private to jx.c.
 */
#ifndef TRIAGED_ALERT_JX_TEXT_H
#define TRIAGED_ALERT_JX_TEXT_H

#include "triaged/alert/jx.h"
#include "triaged/base/arena.h"
#include "triaged/base/buf.h"

/* Stands for string number NUMBER: JX_STAND_IN and the number, five bits a digit, of which none is
 * a quote or a backslash. */
#define JX_STAND_IN '\x7f'

struct jx_short { /* a text whose plain strings were taken out */
    struct str text;
    struct str *strings; /* slices of the original */
    size_t n, cap;
};

/* One pass over the bytes: nesting, and how many values Jansson would have to make. */
bool jx_text_within_limits(struct str s, struct jx_error *why);
/* False when a string of the text looks like a stand-in; then it is to be read as it is. The text
 * lies in the arena; the caller frees `strings`, after false too. */
bool jx_text_shorten(struct str s, struct arena *a, struct jx_short *out);
/* Which string a value of the short text stands for; false when it stands for itself. */
bool jx_text_stands_for(const struct jx_short *s, struct str value, struct str *out);
/* Writes a readable copy of s; false when there was nothing to repair. */
bool jx_text_repair(struct str s, struct buf *out);

#endif
