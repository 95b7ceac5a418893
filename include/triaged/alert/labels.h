/*
 * labels.h - a label set: names and values, sorted by name, unique, without empty values.
 */
#ifndef TRIAGED_ALERT_LABELS_H
#define TRIAGED_ALERT_LABELS_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/base/arena.h"
#include "triaged/base/buf.h"
#include "triaged/base/str.h"

struct label {
    struct str name, value;
};

struct labels {
    struct label *v;
    uint32_t n, cap;
};

/* Appends without sorting; grows in the arena. Finish with labels_normalise. */
void labels_add(struct labels *l, struct arena *a, struct str name, struct str value);
/* Sorts by name (bytewise), drops empty values; of equal names the last one stays. */
void labels_normalise(struct labels *l);
/* Value of name, or an empty str with p NULL. Needs a normalised set. */
struct str labels_get(const struct labels *l, struct str name);

/* Prometheus' label set fingerprint: FNV-1a 64 over sorted `name 0xFF value 0xFF`
 * (prometheus/common model/labelset.go, Fingerprint). Needs a normalised set. */
uint64_t labels_fingerprint(const struct labels *l);
/* {"a":"b",...} in the set's order. */
bool labels_put_json(const struct labels *l, struct buf *out);
/* True for [a-zA-Z_][a-zA-Z0-9_]* (Prometheus' classic label names). */
bool labels_name_is_classic(struct str name);

#endif
