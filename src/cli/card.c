/*
 * card.c - an incident in full: its fields, alerts, timeline, and what was like it before.
 * Owns nothing. Called by: show, next, open.
 */
#include "incident.h"

#include <string.h>

#include "when.h"

enum { NAME_WIDTH = 13, ALERTS_SHOWN = 10, SYSTEMS_SHOWN = 8, CARD_MAX = 16 * 1024 * 1024 };

/* ---- rows ------------------------------------------------------------------------------------ */

void card_row(struct client *c, const char *name, enum style style, struct str value)
{
    struct buf b;

    if (!value.n)
        return;
    buf_init(&b, CARD_MAX);
    text_wrap(&b, value, NAME_WIDTH + 3, c->term.width);
    fprintf(c->term.f, "  %s%-*s%s %s%.*s%s\n", style_on(&c->term, DIM), NAME_WIDTH, name,
            style_off(&c->term, DIM), style_on(&c->term, style), (int)b.n, b.n ? b.p : "",
            style_off(&c->term, style));
    buf_finish(&b);
}

/* The parts that are not empty, with sep between. n texts. */
static struct str join(struct arena *a, const char *sep, const struct str *parts, size_t n)
{
    struct str all = STR_NONE;

    for (size_t i = 0; i < n; i++)
        if (parts[i].n)
            all = arena_printf(a, "%.*s%s%.*s", STR_ARG(all), all.n ? sep : "", STR_ARG(parts[i]));
    return all;
}

/* "3m ago by alice", or empty. */
static struct str ago_by(struct client *c, const jx *i, const char *at, const char *by)
{
    struct str when = field_ago(c, i, at), who = jx_str(jx_get(i, by));

    if (!when.n || !who.n)
        return when;
    return arena_printf(&c->arena, "%.*s by %.*s", STR_ARG(when), STR_ARG(who));
}

static struct str put_first(struct arena *a, const char *label, struct str s)
{
    return s.n ? arena_printf(a, "%s%.*s", label, STR_ARG(s)) : s;
}

/* ---- the fields ------------------------------------------------------------------------------ */

static void who_and_where(struct client *c, const jx *i, struct arena *a)
{
    struct str tier = jx_str(jx_get(i, "tier")), who = incident_who(a, i);
    struct str why = jx_str(jx_get(i, "manager_reason"));
    bool manager = jx_bool(jx_get(i, "with_manager"), false);

    card_row(c, "Team", PLAIN,
             join(a, ", ",
                  (struct str[]){jx_str(jx_get(i, "team")), tier,
                                 manager ? S("on the manager's queue") : STR_NONE, why},
                  4));
    card_row(c, "Category", PLAIN,
             join(a, " / ",
                  (struct str[]){jx_str(jx_get(i, "category")), jx_str(jx_get(i, "subcategory"))},
                  2));
    card_row(c, "Service", PLAIN, jx_str(jx_get(i, "service")));
    card_row(c, "Impact", PLAIN,
             arena_printf(a, "%.*s, urgency %.*s", STR_ARG(jx_str(jx_get(i, "impact"))),
                          STR_ARG(jx_str(jx_get(i, "urgency")))));
    if (who.n || str_eq(jx_str(jx_get(i, "state")), S("open")))
        card_row(c, "Held by", who.n ? PLAIN : YELLOW, who.n ? who : S("nobody"));
    card_row(c, "Confirmer", PLAIN, jx_str(jx_get(i, "confirmer")));
}

static void times(struct client *c, const jx *i, struct arena *a)
{
    enum style style;
    struct str rule = put_first(a, "rule ", jx_str(jx_get(i, "rule")));
    struct str source = put_first(a, "from ", jx_str(jx_get(i, "source")));
    struct str by = put_first(a, "reported by ", jx_str(jx_get(i, "reported_by")));

    card_row(c, "Opened", PLAIN,
             join(a, ", ", (struct str[]){field_ago(c, i, "opened_at"), source, rule, by}, 4));
    card_row(c, "Acknowledged", PLAIN, field_ago(c, i, "acknowledged_at"));
    card_row(c, "Resolved", PLAIN, field_ago(c, i, "resolved_at"));
    card_row(c, "Verified", PLAIN, ago_by(c, i, "verified_at", "verified_by"));
    card_row(c, "Confirmed", PLAIN, ago_by(c, i, "confirmed_at", "confirmed_by"));
    card_row(c, "Closed", PLAIN, field_ago(c, i, "closed_at"));
    card_row(c, "Snoozed", PLAIN, field_due(c, i, "snoozed_until", &style));
    card_row(c, "Suppressed", PLAIN,
             join(a, ", ends ",
                  (struct str[]){field_text(a, i, "suppressed_by"),
                                 field_due(c, i, "suppress_until", &style)},
                  2));
    if (!jx_str(jx_get(i, "closed_at")).n)
        card_row(c, "Due", PLAIN,
                 join(a, " ",
                      (struct str[]){jx_str(jx_get(i, "next_due_kind")),
                                     field_due(c, i, "next_due", &style)},
                      2));
    card_row(c, "Overdue", BOLD_RED, field_text(a, i, "overdue"));
}

static struct str systems(struct arena *a, const jx *i)
{
    const jx *list = jx_get(i, "systems");
    int64_t total = field_number(i, "system_count");
    struct str all = STR_NONE;

    for (size_t k = 0; k < jx_len(list) && k < SYSTEMS_SHOWN; k++)
        all = arena_printf(a, "%.*s%s%.*s", STR_ARG(all), k ? ", " : "",
                           STR_ARG(jx_str(jx_at(list, k))));
    if (total > SYSTEMS_SHOWN)
        all =
            arena_printf(a, "%.*s and %lld more", STR_ARG(all), (long long)(total - SYSTEMS_SHOWN));
    return all;
}

static struct str counts(struct arena *a, const jx *i)
{
    long long alerts = field_number(i, "alerts"), firing = field_number(i, "firing");

    if (alerts == 0)
        return STR_NONE;
    return arena_printf(a, "%lld, %lld firing; %lld message%s", alerts, firing,
                        (long long)field_number(i, "count"),
                        field_number(i, "count") == 1 ? "" : "s");
}

static void what_helps(struct client *c, const jx *i, struct arena *a)
{
    card_row(c, "Known error", GREEN,
             join(a, ": ",
                  (struct str[]){jx_str(jx_get(i, "known_error")), jx_str(jx_get(i, "workaround"))},
                  2));
    card_row(c, "Article", PLAIN, jx_str(jx_get(i, "kb")));
    card_row(c, "Runbook", PLAIN, jx_str(jx_get(i, "runbook")));
    card_row(c, "Logs", PLAIN, jx_str(jx_get(i, "logs")));
    card_row(c, "Link", PLAIN, jx_str(jx_get(i, "url")));
    card_row(c, "Recurrence of", YELLOW, jx_str(jx_get(i, "recurrence_of")));
    card_row(c, "Problem", YELLOW, jx_str(jx_get(i, "problem")));
    card_row(c, "Merged into", PLAIN, jx_str(jx_get(i, "merged_into")));
    card_row(c, "Merged", PLAIN, field_text(a, i, "merged"));
}

static void outcome(struct client *c, const jx *i, struct arena *a)
{
    enum style style;
    struct str review = jx_str(jx_get(i, "review"));

    card_row(c, "Last update", PLAIN,
             join(a, ": ",
                  (struct str[]){field_ago(c, i, "update_at"), jx_str(jx_get(i, "update_text"))},
                  2));
    card_row(c, "Resolution", PLAIN, jx_str(jx_get(i, "resolution")));
    card_row(c, "Kind", PLAIN, jx_str(jx_get(i, "kind")));
    card_row(c, "Fix used", PLAIN, jx_str(jx_get(i, "fix")));
    card_row(c, "Noise", PLAIN, jx_str(jx_get(i, "noise")));
    card_row(c, "Review", PLAIN,
             join(a, " ", (struct str[]){review, field_due(c, i, "review_due", &style)}, 2));
}

void incident_card(struct client *c, const jx *i)
{
    struct arena *a = &c->arena;
    struct str priority = jx_str(jx_get(i, "priority")), state = incident_state(a, i);

    term_put(&c->term, BOLD, jx_str(jx_get(i, "id")));
    fputs("  ", c->term.f);
    term_put(&c->term, priority_style(priority), priority);
    fputs("  ", c->term.f);
    term_put(&c->term, state_style(state), state);
    fputs("\n", c->term.f);
    term_put(&c->term, BOLD, jx_str(jx_get(i, "title")));
    fputs("\n\n", c->term.f);
    card_row(c, "Summary", PLAIN, jx_str(jx_get(i, "summary")));
    who_and_where(c, i, a);
    times(c, i, a);
    card_row(c, "Alerts", PLAIN, counts(a, i));
    card_row(c, "Systems", PLAIN, systems(a, i));
    what_helps(c, i, a);
    outcome(c, i, a);
}

/* ---- what hangs on it ------------------------------------------------------------------------ */

/* name="value" of all labels but those that stand elsewhere. */
static struct str label_words(struct arena *a, const jx *labels)
{
    struct str all = STR_NONE, name;
    const jx *value;
    void *it = NULL;

    while (jx_next(labels, &it, &name, &value))
        if (!str_eq(name, S("alertname")) && !str_eq(name, S("skeleton")))
            all = arena_printf(a, "%.*s%s%.*s=\"%.*s\"", STR_ARG(all), all.n ? " " : "",
                               STR_ARG(name), STR_ARG(jx_str(value)));
    return all;
}

/* A log's message, or an alert's name and labels. */
static struct str alert_words(struct arena *a, const jx *alert)
{
    const jx *labels = jx_get(alert, "labels");
    struct str message = jx_str(jx_get(alert, "message"));

    if (!message.n)
        message = jx_str(jx_get(labels, "message"));
    if (message.n)
        return join(a, ": ", (struct str[]){jx_str(jx_get(labels, "host")), message}, 2);
    return join(a, "  ",
                (struct str[]){jx_str(jx_get(labels, "alertname")), label_words(a, labels)}, 2);
}

static void alerts(struct client *c, const jx *answer, struct arena *a)
{
    static const struct table_column columns[] = {{"STATE", 0, 0, false},
                                                  {"LAST", 1, 0, false},
                                                  {"COUNT", 2, 0, true},
                                                  {"ALERT", 0, 20, false}};
    const jx *list = jx_get(answer, "alerts");
    size_t n = jx_len(list), shown = n < ALERTS_SHOWN ? n : ALERTS_SHOWN;
    int64_t all = field_number(jx_get(answer, "incident"), "alerts");
    struct table *t;

    if (n == 0)
        return;
    t = table_create(columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < shown; i++) {
        const jx *alert = jx_at(list, i);
        struct str state = jx_str(jx_get(alert, "state"));

        table_row(t);
        table_put_styled(t, str_eq(state, S("firing")) ? RED : DIM, state);
        table_put(t, field_ago(c, alert, "last_at"));
        table_put(t, field_text(a, alert, "count"));
        table_put(t, alert_words(a, alert));
    }
    fputs("\nAlerts\n", c->term.f);
    table_print(t, &c->term, "");
    table_destroy(t);
    if (all > (int64_t)shown)
        fprintf(c->term.f, "… and %lld more\n", (long long)all - (long long)shown);
}

static void timeline(struct client *c, const jx *answer, struct arena *a)
{
    const jx *list = jx_get(answer, "timeline");
    struct buf b;

    if (jx_len(list) == 0)
        return;
    fputs("\nTimeline\n", c->term.f);
    buf_init(&b, CARD_MAX);
    for (size_t i = 0; i < jx_len(list); i++) {
        const jx *e = jx_at(list, i);
        int64_t at = 0;
        struct str when, head;

        when_parse(jx_str(jx_get(e, "at")), &at);
        when = when_local(a, at, c->term.now_ms);
        head = jx_str(jx_get(e, "event"));
        if (!str_eq(jx_str(jx_get(e, "actor")), S("triaged")))
            head =
                arena_printf(a, "%.*s by %.*s", STR_ARG(head), STR_ARG(jx_str(jx_get(e, "actor"))));
        buf_reset(&b);
        text_wrap(&b, entry_detail(a, c->term.now_ms, e), NAME_WIDTH, c->term.width);
        fprintf(c->term.f, "  %s%.*s%s  ", style_on(&c->term, DIM), STR_ARG(when),
                style_off(&c->term, DIM));
        term_put(&c->term, BOLD, head);
        fprintf(c->term.f, "%s%.*s\n", b.n ? "  " : "", (int)b.n, b.n ? b.p : "");
    }
    buf_finish(&b);
}

static void recent_logs(struct client *c, const jx *answer, struct arena *a)
{
    static const struct table_column columns[] = {{"LAST", 0, 0, false},
                                                  {"COUNT", 2, 0, true},
                                                  {"INCIDENT", 1, 0, false},
                                                  {"SYSTEM", 0, 8, false},
                                                  {"MESSAGE", 0, 20, false}};
    const jx *list = jx_get(answer, "recent_logs");
    struct table *t;

    if (jx_len(list) == 0)
        return;
    t = table_create(columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < jx_len(list); i++) {
        const jx *l = jx_at(list, i);

        table_row(t);
        table_put(t, field_ago(c, l, "last_at"));
        table_put(t, field_text(a, l, "count"));
        table_put(t, jx_str(jx_get(l, "incident")));
        table_put(t, jx_str(jx_get(l, "system")));
        table_put(t,
                  join(a, ": ",
                       (struct str[]){jx_str(jx_get(l, "app")), jx_str(jx_get(l, "message"))}, 2));
    }
    fputs("\nLogged lately by these systems\n", c->term.f);
    table_print(t, &c->term, "");
    table_destroy(t);
}

static void similar(struct client *c, const jx *answer, struct arena *a)
{
    static const struct table_column columns[] = {{"ID", 0, 0, false},
                                                  {"SAME", 3, 0, false},
                                                  {"OPENED", 2, 0, false},
                                                  {"BY", 1, 0, false},
                                                  {"HOW IT WAS RESOLVED", 0, 20, false}};
    const jx *list = jx_get(answer, "similar");
    struct table *t;

    if (jx_len(list) == 0)
        return;
    t = table_create(columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < jx_len(list); i++) {
        const jx *s = jx_at(list, i);

        table_row(t);
        table_put(t, jx_str(jx_get(s, "id")));
        table_put(t, jx_str(jx_get(s, "like")));
        table_put(t, field_ago(c, s, "opened_at"));
        table_put(t, jx_str(jx_get(s, "assignee")));
        table_put(t, join(a, ", ",
                          (struct str[]){jx_str(jx_get(s, "resolution")),
                                         put_first(a, "by ", jx_str(jx_get(s, "fix")))},
                          2));
    }
    fputs("\nSimilar before\n", c->term.f);
    table_print(t, &c->term, "");
    table_destroy(t);
}

void incident_details(struct client *c, const jx *answer)
{
    struct arena *a = &c->arena;

    alerts(c, answer, a);
    timeline(c, answer, a);
    recent_logs(c, answer, a);
    similar(c, answer, a);
}
