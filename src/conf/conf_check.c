/*
 * conf_check.c - what spans keys: names that refer to other names, clocks that must fit each other,
 * what a complete configuration needs.
 * Owns: these rules and their sentences. Never: reads a tree; looks at regexes (rules/ruleset.h).
 */
#include "conf_check.h"

#include <stdarg.h>

#include "triaged/base/map.h"

enum { ACKNOWLEDGE_MAX_MS = 15 * 60 * 1000 }; /* the SOP: P1 and P2 never unassigned for longer */

void conf_field_error(struct schema_walk *w, const void *field, const struct conf_place *otherwise,
                      const char *key, const char *fmt, ...)
{
    char text[1000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    const struct ynode *n = schema_site(w, field);
    if (n) {
        ynode_error(w->why, n, "%s", text);
        return;
    }
    const char *path = otherwise ? otherwise->path : "";
    if (key)
        path = arena_printf(w->tree, "%s%s%s", path ? path : "", path && *path ? "." : "", key).p;
    diag_error(w->why, otherwise ? otherwise->file : NULL, otherwise ? otherwise->line : 0,
               otherwise ? otherwise->column : 0, path, "%s", text);
}

/* ---- names that refer ------------------------------------------------------------------------ */

/* Declared names of one kind. */
struct names {
    const char *noun, *plural;
    struct map map;
    const char **v; /* the same, for "did you mean" */
    size_t n;
};

static void names_init(struct names *s, struct schema_walk *w, const char *noun, const char *plural,
                       size_t n)
{
    *s = (struct names){.noun = noun, .plural = plural};
    s->v = ARENA_ARRAY(w->tree, const char *, n);
}

static void names_add(struct names *s, struct str name)
{
    if (!name.n || map_put(&s->map, name, (void *)(uintptr_t)name.p))
        return;
    s->v[s->n++] = name.p;
}

/* "; declared are a, b and 3 more" */
static const char *names_list(const struct names *s, struct schema_walk *w)
{
    enum { LISTED = 8 };
    struct str text = S("");
    if (!s->n)
        return arena_printf(w->tree, "; no %s are declared", s->plural).p;
    for (size_t i = 0; i < s->n && i < LISTED; i++)
        text = arena_printf(w->tree, "%.*s%s%s", STR_ARG(text), i ? ", " : "", s->v[i]);
    if (s->n > LISTED)
        text = arena_printf(w->tree, "%.*s and %zu more", STR_ARG(text), s->n - LISTED);
    return arena_printf(w->tree, "; %s are %.*s", s->plural, STR_ARG(text)).p;
}

static void refer(const struct names *s, struct schema_walk *w, const struct str *field,
                  const struct conf_place *place, const char *key)
{
    if (!field->n || map_get(&s->map, *field))
        return;
    if (w->why->n >= DIAG_MAX) { /* counted, not shown: no need to look for likenesses */
        conf_field_error(w, field, place, key, "unknown %s", s->noun);
        return;
    }
    const char *hint = schema_hint(w->tree, *field, s->v, s->n);
    conf_field_error(w, field, place, key, "unknown %s \"%.*s\"%s", s->noun,
                     field->n < 80 ? (int)field->n : 80, field->p, *hint ? hint : names_list(s, w));
}

struct references {
    struct names teams, categories, services, known_errors;
};

static void collect(struct references *r, const struct conf *c, struct schema_walk *w)
{
    names_init(&r->teams, w, "team", "teams", c->n_teams);
    names_init(&r->categories, w, "category", "categories", c->n_categories);
    names_init(&r->services, w, "service", "services", c->n_services);
    names_init(&r->known_errors, w, "known error", "known errors", c->n_known_errors);
    for (size_t i = 0; i < c->n_teams; i++)
        names_add(&r->teams, c->teams[i].name);
    for (size_t i = 0; i < c->n_categories; i++)
        names_add(&r->categories, c->categories[i]);
    for (size_t i = 0; i < c->n_services; i++)
        names_add(&r->services, c->services[i].name);
    for (size_t i = 0; i < c->n_known_errors; i++)
        names_add(&r->known_errors, c->known_errors[i].id);
}

static void references_finish(struct references *r)
{
    map_finish(&r->teams.map);
    map_finish(&r->categories.map);
    map_finish(&r->services.map);
    map_finish(&r->known_errors.map);
}

/* A service need not be in the catalogue, but a name that nearly is one looks like a slip. */
static void check_service_name(const struct references *r, struct schema_walk *w,
                               const struct conf_set *set)
{
    if (!set->service.n || map_get(&r->services.map, set->service) || w->why->n >= DIAG_MAX)
        return;
    const char *hint = schema_hint(w->tree, set->service, r->services.v, r->services.n);
    const struct ynode *n = schema_site(w, &set->service);
    if (*hint && n)
        diag_warning(w->why, n->file, n->line, n->column, ynode_path(w->tree, n),
                     "\"%.*s\" is not in services%s", STR_ARG(set->service), hint);
}

static void check_set(const struct references *r, struct schema_walk *w, const struct conf_set *set)
{
    refer(&r->teams, w, &set->team, &set->place, "team");
    refer(&r->categories, w, &set->category, &set->place, "category");
    check_service_name(r, w, set);
}

static void check_references(const struct references *r, const struct conf *c,
                             struct schema_walk *w)
{
    for (size_t i = 0; i < c->n_services; i++)
        refer(&r->teams, w, &c->services[i].team, &c->services[i].place, "team");
    for (size_t i = 0; i < c->n_rules; i++) {
        const struct conf_rule *rule = &c->rules[i];
        check_set(r, w, &rule->set);
        refer(&r->known_errors, w, &rule->known_error, &rule->place, "known_error");
        if (rule->drop && rule->goes_on)
            conf_field_error(w, &rule->goes_on, &rule->place, "continue",
                             "a rule that drops cannot continue; take one of the two out");
    }
    for (size_t i = 0; i < c->n_heartbeats; i++)
        check_set(r, w, &c->heartbeats[i].set);
    for (size_t i = 0; i < c->n_tokens; i++)
        refer(&r->teams, w, &c->tokens[i].team, NULL, "auth.tokens.team");
}

/* ---- teams ----------------------------------------------------------------------------------- */

static void check_teams(const struct references *r, const struct conf *c, struct schema_walk *w)
{
    struct map ids = {0};
    struct conf_place top = {.file = c->file.p, .path = ""};
    if (!c->n_teams) {
        conf_field_error(w, &c->teams, &top, "teams",
                         "at least one team is needed; write for example "
                         "teams: {operations: {id: OPS}} and default_team: operations");
        return;
    }
    for (size_t i = 0; i < c->n_teams; i++) {
        const struct conf_team *t = &c->teams[i];
        const struct conf_team *other = t->id.n ? map_put(&ids, t->id, (void *)(uintptr_t)t) : NULL;
        if (other)
            conf_field_error(w, &t->id, &t->place, "id",
                             "team \"%.*s\" already has the id %.*s (%s:%u:%u)",
                             STR_ARG(other->name), STR_ARG(t->id), other->place.file,
                             other->place.line, other->place.column);
    }
    map_finish(&ids);
    if (c->default_team.n)
        refer(&r->teams, w, &c->default_team, &top, "default_team");
    else if (!schema_site(w, &c->default_team))
        conf_field_error(w, &c->default_team, &top, "default_team",
                         "is missing: say which team gets what no rule assigns, for example "
                         "default_team: %.*s",
                         STR_ARG(c->teams[0].name));
}

static void check_tokens(const struct conf *c, struct schema_walk *w)
{
    struct map digests = {0};
    for (size_t i = 0; i < c->n_tokens; i++) {
        const struct conf_token *t = &c->tokens[i];
        const struct conf_token *other =
            t->sha256.n ? map_put(&digests, t->sha256, (void *)(uintptr_t)t) : NULL;
        if (other)
            conf_field_error(w, &t->sha256, NULL, NULL,
                             "is the same token as \"%.*s\"; each name needs its own",
                             STR_ARG(other->name));
    }
    map_finish(&digests);
}

/* ---- policy ---------------------------------------------------------------------------------- */

static void check_sla(const struct conf *c, struct schema_walk *w)
{
    for (int p = P1; p < PRIORITY_N; p++) {
        const struct conf_sla *s = &c->sla[p];
        if (p <= P2 && s->acknowledge_ms > ACKNOWLEDGE_MAX_MS)
            conf_field_error(w, &s->acknowledge_ms, NULL, NULL,
                             "is at most 15m for %s: nobody may leave it unassigned for longer",
                             priority_name((enum priority)p));
        if (s->tier2_ms && s->tier3_ms && s->tier3_ms < s->tier2_ms) {
            const void *at = schema_site(w, &s->tier3_ms) ? &s->tier3_ms : &s->tier2_ms;
            conf_field_error(w, at, NULL, NULL, "tier3 (%s) would come before tier2 (%s)",
                             schema_duration_text(w->tree, s->tier3_ms),
                             schema_duration_text(w->tree, s->tier2_ms));
        }
    }
}

static void check_blast(const struct conf *c, struct schema_walk *w)
{
    const struct conf_blast *v = c->priority.blast;
    for (size_t i = 1; i < c->priority.n_blast; i++) {
        if (v[i].systems <= v[i - 1].systems)
            conf_field_error(w, &v[i].systems, NULL, "priority.blast_radius",
                             "steps must ascend: %ju does not follow %ju", (uintmax_t)v[i].systems,
                             (uintmax_t)v[i - 1].systems);
        if (v[i].impact != LEVEL_UNSET && v[i].impact > v[i - 1].impact)
            conf_field_error(w, &v[i].impact, NULL, "priority.blast_radius",
                             "more systems cannot mean less impact (%s after %s)",
                             level_name(v[i].impact), level_name(v[i - 1].impact));
    }
}

static void check_sizes(const struct conf *c, struct schema_walk *w)
{
    if (c->spool.max_size < c->spool.segment_size)
        conf_field_error(w, &c->spool.max_size, NULL, "spool.max_size",
                         "%s is smaller than one segment (segment_size is %s)",
                         schema_size_text(w->tree, c->spool.max_size),
                         schema_size_text(w->tree, c->spool.segment_size));
    if (c->limits.http_bodies < c->limits.http_body) {
        const void *at =
            schema_site(w, &c->limits.http_bodies) ? &c->limits.http_bodies : &c->limits.http_body;
        conf_field_error(w, at, NULL, "limits.http_bodies",
                         "all bodies together (http_bodies %s) must have room for one "
                         "(http_body %s)",
                         schema_size_text(w->tree, c->limits.http_bodies),
                         schema_size_text(w->tree, c->limits.http_body));
    }
}

/* More impact or urgency never means a milder priority: blast radius and raising rely on it. */
static void check_matrix(const struct conf *c, struct schema_walk *w)
{
    const enum priority(*m)[LEVEL_N] = c->priority.matrix;

    for (int i = 0; i < LEVEL_N; i++)
        for (int u = 0; u < LEVEL_N; u++) {
            bool by_impact = i + 1 < LEVEL_N && m[i][u] > m[i + 1][u];
            bool by_urgency = u + 1 < LEVEL_N && m[i][u] > m[i][u + 1];

            if (by_impact || by_urgency)
                conf_field_error(
                    w, &m[i][u], NULL, "priority.matrix",
                    "%s for impact %s and urgency %s is milder than what less %s gives",
                    priority_name(m[i][u]), level_name((enum level)i), level_name((enum level)u),
                    by_impact ? "impact" : "urgency");
        }
}

/* ---- windows and mappings -------------------------------------------------------------------- */

static void check_window(const struct conf_maintenance *m, struct schema_walk *w)
{
    const struct conf_place *p = &m->place;
    const struct ynode *days = schema_site(w, &m->days);
    bool weekly = days || schema_site(w, &m->from_minute) || schema_site(w, &m->to_minute);
    bool from = schema_site(w, &m->from_ms), to = schema_site(w, &m->to_ms);
    if (weekly && (from || to))
        conf_field_error(w, NULL, p, NULL,
                         "is either a single window (from, to) or weekly, "
                         "not both");
    else if (!weekly && !from && !to)
        conf_field_error(w, NULL, p, NULL,
                         "needs a time: from and to, or weekly: {days: [sun], from: \"02:00\", "
                         "to: \"04:00\"}");
    else if (!weekly && !(from && to))
        conf_field_error(w, NULL, p, NULL, "needs \"%s\" too", from ? "to" : "from");
    else if (!weekly && m->from_ms && m->to_ms && m->to_ms <= m->from_ms)
        conf_field_error(w, &m->to_ms, p, "to", "the window ends before it begins");
}

static void check_mapping(const struct conf_mapping *m, struct schema_walk *w)
{
    struct names labels;
    names_init(&labels, w, "label", "labels", m->labels.n);
    for (size_t i = 0; i < m->labels.n; i++)
        names_add(&labels, m->labels.v[i].name);
    for (size_t i = 0; i < m->identity.n; i++)
        refer(&labels, w, &m->identity.v[i].s, &m->identity.v[i].place, NULL);
    map_finish(&labels.map);
    if (schema_site(w, &m->resolved_values) && !m->state.n)
        conf_field_error(w, &m->resolved_values, &m->place, NULL,
                         "means nothing without state, the path to what is compared");
}

void conf_check(struct conf *c, struct schema_walk *w)
{
    struct references r;
    collect(&r, c, w);
    conf_check_listeners(c, w);
    conf_check_redis(c, w);
    check_sizes(c, w);
    check_tokens(c, w);
    check_blast(c, w);
    check_matrix(c, w);
    check_sla(c, w);
    check_teams(&r, c, w);
    check_references(&r, c, w);
    for (size_t i = 0; i < c->n_maintenance; i++)
        check_window(&c->maintenance[i], w);
    for (size_t i = 0; i < c->n_mappings; i++)
        check_mapping(&c->mappings[i], w);
    references_finish(&r);
}
