/*
 * rules_path.c - the finer matchers that a decision tried, with their outcomes, and trying them
 * again.
 *
 * Per finer field: the value it was decided on, so that an equal one needs no matching; where the
 * field is indexed, the bucket its value chose; the matchers and what they said. A field whose
 * value itself decided (a service's name) has to be equal. Kept in one piece of memory, for there
 * is one per entry of the verdict cache.
 */
#include "rules_path.h"

#include <stdlib.h>

#include "triaged/base/mem.h"

enum { VALUE_MAX = 256 /* bytes; longer values are not kept but matched */ };

struct path_matcher {
    uint32_t id;
    bool outcome;
};

struct path_field {
    uint32_t field;
    bool has_value, exact, indexed;
    struct str value;
    uint32_t index;         /* of the index's fields, if indexed */
    const uint64_t *bucket; /* NULL: none */
    uint32_t first, n;      /* of matchers */
};

struct rules_path {
    const struct ruleset *rs;
    size_t size;
    bool finer_output, reads_parts;
    uint32_t n_fields, n_matchers;
    struct path_field *fields;
    struct path_matcher *matchers;
};

static uint32_t index_of(const struct ruleset *rs, uint32_t field)
{
    uint32_t i = 0;
    while (i < rs->index.n && rs->index.v[i].field != field)
        i++;
    return i;
}

static bool was_tried(const struct rules_scratch *s, uint32_t matcher)
{
    return s->outcomes[matcher] != OUTCOME_UNKNOWN;
}

/* Does the decision depend on this field beyond the cache's key? */
static bool is_recorded(const struct rules_scratch *s, uint32_t field)
{
    if (s->rs->fields.v[field].coarse || !s->seen[field])
        return false;
    return s->tried[field] || (s->seen[field] & SEEN_EXACT) ||
           index_of(s->rs, field) < s->rs->index.n;
}

static void count_needs(struct rules_scratch *s, uint32_t *fields, uint32_t *matchers, size_t *text)
{
    *fields = *matchers = 0;
    *text = 0;
    if (s->finer_output)
        return; /* such a path is never run */
    memset(s->tried, 0, s->rs->fields.n * sizeof(*s->tried));
    for (uint32_t m = 0; m < s->rs->n_matchers; m++)
        s->tried[s->rs->matchers[m].field] += was_tried(s, m);
    for (uint32_t f = 0; f < s->rs->fields.n; f++) {
        if (!is_recorded(s, f))
            continue;
        ++*fields;
        *matchers += s->tried[f];
        *text += s->values[f].n <= VALUE_MAX ? s->values[f].n : 0;
    }
}

static void record_field(const struct rules_scratch *s, uint32_t field, struct rules_path *p,
                         char **text)
{
    struct str v = s->values[field];
    uint32_t index = index_of(s->rs, field);
    struct path_field *pf = &p->fields[p->n_fields++];
    *pf = (struct path_field){.field = field,
                              .has_value = v.n <= VALUE_MAX,
                              .exact = s->seen[field] & SEEN_EXACT,
                              .indexed = index < s->rs->index.n,
                              .index = index,
                              .first = p->n_matchers};
    p->reads_parts |= alert_label_is_part(s->rs->fields.v[field].name);
    if (pf->indexed)
        pf->bucket = index_bucket(&s->rs->index, index, v);
    if (pf->has_value && v.n) {
        memcpy(*text, v.p, v.n);
        pf->value = (struct str){*text, v.n};
        *text += v.n;
    }
    for (uint32_t m = 0; s->tried[field] && m < s->rs->n_matchers; m++)
        if (was_tried(s, m) && s->rs->matchers[m].field == field)
            p->matchers[p->n_matchers++] =
                (struct path_matcher){.id = m, .outcome = s->outcomes[m] == OUTCOME_YES};
    pf->n = p->n_matchers - pf->first;
}

struct rules_path *rules_path_create(struct rules_scratch *s)
{
    uint32_t n_fields, n_matchers;
    size_t text_size;
    count_needs(s, &n_fields, &n_matchers, &text_size);
    size_t size = sizeof(struct rules_path) + n_fields * sizeof(struct path_field) +
                  n_matchers * sizeof(struct path_matcher) + text_size;
    struct rules_path *p = xcalloc(1, size);
    p->rs = ruleset_ref(s->rs);
    p->size = size;
    p->finer_output = s->finer_output;
    p->fields = (struct path_field *)(p + 1);
    p->matchers = (struct path_matcher *)(p->fields + n_fields);
    char *text = (char *)(p->matchers + n_matchers);
    for (uint32_t f = 0; n_fields && f < s->rs->fields.n; f++)
        if (is_recorded(s, f))
            record_field(s, f, p, &text);
    return p;
}

void rules_path_destroy(struct rules_path *path)
{
    if (!path)
        return;
    ruleset_unref(path->rs);
    free(path);
}

bool rules_path_finer_output(const struct rules_path *path)
{
    return path->finer_output;
}

bool rules_path_reads_parts(const struct rules_path *path)
{
    return path->reads_parts;
}

size_t rules_path_size(const struct rules_path *path)
{
    return path->size;
}

static bool same_decision(const struct rules_path *path, const struct path_field *pf,
                          struct rules_scratch *s, struct str v)
{
    if (pf->exact)
        return false;
    if (pf->indexed && index_bucket(&path->rs->index, pf->index, v) != pf->bucket)
        return false;
    for (uint32_t i = 0; i < pf->n; i++) {
        const struct path_matcher *m = &path->matchers[pf->first + i];
        if (eval_test(s, &path->rs->matchers[m->id], v) != m->outcome)
            return false;
    }
    return true;
}

bool rules_recheck(const struct rules_path *path, struct rules_scratch *scratch,
                   const struct alert *a)
{
    const struct ruleset *rs = path->rs;
    bool begun = false;
    if (path->finer_output)
        return false;
    for (uint32_t i = 0; i < path->n_fields; i++) {
        const struct path_field *pf = &path->fields[i];
        struct str v = field_read(&rs->fields.v[pf->field], a);
        if (pf->has_value && str_eq(v, pf->value))
            continue;
        if (!begun)
            eval_begin_test(scratch, rs);
        begun = true;
        if (!same_decision(path, pf, scratch, v))
            return false;
    }
    return true;
}
