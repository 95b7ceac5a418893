/*
 * incident_query.h - which incidents are meant: by team, state, priority …, and by matchers on
 * their fields and on the labels of their alerts. From a request's parameters or a JSON object.
 */
#ifndef TRIAGED_DAEMON_INCIDENT_QUERY_H
#define TRIAGED_DAEMON_INCIDENT_QUERY_H

#include "api.h"
#include "form.h"
#include "incident_json.h"
#include "triaged/rules/filter.h"

enum { QUERY_OPEN = 1, QUERY_ACKNOWLEDGED = 2, QUERY_RESOLVED = 4, QUERY_CLOSED = 8 };
enum { QUERY_VALUES_MAX = 100 };

struct query_list {
    struct str *v;
    size_t n;
};

struct query {
    struct team *teams; /* sorted by name */
    size_t n_teams;
    unsigned states;     /* QUERY_… */
    unsigned priorities; /* bit 0 = P1 */
    struct query_list category, service, assignee, rule, system;
    bool overdue;
    struct filter *fields, *labels; /* owns; NULL = none */
    struct regex_scratch *scratch;  /* owns */
};

/* From ?team=&state=…, or from `where` if it is not NULL. False with *why (HTTP 400). */
bool query_read(struct query *q, struct api *api, const jx *where, struct form_error *why);
/* The walk needs them in order; query_read does it. */
void query_sort_teams(struct query *q);
void query_finish(struct query *q); /* accepts a zeroed one */
/* All but the labels. */
bool query_matches(const struct query *q, const struct incident *inc, struct arena *a);
/* One alert, as stored (JSON). */
bool query_matches_alert(const struct query *q, struct str stored, struct arena *a);

#endif
