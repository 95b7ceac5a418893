/*
 * term.h - where output goes: its width, its colours, and texts made safe for it.
 * Texts come from whoever can send an alert: control characters never reach the terminal.
 */
#ifndef TRIAGED_CLI_TERM_H
#define TRIAGED_CLI_TERM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "triaged/base/buf.h"
#include "triaged/base/str.h"

enum style { PLAIN, BOLD, DIM, RED, BOLD_RED, YELLOW, GREEN, CYAN, MAGENTA };

struct term {
    FILE *f;
    size_t width; /* columns; 0 = do not cut */
    bool colour;
    int64_t now_ms; /* what "3m ago" is measured from */
};

/* color: "auto", "always", "never" or NULL (auto). Asks the terminal and the environment
 * (COLUMNS, NO_COLOR, TERM). */
void term_init(struct term *t, FILE *f, const char *color);

/* Columns that a text takes. Of bytes that are no UTF-8, and of control characters, one each. */
size_t text_width(struct str s);
/* Appends s with control characters as blanks and broken bytes as U+FFFD; if it is wider than
 * width (0 = any) it is cut and ends in "…". Returns the columns taken. */
size_t text_put(struct buf *b, struct str s, size_t width);
/* As text_put, then a line break each `width` columns at most, between words where possible;
 * lines after the first begin with `indent` blanks. Line breaks in s stay. */
void text_wrap(struct buf *b, struct str s, size_t indent, size_t width);

/* Sequences around a styled text; "" without colours. */
const char *style_on(const struct term *t, enum style s);
const char *style_off(const struct term *t, enum style s);
/* Prints a text in a style, made safe. */
void term_put(const struct term *t, enum style s, struct str text);

#endif
