/*
 * listing.h - commands that print a list of the daemon's as a table: a struct each.
 */
#ifndef TRIAGED_CLI_LISTING_H
#define TRIAGED_CLI_LISTING_H

#include "incident.h"

struct listing {
    const char *path;           /* below /api/v1/ */
    const char *member;         /* of the answer: the list */
    const char *const *queries; /* options that are parameters of the same name; up to NULL */
    const struct table_column *columns;
    size_t n_columns;
    void (*add)(struct client *c, struct table *t, const jx *item); /* one row */
    const char *nothing; /* the sentence for an empty list */
};

/* A struct command's run: data is a struct listing. Follows the pages to the end. */
int listing_run(const struct command *self, int argc, char **argv);

#define LISTING_COLUMNS(c) .columns = (c), .n_columns = ARRAY_LEN(c)

#endif
