/*
 * diag.c - findings about what a human wrote, with their places.
 * Owns: the texts of the items. Never: decides what happens next; prints unless asked to.
 */
#include "triaged/base/diag.h"

#include <stdarg.h>
#include <stdlib.h>

#include "triaged/base/buf.h"

void diag_init(struct diag *d)
{
    *d = (struct diag){.n = 0};
}

void diag_finish(struct diag *d)
{
    for (size_t i = 0; i < d->n; i++) {
        free(d->items[i].file);
        free(d->items[i].path);
        free(d->items[i].text);
    }
    diag_init(d);
}

__attribute__((format(printf, 7, 0))) static void add(struct diag *d, bool warning,
                                                      const char *file, unsigned line,
                                                      unsigned column, const char *path,
                                                      const char *fmt, va_list ap)
{
    if (warning)
        d->warnings++;
    else
        d->errors++;
    if (d->n == DIAG_MAX)
        return;
    char *text = NULL;
    if (vasprintf(&text, fmt, ap) < 0)
        text = xstrdup(fmt);
    d->items[d->n++] = (struct diag_item){
        .file = file ? xstrdup(file) : NULL,
        .line = line,
        .column = column,
        .path = path ? xstrdup(path) : NULL,
        .text = text,
        .warning = warning,
    };
}

void diag_error(struct diag *d, const char *file, unsigned line, unsigned column, const char *path,
                const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(d, false, file, line, column, path, fmt, ap);
    va_end(ap);
}

void diag_warning(struct diag *d, const char *file, unsigned line, unsigned column,
                  const char *path, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(d, true, file, line, column, path, fmt, ap);
    va_end(ap);
}

char *diag_item_render(const struct diag_item *it)
{
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    if (it->file)
        buf_printf(&b, "%s:", it->file);
    if (it->line)
        buf_printf(&b, "%u:", it->line);
    if (it->line && it->column)
        buf_printf(&b, "%u:", it->column);
    if (b.n)
        buf_put_char(&b, ' ');
    if (it->warning)
        buf_put_c(&b, "warning: ");
    if (it->path && it->path[0])
        buf_printf(&b, "%s: ", it->path);
    buf_put_c(&b, it->text);
    buf_put_char(&b, 0);
    return b.p;
}

void diag_print(const struct diag *d, FILE *f)
{
    for (size_t i = 0; i < d->n; i++) {
        char *line = diag_item_render(&d->items[i]);
        fprintf(f, "%s\n", line);
        free(line);
    }
    size_t all = d->errors + d->warnings;
    if (all > d->n)
        fprintf(f, "... and %zu more\n", all - d->n);
}
