/*
 * table.h - tables made for the terminal's width.
 * A column without any content is left out. When the terminal is too narrow, columns go in the
 * order of their `drop` (highest first), then the flexible ones are cut; where none can go any
 * more, beyond what is comfortable.
 */
#ifndef TRIAGED_CLI_TABLE_H
#define TRIAGED_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "term.h"
#include "triaged/base/arena.h"

enum { TABLE_COLUMNS_MAX = 16 };

struct table_column {
    const char *title;
    unsigned drop;   /* 0: always shown; else left out when narrow, the highest first */
    size_t flexible; /* 0: never cut; else it may be cut, comfortably to this width */
    bool right;      /* numbers */
};

struct table;

/* Columns are borrowed until table_destroy. n <= TABLE_COLUMNS_MAX. */
struct table *table_create(const struct table_column *columns, size_t n);
void table_destroy(struct table *t); /* accepts NULL */
/* Appends a row; cells are then put from left to right, and copied. */
void table_row(struct table *t);
void table_put(struct table *t, struct str text);
void table_put_styled(struct table *t, enum style style, struct str text);
size_t table_rows(const struct table *t);
/* Prints the titles and the rows; prints `nothing` (a sentence) when there are none. */
void table_print(const struct table *t, const struct term *term, const char *nothing);

#endif
