/*
 * incident_metrics.h - figures about incidents, gathered by the main thread every few seconds with
 * a bounded number of commands: for /metrics, and for the public status, which is served also while
 * Redis is away.
 */
#ifndef TRIAGED_DAEMON_INCIDENT_METRICS_H
#define TRIAGED_DAEMON_INCIDENT_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/base/buf.h"
#include "triaged/conf/conf.h"

struct supervisor;
struct incident_metrics;

struct incident_metrics *incident_metrics_create(struct supervisor *sup, const struct conf *conf);
void incident_metrics_configure(struct incident_metrics *m, const struct conf *conf);
void incident_metrics_second(struct incident_metrics *m);
void incident_metrics_destroy(struct incident_metrics *m); /* accepts NULL */

/* The public status as of the last look; from any thread. */
void incident_metrics_put_json(struct incident_metrics *m, struct buf *b);
void incident_metrics_put_html(struct incident_metrics *m, struct buf *b);

#endif
