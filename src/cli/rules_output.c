/*
 * rules_output.c - a verdict and its trace, for people and as JSON.
 */
#include "rules_test.h"

#include <stdarg.h>

#include "triaged/base/buf.h"

enum { OUTPUT_MAX = 16 * 1024 * 1024 };

static bool is_held(const struct verdict *v)
{
    return v->rule && v->rule->threshold.count > 1;
}

static bool is_dropped(const struct verdict *v)
{
    return v->drop || v->heartbeat || is_held(v);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void put_name(struct buf *b, const char *name)
{
    if (b->n && b->p[b->n - 1] != '{')
        buf_put_char(b, ',');
    buf_put_json(b, str_c(name));
    buf_put_char(b, ':');
}

static void put_str(struct buf *b, const char *name, struct str value)
{
    put_name(b, name);
    buf_put_json(b, value);
}

static void put_bool(struct buf *b, const char *name, bool value)
{
    put_name(b, name);
    buf_put_c(b, value ? "true" : "false");
}

static void put_number(struct buf *b, const char *name, int64_t value)
{
    put_name(b, name);
    buf_put_i64(b, value);
}

static void put_threshold(struct buf *b, const struct verdict *v)
{
    if (!v->rule || !v->rule->threshold.count)
        return;
    put_name(b, "threshold");
    buf_put_char(b, '{');
    put_number(b, "count", (int64_t)v->rule->threshold.count);
    put_number(b, "within_ms", v->rule->threshold.within_ms);
    put_str(b, "key", v->threshold_key);
    buf_put_char(b, '}');
}

static void put_trace(struct buf *b, const struct rules_trace *trace)
{
    put_name(b, "trace");
    buf_put_char(b, '[');
    for (size_t i = 0; i < trace->n; i++) {
        const struct rules_trace_item *it = &trace->v[i];
        buf_put_c(b, i ? ",{" : "{");
        put_str(b, "rule", it->rule->name);
        put_bool(b, "matched", it->matched);
        if (it->failed) {
            put_str(b, "failed", it->failed->s);
            put_str(b, "value", it->value);
        }
        buf_put_char(b, '}');
    }
    buf_put_char(b, ']');
}

static void put_verdict(struct buf *b, const struct verdict *v)
{
    char fingerprint[17];
    snprintf(fingerprint, sizeof(fingerprint), "%016llx", (unsigned long long)v->fingerprint);
    put_str(b, "category", v->category);
    put_str(b, "subcategory", v->subcategory);
    put_bool(b, "dropped", is_dropped(v));
    put_bool(b, "held", is_held(v));
    put_str(b, "rule", v->rule_name);
    put_str(b, "team", v->team);
    put_str(b, "service", v->service_name);
    put_str(b, "priority", str_c(priority_name(v->priority)));
    put_str(b, "impact", str_c(level_name(v->impact)));
    put_str(b, "impact_from", str_c(v->impact_from));
    put_str(b, "urgency", str_c(level_name(v->urgency)));
    put_str(b, "urgency_from", str_c(v->urgency_from));
    put_str(b, "title", v->title);
    put_str(b, "summary", v->summary);
    put_str(b, "group_key", v->group_key);
    put_str(b, "fingerprint", str_c(fingerprint));
    put_threshold(b, v);
    put_name(b, "captures");
    labels_put_json(&v->captures, b);
    put_str(b, "known_error", v->known_error ? v->known_error->id : S(""));
    put_str(b, "runbook", v->runbook);
    put_str(b, "logs", v->logs);
    put_name(b, "suppress");
    buf_put_str(b, v->suppress.n ? v->suppress : S("[]"));
    put_number(b, "resolve_after_ms", v->resolve_after_ms);
    put_number(b, "settle_ms", v->settle_ms);
    put_number(b, "join_within_ms", v->join_within_ms);
}

static void print_json(const struct alert *a, struct str id, const struct verdict *v,
                       const struct rules_trace *trace)
{
    struct buf b;
    buf_init(&b, OUTPUT_MAX);
    buf_put_char(&b, '{');
    if (id.n)
        put_str(&b, "id", id);
    put_str(&b, "source", str_c(alert_source_name(a->source)));
    if (v->heartbeat) {
        put_str(&b, "heartbeat", v->heartbeat->name);
        put_bool(&b, "dropped", true);
    } else {
        put_verdict(&b, v);
    }
    if (trace)
        put_trace(&b, trace);
    buf_put_c(&b, "}\n");
    fwrite(b.p, 1, b.overflow ? 0 : b.n, stdout);
    buf_finish(&b);
}

/* ---- for people ------------------------------------------------------------------------------ */

static void row(const char *name, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void row(const char *name, const char *fmt, ...)
{
    va_list ap;
    printf("  %-14s ", name);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

static void row_str(const char *name, struct str value)
{
    if (value.n)
        row(name, "%.*s", STR_ARG(value));
}

static void print_alert(const struct alert *a, const struct verdict *v)
{
    printf("alert %016llx from %s%s\n", (unsigned long long)v->fingerprint,
           alert_source_name(a->source), a->resolved ? ", resolved" : "");
    for (uint32_t i = 0; i < a->labels.n; i++)
        printf("  %.*s = %.*s\n", STR_ARG(a->labels.v[i].name), STR_ARG(a->labels.v[i].value));
}

/* Has the rule anything in common with the alert: did a matcher hold before the one that failed,
 * other than that on the source? */
static bool is_near(const struct rules_trace_item *it)
{
    size_t held = (size_t)(it->failed - it->rule->match.v);
    return held > 1 || (held == 1 && !str_starts(it->rule->match.v[0].s, S("source")));
}

enum { MATCHER_SHOWN = 160 };

/* Patterns can be pages long. */
static void print_cut(struct str s, bool all)
{
    bool whole = all || s.n <= MATCHER_SHOWN;
    size_t n = whole ? s.n : MATCHER_SHOWN;
    while (!whole && n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n--; /* between characters */
    printf("%.*s%s", (int)n, s.p ? s.p : "", whole ? "" : "...");
}

static void print_trace(const struct rules_trace *trace, bool all)
{
    size_t far = 0;
    puts("rules");
    for (size_t i = 0; i < trace->n; i++) {
        const struct rules_trace_item *it = &trace->v[i];
        if (it->matched) {
            printf("  + %.*s%s\n", STR_ARG(it->rule->name), it->rule->goes_on ? " (goes on)" : "");
            for (size_t k = 0; k < it->rule->match.n; k++) {
                fputs("      ", stdout);
                print_cut(it->rule->match.v[k].s, all);
                putchar('\n');
            }
        } else if (all || is_near(it)) {
            printf("  - %.*s: ", STR_ARG(it->rule->name));
            print_cut(it->failed->s, all);
            fputs(", is \"", stdout);
            print_cut(it->value, all);
            puts("\"");
        } else {
            far++;
        }
    }
    if (far)
        printf("  - %zu others that have nothing in common with it (--all lists them)\n", far);
}

static void print_people(struct rules_test *t, const struct alert *a, const struct verdict *v,
                         const struct rules_trace *trace)
{
    print_alert(a, v);
    if (v->heartbeat) {
        printf("heartbeat %.*s: counted as a beat, makes no incident\n\n",
               STR_ARG(v->heartbeat->name));
        return;
    }
    print_trace(trace, t->all);
    printf("verdict: %s\n", v->drop         ? "dropped (counted only)"
                            : is_held(v)    ? "held until the threshold is reached"
                            : v->suppress.n ? "an incident, suppressed by maintenance"
                                            : "an incident");
    row("rule", "%.*s%s", STR_ARG(v->rule_name), v->by_default ? " (no rule matched)" : "");
    row("priority", "%s = impact %s (%s) x urgency %s (%s)", priority_name(v->priority),
        level_name(v->impact), v->impact_from, level_name(v->urgency), v->urgency_from);
    row("category", "%.*s%s%.*s", STR_ARG(v->category), v->subcategory.n ? " / " : "",
        STR_ARG(v->subcategory));
    row_str("team", v->team);
    row_str("service", v->service_name);
    row_str("title", v->title);
    row_str("summary", v->summary);
    row_str("group key", v->group_key);
    if (v->rule && v->rule->threshold.count)
        row("threshold", "%llu within %llds, counted by %.*s",
            (unsigned long long)v->rule->threshold.count,
            (long long)(v->rule->threshold.within_ms / 1000), STR_ARG(v->threshold_key));
    for (uint32_t i = 0; i < v->captures.n; i++)
        row(i ? "" : "captures", "%.*s = %.*s", STR_ARG(v->captures.v[i].name),
            STR_ARG(v->captures.v[i].value));
    if (v->known_error)
        row("known error", "%.*s: %.*s", STR_ARG(v->known_error->id),
            STR_ARG(v->known_error->workaround));
    row_str("runbook", v->runbook);
    row_str("logs", v->logs);
    row_str("maintenance", v->suppress);
    putchar('\n');
}

void print_verdict(struct rules_test *t, const struct alert *a, struct str id)
{
    struct rules_trace trace = {0};
    struct verdict v;
    rules_decide(t->rules, t->scratch, a, t->now_ms, &t->arena, &v, t->trace ? &trace : NULL, NULL);
    if (t->json)
        print_json(a, id, &v, t->trace ? &trace : NULL);
    else
        print_people(t, a, &v, &trace);
    rules_trace_finish(&trace);
}
