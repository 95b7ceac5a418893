/*
 * schema_scalar.c - one scalar of the tree to one field: numbers, durations, sizes, names, texts.
 * Owns: the sentences about a single wrong value. Never: looks at another key.
 */
#include <inttypes.h>

#include "triaged/base/buf.h"
#include "schema.h"

enum { SHOWN_MAX = 80 }; /* characters of a wrong value that an error repeats */

const char *schema_hint(struct arena *a, struct str word, const char *const *known, size_t n)
{
    const char *near = word.n <= 64 ? str_nearest(word, known, n) : NULL;
    return near ? arena_printf(a, " (did you mean \"%s\"?)", near).p : "";
}

static const struct {
    const char *unit;
    int64_t ms;
} duration_units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

const char *schema_duration_text(struct arena *a, int64_t ms)
{
    struct buf b;
    buf_init(&b, 200);
    if (ms <= 0)
        (void)buf_put_c(&b, "0s");
    for (size_t i = 0; i < ARRAY_LEN(duration_units) && ms > 0; i++) {
        int64_t v = ms / duration_units[i].ms;
        if (v)
            (void)buf_printf(&b, "%" PRId64 "%s", v, duration_units[i].unit);
        ms %= duration_units[i].ms;
    }
    const char *text = arena_str(a, buf_str(&b)).p;
    buf_finish(&b);
    return text;
}

const char *schema_size_text(struct arena *a, uint64_t bytes)
{
    static const char *const units[] = {"", "KiB", "MiB", "GiB", "TiB"};
    size_t u = 0;
    while (bytes && bytes % 1024 == 0 && u + 1 < ARRAY_LEN(units)) {
        bytes /= 1024;
        u++;
    }
    return arena_printf(a, "%" PRIu64 "%s", bytes, units[u]).p;
}

static size_t count_names(const struct schema_name *names)
{
    size_t n = 0;
    while (names[n].name)
        n++;
    return n;
}

const char *schema_names_text(struct arena *a, const struct schema_name *names)
{
    struct buf b;
    buf_init(&b, 1000);
    size_t n = count_names(names);
    for (size_t i = 0; i < n; i++)
        (void)buf_printf(&b, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", names[i].name);
    const char *text = arena_str(a, buf_str(&b)).p;
    buf_finish(&b);
    return text;
}

/* The value as an error shows it: quoted, cut, or not at all. */
static const char *shown(struct schema_walk *w, const struct schema_row *row, const struct ynode *n)
{
    if (row->flags & SECRET)
        return "the value";
    size_t len = n->text.n;
    if (len > SHOWN_MAX) {
        len = SHOWN_MAX;
        while (len && ((unsigned char)n->text.p[len] & 0xc0) == 0x80)
            len--;
    }
    return arena_printf(w->tree, "\"%.*s%s\"", (int)len, n->text.p, len < n->text.n ? "..." : "").p;
}

static bool read_bool(struct schema_walk *w, const struct schema_row *row, const struct ynode *n,
                      bool *out)
{
    if (!n->quoted && (str_eq_c(n->text, "true") || str_eq_c(n->text, "false"))) {
        *out = n->text.n == 4;
        return true;
    }
    ynode_error(w->why, n, "%s is neither true nor false", shown(w, row, n));
    return false;
}

static bool read_uint(struct schema_walk *w, const struct schema_row *row, const struct ynode *n,
                      uint64_t *out)
{
    uint64_t v;
    if (n->quoted || !str_to_u64(n->text, &v)) {
        ynode_error(w->why, n, "%s is not a whole number%s", shown(w, row, n),
                    n->quoted && str_to_u64(n->text, &v) ? " (leave the quotes out)" : "");
        return false;
    }
    if (v < row->min || (row->max && v > row->max)) {
        if (row->max)
            ynode_error(w->why, n, "%" PRIu64 " is out of range: %" PRIu64 " to %" PRIu64, v,
                        row->min, row->max);
        else
            ynode_error(w->why, n, "%" PRIu64 " is too small: at least %" PRIu64, v, row->min);
        return false;
    }
    *out = v;
    return true;
}

static bool read_duration(struct schema_walk *w, const struct schema_row *row,
                          const struct ynode *n, int64_t *out)
{
    int64_t v;
    uint64_t number;
    if ((row->flags & NONE_OK) && str_eq_c(n->text, "none")) {
        *out = 0;
        return true;
    }
    if (!str_to_duration_ms(n->text, &v)) {
        if (str_to_u64(n->text, &number))
            ynode_error(w->why, n, "%s needs a unit: write %.*ss, %.*sm or %.*sh", shown(w, row, n),
                        STR_ARG(n->text), STR_ARG(n->text), STR_ARG(n->text));
        else
            ynode_error(w->why, n, "%s is not a duration; write it like 30s, 15m, 1h30m or 2d",
                        shown(w, row, n));
        return false;
    }
    if (v < (int64_t)row->min || (row->max && v > (int64_t)row->max)) {
        if (row->max)
            ynode_error(w->why, n, "%s is out of range: %s to %s", shown(w, row, n),
                        schema_duration_text(w->tree, (int64_t)row->min),
                        schema_duration_text(w->tree, (int64_t)row->max));
        else
            ynode_error(w->why, n, "%s is too short: at least %s", shown(w, row, n),
                        schema_duration_text(w->tree, (int64_t)row->min));
        return false;
    }
    *out = v;
    return true;
}

static bool read_size(struct schema_walk *w, const struct schema_row *row, const struct ynode *n,
                      uint64_t *out)
{
    uint64_t v;
    if (!str_to_size(n->text, &v)) {
        ynode_error(w->why, n, "%s is not a size; write it like 4096, 64KiB, 8MiB or 1GiB",
                    shown(w, row, n));
        return false;
    }
    if (v < row->min || (row->max && v > row->max)) {
        if (row->max)
            ynode_error(w->why, n, "%s is out of range: %s to %s", shown(w, row, n),
                        schema_size_text(w->tree, row->min), schema_size_text(w->tree, row->max));
        else
            ynode_error(w->why, n, "%s is too small: at least %s", shown(w, row, n),
                        schema_size_text(w->tree, row->min));
        return false;
    }
    *out = v;
    return true;
}

/* The value of one of the row's names. */
static bool read_name(struct schema_walk *w, const struct schema_row *row, const struct ynode *n,
                      int *out)
{
    const char *known[32];
    size_t count = 0;
    for (const struct schema_name *e = row->names; e->name; e++) {
        if (str_eq_c(n->text, e->name)) {
            *out = e->value;
            return true;
        }
        if (count < ARRAY_LEN(known))
            known[count++] = e->name;
    }
    const char *hint = schema_hint(w->tree, n->text, known, count);
    const char *noun = row->what ? row->what : row->key;
    if (*hint)
        ynode_error(w->why, n, "unknown %s %s%s", noun, shown(w, row, n), hint);
    else
        ynode_error(w->why, n, "unknown %s %s; write %s", noun, shown(w, row, n),
                    schema_names_text(w->tree, row->names));
    return false;
}

bool schema_read_text(struct schema_walk *w, const struct schema_row *row, const struct ynode *n,
                      struct str *out)
{
    char reason[300] = "";
    if (n->kind != YNODE_SCALAR) {
        ynode_error(w->why, n, "must be a text, not %s", ynode_what(n));
        return false;
    }
    if (ynode_is_null(n)) {
        ynode_error(w->why, n, "has no value; write a text or leave it out");
        return false;
    }
    if (row->check && !row->check(n->text, reason, sizeof reason)) {
        ynode_error(w->why, n, "%s %s", shown(w, row, n), reason);
        return false;
    }
    *out = arena_str(w->arena, n->text);
    return true;
}

static bool read_path(struct schema_walk *w, const struct schema_row *row, const struct ynode *n,
                      struct str *out)
{
    struct str s;
    if (!schema_read_text(w, row, n, &s))
        return false;
    if (s.n == 0) {
        ynode_error(w->why, n, "must name a file");
        return false;
    }
    const char *slash = n->file ? strrchr(n->file, '/') : NULL;
    if (s.p[0] == '/' || !slash)
        *out = s;
    else
        *out = arena_printf(w->arena, "%.*s/%.*s", (int)(slash - n->file), n->file, STR_ARG(s));
    return true;
}

static bool read_placed(struct schema_walk *w, const struct schema_row *row, const struct ynode *n,
                        struct conf_text *out)
{
    struct str s;
    if (!schema_read_text(w, row, n, &s))
        return false;
    *out = (struct conf_text){s, schema_place(w, n, false)};
    return true;
}

static bool read_bool_name(struct schema_walk *w, const struct schema_row *row,
                           const struct ynode *n, bool *out)
{
    int v;
    if (!read_name(w, row, n, &v))
        return false;
    *out = v != 0;
    return true;
}

bool schema_read_scalar(struct schema_walk *w, const struct schema_row *row, const struct ynode *n,
                        void *field)
{
    if (n->kind != YNODE_SCALAR) {
        schema_type_error(w->why, row, n);
        return false;
    }
    if (ynode_is_null(n)) {
        ynode_error(w->why, n, "has no value; write one, or leave the key out%s%s%s",
                    row->def && *row->def ? " (then it is " : "", row->def ? row->def : "",
                    row->def && *row->def ? ")" : "");
        return false;
    }
    switch (row->kind) {
    case K_BOOL:
        return row->names ? read_bool_name(w, row, n, field) : read_bool(w, row, n, field);
    case K_UINT:
        return read_uint(w, row, n, field);
    case K_DURATION:
        return read_duration(w, row, n, field);
    case K_SIZE:
        return read_size(w, row, n, field);
    case K_ENUM:
        return read_name(w, row, n, field);
    case K_TEXT:
        return schema_read_text(w, row, n, field);
    case K_PATH:
        return read_path(w, row, n, field);
    case K_PLACED:
        return read_placed(w, row, n, field);
    default:
        return false;
    }
}
