/*
 * verdict.c - fills in what the rules left open: service, team, impact, urgency, priority, texts.
 * Every verdict is complete: there is always a category, a team, a priority, a title and a key.
 */
#include "verdict.h"

#include "template.h"

/* ---- priority ------------------------------------------------------------------------------- */

static size_t severity_index(enum severity severity)
{
    static const char *const names[URGENCY_CLASSES] = {"critical", "error", "warning", "info"};
    const char *class = severity_class(severity);
    for (size_t i = 0; i < URGENCY_CLASSES; i++)
        if (strcmp(class, names[i]) == 0)
            return i;
    return URGENCY_CLASSES - 1;
}

static void fill_priority(const struct conf *conf, const struct decision *d,
                          const struct conf_service *service, enum severity severity,
                          struct verdict *out)
{
    out->impact = d->impact;
    out->impact_from = "rule";
    if (out->impact == LEVEL_UNSET) {
        out->impact = service ? service->impact : LEVEL_UNSET;
        out->impact_from = "service";
    }
    if (out->impact == LEVEL_UNSET) {
        out->impact = LEVEL_MEDIUM;
        out->impact_from = "default";
    }
    out->urgency = d->urgency;
    out->urgency_from = "rule";
    if (out->urgency == LEVEL_UNSET) {
        out->urgency = conf->priority.urgency[severity_index(severity)];
        out->urgency_from = "severity";
    }
    if (out->urgency >= LEVEL_N) { /* a configuration that says nothing of this severity */
        out->urgency = LEVEL_MEDIUM;
        out->urgency_from = "default";
    }
    out->priority = conf->priority.matrix[out->impact][out->urgency];
}

static struct str default_category(const struct conf *conf)
{
    for (size_t i = 0; i < conf->n_categories; i++)
        if (str_eq(conf->categories[i], S("software")))
            return conf->categories[i];
    return conf->n_categories ? conf->categories[0] : S("");
}

/* ---- texts ---------------------------------------------------------------------------------- */

static struct str default_title(const struct ruleset *rs, struct rules_scratch *s,
                                const struct verdict *v, struct arena *arena)
{
    const struct alert *a = s->alert;
    if (a->is_log) {
        struct str app = eval_output(s, rs->f_app), text = eval_output(s, rs->f_skeleton);
        if (text.n == 0)
            text = eval_output(s, rs->f_message);
        if (app.n == 0 || text.n == 0)
            return app.n ? app : text;
        return arena_printf(arena, "%.*s: %.*s", STR_ARG(text_cut(app, TITLE_MAX)),
                            STR_ARG(text_cut(text, TITLE_MAX)));
    }
    struct str summary = text_line(eval_output(s, rs->f_summary), TITLE_MAX, arena);
    if (summary.n)
        return summary;
    struct str name = eval_output(s, rs->f_alertname), system = alert_system(a);
    if (name.n == 0)
        name = v->rule ? v->rule_name : S("Alert without a name");
    if (system.n == 0)
        return name;
    return arena_printf(arena, "%.*s on %.*s", STR_ARG(text_cut(name, TITLE_MAX)),
                        STR_ARG(text_cut(system, TITLE_MAX)));
}

static void fill_title(const struct ruleset *rs, struct rules_scratch *s, const struct decision *d,
                       struct arena *arena, struct verdict *out)
{
    struct str title = S("");
    if (d->title)
        title = template_render(d->title, s, &d->captures, TITLE_MAX, arena);
    title = text_line(title, TITLE_MAX, arena);
    if (title.n == 0)
        title = text_line(default_title(rs, s, out, arena), TITLE_MAX, arena);
    out->title = title.n ? title : S("Alert without a name");
}

/* The message as summary is left to whoever keeps the verdict to put in anew: it is the one text
 * that differs from message to message of a skeleton in nearly every rule. */
static void fill_summary(const struct ruleset *rs, struct rules_scratch *s,
                         const struct decision *d, struct arena *arena, struct verdict *out)
{
    const struct alert *a = s->alert;
    struct str summary = S("");
    if (d->summary && !(a->is_log && template_is_message(d->summary, rs) &&
                        !labels_get(&d->captures, S("message")).p))
        summary = str_trim(template_render(d->summary, s, &d->captures, SUMMARY_MAX, arena));
    if (summary.n == 0 && a->annotations.n) {
        summary = eval_output(s, rs->f_description);
        if (summary.n == 0)
            summary = eval_output(s, rs->f_message_note);
        if (summary.n == 0)
            summary = eval_output(s, rs->f_summary);
    }
    if (summary.n == 0) {
        summary = eval_field(s, rs->f_message);
        out->summary_is_message = a->is_log;
        if (!a->is_log && summary.n)
            s->finer_output = true;
    }
    out->summary = summary.n ? text_cut(summary, SUMMARY_MAX) : S("");
}

/* Exporters' rules carry their own runbook as an annotation. */
static struct str own_runbook(const struct ruleset *rs, struct rules_scratch *s)
{
    if (s->alert->annotations.n == 0)
        return S("");
    struct str url = eval_output(s, rs->f_runbook_url);
    if (url.n == 0)
        url = eval_output(s, rs->f_runbook);
    return url.n <= URL_MAX && text_is_url(url) ? url : S("");
}

static void fill_links(const struct ruleset *rs, struct rules_scratch *s, const struct decision *d,
                       const struct cservice *service, struct arena *arena, struct verdict *out)
{
    struct str url = STR_NONE;
    if (d->runbook)
        url = template_render_url(d->runbook, s, &d->captures, arena);
    out->runbook = url.n ? url : own_runbook(rs, s);
    url = STR_NONE;
    if (d->logs)
        url = template_render_url(d->logs, s, &d->captures, arena);
    if (url.n == 0 && service)
        url = template_render_url(&service->logs, s, &d->captures, arena);
    out->logs = url.n ? url : S("");
}

static const struct conf_known_error *first_match(struct rules_scratch *s,
                                                  const struct cknown_error *v, size_t n)
{
    size_t failed;
    for (size_t i = 0; i < n; i++)
        if (v[i].match.n && eval_clause(s, &v[i].match, &failed))
            return v[i].conf;
    return NULL;
}

/* The rule's word, then the configuration's known errors, then those that the team declared: what
 * the files say can be read and tested without a Redis, so that nothing declared changes it. */
static const struct conf_known_error *find_known_error(const struct ruleset *rs,
                                                       struct rules_scratch *s,
                                                       const struct decision *d, struct str team)
{
    if (d->known_error)
        return d->known_error;
    const struct conf_known_error *found =
        first_match(s, rs->known_errors, rs->conf->n_known_errors);
    for (size_t i = 0; i < rs->n_declared && !found; i++)
        if (str_eq(rs->declared[i].team, team))
            found = first_match(s, rs->declared[i].v, rs->declared[i].n);
    return found;
}

/* ---- all ------------------------------------------------------------------------------------ */

static int64_t or_default(int64_t ms, int64_t otherwise)
{
    return ms >= 0 ? ms : otherwise;
}

void verdict_fill(const struct ruleset *rs, struct rules_scratch *s, const struct decision *d,
                  int64_t now_ms, struct arena *arena, struct verdict *out)
{
    const struct conf *conf = rs->conf;
    const struct conf_rule *rule = d->rule ? d->rule->conf : NULL;
    out->rule = rule;
    out->by_default = !rule;
    out->drop = rule && rule->drop;
    out->rule_name = rule ? rule->name : S("default");
    out->captures = d->captures;

    const struct cservice *service = service_find(rs, s, d->service, &out->service_name);
    out->service = service ? service->conf : NULL;
    out->category = d->category.n ? d->category : default_category(conf);
    out->subcategory = d->subcategory;
    out->team = d->team.n                          ? d->team
                : service && service->conf->team.n ? service->conf->team
                                                   : conf->default_team;
    fill_priority(conf, d, out->service, s->alert->severity, out);
    group_key_fill(rs, s, d, arena, out);
    fill_title(rs, s, d, arena, out);
    fill_summary(rs, s, d, arena, out);
    fill_links(rs, s, d, service, arena, out);
    out->suppress = S("");
    if (out->drop) {
        s->finer_output = false; /* it is only counted: no text of it is ever seen */
    } else {
        out->known_error = find_known_error(rs, s, d, out->team);
        maintenance_fill(rs, s, now_ms, arena, out);
    }

    const struct conf_defaults *def = &conf->defaults;
    out->resolve_after_ms = or_default(rule ? rule->resolve_after_ms : -1, def->resolve_after_ms);
    out->settle_ms = or_default(rule ? rule->settle_ms : -1, def->settle_ms);
    out->join_within_ms = or_default(rule ? rule->join_within_ms : -1, def->join_within_ms);
}
