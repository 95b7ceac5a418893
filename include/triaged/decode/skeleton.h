/*
 * skeleton.h - the stateless scanner that turns a message into its skeleton: variable parts become
 * `*`, the rest stays (grouping.md section 4.1 of the project's notes). Same version, same text:
 * same skeleton, on every machine. One pass, no allocation, bounded look-ahead.
 */
#ifndef TRIAGED_DECODE_SKELETON_H
#define TRIAGED_DECODE_SKELETON_H

#include <stddef.h>
#include <stdint.h>

#include "triaged/base/str.h"

enum { SKELETON_VERSION = 1, SKELETON_MAX = 1024, SKELETON_INPUT_MAX = 2048, SKELETON_TOKENS_MAX = 256 };

/* Writes the skeleton of msg to out (at most SKELETON_MAX bytes, not NUL-terminated); returns its
 * length. Beyond the input caps it ends in a length class. */
size_t skeleton_of(struct str msg, char out[SKELETON_MAX]);

#endif
