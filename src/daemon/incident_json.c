/*
 * incident_json.c - renders incidents, alerts, timelines and records.
 * Owns: the table of an incident's fields that are no plain texts.
 * Never: asks Redis. Called by: the routes of the responder API.
 */
#include "incident_json.h"

#include <stdio.h>

#include "triaged/base/clock.h"
#include "triaged/base/mem.h"

/* ---- fields -----------------------------------------------------------------------------------
 */

/* The queue that an entry stands on is no field of its own: tier and priority say it. */
static void add_queue(struct incident *inc, struct arena *a)
{
    bool manager = incident_get(inc, "with_manager").n != 0;

    if (incident_get(inc, "entry").n == 0)
        return;
    inc->names[inc->n] = S("queue");
    inc->values[inc->n++] =
        arena_printf(a, "%.*s:%.*s", STR_ARG(manager ? S("manager") : incident_get(inc, "tier")),
                     STR_ARG(incident_get(inc, "priority")));
}

bool incident_from_value(struct incident *inc, const struct value *v, struct arena *a)
{
    *inc = (struct incident){0};
    if (v->type != REPLY_ARRAY || v->n < 2)
        return false;
    inc->names = ARENA_ARRAY(a, struct str, v->n / 2 + 1);
    inc->values = ARENA_ARRAY(a, struct str, v->n / 2 + 1);
    for (; inc->n < v->n / 2; inc->n++) {
        inc->names[inc->n] = v->v[2 * inc->n].s;
        inc->values[inc->n] = v->v[2 * inc->n + 1].s;
    }
    add_queue(inc, a);
    return true;
}

bool incident_from_json(struct incident *inc, const jx *v, struct arena *a)
{
    size_t n = jx_type(v) == JX_OBJECT ? jx_len(v) : 0;
    const jx *value;
    void *it = NULL;
    struct str name;

    *inc = (struct incident){0};
    if (n == 0)
        return false;
    inc->names = ARENA_ARRAY(a, struct str, n + 1);
    inc->values = ARENA_ARRAY(a, struct str, n + 1);
    while (jx_next(v, &it, &name, &value)) {
        inc->names[inc->n] = arena_str(a, name);
        inc->values[inc->n++] = arena_str(a, jx_str(value));
    }
    add_queue(inc, a);
    return true;
}

struct str incident_get(const struct incident *inc, const char *name)
{
    for (size_t i = 0; i < inc->n; i++)
        if (str_eq_c(inc->names[i], name))
            return inc->values[i];
    return STR_NONE;
}

int64_t incident_number(const struct incident *inc, const char *name)
{
    int64_t n;

    return str_to_i64(incident_get(inc, name), &n) ? n : 0;
}

enum kind { TEXT, NUMBER, TIME, FLAG, NAMES, JSON, CLOCKS, HIDDEN };

static const struct {
    const char *name;
    enum kind kind;
} kinds[] = {
    {"acknowledged_at", TIME}, {"alerts", NUMBER},        {"cap_at", TEXT},
    {"cell", HIDDEN},          {"claimed_at", TIME},      {"clocks", CLOCKS},
    {"closed_at", TIME},       {"confirmed_at", TIME},    {"count", NUMBER},
    {"ended_at", TIME},        {"entry", HIDDEN},         {"firing", NUMBER},
    {"first_at", TIME},        {"flapping", FLAG},        {"grace_from", TIME},
    {"grew", NUMBER},          {"join_within", NUMBER},   {"joined_at", TIME},
    {"last_at", TIME},         {"merged", NAMES},         {"more_keys", JSON},
    {"muted", NUMBER},         {"next_due", TIME},        {"opened_at", TIME},
    {"overdue", NAMES},        {"recurrences", NUMBER},   {"reopen_times", HIDDEN},
    {"reopens", NUMBER},       {"resolve_after", NUMBER}, {"resolved_at", TIME},
    {"review_due", TIME},      {"settle", NUMBER},        {"snoozed_until", TIME},
    {"stale", NUMBER},         {"suppress_until", TIME},  {"suppressed_by", NAMES},
    {"system_count", NUMBER},  {"systems", JSON},         {"timeline_dropped", NUMBER},
    {"unattended", FLAG},      {"update_at", TIME},       {"updated_at", TIME},
    {"verified_at", TIME},     {"version", NUMBER},       {"why", JSON},
    {"with_manager", FLAG},
};

static enum kind kind_of(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_eq_c(name, kinds[i].name))
            return kinds[i].kind;
    return TEXT;
}

static void put_comma(struct buf *b)
{
    if (b->n && b->p[b->n - 1] != '{' && b->p[b->n - 1] != '[')
        buf_put_char(b, ',');
}

static void put_name(struct buf *b, struct str name)
{
    put_comma(b);
    buf_put_json(b, name);
    buf_put_char(b, ':');
}

static void put_moment(struct buf *b, int64_t ms)
{
    char text[CLOCK_RFC3339_SIZE];

    buf_put_char(b, '"');
    buf_put_str(b, clock_format_ms(ms, text));
    buf_put_char(b, '"');
}

void json_put_text(struct buf *b, const char *name, struct str value)
{
    if (value.n == 0)
        return;
    put_name(b, str_c(name));
    buf_put_json(b, value);
}

void json_put_time(struct buf *b, const char *name, int64_t ms)
{
    if (ms == 0)
        return;
    put_name(b, str_c(name));
    put_moment(b, ms);
}

static void put_names(struct buf *b, struct str list)
{
    buf_put_char(b, '[');
    while (list.n) {
        struct str one = str_trim(str_cut(list, ',', &list));

        if (one.n == 0)
            continue;
        put_comma(b);
        buf_put_json(b, one);
    }
    buf_put_char(b, ']');
}

/* KIND:BUDGET:USED:SINCE:MARK …; SINCE 0 = the clock rests (docs/REDIS.md section 3). */
static void put_clock(struct buf *b, struct str text)
{
    struct str kind = str_cut(text, ':', &text);
    uint64_t n[4] = {0};

    for (size_t i = 0; i < ARRAY_LEN(n); i++)
        if (!str_to_u64(str_cut(text, ':', &text), &n[i]))
            return;
    put_comma(b);
    buf_put_c(b, "{\"kind\":");
    buf_put_json(b, kind);
    buf_printf(b, ",\"budget_ms\":%llu,\"used_ms\":%llu,\"resting\":%s,\"went_off\":%s",
               (unsigned long long)n[0], (unsigned long long)n[1], n[2] ? "false" : "true",
               n[3] == 2 ? "true" : "false");
    if (n[2])
        json_put_time(b, "due_at", (int64_t)(n[2] + n[0] - n[1]));
    buf_put_char(b, '}');
}

static void put_clocks(struct buf *b, struct str text)
{
    buf_put_char(b, '[');
    while (text.n)
        put_clock(b, str_cut(text, ' ', &text));
    buf_put_char(b, ']');
}

static void put_json(struct buf *b, struct str text)
{
    struct jx_error why;
    jx *doc = jx_parse(text, &why);

    if (doc)
        json_put_value(b, "", doc);
    else
        buf_put_c(b, "null");
    jx_free(doc);
}

static void put_field(struct buf *b, struct str name, struct str value)
{
    enum kind kind = kind_of(name);
    int64_t n = 0;

    if (kind == HIDDEN || value.n == 0)
        return;
    if ((kind == NUMBER || kind == TIME) && !str_to_i64(value, &n))
        return;
    if (kind == TIME && n == 0)
        return;
    put_name(b, name);
    switch (kind) {
    case NUMBER:
        buf_put_i64(b, n);
        break;
    case TIME:
        put_moment(b, n);
        break;
    case FLAG:
        buf_put_c(b, "true");
        break;
    case NAMES:
        put_names(b, value);
        break;
    case JSON:
        put_json(b, value);
        break;
    case CLOCKS:
        put_clocks(b, value);
        break;
    case TEXT:
    case HIDDEN:
        buf_put_json(b, value);
        break;
    }
}

/* Fields that every incident shows, with what an absent one means. */
static const struct {
    const char *name, *json;
} always[] = {
    {"systems", "[]"}, {"system_count", "0"}, {"alerts", "0"},
    {"firing", "0"},   {"count", "0"},        {"version", "0"},
};

void incident_put(struct buf *b, const struct incident *inc)
{
    buf_put_char(b, '{');
    for (size_t i = 0; i < inc->n; i++)
        put_field(b, inc->names[i], inc->values[i]);
    for (size_t i = 0; i < ARRAY_LEN(always); i++) {
        if (incident_get(inc, always[i].name).n)
            continue;
        put_name(b, str_c(always[i].name));
        buf_put_c(b, always[i].json);
    }
    buf_put_char(b, '}');
}

/* ---- JSON that was stored ---------------------------------------------------------------------
 */

bool json_is_time_name(struct str name)
{
    return str_eq(name, S("at")) || str_ends(name, S("_at")) || str_eq(name, S("until")) ||
           str_eq(name, S("due")) || str_ends(name, S("_until")) || str_eq(name, S("lease"));
}

/* The scripts' JSON knows no empty list: one is written as an empty object. */
static bool is_list_name(struct str name)
{
    return str_eq(name, S("actions")) || str_eq(name, S("incidents")) || str_eq(name, S("match")) ||
           str_eq(name, S("allowed")) || str_eq(name, S("systems"));
}

/* Milliseconds as a number or, of some events, as a text of digits. */
static bool moment_of(const jx *v, int64_t *ms)
{
    return jx_int(v, ms) || (jx_type(v) == JX_STRING && str_to_i64(jx_str(v), ms));
}

static void put_number(struct buf *b, const jx *v)
{
    int64_t n;

    if (jx_int(v, &n))
        buf_put_i64(b, n);
    else
        buf_printf(b, "%.15g", jx_num(v, 0));
}

static void put_senders(struct buf *b, const jx *object)
{
    const jx *value;
    void *it = NULL;
    struct str name;
    int64_t ms;

    buf_put_char(b, '{');
    while (jx_next(object, &it, &name, &value)) {
        put_name(b, name);
        if (moment_of(value, &ms) && ms > 0)
            put_moment(b, ms);
        else
            buf_put_c(b, "null");
    }
    buf_put_char(b, '}');
}

bool json_put_members(struct buf *b, const jx *object)
{
    const jx *value;
    void *it = NULL;
    struct str name;
    int64_t ms;
    bool any = false;

    while (jx_next(object, &it, &name, &value)) {
        bool is_time = json_is_time_name(name) && moment_of(value, &ms);
        char text[64];

        if ((is_time && ms == 0) || jx_type(value) == JX_NULL)
            continue;
        any = true;
        put_name(b, name);
        if (is_time) {
            put_moment(b, ms);
        } else if (str_eq(name, S("senders")) && jx_type(value) == JX_OBJECT) {
            put_senders(b, value);
        } else {
            snprintf(text, sizeof(text), "%.*s", name.n < 60 ? (int)name.n : 60, name.p);
            json_put_value(b, text, value);
        }
    }
    return any;
}

void json_put_value(struct buf *b, const char *name, const jx *v)
{
    switch (jx_type(v)) {
    case JX_OBJECT:
        if (jx_len(v) == 0 && is_list_name(str_c(name))) {
            buf_put_c(b, "[]");
            break;
        }
        buf_put_char(b, '{');
        json_put_members(b, v);
        buf_put_char(b, '}');
        break;
    case JX_ARRAY:
        buf_put_char(b, '[');
        for (size_t i = 0; i < jx_len(v); i++) {
            put_comma(b);
            json_put_value(b, "", jx_at(v, i));
        }
        buf_put_char(b, ']');
        break;
    case JX_STRING:
        buf_put_json(b, jx_str(v));
        break;
    case JX_NUMBER:
        put_number(b, v);
        break;
    case JX_BOOL:
        buf_put_c(b, jx_bool(v, false) ? "true" : "false");
        break;
    case JX_NULL:
    case JX_NONE:
        buf_put_c(b, "null");
        break;
    }
}

bool json_put_stored(struct buf *b, struct str head, struct str text)
{
    struct jx_error why;
    jx *doc = jx_parse(text, &why);
    bool ok = jx_type(doc) == JX_OBJECT;

    if (ok) {
        put_comma(b);
        buf_put_char(b, '{');
        buf_put_str(b, head);
        json_put_members(b, doc);
        buf_put_char(b, '}');
    }
    jx_free(doc);
    return ok;
}
