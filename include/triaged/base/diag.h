/*
 * diag.h - why something that a human wrote or sent was refused: where, what, and what to write.
 * A struct diag collects up to DIAG_MAX findings in one run. Rendered as
 *   file:line:column: path: sentence
 * with the parts that are known.
 */
#ifndef TRIAGED_BASE_DIAG_H
#define TRIAGED_BASE_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "triaged/base/mem.h"

enum { DIAG_MAX = 50 };

struct diag_item {
    char *file;    /* or NULL */
    unsigned line; /* 1-based; 0 = not known */
    unsigned column;
    char *path;    /* "rules[3].match[0]" or NULL */
    char *text;    /* one sentence, no final full stop */
    bool warning;  /* said, but no reason to refuse */
};

struct diag {
    struct diag_item items[DIAG_MAX];
    size_t n;        /* items kept */
    size_t errors;   /* all errors, kept or not */
    size_t warnings;
};

void diag_init(struct diag *d);
void diag_finish(struct diag *d);
/* Adds an error. file and path may be NULL; line 0 = unknown. Strings are copied. */
void diag_error(struct diag *d, const char *file, unsigned line, unsigned column, const char *path,
                const char *fmt, ...) PRINTF_LIKE(6, 7);
void diag_warning(struct diag *d, const char *file, unsigned line, unsigned column,
                  const char *path, const char *fmt, ...) PRINTF_LIKE(6, 7);
/* Renders one item into a fresh string; the caller owns it. */
char *diag_item_render(const struct diag_item *it);
/* Every item, a line each; says how many more there were. */
void diag_print(const struct diag *d, FILE *f);

#endif
