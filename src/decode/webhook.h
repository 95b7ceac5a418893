/*
 * webhook.h - the envelope that Alertmanager's webhook v4 and Grafana's share. Private to decode.
 */
#ifndef TRIAGED_DECODE_WEBHOOK_H
#define TRIAGED_DECODE_WEBHOOK_H

#include "labelled.h"

/* What a format adds to the annotations of an alert, before its own are read (those win). */
typedef void webhook_extra_fn(struct reading *r, const jx *alert, struct alert *a);

/* Parses the body; refuses what is no JSON object. NULL then. */
const jx *webhook_parse(struct reading *r);
/* Reads the envelope's alerts into the batch. extra may be NULL. */
void webhook_read(struct reading *r, const jx *doc, enum alert_source source,
                  webhook_extra_fn *extra);
/* A label set that is no alert's identity by itself: what is no text or too long is left out. */
struct labels webhook_lenient_labels(struct reading *r, const jx *object);
/* Fills what every webhook alert has once its labels, annotations and times are read. */
void webhook_finish(struct reading *r, struct alert *a, enum alert_source source, int64_t starts_ms,
                    int64_t ends_ms);

#endif
