/*
 * review_document.c - writes the Markdown of a review.
 * Owns: the order of its sections. Never: asks Redis; invents anything.
 * Called by: routes_reviews.c. Texts of senders are escaped: a document shows them, and no more.
 */
#include "review_document.h"

#include <stdlib.h>

#include "triaged/base/clock.h"
#include "triaged/base/mem.h"

/* ---- texts -------------------------------------------------------------------------------------
 */

/* cell: of a table, on one line. */
static void put_text(struct buf *b, struct str s, bool cell)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c == '<')
            buf_put_c(b, "&lt;");
        else if (c == '&')
            buf_put_c(b, "&amp;");
        else if (cell && c == '|')
            buf_put_c(b, "\\|");
        else if (cell && (c == '\n' || c == '\r'))
            buf_put_char(b, ' ');
        else if (c >= ' ' || c == '\n' || c == '\t')
            buf_put_char(b, (char)c);
    }
}

static void put_section(struct buf *b, const char *title, struct str text, const char *without)
{
    buf_printf(b, "\n## %s\n\n", title);
    if (text.n)
        put_text(b, text, false);
    else
        buf_put_c(b, without);
    buf_put_char(b, '\n');
}

static void put_time(struct buf *b, int64_t ms)
{
    char text[CLOCK_RFC3339_SIZE];
    struct str s = clock_format_ms(ms, text);

    /* 2026-11-24 18:00:05 UTC */
    buf_printf(b, "%.10s %.8s UTC", s.p, s.p + 11);
}

static void put_span(struct buf *b, int64_t ms)
{
    long long seconds = (long long)ms / 1000, minutes = seconds / 60, hours = minutes / 60;

    if (hours >= 48)
        buf_printf(b, "%lldd %lldh", hours / 24, hours % 24);
    else if (hours)
        buf_printf(b, "%lldh %lldm", hours, minutes % 60);
    else if (minutes)
        buf_printf(b, "%lldm %llds", minutes, seconds % 60);
    else
        buf_printf(b, "%llds", seconds);
}

static struct str of_review(const jx *review, const char *name)
{
    return jx_str(jx_get(review, name));
}

/* ---- facts -------------------------------------------------------------------------------------
 */

static void put_fact(struct buf *b, const char *name, struct str value)
{
    if (value.n == 0)
        return;
    buf_printf(b, "| %s | ", name);
    put_text(b, value, true);
    buf_put_c(b, " |\n");
}

static void put_facts(struct buf *b, const struct incident *inc, const jx *review)
{
    struct str systems = incident_get(inc, "systems");
    struct jx_error why;
    jx *list = systems.n ? jx_parse(systems, &why) : NULL;

    buf_put_c(b, "\n## Impact\n\n");
    if (of_review(review, "impact_text").n) {
        put_text(b, of_review(review, "impact_text"), false);
        buf_put_c(b, "\n\n");
    }
    buf_put_c(b, "| | |\n|---|---|\n");
    put_fact(b, "Priority", incident_get(inc, "priority"));
    put_fact(b, "Impact", incident_get(inc, "impact"));
    put_fact(b, "Urgency", incident_get(inc, "urgency"));
    put_fact(b, "Category", incident_get(inc, "category"));
    put_fact(b, "Service", incident_get(inc, "service"));
    put_fact(b, "Team", incident_get(inc, "team"));
    put_fact(b, "Affected systems", incident_get(inc, "system_count"));
    if (jx_len(list)) {
        buf_put_c(b, "| Systems | ");
        for (size_t i = 0; i < jx_len(list) && i < 20; i++) {
            buf_put_c(b, i ? ", " : "");
            put_text(b, jx_str(jx_at(list, i)), true);
        }
        buf_put_c(b, jx_len(list) > 20 ? ", … |\n" : " |\n");
    }
    put_fact(b, "Alerts", incident_get(inc, "alerts"));
    put_fact(b, "Messages", incident_get(inc, "count"));
    jx_free(list);
}

static void put_moment(struct buf *b, const struct incident *inc, const char *name,
                       const char *field, const char *what)
{
    int64_t at = incident_number(inc, field), from = incident_number(inc, "opened_at");

    if (!at)
        return;
    buf_printf(b, "| %s | ", name);
    put_time(b, at);
    buf_put_c(b, " | ");
    if (what && at >= from)
        put_span(b, at - from);
    buf_printf(b, "%s |\n", what && at >= from ? what : "");
}

static void put_moments(struct buf *b, const struct incident *inc)
{
    int64_t reopens = incident_number(inc, "reopens");

    buf_put_c(b, "\n## Times\n\n| | when | after opening |\n|---|---|---|\n");
    put_moment(b, inc, "First sign", "first_at", NULL);
    put_moment(b, inc, "Opened", "opened_at", NULL);
    put_moment(b, inc, "Acknowledged", "acknowledged_at", " to acknowledge");
    put_moment(b, inc, "Resolved", "resolved_at", " to resolve");
    put_moment(b, inc, "Verified", "verified_at", "");
    put_moment(b, inc, "Confirmed", "confirmed_at", "");
    put_moment(b, inc, "Closed", "closed_at", " to close");
    if (reopens > 0)
        buf_printf(b, "\nReopened %lld times.\n", (long long)reopens);
    if (incident_get(inc, "unattended").n)
        buf_put_c(b, "\nIt ended before anybody had acknowledged it.\n");
}

/* ---- the timeline ------------------------------------------------------------------------------
 */

static const struct {
    const char *event, *sentence;
} missed[] = {
    {"unassigned", "nobody had acknowledged it in time; it went to the incident manager"},
    {"stalled", "acknowledged and then forgotten; it was queued again"},
    {"update_overdue", "no update was given in time"},
    {"unconfirmed", "nobody confirmed in time that the service is restored"},
    {"unclosed", "it was confirmed and could not be closed in time"},
    {"review_overdue", "this review was not completed in time"},
};

static const char *missed_sentence(const jx *entry)
{
    struct str event = jx_str(jx_get(entry, "event")), actor = jx_str(jx_get(entry, "actor"));

    for (size_t i = 0; i < ARRAY_LEN(missed); i++)
        if (str_eq_c(event, missed[i].event))
            return missed[i].sentence;
    if (str_eq(event, S("escalated")) && (str_eq(actor, S("clock")) || str_eq(actor, S("triaged"))))
        return "not resolved within the tier's time; it was escalated";
    return NULL;
}

static bool is_machine(struct str actor)
{
    return str_eq(actor, S("triaged")) || str_eq(actor, S("clock")) || str_eq(actor, S("monitor"));
}

static void put_missed(struct buf *b, jx *const *entries, size_t n)
{
    bool any = false;

    buf_put_c(b, "\n## What the deadlines said\n\n");
    for (size_t i = 0; i < n; i++) {
        const char *sentence = missed_sentence(entries[i]);
        int64_t at = 0;

        if (!sentence)
            continue;
        any = true;
        jx_int(jx_get(entries[i], "at"), &at);
        buf_put_c(b, "- ");
        put_time(b, at);
        buf_printf(b, ": %s\n", sentence);
    }
    if (!any)
        buf_put_c(b, "No deadline was missed.\n");
}

/* "text", then the other members as name=value. */
static void put_what(struct buf *b, const jx *entry)
{
    struct str text = jx_str(jx_get(entry, "text")), name;
    const jx *value;
    void *it = NULL;

    put_text(b, text, true);
    while (jx_next(entry, &it, &name, &value)) {
        struct str s = jx_str(value);
        int64_t n;

        if (str_eq(name, S("at")) || str_eq(name, S("event")) || str_eq(name, S("actor")) ||
            str_eq(name, S("text")) || (jx_type(value) != JX_STRING && !jx_int(value, &n)))
            continue;
        buf_printf(b, "%s%.*s: ", b->p[b->n - 1] == ' ' ? "" : "; ", STR_ARG(name));
        if (jx_type(value) == JX_STRING)
            put_text(b, s, true);
        else if (json_is_time_name(name) && n > 0)
            put_time(b, n);
        else
            buf_printf(b, "%lld", (long long)n);
    }
}

static void put_timeline(struct buf *b, jx *const *entries, size_t n)
{
    buf_put_c(b, "\n## Timeline\n\n| when | event | who | what |\n|---|---|---|---|\n");
    for (size_t i = 0; i < n; i++) {
        int64_t at = 0;

        if (str_eq(jx_str(jx_get(entries[i], "event")), S("deadline_near")))
            continue;
        jx_int(jx_get(entries[i], "at"), &at);
        buf_put_c(b, "| ");
        put_time(b, at);
        buf_put_c(b, " | ");
        put_text(b, jx_str(jx_get(entries[i], "event")), true);
        buf_put_c(b, " | ");
        put_text(b, jx_str(jx_get(entries[i], "actor")), true);
        buf_put_c(b, " | ");
        put_what(b, entries[i]);
        buf_put_c(b, " |\n");
    }
}

static void put_participants(struct buf *b, jx *const *entries, size_t n)
{
    bool any = false;

    buf_put_c(b, "\n## Participants\n\n");
    for (size_t i = 0; i < n; i++) {
        struct str actor = jx_str(jx_get(entries[i], "actor"));
        bool known = is_machine(actor) || actor.n == 0;

        for (size_t k = 0; k < i && !known; k++)
            known = str_eq(actor, jx_str(jx_get(entries[k], "actor")));
        if (known)
            continue;
        buf_put_c(b, any ? ", " : "");
        put_text(b, actor, true);
        any = true;
    }
    buf_put_c(b, any ? "\n" : "Nobody took part.\n");
}

/* ---- what was done -----------------------------------------------------------------------------
 */

static void put_resolution(struct buf *b, const struct incident *inc)
{
    put_section(b, "Resolution", incident_get(inc, "resolution"), "_Not written._");
    if (incident_get(inc, "kind").n) {
        buf_put_c(b, "\nKind: ");
        put_text(b, incident_get(inc, "kind"), true);
        buf_put_char(b, '\n');
    }
    if (incident_get(inc, "fix").n) {
        buf_put_c(b, "\nFix used: ");
        put_text(b, incident_get(inc, "fix"), true);
        buf_put_char(b, '\n');
    }
}

static void put_actions(struct buf *b, jx *const *actions, size_t n)
{
    buf_put_c(b, "\n## Action items\n\n");
    if (n == 0) {
        buf_put_c(b, "None yet.\n");
        return;
    }
    buf_put_c(b, "| id | what | owner | due | state |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < n; i++) {
        int64_t due = 0;

        buf_put_c(b, "| ");
        put_text(b, jx_str(jx_get(actions[i], "id")), true);
        buf_put_c(b, " | ");
        put_text(b, jx_str(jx_get(actions[i], "text")), true);
        buf_put_c(b, " | ");
        put_text(b, jx_str(jx_get(actions[i], "owner")), true);
        buf_put_c(b, " | ");
        if (jx_int(jx_get(actions[i], "due_at"), &due) && due > 0)
            put_time(b, due);
        buf_put_c(b, " | ");
        put_text(b, jx_str(jx_get(actions[i], "state")), true);
        buf_put_c(b, " |\n");
    }
}

static void put_head(struct buf *b, const struct incident *inc, const jx *review)
{
    int64_t at = 0;

    buf_put_c(b, "# Review of ");
    put_text(b, incident_get(inc, "id"), true);
    buf_put_c(b, ": ");
    put_text(b, incident_get(inc, "title"), false);
    buf_put_c(b, "\n\n");
    if (jx_int(jx_get(review, "done_at"), &at) && at > 0) {
        buf_put_c(b, "Completed ");
        put_time(b, at);
        buf_put_c(b, " by ");
        put_text(b, of_review(review, "done_by"), true);
        buf_put_c(b, ".\n");
    } else if (incident_number(inc, "review_due")) {
        buf_put_c(b, "Draft; due ");
        put_time(b, incident_number(inc, "review_due"));
        buf_put_c(b, ".\n");
    } else {
        buf_put_c(b, "Draft.\n");
    }
}

void review_document_put(struct buf *b, const struct incident *inc, const struct value *timeline,
                         const jx *review, jx *const *actions, size_t n_actions)
{
    jx **entries = NEW_ARRAY(jx *, timeline->n + 1);
    struct str summary = of_review(review, "summary");
    struct jx_error why;
    size_t n = 0;

    for (size_t i = 0; i < timeline->n; i++)
        if ((entries[n] = jx_parse(timeline->v[i].s, &why)))
            n++;
    put_head(b, inc, review);
    put_section(b, "Summary", summary.n ? summary : incident_get(inc, "summary"), "_Not written._");
    put_facts(b, inc, review);
    put_moments(b, inc);
    put_missed(b, entries, n);
    put_timeline(b, entries, n);
    put_participants(b, entries, n);
    put_section(b, "Detection", of_review(review, "detection"), "_Not written._");
    put_section(b, "Root cause", of_review(review, "root_cause"), "_Not written._");
    put_section(b, "Contributing causes", of_review(review, "contributing"), "_Not written._");
    put_resolution(b, inc);
    put_section(b, "Lessons", of_review(review, "lessons"), "_Not written._");
    put_actions(b, actions, n_actions);
    if (of_review(review, "document").n)
        put_section(b, "Notes", of_review(review, "document"), "");
    for (size_t i = 0; i < n; i++)
        jx_free(entries[i]);
    free(entries);
}
