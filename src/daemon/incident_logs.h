/*
 * incident_logs.h - what the systems of an incident logged lately: the log alerts of other
 * incidents on the same systems, of any team.
 */
#ifndef TRIAGED_DAEMON_INCIDENT_LOGS_H
#define TRIAGED_DAEMON_INCIDENT_LOGS_H

#include "api.h"
#include "incident_json.h"

enum {
    LOGS_URGENT = 200,  /* incidents of a team's board that are looked at: the most urgent */
    LOGS_EVENTS = 500,  /* events of a team, the newest: whose incidents are looked at */
    LOGS_OTHERS = 2000, /* events of all other teams together, and as many on their boards: the more
                         * teams, the less of each, but LOGS_LEAST */
    LOGS_LEAST = 10,
    LOGS_LOOK_MAX = 1000, /* incidents looked at in all, this team's first */
    LOGS_INCIDENTS = 10,  /* log incidents on these systems whose alerts are read, the newest */
    LOGS_ALERTS = 100,    /* alerts read of each */
    LOGS_MAX = 20,        /* shown */
};

struct log_line { /* texts in the call's arena */
    struct str incident, team, system, app, message, state;
    int64_t count, first_ms, last_ms;
};

struct logs {
    struct log_line v[LOGS_MAX];
    size_t n; /* the newest first */
};

/* Asks Redis in a few rounds, then calls `then` with api->more as it is now. */
void logs_find(struct api *api, const struct incident *inc, struct str team, struct logs *out,
               void (*then)(struct api *api));
/* [{"incident":…},…] */
void logs_put(struct buf *b, const struct logs *logs);
/* Is it one system? The same name, or one of them without its domain. Case does not matter. */
bool logs_same_system(struct str a, struct str b);

#endif
