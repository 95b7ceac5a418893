/*
 * zone.h - time zones read from the system's zone files (TZif, RFC 8536 and RFC 9636). The C
 * library would silently take UTC for a zone that it does not know; here that is an error.
 * A zone is immutable after loading and may be shared by threads.
 */
#ifndef TRIAGED_BASE_ZONE_H
#define TRIAGED_BASE_ZONE_H

#include <stdint.h>

#include "triaged/base/diag.h"
#include "triaged/base/str.h"

struct zone;

enum { ZONE_NAME_MAX = 64, ZONE_FILE_MAX = 256 * 1024 };

/* Loads "Europe/Berlin", "UTC" … from /usr/share/zoneinfo, or a fixed offset "+02:00". NULL on
 * failure, with one error in *why (borrowed, may be NULL; no place: the caller knows it).
 * The caller owns the zone. */
struct zone *zone_load(const char *name, struct diag *why);
/* Reads the content of a zone file. NULL on failure with *reason, one clause, static text. */
struct zone *zone_parse(struct str bytes, const char **reason);
/* A zone that is always `offset_s` seconds east of UTC. */
struct zone *zone_fixed(int32_t offset_s);
/* Accepts NULL. */
void zone_free(struct zone *z);

/* Seconds east of UTC at that moment. z NULL is UTC, in both functions. */
int32_t zone_offset_at_utc(const struct zone *z, int64_t utc_s);
/* Seconds east of UTC for a wall-clock time (seconds since 1970 as if it were UTC): subtract the
 * result to get UTC. An hour that happens twice is its first run; in a skipped hour the offset
 * from before the gap is taken, as if the clock had not been put forward yet. */
int32_t zone_offset_of_local(const struct zone *z, int64_t local_s);

#endif
