/*
 * prepared.h - a verdict ready to be spooled: every field of an observation that does not change
 * from one receipt to the next, encoded once. Reference-counted: the verdict cache and the fold
 * entries that wait hold it.
 */
#ifndef TRIAGED_DAEMON_PREPARED_H
#define TRIAGED_DAEMON_PREPARED_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/alert/alert.h"
#include "triaged/rules/ruleset.h"

struct fold_entry;

enum { PREPARED_FOLDS = 2 };

struct prepared {
    int refs;
    bool drop; /* counted only; no other field is set */
    bool is_log;
    bool is_beat; /* a heartbeat: only team and fingerprint (its name) are set */
    bool pairs;   /* /api/v2: senders come in pairs */
    bool
        summary_is_message; /* the summary is the first message itself: prepared_put_meta adds it */
    /* Logs: the entry of each fold that has one now, or NULL; when one was written last, 0 = never
     */
    struct fold_entry *pending[PREPARED_FOLDS];
    int64_t written_ms;
    size_t bytes; /* memory held, for the cache's bound */
    struct str team, group_key, rule, system, threshold, suppress;
    const char *impact, *urgency;
    struct str fingerprint; /* 16 hex digits */
    uint64_t fp;
    struct str meta;  /* JSON object */
    struct str alert; /* JSON members; for logs all but the message, see prepared_put_alert */
    char text[];
};

/* Encodes a verdict on an alert. `scratch` is reset. The caller owns one reference. */
struct prepared *prepared_create(const struct alert *a, const struct verdict *v,
                                 const struct conf *conf, struct buf *scratch);
/* A beat of a heartbeat, for its team. */
struct prepared *prepared_create_beat(const struct conf_heartbeat *h, const struct conf *conf);
struct prepared *prepared_ref(struct prepared *p);
void prepared_unref(struct prepared *p); /* accepts NULL */
/* The field `meta` of an observation. */
bool prepared_put_meta(const struct prepared *p, struct str first_message, struct buf *out);
/* The field `alert` of an observation: for logs with the text of the last message folded in. */
bool prepared_put_alert(const struct prepared *p, struct str last_message, struct buf *out);

#endif
