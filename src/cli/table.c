/*
 * table.c - lays a table out and prints it.
 * Owns: the rows. Called by: the commands that list.
 */
#include "table.h"

#include <assert.h>
#include <stdlib.h>

#include "triaged/base/mem.h"

enum { GAP = 2, HARD_MIN = 4, LINE_MAX_BYTES = 1024 * 1024 };

struct cell {
    struct str text;
    size_t width;
    enum style style;
};

struct table {
    const struct table_column *columns;
    size_t n_columns;
    struct arena arena;
    struct cell *cells; /* n_rows * n_columns */
    size_t n_rows, cap_rows;
    size_t at; /* column of the next cell of the last row */
};

struct table *table_create(const struct table_column *columns, size_t n)
{
    struct table *t = NEW(struct table);

    assert(n <= TABLE_COLUMNS_MAX);
    t->columns = columns;
    t->n_columns = n;
    arena_init(&t->arena, 0);
    return t;
}

void table_destroy(struct table *t)
{
    if (!t)
        return;
    arena_finish(&t->arena);
    free(t->cells);
    free(t);
}

void table_row(struct table *t)
{
    if (t->n_rows == t->cap_rows) {
        t->cap_rows = t->cap_rows ? 2 * t->cap_rows : 32;
        t->cells = xrealloc_array(t->cells, t->cap_rows, t->n_columns * sizeof(*t->cells));
    }
    for (size_t i = 0; i < t->n_columns; i++)
        t->cells[t->n_rows * t->n_columns + i] = (struct cell){.style = PLAIN};
    t->n_rows++;
    t->at = 0;
}

void table_put_styled(struct table *t, enum style style, struct str text)
{
    struct cell *cell;

    assert(t->n_rows > 0 && t->at < t->n_columns);
    cell = &t->cells[(t->n_rows - 1) * t->n_columns + t->at++];
    *cell = (struct cell){arena_str(&t->arena, text), text_width(text), style};
}

void table_put(struct table *t, struct str text)
{
    table_put_styled(t, PLAIN, text);
}

size_t table_rows(const struct table *t)
{
    return t->n_rows;
}

/* ---- layout ---------------------------------------------------------------------------------- */

/* Width of each column; 0 = not shown. */
static void natural_widths(const struct table *t, size_t *widths)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        widths[i] = 0;
        for (size_t r = 0; r < t->n_rows; r++) {
            size_t width = t->cells[r * t->n_columns + i].width;

            widths[i] = width > widths[i] ? width : widths[i];
        }
        size_t title = text_width(str_c(t->columns[i].title));
        if (widths[i] && title > widths[i])
            widths[i] = title;
    }
}

/* Columns of the terminal that a line takes, flexible columns at their narrowest if asked. */
static size_t line_width(const struct table *t, const size_t *widths, bool narrowest)
{
    size_t sum = 0;

    for (size_t i = 0; i < t->n_columns; i++) {
        size_t least = t->columns[i].flexible;

        if (widths[i])
            sum += (sum ? GAP : 0) + (narrowest && least && widths[i] > least ? least : widths[i]);
    }
    return sum;
}

static bool drop_one(const struct table *t, size_t *widths)
{
    size_t victim = t->n_columns;

    for (size_t i = 0; i < t->n_columns; i++)
        if (widths[i] && t->columns[i].drop &&
            (victim == t->n_columns || t->columns[i].drop > t->columns[victim].drop))
            victim = i;
    if (victim == t->n_columns)
        return false;
    widths[victim] = 0;
    return true;
}

/* Cuts the widest flexible column by one, or returns false. hard: below what is comfortable. */
static bool cut_one(const struct table *t, size_t *widths, bool hard)
{
    size_t victim = t->n_columns;

    for (size_t i = 0; i < t->n_columns; i++)
        if (t->columns[i].flexible && widths[i] > (hard ? HARD_MIN : t->columns[i].flexible) &&
            (victim == t->n_columns || widths[i] > widths[victim]))
            victim = i;
    if (victim == t->n_columns)
        return false;
    widths[victim]--;
    return true;
}

static void lay_out(const struct table *t, size_t width, size_t *widths)
{
    size_t excess;

    natural_widths(t, widths);
    if (!width)
        return;
    while (line_width(t, widths, true) > width && drop_one(t, widths))
        ;
    excess = line_width(t, widths, false);
    excess = excess > width ? excess - width : 0;
    while (excess && (cut_one(t, widths, false) || cut_one(t, widths, true)))
        excess--;
}

/* ---- printing -------------------------------------------------------------------------------- */

static void put_blanks(struct buf *b, size_t n)
{
    while (n--)
        buf_put_char(b, ' ');
}

struct line {
    struct buf *b;
    size_t owed; /* blanks before the next text, so that none stand at the end */
    bool begun;
};

static void put_cell(struct line *l, const struct term *term, const struct table_column *column,
                     size_t width, enum style style, struct str text)
{
    size_t taken = text_width(text);
    size_t pad = taken < width ? width - taken : 0;

    if (l->begun)
        l->owed += GAP;
    l->begun = true;
    if (column->right)
        l->owed += pad;
    if (text.n) {
        put_blanks(l->b, l->owed);
        l->owed = 0;
        buf_put_c(l->b, style_on(term, style));
        text_put(l->b, text, width);
        buf_put_c(l->b, style_off(term, style));
    }
    if (!column->right)
        l->owed += pad;
}

static void print_line(const struct buf *b, const struct term *term)
{
    fwrite(b->p, 1, b->n, term->f);
    fputc('\n', term->f);
}

void table_print(const struct table *t, const struct term *term, const char *nothing)
{
    size_t widths[TABLE_COLUMNS_MAX];
    struct buf b;

    if (t->n_rows == 0) {
        fprintf(term->f, "%s\n", nothing);
        return;
    }
    lay_out(t, term->width, widths);
    buf_init(&b, LINE_MAX_BYTES);
    for (size_t r = 0; r <= t->n_rows; r++) {
        struct line line = {.b = &b};

        buf_reset(&b);
        for (size_t i = 0; i < t->n_columns; i++) {
            const struct cell *cell = r ? &t->cells[(r - 1) * t->n_columns + i] : NULL;

            if (widths[i])
                put_cell(&line, term, &t->columns[i], widths[i], cell ? cell->style : DIM,
                         cell ? cell->text : str_c(t->columns[i].title));
        }
        print_line(&b, term);
    }
    buf_finish(&b);
}
