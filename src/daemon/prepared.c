/*
 * prepared.c - encodes a verdict once, so that an alert that comes again costs a look-up.
 * Owns: the JSON of an observation's `meta` and `alert` fields (docs/REDIS.md).
 * Never: decides anything; that is rules/.
 * Called by: pipeline.c.
 */
#include "prepared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "triaged/base/hash.h"
#include "triaged/base/mem.h"

static void put_member(struct buf *b, const char *name, struct str value)
{
    if (value.n == 0)
        return;
    if (b->p[b->n - 1] != '{')
        buf_put_char(b, ',');
    buf_put_json(b, str_c(name));
    buf_put_char(b, ':');
    buf_put_json(b, value);
}

static void put_ms(struct buf *b, const char *name, int64_t ms)
{
    buf_printf(b, ",\"%s\":%lld", name, (long long)ms);
}

/* Why the incident has its priority and team: shown by `triagectl explain` and kept in `why`. */
static void put_why(struct buf *b, const struct verdict *v)
{
    buf_put_c(b, ",\"why\":{");
    put_member(b, "rule", v->rule_name);
    put_member(b, "impact_from", str_c(v->impact_from));
    put_member(b, "urgency_from", str_c(v->urgency_from));
    buf_printf(b, ",\"matrix\":{\"impact\":\"%s\",\"urgency\":\"%s\",\"priority\":\"%s\"}}",
               level_name(v->impact), level_name(v->urgency), priority_name(v->priority));
}

/* The script puts the incident's ID behind it. */
static void put_url_base(struct buf *b, struct str external_url)
{
    char text[2048];

    if (external_url.n == 0)
        return;
    snprintf(text, sizeof(text), "%.*s/incidents/", STR_ARG(external_url));
    put_member(b, "url_base", str_c(text));
}

static void put_meta(struct buf *b, const struct alert *a, const struct verdict *v,
                     const struct conf *conf)
{
    buf_put_char(b, '{');
    put_member(b, "title", v->title);
    if (!v->summary_is_message)
        put_member(b, "summary", v->summary);
    put_member(b, "category", v->category);
    put_member(b, "subcategory", v->subcategory);
    put_member(b, "service", v->service_name);
    put_member(b, "source", str_c(alert_source_name(a->source)));
    put_member(b, "severity", str_c(severity_name(a->severity)));
    put_member(b, "runbook", v->runbook);
    put_member(b, "logs", v->logs);
    put_member(b, "triage", v->known_error ? S("known") : S("new"));
    if (v->known_error) {
        put_member(b, "known_error", v->known_error->id);
        put_member(b, "workaround", v->known_error->workaround);
        put_member(b, "kb", v->known_error->kb);
    }
    put_url_base(b, conf->external_url);
    put_ms(b, "resolve_after", v->resolve_after_ms);
    put_ms(b, "settle", v->settle_ms);
    put_ms(b, "join_within", v->join_within_ms);
    buf_put_c(b, ",\"group\":");
    labels_put_json(&v->group, b);
    put_why(b, v);
    buf_put_char(b, '}');
}

/* Labels of a log alert that change from message to message and so are no part of the template. */
static bool is_per_message(struct str name)
{
    return str_eq(name, S("message")) || str_eq(name, S("procid"));
}

/* A named part that the rule groups or counts by is part of the alert's identity, and so the same
 * in all its messages. */
static bool is_identity_part(struct str name, const struct verdict *v)
{
    if (!alert_label_is_part(name))
        return false;
    if (labels_get(&v->group, name).p)
        return true;
    for (size_t i = 0; v->rule && i < v->rule->threshold.per.n; i++)
        if (str_eq(v->rule->threshold.per.v[i].s, name))
            return true;
    return false;
}

static void put_log_labels(struct buf *b, const struct labels *l, const struct verdict *v)
{
    buf_put_c(b, "\"labels\":{");
    for (uint32_t i = 0; i < l->n; i++) {
        struct str name = l->v[i].name;
        if (is_identity_part(name, v) || (!is_per_message(name) && !alert_label_is_payload(name)))
            put_member(b, name.p, l->v[i].value);
    }
}

/* Named groups that the rule captured (user, client, device) stand beside the sender's labels. */
static void put_captures(struct buf *b, const struct labels *captures)
{
    if (captures->n == 0)
        return;
    buf_put_c(b, ",\"captures\":");
    labels_put_json(captures, b);
}

static void put_alert(struct buf *b, const struct alert *a, const struct verdict *v)
{
    if (a->is_log) {
        buf_put_c(b, "\"annotations\":{}");
        put_captures(b, &v->captures);
        buf_put_char(b, ',');
        put_log_labels(b, &a->labels, v); /* left open: prepared_put_alert closes it */
        return;
    }
    buf_put_c(b, "\"labels\":");
    labels_put_json(&a->labels, b);
    buf_put_c(b, ",\"annotations\":");
    labels_put_json(&a->annotations, b);
    put_captures(b, &v->captures);
    if (a->generator_url.n) {
        buf_put_c(b, ",\"generator_url\":");
        buf_put_json(b, a->generator_url);
    }
}

bool prepared_put_meta(const struct prepared *p, struct str first_message, struct buf *out)
{
    if (!p->summary_is_message)
        return buf_put_str(out, p->meta);
    buf_put_c(out, "{\"summary\":");
    buf_put_json(out, first_message);
    buf_put_char(out, ',');
    return buf_put_str(out, str_sub(p->meta, 1, p->meta.n));
}

bool prepared_put_alert(const struct prepared *p, struct str last_message, struct buf *out)
{
    buf_put_str(out, p->alert);
    if (!p->is_log)
        return !out->overflow;
    if (out->p[out->n - 1] != '{')
        buf_put_char(out, ',');
    buf_put_c(out, "\"message\":");
    buf_put_json(out, last_message);
    return buf_put_char(out, '}');
}

/* Copies s behind *at inside p->text and moves *at on. */
static struct str keep(char **at, struct str s)
{
    struct str kept = {*at, s.n};

    if (s.n)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return kept;
}

struct prepared *prepared_create_beat(const struct conf_heartbeat *h, const struct conf *conf)
{
    struct str team = h->set.team.n ? h->set.team : conf->default_team;
    size_t total = team.n + h->name.n;
    struct prepared *p = xcalloc(1, sizeof(*p) + total);
    char *at = p->text;

    p->refs = 1;
    p->is_beat = true;
    p->bytes = sizeof(*p) + total;
    p->team = keep(&at, team);
    p->fingerprint = keep(&at, h->name);
    p->fp = hash_fnv1a64(FNV1A64_INIT, h->name.p, h->name.n);
    p->impact = p->urgency = "high";
    return p;
}

static struct prepared *dropped(void)
{
    struct prepared *p = xcalloc(1, sizeof(*p));

    p->refs = 1;
    p->drop = true;
    p->bytes = sizeof(*p);
    return p;
}

struct prepared *prepared_create(const struct alert *a, const struct verdict *v,
                                 const struct conf *conf, struct buf *scratch)
{
    struct str system = alert_system(a);
    char threshold[64] = "", fingerprint[17];
    struct prepared *p;
    size_t meta_end, total;
    char *at;

    if (v->drop)
        return dropped();
    if (v->rule && v->rule->threshold.count)
        snprintf(threshold, sizeof(threshold), "%llu %lld ",
                 (unsigned long long)v->rule->threshold.count,
                 (long long)v->rule->threshold.within_ms);
    buf_reset(scratch);
    put_meta(scratch, a, v, conf);
    meta_end = scratch->n;
    put_alert(scratch, a, v);

    snprintf(fingerprint, sizeof(fingerprint), "%016llx", (unsigned long long)v->fingerprint);
    total = scratch->n + 16 + v->team.n + v->group_key.n + v->rule_name.n + system.n +
            strlen(threshold) + v->threshold_key.n + v->suppress.n;
    p = xcalloc(1, sizeof(*p) + total);
    p->refs = 1;
    p->bytes = sizeof(*p) + total;
    p->is_log = a->is_log;
    p->summary_is_message = v->summary_is_message;
    p->pairs = a->source == SOURCE_PROMETHEUS;
    p->fp = v->fingerprint;
    p->impact = level_name(v->impact);
    p->urgency = level_name(v->urgency);
    at = p->text;
    p->meta = keep(&at, (struct str){scratch->p, meta_end});
    p->alert = keep(&at, (struct str){scratch->p + meta_end, scratch->n - meta_end});
    p->fingerprint = keep(&at, (struct str){fingerprint, 16});
    p->team = keep(&at, v->team);
    p->group_key = keep(&at, v->group_key);
    p->rule = keep(&at, v->rule_name);
    p->system = keep(&at, system);
    p->threshold = keep(&at, str_c(threshold));
    if (p->threshold.n)
        p->threshold.n += keep(&at, v->threshold_key).n;
    p->suppress = keep(&at, v->suppress);
    return p;
}

struct prepared *prepared_ref(struct prepared *p)
{
    p->refs++;
    return p;
}

void prepared_unref(struct prepared *p)
{
    if (p && --p->refs == 0)
        free(p);
}
