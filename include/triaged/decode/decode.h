/*
 * decode.h - formats: bytes in, alerts out. One file and one table row per format. Pure.
 */
#ifndef TRIAGED_DECODE_DECODE_H
#define TRIAGED_DECODE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "triaged/alert/alert.h"
#include "triaged/base/str.h"
#include "triaged/conf/conf.h"

struct decode_input {
    struct str body;
    int64_t now_ms;
    struct str peer;       /* sender's address */
    struct str token_name; /* or empty */
    const struct conf_limits *limits;
    const struct conf_defaults *defaults; /* leases */
    const struct conf_mapping *mapping;   /* format "json" only */
};

/* What the sender is told (DESIGN section 8, alertmanager.md section 2b). */
struct decode_problem {
    char path[96];     /* "alerts[3].labels" */
    char text[256];
    int status;        /* 400 or 422 */
    int code;          /* Alertmanager's schema code (602, 601), 0 for handler errors */
};

enum { DECODE_PROBLEMS_MAX = 8 };

struct decode_result {
    /* Whole input refused (status 4xx) when `refused`; else alerts of the batch are good and
     * problems tell of the ones that were left out. */
    bool refused;
    struct decode_problem problems[DECODE_PROBLEMS_MAX];
    size_t n_problems;  /* kept */
    size_t bad;         /* alerts left out, kept in problems or not */
    uint64_t truncated; /* alerts that the sender itself cut (truncatedAlerts) */
    /* Well-formed but of no use (no alerts, no labels …): why, for quarantine. "" = useful. */
    const char *useless;
};

struct decoder {
    const char *name; /* "alertmanager", "grafana", "prometheus", "json" */
    enum alert_source source;
    void (*decode)(const struct decode_input *in, struct alert_batch *out, struct decode_result *res);
};

/* Decodes, then leaves out alerts of more than limits.alert bytes (a record of the spool must hold
 * each with room to spare). What callers use. */
void decode_run(const struct decoder *d, const struct decode_input *in, struct alert_batch *out,
                struct decode_result *res);

extern const struct decoder decoders[];
extern const size_t n_decoders;
const struct decoder *decoder_find(const char *name); /* or NULL */

#endif
