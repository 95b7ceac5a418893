/*
 * routes.h - the table of what is served over HTTP (DESIGN section 8): one row a route.
 */
#ifndef TRIAGED_DAEMON_ROUTES_H
#define TRIAGED_DAEMON_ROUTES_H

#include "triaged/base/str.h"
#include "triaged/conf/conf.h"
#include "triaged/net/http.h"

struct worker;

enum access { /* who may: see auth.h */
              ACCESS_ANYONE,
              ACCESS_INGEST,  /* role ingest, or manager and admin */
              ACCESS_METRICS, /* any role */
              ACCESS_VIEWER,
              ACCESS_RESPONDER,
              ACCESS_MANAGER,
              ACCESS_ADMIN,
};

struct route_call {
    struct worker *w;
    struct http_request *req;
    struct str args[2];             /* what stands for the {} of the path, in order */
    struct str rest;                /* what stands for a final * */
    const struct conf_token *token; /* who asks, or NULL (loopback without tokens) */
};

struct route {
    enum http_method method; /* a GET route serves HEAD too */
    const char *path;        /* {} = one segment; a final * = the rest */
    enum access access;
    void (*handle)(const struct route_call *call);
};

/* Finds the route, checks who asks, calls it. The server's callback; arg is the worker. */
void routes_on_request(void *arg, struct http_request *req);

/* Handlers, by file. routes_intake.c: */
void route_webhook(const struct route_call *call);
void route_api_v2_post_alerts(const struct route_call *call);
void route_heartbeat(const struct route_call *call);
/* routes_api_v2.c: */
void route_api_v2_status(const struct route_call *call);
void route_api_v2_receivers(const struct route_call *call);
/* routes_verbs.c: */
void route_open(const struct route_call *call);
void route_verb(const struct route_call *call);
/* routes_bulk.c: */
void route_bulk(const struct route_call *call);
/* routes_queues.c: */
void route_queues(const struct route_call *call);
void route_next(const struct route_call *call);
/* routes_records.c: */
void route_problems(const struct route_call *call);
void route_problem(const struct route_call *call);
void route_write_problem(const struct route_call *call);
void route_actions(const struct route_call *call);
void route_action(const struct route_call *call);
void route_new_action(const struct route_call *call);
void route_write_action(const struct route_call *call);
void route_known_errors(const struct route_call *call);
void route_write_known_error(const struct route_call *call);
void route_automation(const struct route_call *call);
/* routes_reviews.c: */
void route_reviews(const struct route_call *call);
void route_review(const struct route_call *call);
void route_write_review(const struct route_call *call);
/* routes_stats.c: */
void route_stats(const struct route_call *call);
void route_whoami(const struct route_call *call);
/* routes_events.c: */
void route_events(const struct route_call *call);
/* routes_status.c: */
void route_status(const struct route_call *call);
void route_status_page(const struct route_call *call);
/* routes_incidents.c: */
void route_incidents(const struct route_call *call);
void route_incident(const struct route_call *call);
void route_incident_alerts(const struct route_call *call);
void route_incident_timeline(const struct route_call *call);
/* routes_quarantine.c: */
void route_quarantine(const struct route_call *call);
void route_quarantine_entry(const struct route_call *call);
void route_quarantine_replay(const struct route_call *call);
/* routes_dead_letters.c: */
void route_dead_letter(const struct route_call *call);
/* routes_ops.c: */
void route_index(const struct route_call *call);
void route_healthy(const struct route_call *call);
void route_ready(const struct route_call *call);
void route_metrics(const struct route_call *call);
void route_reload(const struct route_call *call);

#endif
