/*
 * answers.h - requests whose alerts are in the spool's hands and that wait until these are durable.
 */
#ifndef TRIAGED_DAEMON_ANSWERS_H
#define TRIAGED_DAEMON_ANSWERS_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/base/list.h"
#include "triaged/base/str.h"

struct http_request;

/* Answers the request itself. code NULL: all is durable; else it was refused, for this reason. */
typedef void answer_then_fn(void *arg, const char *code, const char *why);

struct answer {
    struct list node;
    answer_then_fn *then; /* or NULL: what stands below is the answer */
    void *arg;
    struct http_request *req;
    uint64_t ticket;  /* 0 until its alerts were appended */
    int64_t taken_ns; /* monotonic, for the latency histogram */
    int status;
    const char *type; /* content type or NULL */
    struct str body;  /* malloc'ed copy behind the struct */
};

struct answers {
    struct list appending; /* their alerts wait in the fold */
    struct list syncing;   /* ordered by ticket */
};

void answers_init(struct answers *a);
/* Remembers what to answer when all that is in the fold now is durable. Body is copied. */
void answers_add(struct answers *a, struct http_request *req, int status, const char *type,
                 struct str body);
/* The same for one that has more to do before it answers. */
void answers_add_then(struct answers *a, answer_then_fn *then, void *arg);
/* The fold was written up to this ticket. */
void answers_appended(struct answers *a, uint64_t ticket);
/* The fold could not be written: 503 with Retry-After to all whose alerts were in it. */
void answers_refuse(struct answers *a, const char *code, const char *why);
/* Replies to all up to this ticket. */
void answers_durable(struct answers *a, uint64_t durable);
bool answers_waiting(const struct answers *a);

#endif
