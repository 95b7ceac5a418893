/*
 * schema.c - the walk of the tables over a tree.
 * Owns: types of sections, defaults, required and unknown keys, names that repeat, the record of
 * where each field came from. Never: knows what a key means; that is in the rows and conf_check.c.
 * One wrong value does not stop the walk: the field keeps its default, the next key is read.
 */
#include "schema.h"

#include <stdlib.h>

#include "triaged/base/map.h"

static void read_row(struct schema_walk *w, const struct schema_row *row, const struct ynode *n,
                     char *obj);

/* ---- places ---------------------------------------------------------------------------------- */

struct conf_place schema_place(struct schema_walk *w, const struct ynode *n, bool at_key)
{
    at_key = at_key && n->key_line;
    return (struct conf_place){
        .file = n->file,
        .line = !n->file ? 0
                : at_key ? n->key_line
                         : n->line,
        .column = !n->file ? 0
                  : at_key ? n->key_column
                           : n->column,
        .path = ynode_path(w->arena, n),
    };
}

static void note_site(struct schema_walk *w, const void *field, const struct ynode *n)
{
    if (w->in_default)
        return;
    if (w->n_sites == w->cap_sites) {
        w->cap_sites = w->cap_sites ? 2 * w->cap_sites : 256;
        w->sites = xrealloc_array(w->sites, w->cap_sites, sizeof *w->sites);
    }
    w->sites[w->n_sites++] = (struct schema_site){field, n};
}

static int by_field(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)((const struct schema_site *)a)->field;
    uintptr_t y = (uintptr_t)((const struct schema_site *)b)->field;
    return x < y ? -1 : x > y;
}

void schema_sites_ready(struct schema_walk *w)
{
    if (w->n_sites)
        qsort(w->sites, w->n_sites, sizeof *w->sites, by_field);
}

const struct ynode *schema_site(const struct schema_walk *w, const void *field)
{
    struct schema_site key = {field, NULL};
    if (!w->n_sites)
        return NULL;
    const struct schema_site *s = bsearch(&key, w->sites, w->n_sites, sizeof *w->sites, by_field);
    return s ? s->node : NULL;
}

void schema_walk_finish(struct schema_walk *w)
{
    free(w->sites);
    w->sites = NULL;
    w->n_sites = w->cap_sites = 0;
}

/* ---- rows ------------------------------------------------------------------------------------ */

const struct schema_row *schema_row(const struct schema *s, struct str key)
{
    for (size_t i = 0; i < s->n; i++)
        if (str_eq_c(key, s->rows[i].key))
            return &s->rows[i];
    return NULL;
}

void schema_type_error(struct diag *why, const struct schema_row *row, const struct ynode *n)
{
    switch (row->kind) {
    case K_STRUCT:
    case K_MAP:
    case K_PAIRS:
        ynode_error(why, n, "must be a mapping of keys to values, not %s", ynode_what(n));
        break;
    case K_LIST:
        ynode_error(why, n, "must be a list of mappings, not %s", ynode_what(n));
        break;
    case K_NAMES:
    case K_TEXTS:
    case K_INCLUDE:
        ynode_error(why, n,
                    "must be a list of texts ([a, b] or lines that begin with \"- \"), "
                    "not %s",
                    ynode_what(n));
        break;
    default:
        ynode_error(why, n, "must be a single value, not %s", ynode_what(n));
    }
}

/* `key` is unknown in s: perhaps it is misspelt, or belongs into one of its sections. */
static void unknown_key(struct schema_walk *w, const struct schema *s, const struct ynode *n)
{
    const char *known[64];
    for (size_t i = 0; i < s->n; i++)
        if (s->rows[i].kind == K_STRUCT && schema_row(s->rows[i].sub, n->key)) {
            ynode_key_error(w->why, n, "unknown key (it belongs into \"%s\")", s->rows[i].key);
            return;
        }
    for (size_t i = 0; i < s->n; i++)
        known[i] = s->rows[i].key;
    const char *hint = schema_hint(w->tree, n->key, known, s->n);
    if (*hint) {
        ynode_key_error(w->why, n, "unknown key%s", hint);
        return;
    }
    struct str all = S("");
    for (size_t i = 0; i < s->n; i++)
        all = arena_printf(w->tree, "%.*s%s%s", STR_ARG(all), i ? ", " : "", known[i]);
    ynode_key_error(w->why, n, "unknown key; known here: %s", all.p);
}

/* ---- lists ----------------------------------------------------------------------------------- */

/* The children of a list (or map) node; none for `key:` without a value. False: another type. */
static bool children(struct schema_walk *w, const struct schema_row *row, const struct ynode *n,
                     enum ynode_kind want)
{
    if (n->kind == want || ynode_is_null(n))
        return true;
    schema_type_error(w->why, row, n);
    return false;
}

static void repeated(struct schema_walk *w, const char *noun, struct str name,
                     const struct ynode *again, const struct ynode *first)
{
    ynode_error(w->why, again, "%s \"%.*s\" already stands at %s:%u:%u", noun, STR_ARG(name),
                first->file ? first->file : "(default)", first->line, first->column);
}

static void read_names(struct schema_walk *w, const struct schema_row *row, const struct ynode *n,
                       char *obj)
{
    if (!children(w, row, n, YNODE_LIST))
        return;
    struct map seen = {0};
    struct str *v = ARENA_ARRAY(w->arena, struct str, n->n);
    size_t count = 0;
    for (const struct ynode *c = n->first; c; c = c->next) {
        if (!schema_read_text(w, row, c, &v[count]))
            continue;
        const struct ynode *first = map_put(&seen, v[count], (void *)(uintptr_t)c);
        if (first)
            repeated(w, row->what, v[count], c, first);
        note_site(w, &v[count], c);
        count++;
    }
    map_finish(&seen);
    *(struct str **)(obj + row->offset) = v;
    *(size_t *)(obj + row->count) = count;
    if ((row->flags & NONEMPTY) && !count)
        ynode_error(w->why, n, "must not be empty");
}

static void read_texts(struct schema_walk *w, const struct schema_row *row, const struct ynode *n,
                       struct conf_texts *out)
{
    if (!children(w, row, n, YNODE_LIST))
        return;
    *out = (struct conf_texts){ARENA_ARRAY(w->arena, struct conf_text, n->n), 0};
    for (const struct ynode *c = n->first; c; c = c->next) {
        struct conf_text *t = &out->v[out->n];
        if (!schema_read_text(w, row, c, &t->s))
            continue;
        t->place = schema_place(w, c, false);
        out->n++;
    }
    if ((row->flags & NONEMPTY) && !n->n)
        ynode_error(w->why, n, "must not be empty");
}

static void read_pairs(struct schema_walk *w, const struct schema_row *row, const struct ynode *n,
                       struct conf_pairs *out)
{
    if (!children(w, row, n, YNODE_MAP))
        return;
    *out = (struct conf_pairs){ARENA_ARRAY(w->arena, struct conf_pair, n->n), 0};
    for (const struct ynode *c = n->first; c; c = c->next) {
        struct conf_pair *p = &out->v[out->n];
        if (c->key.n == 0)
            ynode_key_error(w->why, c, "a name cannot be empty");
        if (!schema_read_text(w, row, c, &p->value))
            continue;
        p->name = arena_str(w->arena, c->key);
        p->place = schema_place(w, c, false);
        out->n++;
    }
    if ((row->flags & NONEMPTY) && !n->n)
        ynode_error(w->why, n, "must not be empty");
}

static void read_item(struct schema_walk *w, const struct schema_row *row, const struct ynode *n,
                      char *item)
{
    const struct schema *s = row->sub;
    schema_defaults(w, s, item);
    if (s->place != SCHEMA_NONE)
        *(struct conf_place *)(item + s->place) = schema_place(w, n, row->kind == K_MAP);
    if (row->kind == K_MAP) {
        char reason[300] = "";
        if (s->check_name && !s->check_name(n->key, reason, sizeof reason))
            ynode_key_error(w->why, n, "\"%.*s\" %s", (int)(n->key.n < 80 ? n->key.n : 80),
                            n->key.p, reason);
        *(struct str *)(item + s->name) = arena_str(w->arena, n->key);
    }
    schema_read(w, s, n, item);
}

static void read_items(struct schema_walk *w, const struct schema_row *row, const struct ynode *n,
                       char *obj)
{
    const struct schema *s = row->sub;
    bool is_map = row->kind == K_MAP;
    if (!children(w, row, n, is_map ? YNODE_MAP : YNODE_LIST))
        return;
    struct map seen = {0};
    char *items = arena_calloc(w->arena, n->n, s->size);
    size_t i = 0;
    for (const struct ynode *c = n->first; c; c = c->next, i++) {
        char *item = items + i * s->size;
        read_item(w, row, c, item);
        if (is_map || s->name == SCHEMA_NONE)
            continue; /* a map's keys are unique: ynode.c and the merge see to it */
        struct str name = *(struct str *)(item + s->name);
        const struct ynode *at = ynode_get(c, s->name_key);
        const struct ynode *first = name.n ? map_put(&seen, name, (void *)(uintptr_t)at) : NULL;
        if (first)
            repeated(w, s->noun, name, at, first);
    }
    map_finish(&seen);
    *(char **)(obj + row->offset) = items;
    *(size_t *)(obj + row->count) = n->n;
}

/* ---- sections -------------------------------------------------------------------------------- */

/* Lists and mappings are parsed; a scalar needs no parser, and there are 5000 rules to fill. */
static void apply_default(struct schema_walk *w, const struct schema_row *row, char *obj)
{
    bool scalar = *row->def != '[' && *row->def != '{';
    struct ynode plain = {.kind = YNODE_SCALAR, .text = str_c(row->def), .key = str_c(row->key)};
    struct ynode *n = scalar ? &plain : ynode_parse(w->tree, NULL, str_c(row->def), w->why);
    if (!n)
        return;
    n->key = str_c(row->key);
    w->in_default++;
    read_row(w, row, n, obj);
    w->in_default--;
}

void schema_defaults(struct schema_walk *w, const struct schema *s, void *obj)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct schema_row *row = &s->rows[i];
        char *field = (char *)obj + row->offset;
        if (row->kind == K_STRUCT)
            schema_defaults(w, row->sub, field);
        else if (row->def && *row->def && row->kind != K_INCLUDE)
            apply_default(w, row, obj);
        else if (row->kind == K_DURATION)
            *(int64_t *)field = -1;
        else if (row->kind == K_ENUM)
            *(int *)field = (int)row->min;
        else if (row->kind == K_TEXT || row->kind == K_PATH)
            *(struct str *)field = S("");
    }
}

static void read_struct(struct schema_walk *w, const struct schema_row *row, const struct ynode *n,
                        char *field)
{
    if (row->sub->place != SCHEMA_NONE)
        *(struct conf_place *)(field + row->sub->place) = schema_place(w, n, false);
    schema_read(w, row->sub, n, field);
}

static void read_row(struct schema_walk *w, const struct schema_row *row, const struct ynode *n,
                     char *obj)
{
    char *field = obj + row->offset;
    if (row->kind != K_STRUCT)
        note_site(w, field, n);
    switch (row->kind) {
    case K_STRUCT:
        read_struct(w, row, n, field);
        break;
    case K_LIST:
    case K_MAP:
        read_items(w, row, n, obj);
        break;
    case K_NAMES:
        read_names(w, row, n, obj);
        break;
    case K_TEXTS:
        read_texts(w, row, n, (struct conf_texts *)field);
        break;
    case K_PAIRS:
        read_pairs(w, row, n, (struct conf_pairs *)field);
        break;
    case K_CUSTOM:
        row->read(w, n, field);
        break;
    case K_INCLUDE:
        (void)children(w, row, n, YNODE_LIST);
        break;
    default:
        (void)schema_read_scalar(w, row, n, field);
    }
}

void schema_read(struct schema_walk *w, const struct schema *s, const struct ynode *map, void *obj)
{
    uint64_t given = 0;
    if (map->kind != YNODE_MAP && !ynode_is_null(map)) {
        ynode_error(w->why, map, "must be a mapping of keys to values, not %s", ynode_what(map));
        return;
    }
    for (const struct ynode *c = map->first; c; c = c->next) {
        const struct schema_row *row = schema_row(s, c->key);
        if (!row) {
            unknown_key(w, s, c);
            continue;
        }
        given |= 1ull << (row - s->rows);
        read_row(w, row, c, obj);
    }
    for (size_t i = 0; i < s->n; i++) {
        const struct schema_row *row = &s->rows[i];
        if (given >> i & 1)
            continue;
        if (row->flags & REQUIRED)
            ynode_error(w->why, map, "needs \"%s\": %s", row->key, row->help);
        if (row->kind == K_STRUCT && row->sub->place != SCHEMA_NONE)
            *(struct conf_place *)((char *)obj + row->offset + row->sub->place) =
                schema_place(w, map, false);
    }
}
