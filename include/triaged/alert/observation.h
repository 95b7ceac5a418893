/*
 * observation.h - what goes into Redis of an alert: one observation, folded with its equals, with
 * its verdict; and the record, the argument list of one script call (DESIGN section 3.7).
 *
 * Record payload, little endian, inside a spool record (spool/segment.h adds length, CRC, seq):
 *   u8 version (1) · u8 script (enum record_script) · u16 n_fields_per_item · u32 n_items ·
 *   i64 at_ms · then n_items * n_fields times { u32 length · bytes }.
 * The fields of an observe item are in the order of OBSERVE_FIELDS; docs/REDIS.md tells their
 * meaning to the scripts, src/store/lua/lib/observation.lua reads them in the same order.
 */
#ifndef TRIAGED_ALERT_OBSERVATION_H
#define TRIAGED_ALERT_OBSERVATION_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/base/buf.h"
#include "triaged/base/str.h"

enum record_script { RECORD_OBSERVE = 1, RECORD_VERB = 2 };
enum { RECORD_VERSION = 1, RECORD_ITEMS_MAX = 256, RECORD_BYTES_MAX = 4 * 1024 * 1024 };

/* name, meaning. All are texts; numbers are decimal, times ms since 1970, "" or 0 = unset. */
#define OBSERVE_FIELDS(F)                                                                          \
    F(fingerprint, "identity of the alert, 16 hex digits")                                         \
    F(group_key, "RULE{name=value,...}: alerts of a team with this key share an incident")         \
    F(state, "firing, resolved, or elsewhere (a resolve that acts only where the alert fires)")    \
    F(kind, "alert or log (a log event resolves by quiet)")                                        \
    F(first_ms, "receipt of the first observation folded in here")                                 \
    F(last_ms, "receipt of the last")                                                              \
    F(count, "observations folded in here")                                                        \
    F(starts_ms, "the sender's start")                                                             \
    F(ends_ms, "the sender's end")                                                                 \
    F(lease_ms, "while firing: when the sender's word runs out")                                   \
    F(sender, "who says so")                                                                       \
    F(pairs, "1: a resolve does not end what another sender keeps firing (/api/v2); 0: it does")   \
    F(system, "affected system, or empty")                                                         \
    F(impact, "high, medium or low, before blast radius")                                          \
    F(urgency, "high, medium or low")                                                              \
    F(rule, "name of the deciding rule")                                                           \
    F(threshold, "empty, or COUNT WITHIN_MS KEY")                                                  \
    F(suppress, "empty, or JSON list of {name, until_ms} of matching maintenance windows")         \
    F(meta, "JSON object used when an incident is opened: title summary category ...; or =")       \
    F(alert, "JSON members of the stored alert: \"labels\":{},\"annotations\":{} ... no braces")

#define OBSERVE_META_AS_BEFORE "=" /* the meta of the item before, in the same record */

enum observe_field {
#define F(name, help) OBSERVE_##name,
    OBSERVE_FIELDS(F)
#undef F
        OBSERVE_N
};

struct record_header {
    enum record_script script;
    uint32_t n_fields, n_items;
    int64_t at_ms;
};

/* Empties b and starts a payload in it; the item count is patched in by record_end. */
void record_begin(struct buf *b, enum record_script script, uint32_t n_fields, int64_t at_ms);
bool record_put(struct buf *b, struct str field);
bool record_put_i64(struct buf *b, int64_t v);
/* Writes the number of items; false when the buffer overflowed. */
bool record_end(struct buf *b, uint32_t n_items);

/* Reading back: the header, then each field in turn. False on anything malformed. */
struct record_reader {
    struct str rest;
};
bool record_read(struct str payload, struct record_header *out, struct record_reader *r);
bool record_next(struct record_reader *r, struct str *field);

#endif
