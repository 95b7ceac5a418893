/*
 * ruleset.c - the rules of a configuration snapshot, compiled; created once per load, shared by all
 * threads, freed with the last reference.
 * Owns: the compiled tables (compiled.h) and one reference to the configuration.
 * Called by: the daemon at boot and reload, triagectl.
 */
#include "compiled.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "triaged/base/mem.h"

static _Atomic uint64_t last_id;

static const struct conf_known_error *known_error_by_id(const struct conf *conf, struct str id)
{
    for (size_t i = 0; i < conf->n_known_errors; i++)
        if (str_eq(conf->known_errors[i].id, id))
            return &conf->known_errors[i];
    return NULL;
}

static void place_error(struct diag *why, const struct conf_place *p, const char *sentence)
{
    diag_error(why, p->file, p->line, p->column, p->path, "%s", sentence);
}

static void compile_rule(struct ruleset *rs, const struct conf_rule *c, struct crule *r,
                         struct diag *why)
{
    r->conf = c;
    compile_clause(rs, &c->match, &r->match, why);
    template_compile(rs, c->set.title.s, &c->set.title.place, &r->title, why);
    template_compile(rs, c->set.summary.s, &c->set.summary.place, &r->summary, why);
    template_compile(rs, c->runbook.s, &c->runbook.place, &r->runbook, why);
    template_compile(rs, c->logs.s, &c->logs.place, &r->logs, why);
    compile_names(rs, &c->group_by, &r->group_by);
    compile_names(rs, &c->threshold.per, &r->per);
    if (c->known_error.n) {
        r->known_error = known_error_by_id(rs->conf, c->known_error);
        if (!r->known_error && !rs->faulty)
            place_error(why, &c->place, "known_error names no known error");
    }
}

static void compile_service(struct ruleset *rs, const struct conf_service *c, struct cservice *s,
                            struct diag *why)
{
    s->conf = c;
    compile_clause(rs, &c->match, &s->match, why);
    template_compile(rs, c->logs, &c->place, &s->logs, why);
    if (c->name.n)
        map_put(&rs->services_by_name, c->name, s);
}

static void compile_window(struct ruleset *rs, const struct conf_maintenance *c, struct cwindow *w,
                           struct diag *why)
{
    char name[ZONE_NAME_MAX + 1];
    struct diag zone_why;
    w->conf = c;
    compile_clause(rs, &c->match, &w->match, why);
    struct str zone = c->zone.n ? c->zone : rs->conf->zone;
    if (!c->days || zone.n == 0 || str_eq(zone, S("UTC")))
        return; /* NULL is UTC */
    snprintf(name, sizeof(name), "%.*s", STR_ARG(zone));
    diag_init(&zone_why);
    w->zone = zone_load(name, &zone_why);
    if (!w->zone && !rs->faulty)
        place_error(why, &c->place, zone_why.n ? zone_why.items[0].text : "unknown time zone");
    diag_finish(&zone_why);
}

static void intern_own_fields(struct ruleset *rs)
{
    rs->f_alertname = fields_intern(rs, S("alertname"));
    rs->f_summary = fields_intern(rs, S("annotation.summary"));
    rs->f_description = fields_intern(rs, S("annotation.description"));
    rs->f_message_note = fields_intern(rs, S("annotation.message"));
    rs->f_runbook_url = fields_intern(rs, S("annotation.runbook_url"));
    rs->f_runbook = fields_intern(rs, S("annotation.runbook"));
    rs->f_message = fields_intern(rs, S("message"));
    rs->f_app = fields_intern(rs, S("app"));
    rs->f_skeleton = fields_intern(rs, S("skeleton"));
    rs->f_service = fields_intern(rs, S("service"));
}

static void compile_all(struct ruleset *rs, struct diag *why)
{
    const struct conf *c = rs->conf;
    intern_own_fields(rs);
    rs->rules = ARENA_ARRAY(&rs->arena, struct crule, c->n_rules + 1);
    rs->services = ARENA_ARRAY(&rs->arena, struct cservice, c->n_services + 1);
    rs->known_errors = ARENA_ARRAY(&rs->arena, struct cknown_error, c->n_known_errors + 1);
    rs->heartbeats = ARENA_ARRAY(&rs->arena, struct cheartbeat, c->n_heartbeats + 1);
    rs->windows = ARENA_ARRAY(&rs->arena, struct cwindow, c->n_maintenance + 1);
    for (size_t i = 0; i < c->n_rules; i++)
        compile_rule(rs, &c->rules[i], &rs->rules[i], why);
    for (size_t i = 0; i < c->n_services; i++)
        compile_service(rs, &c->services[i], &rs->services[i], why);
    for (size_t i = 0; i < c->n_known_errors; i++) {
        rs->known_errors[i].conf = &c->known_errors[i];
        compile_clause(rs, &c->known_errors[i].match, &rs->known_errors[i].match, why);
    }
    for (size_t i = 0; i < c->n_heartbeats; i++) {
        rs->heartbeats[i].conf = &c->heartbeats[i];
        compile_clause(rs, &c->heartbeats[i].match, &rs->heartbeats[i].match, why);
    }
    for (size_t i = 0; i < c->n_maintenance; i++)
        compile_window(rs, &c->maintenance[i], &rs->windows[i], why);
    compile_names(rs, &c->defaults.group_by_labels, &rs->group_by_labels);
    compile_names(rs, &c->defaults.group_by_syslog, &rs->group_by_syslog);
}

static void destroy(struct ruleset *rs)
{
    for (size_t i = 0; i < rs->n_sets; i++)
        regex_set_destroy(rs->sets[i]);
    free(rs->sets);
    for (uint32_t i = 0; i < rs->n_matchers; i++)
        regex_destroy(rs->matchers[i].re);
    free(rs->matchers);
    for (size_t i = 0; i < rs->conf->n_maintenance; i++)
        zone_free(rs->windows[i].zone);
    map_finish(&rs->matchers_by_text);
    map_finish(&rs->services_by_name);
    index_finish(&rs->index);
    fields_finish(&rs->fields);
    arena_finish(&rs->arena);
    conf_unref(rs->conf);
    free(rs);
}

struct ruleset *ruleset_create(const struct conf *conf, struct diag *why)
{
    return ruleset_create_with(conf, NULL, 0, why);
}

static struct ruleset *begin(const struct conf *conf)
{
    struct ruleset *rs = NEW(struct ruleset);
    atomic_init(&rs->refs, 1);
    rs->id = atomic_fetch_add(&last_id, 1) + 1;
    rs->conf = conf_ref(conf);
    arena_init(&rs->arena, 0);
    return rs;
}

void ruleset_check_faulty(const struct conf *faulty, struct diag *why)
{
    struct ruleset *rs = begin(faulty);
    rs->faulty = true;
    compile_all(rs, why);
    destroy(rs);
}

struct ruleset *ruleset_create_with(const struct conf *conf, const struct declared_error *declared,
                                    size_t n, struct diag *why)
{
    struct ruleset *rs = begin(conf);
    size_t errors = why->errors;
    compile_all(rs, why);
    if (why->errors > errors) {
        destroy(rs);
        return NULL;
    }
    compile_declared(rs, declared, n);
    index_build(rs);
    return rs;
}

struct ruleset *ruleset_ref(const struct ruleset *rs)
{
    struct ruleset *mine = (struct ruleset *)(uintptr_t)rs; /* only the count changes */
    atomic_fetch_add_explicit(&mine->refs, 1, memory_order_relaxed);
    return mine;
}

void ruleset_unref(const struct ruleset *rs)
{
    struct ruleset *mine = (struct ruleset *)(uintptr_t)rs;
    if (mine && atomic_fetch_sub_explicit(&mine->refs, 1, memory_order_acq_rel) == 1)
        destroy(mine);
}

bool ruleset_reads_body(const struct ruleset *rs)
{
    return rs->reads_body;
}

bool ruleset_reads_parts(const struct ruleset *rs)
{
    return rs->reads_parts;
}

const struct conf *ruleset_conf(const struct ruleset *rs)
{
    return rs->conf;
}

uint64_t rules_regex_limit_hits(void)
{
    return regex_limit_hits();
}
