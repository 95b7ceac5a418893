/*
 * field.c - names to fields: each name that the rules use is looked up once, when they are
 * compiled, and has a number from then on. Keeps to what alert_field (alert/alert.h) says of names.
 */
#include "compiled.h"

#include <stdlib.h>

#include "triaged/base/mem.h"

/* What the key of the verdict cache holds of a log message, besides the listener's own labels. */
static bool is_coarse(const struct conf *conf, const struct field *f)
{
    static const char *const coarse[] = {"host", "app", "facility", "severity", "skeleton"};
    static const char *const finer[] = {"message", "procid", "msgid"};
    if (f->kind == FIELD_SOURCE || f->kind == FIELD_SEVERITY)
        return true;
    if (f->kind != FIELD_LABEL || alert_label_is_payload(f->name))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(coarse); i++)
        if (str_eq_c(f->name, coarse[i]))
            return true;
    for (size_t i = 0; i < ARRAY_LEN(finer); i++)
        if (str_eq_c(f->name, finer[i]))
            return false;
    for (size_t i = 0; i < conf->n_syslog; i++)
        for (size_t k = 0; k < conf->syslog[i].labels.n; k++)
            if (str_eq(f->name, conf->syslog[i].labels.v[k].name))
                return true;
    return false;
}

static struct field parse_name(struct str name)
{
    static const struct {
        struct str prefix;
        enum field_kind kind;
    } prefixes[] = {{{"label.", 6}, FIELD_LABEL}, {{"annotation.", 11}, FIELD_ANNOTATION}};
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        if (str_starts(name, prefixes[i].prefix))
            return (struct field){.name = str_sub(name, prefixes[i].prefix.n, name.n),
                                  .kind = prefixes[i].kind};
    if (str_eq(name, S("source")))
        return (struct field){.name = name, .kind = FIELD_SOURCE};
    if (str_eq(name, S("severity")))
        return (struct field){.name = name, .kind = FIELD_SEVERITY};
    return (struct field){.name = name, .kind = FIELD_LABEL};
}

static uint32_t find_same(const struct fields *fs, const struct field *f)
{
    uint32_t i = 0;
    while (i < fs->n && (fs->v[i].kind != f->kind || !str_eq(fs->v[i].name, f->name)))
        i++;
    return i;
}

uint32_t fields_intern(struct ruleset *rs, struct str name)
{
    struct fields *fs = &rs->fields;
    uintptr_t known = (uintptr_t)map_get(&fs->by_name, name);
    if (known)
        return (uint32_t)(known - 1);
    name = arena_str(&rs->arena, name);
    struct field f = parse_name(name);
    uint32_t i = find_same(fs, &f); /* "message" and "label.message" are one */
    if (i == fs->n) {
        if (fs->n == fs->cap) {
            fs->cap = fs->cap ? 2 * fs->cap : 16;
            fs->v = xrealloc_array(fs->v, fs->cap, sizeof(*fs->v));
        }
        f.coarse = is_coarse(rs->conf, &f);
        if (f.kind == FIELD_LABEL && alert_label_is_body(f.name))
            rs->reads_body = true;
        if (f.kind == FIELD_LABEL && alert_label_is_part(f.name))
            rs->reads_parts = true;
        fs->v[fs->n++] = f;
    }
    map_put(&fs->by_name, name, (void *)(uintptr_t)(i + 1));
    return i;
}

void fields_finish(struct fields *f)
{
    map_finish(&f->by_name);
    free(f->v);
}

struct str field_read(const struct field *f, const struct alert *a)
{
    switch (f->kind) {
    case FIELD_LABEL:
        return labels_get(&a->labels, f->name);
    case FIELD_ANNOTATION:
        return labels_get(&a->annotations, f->name);
    case FIELD_SOURCE:
        return str_c(alert_source_name(a->source));
    case FIELD_SEVERITY:
        return alert_field(a, S("severity"));
    }
    return STR_NONE;
}
