/*
 * group_key.c - the keys by which alerts find their incident, their threshold and themselves.
 *
 * A key is RULE{name=value,name=value}, names sorted, empty values left out, \ , = { } escaped by a
 * backslash and line feeds as \n, so that different pairs never make the same key. One longer than
 * GROUP_KEY_MAX ends in `~` and 32 hex digits of the SHA-256 of the whole.
 */
#include "verdict.h"

#include "template.h"
#include "triaged/base/hash.h"

enum { GROUP_KEY_MAX = 512, HASH_DIGITS = 32 };

/* ---- pairs ---------------------------------------------------------------------------------- */

/* Captures before the alert's own fields. */
static struct str value_of(struct rules_scratch *s, const struct decision *d,
                           const struct name_ref *ref)
{
    struct str v = labels_get(&d->captures, ref->name);
    return v.p ? v : eval_output(s, ref->field);
}

static struct labels collect(struct rules_scratch *s, const struct decision *d,
                             const struct names *names, struct arena *a)
{
    struct labels l = {0};
    for (size_t i = 0; i < names->n; i++)
        labels_add(&l, a, names->v[i].name, value_of(s, d, &names->v[i]));
    labels_normalise(&l);
    return l;
}

/* ---- keys ----------------------------------------------------------------------------------- */

static size_t put_escaped(char *p, struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '\n' || c == '\\' || c == ',' || c == '=' || c == '{' || c == '}')
            p[n++] = '\\';
        p[n++] = c == '\n' ? 'n' : c;
    }
    return n;
}

static struct str shorten(char *p, size_t n)
{
    char hex[65];
    if (n <= GROUP_KEY_MAX)
        return (struct str){p, n};
    hash_sha256_hex(p, n, hex);
    n = text_cut((struct str){p, n}, GROUP_KEY_MAX - HASH_DIGITS - 1).n;
    p[n++] = '~';
    memcpy(p + n, hex, HASH_DIGITS);
    return (struct str){p, n + HASH_DIGITS};
}

static struct str make_key(struct str rule, const struct labels *l, struct arena *a)
{
    size_t max = 2 * rule.n + 2;
    for (uint32_t i = 0; i < l->n; i++)
        max += 2 * (l->v[i].name.n + l->v[i].value.n) + 2;
    char *p = arena_alloc(a, max);
    size_t n = put_escaped(p, rule);
    p[n++] = '{';
    for (uint32_t i = 0; i < l->n; i++) {
        if (i)
            p[n++] = ',';
        n += put_escaped(p + n, l->v[i].name);
        p[n++] = '=';
        n += put_escaped(p + n, l->v[i].value);
    }
    p[n++] = '}';
    return shorten(p, n);
}

/* ---- identity ------------------------------------------------------------------------------- */

static bool is_in_base_identity(const struct decision *d, struct str name)
{
    bool base = str_eq(name, S("skeleton")) || str_eq(name, S("host")) || str_eq(name, S("app"));
    return base && !labels_get(&d->captures, name).p;
}

/* A log message's identity is skeleton, host and app, and whatever else tells apart what the rule
 * groups or counts apart. The key is part of the format: changing it renames every alert. */
static uint64_t complete_identity(uint64_t base, const struct decision *d,
                                  const struct labels *group, const struct labels *per,
                                  struct arena *a)
{
    static const uint8_t key[16] = "triaged identity";
    struct labels extra = {0};
    const struct labels *from[] = {group, per};
    for (size_t k = 0; k < ARRAY_LEN(from); k++)
        for (uint32_t i = 0; i < from[k]->n; i++)
            if (!is_in_base_identity(d, from[k]->v[i].name))
                labels_add(&extra, a, from[k]->v[i].name, from[k]->v[i].value);
    labels_normalise(&extra);
    if (extra.n == 0)
        return base;
    size_t max = 8;
    for (uint32_t i = 0; i < extra.n; i++)
        max += extra.v[i].name.n + extra.v[i].value.n + 2;
    char *p = arena_alloc(a, max);
    size_t n = 0;
    for (; n < 8; n++)
        p[n] = (char)(base >> (8 * n));
    for (uint32_t i = 0; i < extra.n; i++) {
        const struct str parts[] = {extra.v[i].name, extra.v[i].value};
        for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
            memcpy(p + n, parts[k].p, parts[k].n);
            n += parts[k].n;
            p[n++] = '\xFF';
        }
    }
    return hash_sip64(key, p, n);
}

/* ---- all ------------------------------------------------------------------------------------ */

static struct labels group_of(const struct ruleset *rs, struct rules_scratch *s,
                              const struct decision *d, struct arena *a)
{
    const struct alert *alert = s->alert;
    if (d->rule && d->rule->conf->has_group_by)
        return collect(s, d, &d->rule->group_by, a);
    if (alert->group_labels.n) {
        struct labels l = {0};
        for (uint32_t i = 0; i < alert->group_labels.n; i++)
            labels_add(&l, a, alert->group_labels.v[i].name, alert->group_labels.v[i].value);
        labels_normalise(&l);
        if (l.n)
            return l;
    }
    return collect(s, d, alert->is_log ? &rs->group_by_syslog : &rs->group_by_labels, a);
}

void group_key_fill(const struct ruleset *rs, struct rules_scratch *s, const struct decision *d,
                    struct arena *arena, struct verdict *out)
{
    struct labels per = {0};
    out->group = group_of(rs, s, d, arena);
    out->threshold_key = S("");
    if (d->rule && d->rule->conf->threshold.count) {
        per = collect(s, d, &d->rule->per, arena);
        out->threshold_key = make_key(out->rule_name, &per, arena);
    }
    out->fingerprint = s->alert->fingerprint;
    if (s->alert->is_log)
        out->fingerprint = complete_identity(s->alert->fingerprint, d, &out->group, &per, arena);
    if (out->group.n) {
        out->group_key = make_key(out->rule_name, &out->group, arena);
        return;
    }
    struct labels fp = {0};
    labels_add(&fp, arena, S("fp"),
               arena_printf(arena, "%016llx", (unsigned long long)out->fingerprint));
    out->group_key = make_key(out->rule_name, &fp, arena);
}
