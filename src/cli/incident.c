/*
 * incident.c - an incident in words. Owns nothing; texts live in the client's arena.
 */
#include "incident.h"

#include <stdlib.h>
#include <string.h>

#include "when.h"

/* ---- fields ---------------------------------------------------------------------------------- */

static struct str value_text(struct arena *a, const jx *v);

static struct str list_text(struct arena *a, const jx *v)
{
    struct str text = STR_NONE;

    for (size_t i = 0; i < jx_len(v); i++) {
        struct str one = value_text(a, jx_at(v, i));

        text = i ? arena_printf(a, "%.*s, %.*s", STR_ARG(text), STR_ARG(one)) : one;
    }
    return text;
}

static struct str object_text(struct arena *a, const jx *v)
{
    struct str text = STR_NONE, name;
    const jx *value;
    void *it = NULL;

    while (jx_next(v, &it, &name, &value)) {
        struct str one = value_text(a, value);

        text = arena_printf(a, "%.*s%s%.*s %.*s", STR_ARG(text), text.n ? ", " : "", STR_ARG(name),
                            STR_ARG(one));
    }
    return text;
}

static struct str value_text(struct arena *a, const jx *v)
{
    struct str text;
    char *dump;

    switch (jx_type(v)) {
    case JX_STRING:
        return jx_str(v);
    case JX_ARRAY:
        return list_text(a, v);
    case JX_OBJECT:
        return object_text(a, v);
    case JX_NUMBER:
    case JX_BOOL:
        dump = jx_dump(v);
        text = arena_str(a, str_c(dump));
        free(dump);
        return text;
    case JX_NULL:
    case JX_NONE:
        break;
    }
    return STR_NONE;
}

struct str field_text(struct arena *a, const jx *object, const char *name)
{
    return value_text(a, jx_get(object, name));
}

int64_t field_number(const jx *object, const char *name)
{
    int64_t n;

    return jx_int(jx_get(object, name), &n) ? n : 0;
}

struct str field_ago(struct client *c, const jx *object, const char *name)
{
    int64_t at;

    if (!when_parse(jx_str(jx_get(object, name)), &at))
        return STR_NONE;
    return when_ago(&c->arena, at, c->term.now_ms);
}

struct str field_due(struct client *c, const jx *object, const char *name, enum style *style)
{
    int64_t due;

    *style = PLAIN;
    if (!when_parse(jx_str(jx_get(object, name)), &due))
        return STR_NONE;
    if (due < c->term.now_ms)
        *style = BOLD_RED;
    return when_due(&c->arena, due, c->term.now_ms);
}

struct str field_words(struct arena *a, struct str name)
{
    char *copy = arena_alloc(a, name.n + 1);

    for (size_t i = 0; i < name.n; i++)
        copy[i] = name.p[i] == '_' ? ' ' : name.p[i];
    copy[name.n] = '\0';
    return (struct str){copy, name.n};
}

struct str field_rest(struct arena *a, int64_t now_ms, const jx *object, const char *const *known)
{
    struct str all = STR_NONE, name;
    const jx *value;
    void *it = NULL;

    while (jx_next(object, &it, &name, &value)) {
        size_t i = 0;
        struct str text;
        int64_t at;

        while (known[i] && !str_eq_c(name, known[i]))
            i++;
        text = value_text(a, value);
        if (known[i] || !text.n)
            continue;
        if (when_parse(text, &at))
            text = when_local(a, at, now_ms);
        all = arena_printf(a, "%.*s%s%.*s %.*s", STR_ARG(all), all.n ? ", " : "",
                           STR_ARG(field_words(a, name)), STR_ARG(text));
    }
    return all;
}

struct str entry_detail(struct arena *a, int64_t now_ms, const jx *entry)
{
    static const char *const known[] = {"at", "event", "actor", "text", NULL};
    struct str text = jx_str(jx_get(entry, "text"));
    struct str rest = field_rest(a, now_ms, entry, known);

    if (!rest.n)
        return text;
    if (!text.n)
        return rest;
    return arena_printf(a, "%.*s (%.*s)", STR_ARG(text), STR_ARG(rest));
}

/* ---- words ----------------------------------------------------------------------------------- */

enum style priority_style(struct str priority)
{
    static const enum style styles[] = {BOLD_RED, YELLOW, CYAN, DIM};

    if (priority.n == 2 && priority.p[0] == 'P' && priority.p[1] >= '1' && priority.p[1] <= '4')
        return styles[priority.p[1] - '1'];
    return PLAIN;
}

enum style state_style(struct str state)
{
    if (str_starts(state, S("open")))
        return YELLOW;
    if (str_starts(state, S("acknowledged")))
        return CYAN;
    return str_starts(state, S("resolved")) ? GREEN : DIM;
}

static bool is_ahead(const jx *incident, const char *name)
{
    return jx_str(jx_get(incident, name)).n > 0;
}

struct str incident_state(struct arena *a, const jx *incident)
{
    struct str state = jx_str(jx_get(incident, "state"));
    const struct {
        bool is;
        const char *flag;
    } flags[] = {
        {jx_len(jx_get(incident, "suppressed_by")) > 0, "suppressed"},
        {is_ahead(incident, "snoozed_until"), "snoozed"},
        {jx_bool(jx_get(incident, "flapping"), false), "flapping"},
        {is_ahead(incident, "merged_into"), "merged"},
    };

    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (flags[i].is)
            state = arena_printf(a, "%.*s, %s", STR_ARG(state), flags[i].flag);
    return state;
}

struct str incident_who(struct arena *a, const jx *incident)
{
    struct str assignee = jx_str(jx_get(incident, "assignee"));
    struct str other = jx_str(jx_get(incident, "for"));

    if (assignee.n)
        return assignee;
    if (other.n)
        return arena_printf(a, "for %.*s", STR_ARG(other));
    return jx_bool(jx_get(incident, "with_manager"), false) ? S("manager") : STR_NONE;
}

struct str incident_due(struct client *c, const jx *incident, enum style *style)
{
    struct str due = field_due(c, incident, "next_due", style);
    struct str kind = jx_str(jx_get(incident, "next_due_kind"));
    struct str overdue = field_text(&c->arena, incident, "overdue");

    if (overdue.n) {
        *style = BOLD_RED;
        return arena_printf(&c->arena, "%.*s overdue", STR_ARG(overdue));
    }
    return due.n ? arena_printf(&c->arena, "%.*s %.*s", STR_ARG(kind), STR_ARG(due)) : due;
}

/* ---- a line ---------------------------------------------------------------------------------- */

void incident_line(struct client *c, const jx *incident)
{
    struct arena *a = &c->arena;
    struct str priority = jx_str(jx_get(incident, "priority"));
    struct str state = incident_state(a, incident), who = incident_who(a, incident);
    const char *link = str_eq(jx_str(jx_get(incident, "state")), S("acknowledged")) ? " by " : ", ";

    term_put(&c->term, BOLD, jx_str(jx_get(incident, "id")));
    fputs("  ", c->term.f);
    term_put(&c->term, priority_style(priority), priority);
    fputs("  ", c->term.f);
    term_put(&c->term, state_style(state), state);
    if (who.n && !str_starts(state, S("resolved")) && !str_starts(state, S("closed"))) {
        fputs(link, c->term.f);
        term_put(&c->term, PLAIN, who);
    }
    fputs("  ", c->term.f);
    term_put(&c->term, PLAIN, jx_str(jx_get(incident, "title")));
    fputc('\n', c->term.f);
}

static const jx *clock_of(const jx *incident, const char *kind)
{
    const jx *clocks = jx_get(incident, "clocks");

    for (size_t i = 0; i < jx_len(clocks); i++)
        if (str_eq_c(jx_str(jx_get(jx_at(clocks, i), "kind")), kind))
            return jx_at(clocks, i);
    return NULL;
}

/* Prints a line when the field is empty; returns whether it was. */
static bool need(struct client *c, const jx *incident, const char *field, const char *what,
                 const char *command, const char *rest)
{
    if (is_ahead(incident, field))
        return false;
    fprintf(c->term.f, "  - %s: triagectl %s %.*s%s\n", what, command,
            STR_ARG(jx_str(jx_get(incident, "id"))), rest);
    return true;
}

void incident_to_close(struct client *c, const jx *incident)
{
    struct str priority = jx_str(jx_get(incident, "priority"));
    const jx *grace = clock_of(incident, "grace");
    bool waits = false;
    enum style style;
    struct str due = field_due(c, grace, "due_at", &style);

    if (!str_eq(jx_str(jx_get(incident, "state")), S("resolved")))
        return;
    fputs("It closes once:\n", c->term.f);
    if (str_eq(priority, S("P1")) || str_eq(priority, S("P2"))) {
        waits |= need(c, incident, "resolution", "the resolution is written", "resolve", " TEXT");
        waits |= need(c, incident, "verified_at",
                      "the service is seen to work, by the monitor or you", "verify", "");
        waits |= need(c, incident, "confirmed_at", "the user confirms", "confirm", " --by NAME");
    }
    if (jx_bool(jx_get(grace, "resting"), false))
        fputs("  - the alerts end (the grace period waits for that)\n", c->term.f);
    else if (due.n && style == PLAIN)
        fprintf(c->term.f, "  - the grace period is over, %.*s\n", STR_ARG(due));
    else if (!waits)
        fputs("  - the daemon looks again, in a moment\n", c->term.f);
}
