/*
 * skeleton.h - the stateless scanner that turns a message into its skeleton: variable parts become
 * `*`, the rest stays. Same version, same text: same skeleton, on every machine. One pass, no
 * allocation, bounded look-ahead.
 *
 * SKELETON_VERSION is the first byte of what a fingerprint is made of (syslog_identity), so that
 * fingerprints of two versions never meet by chance. After an upgrade that changes it, a cause that
 * is still heard of is a new alert in its incident (the group key holds the text of the skeleton,
 * not the version); the old one ends by quiet.
 *   1: the first
 *   2: msg="..." and the members of JSON are read; names of exceptions and Cisco's mnemonics stay;
 *      "by X" stays; singular and plural are one; hosts with addresses, lists of hosts, devices of
 *      disks, digests, sudo's user, Windows' folders
 */
#ifndef TRIAGED_DECODE_SKELETON_H
#define TRIAGED_DECODE_SKELETON_H

#include <stddef.h>
#include <stdint.h>

#include "triaged/base/str.h"

enum {
    SKELETON_VERSION = 2,
    SKELETON_MAX = 1024,
    SKELETON_INPUT_MAX = 2048,
    SKELETON_TOKENS_MAX = 256,
};

/* Writes the skeleton of msg to out (at most SKELETON_MAX bytes, not NUL-terminated); returns its
 * length. Beyond the input caps it ends in a length class. */
size_t skeleton_of(struct str msg, char out[SKELETON_MAX]);

#endif
