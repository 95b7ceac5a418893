/*
 * declared.c - known errors that stand in no file, compiled beside those of the configuration, so
 * that what they read of a message is part of the path that the verdict cache keeps.
 * Called by: ruleset.c.
 */
#include "compiled.h"

static struct conf_known_error *copy(struct ruleset *rs, const struct conf_known_error *e)
{
    struct conf_known_error *mine = ARENA_NEW(&rs->arena, struct conf_known_error);
    *mine = (struct conf_known_error){
        .id = arena_str(&rs->arena, e->id),
        .title = arena_str(&rs->arena, e->title),
        .workaround = arena_str(&rs->arena, e->workaround),
        .kb = arena_str(&rs->arena, e->kb),
        .match = {.v = ARENA_ARRAY(&rs->arena, struct conf_text, e->match.n + 1), .n = e->match.n},
    };
    for (size_t i = 0; i < e->match.n; i++)
        mine->match.v[i] = (struct conf_text){.s = arena_str(&rs->arena, e->match.v[i].s)};
    return mine;
}

/* An error of whose matchers one does not compile would match too much: it is left out. */
static void compile_one(struct ruleset *rs, const struct conf_known_error *e,
                        struct cdeclared *team)
{
    struct cknown_error *k = &team->v[team->n];
    struct diag ignored;
    diag_init(&ignored);
    k->conf = copy(rs, e);
    compile_clause(rs, &k->conf->match, &k->match, &ignored);
    if (k->match.n == k->conf->match.n && k->match.n > 0)
        team->n++;
    diag_finish(&ignored);
}

void compile_declared(struct ruleset *rs, const struct declared_error *declared, size_t n)
{
    rs->declared = ARENA_ARRAY(&rs->arena, struct cdeclared, n + 1);
    for (size_t from = 0, to; from < n; from = to) {
        struct cdeclared *team = &rs->declared[rs->n_declared++];
        for (to = from + 1; to < n && str_eq(declared[to].team, declared[from].team); to++)
            ;
        team->team = arena_str(&rs->arena, declared[from].team);
        team->v = ARENA_ARRAY(&rs->arena, struct cknown_error, to - from);
        for (size_t i = from; i < to; i++)
            compile_one(rs, &declared[i].error, team);
    }
}
