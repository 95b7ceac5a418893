/*
 * conf.c - the snapshot: load, share, free.
 * Owns: the order of loading (tree, walk, completion, check) and the reference count.
 * Never: knows a key's type (the tables) or a rule between keys (conf_check.c).
 */
#include "triaged/conf/conf.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "conf_check.h"
#include "conf_tree.h"

/* ---- completion: what follows from other values ---------------------------------------------- */

/* Texts of the snapshot are in its own arena, so they may be changed while it is built. */
static void lower_case(struct str s)
{
    char *p = (char *)(uintptr_t)s.p;
    for (size_t i = 0; i < s.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] - 'A' + 'a');
}

static void complete(struct conf *c, const struct schema_walk *w)
{
    for (size_t i = 0; i < c->n_http; i++)
        c->http[i].transport = TRANSPORT_TCP;
    for (size_t i = 0; i < c->n_tokens; i++)
        lower_case(c->tokens[i].sha256);
    for (int p = P1; p < PRIORITY_N; p++)
        if (c->sla[p].reopen_within_ms < 0)
            c->sla[p].reopen_within_ms = c->sla[p].grace_ms;
    for (size_t i = 0; i < c->n_rules; i++)
        c->rules[i].has_group_by = schema_site(w, &c->rules[i].group_by) != NULL;
    for (size_t i = 0; i < c->n_maintenance; i++)
        if (!c->maintenance[i].zone.n)
            c->maintenance[i].zone = c->zone;
    /* "https://x/" and "https://x" are one place to append "/incidents/NET-1" to */
    while (c->external_url.n && c->external_url.p[c->external_url.n - 1] == '/')
        c->external_url = arena_str(&c->arena, str_sub(c->external_url, 0, c->external_url.n - 1));
}

/* ---- load ------------------------------------------------------------------------------------ */

static void fill(struct conf *c, struct arena *tree, const struct ynode *root, struct diag *why)
{
    struct schema_walk w = {.arena = &c->arena, .tree = tree, .why = why};
    schema_defaults(&w, &schema_root, c);
    schema_read(&w, &schema_root, root, c);
    schema_sites_ready(&w);
    complete(c, &w);
    conf_check(c, &w);
    schema_walk_finish(&w);
    conf_tree_hash(root, true, c->hash);
    conf_tree_hash(root, false, c->shared_hash);
}

static struct conf *load(const char *name, const struct str *text, conf_also_fn *also,
                         struct diag *why)
{
    struct arena tree;
    size_t before = why->errors;
    struct conf *c = NEW(struct conf);
    c->refs = 1;
    arena_init(&c->arena, 0);
    arena_init(&tree, 64 * 1024);
    c->file = arena_str(&c->arena, str_c(name));
    struct ynode *root = text ? conf_tree_parse(&tree, &c->arena, name, *text, why)
                              : conf_tree_read(&tree, &c->arena, name, why);
    if (root)
        fill(c, &tree, root, why);
    arena_finish(&tree);
    if (root && why->errors == before)
        return c;
    if (root && also)
        also(c, why);
    conf_unref(c);
    return NULL;
}

struct conf *conf_load(const char *file, struct diag *why)
{
    return load(file, NULL, NULL, why);
}

struct conf *conf_load_also(const char *file, conf_also_fn *also, struct diag *why)
{
    return load(file, NULL, also, why);
}

struct conf *conf_load_text(const char *name, struct str text, conf_also_fn *also, struct diag *why)
{
    return load(name, &text, also, why);
}

struct conf *conf_ref(const struct conf *c)
{
    struct conf *mutable = (struct conf *)(uintptr_t)c;
    atomic_fetch_add_explicit(&mutable->refs, 1, memory_order_relaxed);
    return mutable;
}

void conf_unref(const struct conf *c)
{
    struct conf *mutable = (struct conf *)(uintptr_t)c;
    if (!c || atomic_fetch_sub_explicit(&mutable->refs, 1, memory_order_acq_rel) != 1)
        return;
    arena_finish(&mutable->arena);
    free(mutable);
}

/* ---- questions ------------------------------------------------------------------------------- */

const struct conf_team *conf_team(const struct conf *c, struct str name)
{
    for (size_t i = 0; i < c->n_teams; i++)
        if (str_eq(c->teams[i].name, name))
            return &c->teams[i];
    return NULL;
}

void conf_keep_restart_only(const struct conf *running, struct conf *loaded, struct diag *why)
{
    schema_keep_restart(&schema_root, running, loaded, &loaded->arena, why);
}

void conf_print_reference(FILE *f)
{
    schema_print(&schema_root, f);
}
