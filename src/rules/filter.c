/*
 * filter.c - matchers on their own, without rules around them.
 */
#include "triaged/rules/filter.h"

#include <stdlib.h>

#include "triaged/base/mem.h"

struct filter_matcher {
    struct str name, value;
    enum match_op op;
    struct regex *re;
};

struct filter {
    struct arena arena;
    struct filter_matcher *v;
    size_t n;
};

struct filter *filter_create(const struct matcher_text *matchers, size_t n, struct arena *why_arena,
                             struct str *why)
{
    struct filter *f = NEW(struct filter);
    arena_init(&f->arena, 1024);
    f->v = ARENA_ARRAY(&f->arena, struct filter_matcher, n + 1);
    for (size_t i = 0; i < n; i++) {
        struct filter_matcher *m = &f->v[f->n++];
        m->name = arena_str(&f->arena, matchers[i].name);
        m->value = arena_str(&f->arena, matchers[i].value);
        m->op = matchers[i].op;
        if (m->op != MATCH_RE && m->op != MATCH_NRE)
            continue;
        struct str sentence;
        m->re = regex_create(m->value, why_arena, &sentence);
        if (!m->re) {
            *why = arena_printf(why_arena, "bad regex of %.*s: %.*s", STR_ARG(m->name),
                                STR_ARG(sentence));
            filter_destroy(f);
            return NULL;
        }
    }
    return f;
}

struct filter *filter_parse(struct str text, struct arena *why_arena, struct str *why)
{
    struct matcher_text *v = NULL;
    size_t n = 0;
    if (!matcher_parse_list(text, why_arena, &v, &n, why))
        return NULL;
    return filter_create(v, n, why_arena, why);
}

void filter_destroy(struct filter *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n; i++)
        regex_destroy(f->v[i].re);
    arena_finish(&f->arena);
    free(f);
}

size_t filter_len(const struct filter *f)
{
    return f->n;
}

static bool holds(const struct filter_matcher *m, struct regex_scratch *s, struct str value)
{
    bool same = m->re ? regex_match(m->re, s, value, NULL, NULL) : str_eq(m->value, value);
    return same == (m->op == MATCH_EQ || m->op == MATCH_RE);
}

bool filter_matches_empty(const struct filter *f, struct regex_scratch *s)
{
    const struct labels none = {0};
    return filter_match_labels(f, s, &none);
}

bool filter_match_labels(const struct filter *f, struct regex_scratch *s, const struct labels *l)
{
    for (size_t i = 0; i < f->n; i++)
        if (!holds(&f->v[i], s, labels_get(l, f->v[i].name)))
            return false;
    return true;
}

bool filter_match_alert(const struct filter *f, struct regex_scratch *s, const struct alert *a)
{
    for (size_t i = 0; i < f->n; i++)
        if (!holds(&f->v[i], s, alert_field(a, f->v[i].name)))
            return false;
    return true;
}
