/*
 * labelled.h - what the JSON formats share: reading labels, annotations and times with limits, and
 * saying what was wrong. Private to decode.
 */
#ifndef TRIAGED_DECODE_LABELLED_H
#define TRIAGED_DECODE_LABELLED_H

#include "triaged/alert/jx.h"
#include "triaged/base/mem.h"
#include "triaged/decode/decode.h"

/* One request being read, and which of its alerts. */
struct reading {
    const struct decode_input *in;
    struct alert_batch *out;
    struct decode_result *res;
    const char *list; /* what stands before the index in a problem's path: "alerts" or "" */
    size_t index;
    bool api;                   /* /api/v2: problems are worded and coded as Alertmanager's */
    struct str fallback_sender; /* the batch's copy of token name or peer; made when needed */
};

void decode_alertmanager(const struct decode_input *in, struct alert_batch *out,
                         struct decode_result *res);
void decode_grafana(const struct decode_input *in, struct alert_batch *out,
                    struct decode_result *res);
void decode_prometheus(const struct decode_input *in, struct alert_batch *out,
                       struct decode_result *res);
void decode_json(const struct decode_input *in, struct alert_batch *out, struct decode_result *res);

/* Keeps one more problem, if there is room. path is relative to the alert: ".labels" or "". */
void reading_problem(struct reading *r, int status, int code, const char *path, const char *fmt,
                     ...) PRINTF_LIKE(5, 6);
/* Counts the alert at r->index as left out and says why. Returns false, for `return`. */
bool reading_bad(struct reading *r, int status, int code, const char *path, const char *fmt, ...)
    PRINTF_LIKE(5, 6);
/* Refuses the whole input. */
void reading_refuse(struct reading *r, int status, int code, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* How many of n alerts may be read; the rest is counted as left out. */
size_t reading_clamp(struct reading *r, size_t n);

/* Labels from an object of strings: checked against the limits, empty values dropped, sorted.
 * False (with a problem) when the alert cannot be used. */
bool labelled_labels(struct reading *r, const jx *object, struct labels *out);
/* Appends annotations: too long values are cut, too many left off. Not yet normalised. False (with
 * a problem) only under the API, for a value that is no string. */
bool labelled_annotations(struct reading *r, const jx *object, struct labels *out);
/* A value within the limit for annotations, cut at a character. */
struct str labelled_cut(struct str value, uint64_t max);

/* RFC 3339 text to ms. True also for what means "unset" (absent, null, "", year 1): *out_ms = 0. */
bool labelled_time(const jx *v, int64_t *out_ms);
/* Host (and port) of a URL, or an empty str. */
struct str labelled_host(struct str url);
/* The first of labels severity, priority, level that says something that we know. */
enum severity labelled_severity(const struct labels *l);
/* Who sent it: host of the generator's URL, else token, else peer. */
struct str labelled_sender(struct reading *r, struct str generator_url);

#endif
