/*
 * schema_print.c - the tables as a text for people, and what of them a reload cannot change.
 * Owns: the form of the reference (triaged.yaml(5), `triagectl config reference`).
 */
#include <inttypes.h>

#include "schema.h"

static const char *type_words(struct arena *a, const struct schema_row *row)
{
    switch (row->kind) {
    case K_BOOL:
        return row->names ? schema_names_text(a, row->names) : "true or false";
    case K_UINT:
        return row->max ? arena_printf(a, "number %" PRIu64 " to %" PRIu64, row->min, row->max).p
                        : "number";
    case K_DURATION:
        return (row->flags & NONE_OK) ? "duration or none" : "duration";
    case K_SIZE:
        return "size";
    case K_ENUM:
        return schema_names_text(a, row->names);
    case K_TEXT:
    case K_PLACED:
        return "text";
    case K_PATH:
        return "file name";
    case K_NAMES:
    case K_TEXTS:
    case K_INCLUDE:
        return "list of texts";
    case K_PAIRS:
        return "mapping of names to texts";
    case K_STRUCT:
        return "section";
    case K_LIST:
        return "list of sections";
    case K_MAP:
        return "sections by name";
    case K_CUSTOM:
        break;
    }
    return row->what;
}

static void print_rows(const struct schema *s, const char *prefix, struct arena *a, FILE *f)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct schema_row *row = &s->rows[i];
        const char *path = arena_printf(a, "%s%s", prefix, row->key).p;
        fprintf(f, "%s (%s", path, type_words(a, row));
        if (row->flags & REQUIRED)
            fputs("; required", f);
        if (row->def && *row->def && !(row->flags & REQUIRED))
            fprintf(f, "; default %s", row->def);
        if (row->flags & RESTART)
            fputs("; changes at a restart", f);
        fprintf(f, ")\n    %s.\n", row->help);
        const char *below = row->kind == K_LIST ? "[]." : row->kind == K_MAP ? ".NAME." : ".";
        if (row->sub)
            print_rows(row->sub, arena_printf(a, "%s%s", path, below).p, a, f);
    }
}

void schema_print(const struct schema *s, FILE *f)
{
    struct arena a;
    arena_init(&a, 0);
    print_rows(s, "", &a, f);
    arena_finish(&a);
}

/* ---- restart --------------------------------------------------------------------------------- */

static const char *enum_word(const struct schema_name *names, int value)
{
    while (names->name && names->value != value)
        names++;
    return names->name ? names->name : "";
}

/* The value in words; only the kinds that a RESTART row has. */
static const char *value_words(struct arena *a, const struct schema_row *row, const void *field)
{
    if (row->kind == K_UINT || row->kind == K_SIZE)
        return arena_printf(a, "%" PRIu64, *(const uint64_t *)field).p;
    if (row->kind == K_DURATION)
        return arena_printf(a, "%" PRId64 "ms", *(const int64_t *)field).p;
    if (row->kind == K_ENUM)
        return enum_word(row->names, *(const int *)field);
    if (row->kind == K_TEXT || row->kind == K_PATH)
        return arena_str(a, *(const struct str *)field).p;
    return "";
}

/* Gives y the value of x. Texts go to the arena of y's snapshot. */
static void keep_value(const struct schema_row *row, const void *x, void *y, struct arena *texts)
{
    if (row->kind == K_ENUM)
        *(int *)y = *(const int *)x;
    else if (row->kind == K_TEXT || row->kind == K_PATH)
        *(struct str *)y = arena_str(texts, *(const struct str *)x);
    else
        *(uint64_t *)y = *(const uint64_t *)x;
}

static void keep_rows(const struct schema *s, const char *prefix, const char *x, char *y,
                      struct arena *texts, struct arena *a, struct diag *why)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct schema_row *row = &s->rows[i];
        const char *path = arena_printf(a, "%s%s", prefix, row->key).p;
        if (row->kind == K_STRUCT) {
            keep_rows(row->sub, arena_printf(a, "%s.", path).p, x + row->offset, y + row->offset,
                      texts, a, why);
            continue;
        }
        if (!(row->flags & RESTART))
            continue;
        const char *was = value_words(a, row, x + row->offset);
        const char *is = value_words(a, row, y + row->offset);
        if (strcmp(was, is) == 0)
            continue;
        if (row->flags & SECRET)
            diag_warning(why, NULL, 0, 0, path, "stays what it was until a restart");
        else
            diag_warning(why, NULL, 0, 0, path, "stays %s until a restart; the file says %s", was,
                         is);
        keep_value(row, x + row->offset, y + row->offset, texts);
    }
}

void schema_keep_restart(const struct schema *s, const void *running, void *loaded,
                         struct arena *texts, struct diag *why)
{
    struct arena tmp;
    arena_init(&tmp, 0);
    keep_rows(s, "", running, loaded, texts, &tmp, why);
    arena_finish(&tmp);
}
