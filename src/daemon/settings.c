/*
 * settings.c - renders the configuration for the scripts.
 * Owns nothing. Called by: ticker.c.
 */
#include "settings.h"

#include "triaged/base/buf.h"

enum { JSON_MAX = 256 * 1024 };

static struct str matrix_json(const struct conf *c, struct arena *a)
{
    struct buf b;
    struct str s;

    buf_init(&b, JSON_MAX);
    for (int i = 0; i < LEVEL_N; i++) {
        buf_printf(&b, "%s\"%s\":{", i ? "," : "{", level_name((enum level)i));
        for (int u = 0; u < LEVEL_N; u++)
            buf_printf(&b, "%s\"%s\":\"%s\"", u ? "," : "", level_name((enum level)u),
                       priority_name(c->priority.matrix[i][u]));
        buf_put_char(&b, '}');
    }
    buf_put_char(&b, '}');
    s = arena_str(a, buf_str(&b));
    buf_finish(&b);
    return s;
}

static struct str blast_json(const struct conf *c, struct arena *a)
{
    struct buf b;
    struct str s;

    buf_init(&b, JSON_MAX);
    buf_put_char(&b, '[');
    for (size_t i = 0; i < c->priority.n_blast; i++)
        buf_printf(&b, "%s{\"systems\":%llu,\"impact\":\"%s\"}", i ? "," : "",
                   (unsigned long long)c->priority.blast[i].systems,
                   level_name(c->priority.blast[i].impact));
    buf_put_char(&b, ']');
    s = arena_str(a, buf_str(&b));
    buf_finish(&b);
    return s;
}

/* Clocks that a row does not have are left out. */
static void put_clock(struct buf *b, const char *name, int64_t ms)
{
    if (ms > 0)
        buf_printf(b, "\"%s\":%lld,", name, (long long)ms);
}

static struct str sla_json(const struct conf *c, struct arena *a)
{
    struct buf b;
    struct str s;

    buf_init(&b, JSON_MAX);
    for (int p = 0; p < PRIORITY_N; p++) {
        const struct conf_sla *r = &c->sla[p];

        buf_printf(&b, "%s\"%s\":{", p ? "," : "{", priority_name((enum priority)p));
        put_clock(&b, "acknowledge", r->acknowledge_ms);
        put_clock(&b, "reacknowledge", r->reacknowledge_ms);
        put_clock(&b, "tier2", r->tier2_ms);
        put_clock(&b, "tier3", r->tier3_ms);
        put_clock(&b, "update_every", r->update_every_ms);
        put_clock(&b, "confirm_within", r->confirm_within_ms);
        buf_printf(&b, "\"grace\":%lld,\"reopen_within\":%lld,\"confirm\":\"%s\"}",
                   (long long)r->grace_ms, (long long)r->reopen_within_ms,
                   r->confirm_required ? "required" : "optional");
    }
    buf_put_char(&b, '}');
    s = arena_str(a, buf_str(&b));
    buf_finish(&b);
    return s;
}

static void put_text(struct buf *b, const char *name, struct str value)
{
    if (value.n == 0)
        return;
    if (b->p[b->n - 1] != '{')
        buf_put_char(b, ',');
    buf_printf(b, "\"%s\":", name);
    buf_put_json(b, value);
}

/* What the incident of a missing beat looks like. */
static void put_heartbeat(struct buf *b, const struct conf_heartbeat *h)
{
    buf_put_c(b, "{");
    put_text(b, "name", h->name);
    buf_printf(b, ",\"every\":%lld", (long long)h->every_ms);
    put_text(b, "impact",
             str_c(level_name(h->set.impact == LEVEL_UNSET ? LEVEL_HIGH : h->set.impact)));
    put_text(b, "urgency",
             str_c(level_name(h->set.urgency == LEVEL_UNSET ? LEVEL_HIGH : h->set.urgency)));
    buf_put_c(b, ",\"meta\":{");
    put_text(b, "category", h->set.category.n ? h->set.category : S("software"));
    put_text(b, "subcategory", h->set.subcategory);
    put_text(b, "service", h->set.service);
    put_text(b, "title", h->set.title.s);
    put_text(b, "summary", h->set.summary.s);
    put_text(b, "source", S("triaged"));
    buf_put_c(b, "}}");
}

static struct str heartbeats_json(const struct conf *c, const struct conf_team *team,
                                  struct arena *a)
{
    struct buf b;
    struct str s;
    bool first = true;

    buf_init(&b, JSON_MAX);
    buf_put_char(&b, '[');
    for (size_t i = 0; i < c->n_heartbeats; i++) {
        const struct conf_heartbeat *h = &c->heartbeats[i];

        if (!str_eq(h->set.team.n ? h->set.team : c->default_team, team->name))
            continue;
        if (!first)
            buf_put_char(&b, ',');
        first = false;
        put_heartbeat(&b, h);
    }
    buf_put_char(&b, ']');
    s = arena_str(a, buf_str(&b));
    buf_finish(&b);
    return s;
}

size_t settings_args(const struct conf *c, const struct conf_team *team, struct arena *a,
                     struct str out[SETTINGS_ARGS_MAX])
{
    struct str *o = out;

#define FIELD(name, ...) (*o++ = S(name), *o++ = (__VA_ARGS__))
    FIELD("id", team->id);
    FIELD("lead", team->lead);
    FIELD("manager", team->manager);
    FIELD("matrix", matrix_json(c, a));
    FIELD("blast_radius", blast_json(c, a));
    FIELD("sla", sla_json(c, a));
    FIELD("flap", arena_printf(a, "{\"reopens\":%llu,\"within\":%lld,\"settle\":%lld}",
                               (unsigned long long)c->flap.reopens, (long long)c->flap.within_ms,
                               (long long)c->flap.settle_ms));
    FIELD("retention", arena_printf(a, "%lld", (long long)c->retention_closed_ms));
    FIELD("alerts_per_incident",
          arena_printf(a, "%llu", (unsigned long long)c->alerts_per_incident));
    FIELD("claim_after", arena_printf(a, "%lld", (long long)c->claim_after_ms));
    FIELD("give_up", arena_printf(a, "%lld", (long long)c->give_up_ms));
    FIELD("problems",
          arena_printf(a, "{\"recurs\":%llu,\"within\":%lld,\"systems\":%llu}",
                       (unsigned long long)c->problems.recurs, (long long)c->problems.within_ms,
                       (unsigned long long)c->problems.systems));
    FIELD("automation", arena_printf(a, "{\"uses\":%llu}", (unsigned long long)c->automation_uses));
    FIELD("heartbeats", heartbeats_json(c, team, a));
#undef FIELD
    return (size_t)(o - out);
}
