/*
 * api.h - requests to the daemon. The only door to libcurl.
 */
#ifndef TRIAGED_CLI_API_H
#define TRIAGED_CLI_API_H

#include <stdbool.h>

#include "triaged/base/buf.h"

enum {
    API_ANSWER_MAX = 64 * 1024 * 1024,
    API_CONNECT_MS = 5000,
    API_TIMEOUT_MS = 60000, /* `next` waits 25 s, a verb is answered within 30 s */
    API_QUIET_S = 60,       /* a stream says something every 15 s */
    API_WHY = 256,
};

struct api_options {
    const char *url;     /* http://host:port, or https://…, with a path before ours if need be */
    const char *token;   /* or NULL */
    const char *ca_file; /* or NULL */
};

struct api_answer {
    long status;
    struct buf body;
};

struct api;

/* NULL when libcurl does not start, or the URL is no http or https one; *why says it. */
struct api *api_create(const struct api_options *options, char why[API_WHY]);
void api_destroy(struct api *a); /* accepts NULL */
/* Waits no longer than this for a connection and for the whole answer. */
void api_give_up_after(struct api *a, int ms);

/* body.p NULL: GET, else POST as JSON. accept: a media type, or NULL (JSON). False when there was
 * no answer (*why). The answer's buf must be initialised; it is reset first. */
bool api_call(struct api *a, const char *path, struct str body, const char *accept,
              struct api_answer *out, char why[API_WHY]);

/* Bytes of a stream; false ends it. */
typedef bool api_bytes_fn(void *arg, struct str bytes);

/* Reads a stream until it ends; bytes go to fn while the status is 200, else into the answer.
 * last_id: Last-Event-ID, or "". True when it was answered, and ended by itself or by fn. */
bool api_stream(struct api *a, const char *path, const char *last_id, api_bytes_fn *fn, void *arg,
                struct api_answer *out, char why[API_WHY]);

/* Appends ?name=value or &name=value, escaped. */
void api_put_query(struct buf *path, const char *name, struct str value);
/* Appends a segment of a path, escaped. */
void api_put_segment(struct buf *path, struct str segment);

#endif
