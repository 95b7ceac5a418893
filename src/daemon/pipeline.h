/*
 * pipeline.h - the journey of an alert through a worker, from bytes to the spool.
 */
#ifndef TRIAGED_DAEMON_PIPELINE_H
#define TRIAGED_DAEMON_PIPELINE_H

#include <stdbool.h>

#include "answers.h"
#include "triaged/base/str.h"

struct worker;
struct syslog_peer;
struct http_request;

/* The alerts of w->batch, decoded from one request. The request is answered with (status, type,
 * body) once all of them are durable, or 503 when they cannot be kept. */
void pipeline_take_batch(struct worker *w, struct http_request *req, int status, const char *type,
                         struct str body);
/* The same for a batch that is not empty and has more to do before it is answered. */
void pipeline_take_batch_then(struct worker *w, struct http_request *req, answer_then_fn *then,
                              void *arg);
/* One record of a team, as a fold once wrote it; answered 200 once it is durable, or 503. */
void pipeline_take_record(struct worker *w, struct http_request *req, struct str team,
                          struct str payload);
/* A beat that was sent by name; answered as above. */
struct conf_heartbeat;
void pipeline_take_beat(struct worker *w, struct http_request *req, const struct conf_heartbeat *h,
                        int status, const char *type, struct str body);
/* One syslog message; frame_flags as in net/syslog_frame.h. */
void pipeline_take_syslog(struct worker *w, const struct syslog_peer *peer, struct str message,
                          unsigned frame_flags);
/* Writes what is folded to the spool; false when the spool would not take it. */
bool pipeline_flush_http(struct worker *w);
bool pipeline_flush_syslog(struct worker *w);
/* The same for log messages, but for known causes that may still wait. */
bool pipeline_flush_syslog_due(struct worker *w);
/* Acknowledges what RELP senders wait for and is durable. */
void pipeline_acknowledge(struct worker *w);

#endif
