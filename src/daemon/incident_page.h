/*
 * incident_page.h - walks incidents in order, a page at a time: the board (most urgent first), then
 * the closed ones (newest first), over all teams of a query. Never looks at all of them: at most
 * `look` a page, from where the page before ended.
 */
#ifndef TRIAGED_DAEMON_INCIDENT_PAGE_H
#define TRIAGED_DAEMON_INCIDENT_PAGE_H

#include "incident_query.h"

struct page_position { /* of the incident that was looked at last */
    bool closed;       /* which of the two sets */
    bool begun;        /* false: at its beginning */
    int64_t score;
    struct str team, id;
};

struct page {
    struct api *api;
    struct query *query;
    size_t limit, look;
    /* One more condition, or NULL. */
    bool (*also)(const struct page *page, const struct incident *inc);
    void (*done)(struct page *page);
    void *more;

    struct incident *found; /* up to `limit` */
    size_t n_found;
    struct str next; /* cursor; p NULL: that was all */

    struct page_position at; /* private from here */
    struct page_candidate *candidates;
    size_t n_candidates, batch;
    bool exhausted;  /* the set behind `at` */
    size_t *offsets; /* by team: more of the same score to be passed over */
};

/* In the call's arena. cursor: as `next` of the page before, or empty. NULL: it is no cursor. */
struct page *page_create(struct api *api, struct query *query, size_t limit, struct str cursor);
void page_run(struct page *page);

#endif
