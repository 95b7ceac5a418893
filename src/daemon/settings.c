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

static struct str sla_json(const struct conf *c, struct arena *a)
{
    struct buf b;
    struct str s;

    buf_init(&b, JSON_MAX);
    for (int p = 0; p < PRIORITY_N; p++) {
        const struct conf_sla *r = &c->sla[p];

        buf_printf(&b,
                   "%s\"%s\":{\"acknowledge\":%lld,\"reacknowledge\":%lld,\"tier2\":%lld,"
                   "\"tier3\":%lld,\"update_every\":%lld,\"grace\":%lld,\"reopen_within\":%lld,"
                   "\"confirm_within\":%lld,\"confirm\":%s}",
                   p ? "," : "{", priority_name((enum priority)p), (long long)r->acknowledge_ms,
                   (long long)r->reacknowledge_ms, (long long)r->tier2_ms, (long long)r->tier3_ms,
                   (long long)r->update_every_ms, (long long)r->grace_ms,
                   (long long)r->reopen_within_ms, (long long)r->confirm_within_ms,
                   r->confirm_required ? "true" : "false");
    }
    buf_put_char(&b, '}');
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
    FIELD("team", team->name);
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
    FIELD("automation_uses", arena_printf(a, "%llu", (unsigned long long)c->automation_uses));
#undef FIELD
    return (size_t)(o - out);
}
