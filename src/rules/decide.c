/*
 * decide.c - one alert through the rules, in order: first match wins, `continue: true` keeps what
 * the rule set and goes on. When only such rules match, the last of them decides.
 */
#include "verdict.h"

#include <stdlib.h>

#include "rules_path.h"
#include "triaged/base/mem.h"

/* ---- trace ---------------------------------------------------------------------------------- */

static void trace_add(struct rules_trace *t, struct rules_trace_item item)
{
    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 64;
        t->v = xrealloc_array(t->v, t->cap, sizeof(*t->v));
    }
    t->v[t->n++] = item;
}

void rules_trace_finish(struct rules_trace *t)
{
    free(t->v);
    *t = (struct rules_trace){0};
}

static bool try_traced(struct rules_scratch *s, const struct crule *r, struct rules_trace *t)
{
    size_t failed = 0;
    struct rules_trace_item item = {.rule = r->conf};
    item.matched = eval_clause(s, &r->match, &failed);
    if (!item.matched) {
        item.failed = &r->match.texts->v[failed];
        item.value = eval_field(s, s->rs->matchers[r->match.m[failed]].field);
    }
    trace_add(t, item);
    return item.matched;
}

/* ---- taking what a rule says ---------------------------------------------------------------- */

static void take_str(struct str *mine, struct str said)
{
    if (said.n)
        *mine = said;
}

static void take_template(const struct template **mine, const struct template *said)
{
    if (said->n)
        *mine = said;
}

static void take_captures(struct rules_scratch *s, const struct crule *r, struct decision *d,
                          struct arena *arena)
{
    uint32_t before = d->captures.n;
    for (size_t i = 0; i < r->match.n; i++) {
        const struct cmatcher *m = &s->rs->matchers[r->match.m[i]];
        if (m->op != MATCH_RE || regex_n_groups(m->re) == 0)
            continue;
        regex_match(m->re, s->regex, eval_output(s, m->field), &d->captures, arena);
    }
    if (d->captures.n != before)
        labels_normalise(&d->captures);
}

static void take_rule(struct rules_scratch *s, const struct crule *r, struct decision *d,
                      struct arena *arena)
{
    const struct conf_set *set = &r->conf->set;
    d->rule = r;
    take_str(&d->category, set->category);
    take_str(&d->subcategory, set->subcategory);
    take_str(&d->team, set->team);
    take_str(&d->service, set->service);
    if (set->impact != LEVEL_UNSET)
        d->impact = set->impact;
    if (set->urgency != LEVEL_UNSET)
        d->urgency = set->urgency;
    take_template(&d->title, &r->title);
    take_template(&d->summary, &r->summary);
    take_template(&d->runbook, &r->runbook);
    take_template(&d->logs, &r->logs);
    if (r->known_error)
        d->known_error = r->known_error;
    take_captures(s, r, d, arena);
}

/* ---- the rules ------------------------------------------------------------------------------ */

static void find_candidates(struct rules_scratch *s)
{
    const struct rule_index *ix = &s->rs->index;
    memcpy(s->candidates, ix->always, ix->words * sizeof(uint64_t));
    for (size_t i = 0; i < ix->n; i++) {
        const uint64_t *bucket = index_bucket(ix, i, eval_field(s, ix->v[i].field));
        for (size_t w = 0; bucket && w < ix->words; w++)
            s->candidates[w] |= bucket[w];
    }
}

static void run_rules(const struct ruleset *rs, struct rules_scratch *s, struct decision *d,
                      struct arena *arena)
{
    size_t failed;
    find_candidates(s);
    for (size_t w = 0; w < rs->index.words; w++) {
        for (uint64_t bits = s->candidates[w]; bits; bits &= bits - 1) {
            const struct crule *r = &rs->rules[w * 64 + (size_t)__builtin_ctzll(bits)];
            if (!eval_clause(s, &r->match, &failed))
                continue;
            take_rule(s, r, d, arena);
            if (!r->conf->goes_on)
                return;
        }
    }
}

/* Every rule up to the deciding one is tried, so that each can say why it did not match. */
static void run_traced(const struct ruleset *rs, struct rules_scratch *s, struct decision *d,
                       struct arena *arena, struct rules_trace *trace)
{
    for (size_t i = 0; i < rs->conf->n_rules; i++) {
        const struct crule *r = &rs->rules[i];
        if (!try_traced(s, r, trace))
            continue;
        take_rule(s, r, d, arena);
        if (!r->conf->goes_on)
            return;
    }
}

static const struct conf_heartbeat *find_heartbeat(const struct ruleset *rs,
                                                   struct rules_scratch *s)
{
    size_t failed;
    for (size_t i = 0; i < rs->conf->n_heartbeats; i++)
        if (rs->heartbeats[i].match.n && eval_clause(s, &rs->heartbeats[i].match, &failed))
            return rs->heartbeats[i].conf;
    return NULL;
}

void rules_decide(const struct ruleset *rs, struct rules_scratch *scratch, const struct alert *a,
                  int64_t now_ms, struct arena *arena, struct verdict *out,
                  struct rules_trace *trace, struct rules_path **path)
{
    struct decision d = {.impact = LEVEL_UNSET, .urgency = LEVEL_UNSET};
    *out = (struct verdict){0};
    eval_begin(scratch, rs, a);
    out->heartbeat = find_heartbeat(rs, scratch);
    if (out->heartbeat) {
        out->rule_name = out->heartbeat->name;
        out->team = out->heartbeat->set.team.n ? out->heartbeat->set.team : rs->conf->default_team;
        out->fingerprint = a->fingerprint;
    } else {
        if (trace)
            run_traced(rs, scratch, &d, arena, trace);
        else
            run_rules(rs, scratch, &d, arena);
        verdict_fill(rs, scratch, &d, now_ms, arena, out);
    }
    if (path)
        *path = rules_path_create(scratch);
}
