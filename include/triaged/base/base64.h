/*
 * base64.h - RFC 4648 section 4.
 */
#ifndef TRIAGED_BASE_BASE64_H
#define TRIAGED_BASE_BASE64_H

#include "triaged/base/buf.h"
#include "triaged/base/str.h"

/* Appends s in base64, padded. */
bool base64_put(struct buf *b, struct str s);
/* Appends the bytes of `text`; padding may be missing. False when it is no base64, or b is full. */
bool base64_take(struct buf *b, struct str text);

#endif
