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
 *   2: msg="..." and the members of JSON are read; action=, status=, type= and their like keep
 *      words; names of exceptions and of constants, and Cisco's mnemonics, stay; "by X" stays;
 *      singular and plural are one; hosts with addresses, lists of hosts, devices of disks,
 * digests, sudo's user, Windows' folders
 */
#ifndef TRIAGED_DECODE_SKELETON_H
#define TRIAGED_DECODE_SKELETON_H

#include <stddef.h>
#include <stdint.h>

#include "triaged/alert/labels.h"
#include "triaged/base/arena.h"
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

/* What stands in the holes, by name, added to l (normalised then): part.ip part.mac part.user
 * part.device part.interface part.unit, and the second different value of each as part.ip.2 and so
 * on; what a value is and is not, docs/SYSLOG.md tells. Longer values are left out. Texts are
 * borrowed from msg. Reads the message once more: only worth its time where somebody asks. */
enum { SKELETON_PART_EACH_MAX = 2, SKELETON_PART_VALUE_MAX = 128 };
void skeleton_part_labels(struct str msg, struct arena *arena, struct labels *l);

#endif
