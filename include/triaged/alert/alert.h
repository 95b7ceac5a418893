/*
 * alert.h - the value that flows: one observation by a monitor or a log message, as decoded.
 * Ownership: an alert and all its text are borrowed from the batch (its arena and input bytes) and
 * live until the batch is reset. Pure data: no I/O, no clock.
 */
#ifndef TRIAGED_ALERT_ALERT_H
#define TRIAGED_ALERT_ALERT_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/alert/labels.h"
#include "triaged/alert/severity.h"
#include "triaged/base/arena.h"
#include "triaged/base/str.h"

enum alert_source {
    SOURCE_ALERTMANAGER, /* POST /webhook/alertmanager */
    SOURCE_PROMETHEUS,   /* POST /api/v2/alerts */
    SOURCE_GRAFANA,      /* POST /webhook/grafana */
    SOURCE_JSON,         /* POST /webhook/NAME through a mapping */
    SOURCE_SYSLOG,
    SOURCE_N
};
/* "alertmanager", "prometheus", "grafana", "json", "syslog": the value of the label `source`. */
const char *alert_source_name(enum alert_source s);
bool alert_source_from_name(struct str name, enum alert_source *out);

struct alert {
    enum alert_source source;
    enum severity severity;
    bool resolved;
    /* A log event never says that it is over: quiet resolves it (rule's resolve_after). */
    bool is_log;
    /* Identity (DESIGN section 3.3). Labelled alerts: set by decode. Syslog: skeleton+host+app,
     * completed after the rules. Printed as %016x. */
    uint64_t fingerprint;
    /* Sorted, unique, no empty values; what the sender sent. For syslog the labels of DESIGN
     * section 5: host app procid msgid facility severity message skeleton sd.ID.PARAM. */
    struct labels labels;
    struct labels annotations;
    struct labels group_labels; /* an Alertmanager webhook's own groupLabels; may be empty */
    int64_t starts_ms, ends_ms; /* 0 = unset (year 0001 means unset) */
    int64_t received_ms;
    int64_t lease_ms;           /* until when the sender's word holds while firing; 0 = for ever */
    struct str generator_url;
    struct str sender;          /* host of generator_url, else token name, else peer */
    struct str listener;        /* the listener's address as configured, for the verdict cache */
    uint32_t repeat;            /* how many observations this one stands for, >= 1 */
};

/* A set of alerts decoded from one request or message, with everything they borrow from. */
struct alert_batch {
    struct arena arena;
    struct alert *alerts;
    size_t n;
    size_t cap;
    void *document; /* the JSON document that texts are borrowed from (alert/jx.c), or NULL */
};

void alert_batch_init(struct alert_batch *b);
void alert_batch_reset(struct alert_batch *b);
void alert_batch_finish(struct alert_batch *b);
/* A fresh zeroed alert (repeat = 1) at the end of the batch; the pointer dies with the next add. */
struct alert *alert_batch_add(struct alert_batch *b);

/*
 * The value a matcher or template sees under `name`, or an empty str: `source`, `severity` (the
 * label if there is one, else the severity's name), `label.NAME`, `annotation.NAME`, else the label.
 */
struct str alert_field(const struct alert *a, struct str name);

/* sd.*, part.*, cef.*, leef.*, json.*: out of a log message's own data, and so different with every message:
 * not stored with the alert, never part of the verdict cache's key. */
bool alert_label_is_payload(struct str name);
/* Of these the ones that syslog_body_labels makes (decode/syslog.h): cef.*, leef.*, json.* */
bool alert_label_is_body(struct str name);
/* And those of skeleton_part_labels (decode/skeleton.h): part.* */
bool alert_label_is_part(struct str name);

/* The affected system: the first of labels host, instance (without its port), node. */
struct str alert_system(const struct alert *a);

#endif
