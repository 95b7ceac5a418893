/*
 * incident_json.h - what stands in Redis as the API shows it: numbers as numbers, times as RFC 3339
 * in UTC with milliseconds, lists as lists (DESIGN section 8, docs/openapi.yaml).
 */
#ifndef TRIAGED_DAEMON_INCIDENT_JSON_H
#define TRIAGED_DAEMON_INCIDENT_JSON_H

#include <stdbool.h>

#include "fetch.h"
#include "triaged/alert/jx.h"
#include "triaged/base/buf.h"

struct incident { /* fields of an incident's hash, by name */
    struct str *names, *values;
    size_t n;
};

/* From HGETALL, or from the member `incident` of a script's answer. False when there is none. */
bool incident_from_value(struct incident *inc, const struct value *v, struct arena *a);
bool incident_from_json(struct incident *inc, const jx *v, struct arena *a);
struct str incident_get(const struct incident *inc, const char *name); /* or empty */
int64_t incident_number(const struct incident *inc, const char *name); /* or 0 */

void incident_put(struct buf *b, const struct incident *inc);
/* ,"name":"value" unless the value is empty */
void json_put_text(struct buf *b, const char *name, struct str value);
/* ,"name":"2026-…Z" unless ms is 0 */
void json_put_time(struct buf *b, const char *name, int64_t ms);
/* A value whose members named like times are shown as such; unset ones are left out. */
void json_put_value(struct buf *b, const char *name, const jx *v);
/* Is a member of this name a time? */
bool json_is_time_name(struct str name);
/* The members of an object as json_put_value shows them, without braces; false when there were
 * none. */
bool json_put_members(struct buf *b, const jx *object);
/* One stored JSON object with {"id":…,"team":…} or the like in front: `head` is members without
 * braces. False when text is no object. */
bool json_put_stored(struct buf *b, struct str head, struct str text);

#endif
