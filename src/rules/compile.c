/*
 * compile.c - the matchers of the configuration, parsed and compiled, each distinct one once.
 */
#include "compiled.h"

#include "triaged/base/mem.h"

static void complain(struct diag *why, const struct conf_text *t, struct str sentence)
{
    diag_error(why, t->place.file, t->place.line, t->place.column, t->place.path, "%.*s",
               STR_ARG(sentence));
}

static uint32_t add_matcher(struct ruleset *rs, struct str key, struct cmatcher m)
{
    if (rs->n_matchers == rs->cap_matchers) {
        rs->cap_matchers = rs->cap_matchers ? 2 * rs->cap_matchers : 64;
        rs->matchers = xrealloc_array(rs->matchers, rs->cap_matchers, sizeof(*rs->matchers));
    }
    rs->matchers[rs->n_matchers++] = m;
    map_put(&rs->matchers_by_text, key, (void *)(uintptr_t)rs->n_matchers);
    return rs->n_matchers - 1;
}

static bool compile_matcher(struct ruleset *rs, const struct conf_text *t, uint32_t *out,
                            struct diag *why)
{
    struct matcher_text parsed;
    struct str sentence;
    if (!matcher_parse(t->s, &rs->arena, &parsed, &sentence)) {
        complain(why, t, sentence);
        return false;
    }
    uint32_t field = fields_intern(rs, parsed.name);
    struct str key = arena_printf(&rs->arena, "%u %d ", field, (int)parsed.op);
    char *p = arena_alloc(&rs->arena, key.n + parsed.value.n + 1);
    memcpy(p, key.p, key.n);
    if (parsed.value.n)
        memcpy(p + key.n, parsed.value.p, parsed.value.n);
    key = (struct str){p, key.n + parsed.value.n};
    uintptr_t known = (uintptr_t)map_get(&rs->matchers_by_text, key);
    if (known) {
        *out = (uint32_t)(known - 1);
        return true;
    }
    struct cmatcher m = {.field = field, .op = parsed.op, .value = parsed.value, .set = -1};
    if (parsed.op == MATCH_RE || parsed.op == MATCH_NRE) {
        m.re = regex_create(parsed.value, &rs->arena, &sentence);
        if (!m.re) {
            complain(why, t, arena_printf(&rs->arena, "bad regex: %.*s", STR_ARG(sentence)));
            return false;
        }
    }
    *out = add_matcher(rs, key, m);
    return true;
}

void compile_clause(struct ruleset *rs, const struct conf_texts *texts, struct clause *out,
                    struct diag *why)
{
    uint32_t *m = ARENA_ARRAY(&rs->arena, uint32_t, texts->n + 1);
    size_t n = 0;
    for (size_t i = 0; i < texts->n; i++)
        if (!(rs->faulty && texts->v[i].s.n == 0) && compile_matcher(rs, &texts->v[i], &m[n], why))
            n++;
    *out = (struct clause){.m = m, .n = n, .texts = texts};
}

void compile_names(struct ruleset *rs, const struct conf_texts *texts, struct names *out)
{
    out->v = ARENA_ARRAY(&rs->arena, struct name_ref, texts->n + 1);
    out->n = texts->n;
    for (size_t i = 0; i < texts->n; i++) {
        out->v[i].name = texts->v[i].s;
        out->v[i].field = fields_intern(rs, texts->v[i].s);
    }
}
