/*
 * decode_json.c - any JSON, read by a mapping from the configuration (conf.h, struct conf_mapping).
 * Paths are member names and array indexes joined by dots ("check.name", "hosts.0"), looked up in
 * the alert; behind "$." in the whole document. "" is the thing itself.
 * Owns: how a JSON value becomes a label's text, and how state and times of unknown senders are
 * read. Never: guesses a field that the mapping does not name.
 */
#include "webhook.h"

#include <stdio.h>
#include <stdlib.h>

#include "triaged/base/clock.h"

static const jx *find(const jx *doc, const jx *alert, struct str path)
{
    const jx *v = alert;
    if (str_eq(path, S("$")))
        return doc;
    if (str_starts(path, S("$."))) {
        v = doc;
        path = str_sub(path, 2, path.n);
    }
    while (v && path.n) {
        /* a member whose own name has dots, as in flattened documents, goes first */
        const jx *whole = jx_get_str(v, path);
        if (whole)
            return whole;
        struct str rest, step = str_cut(path, '.', &rest);
        uint64_t index;
        if (jx_type(v) == JX_ARRAY)
            v = str_to_u64(step, &index) ? jx_at(v, (size_t)index) : NULL;
        else
            v = jx_get_str(v, step);
        path = rest;
    }
    return v;
}

/* A scalar as it is, a list or object as compact JSON, null and nothing as no text. */
static struct str text_of(const jx *v, struct arena *a)
{
    int64_t whole;
    switch (jx_type(v)) {
    case JX_STRING:
        return jx_str(v);
    case JX_BOOL:
        return jx_bool(v, false) ? S("true") : S("false");
    case JX_NUMBER:
        return jx_int(v, &whole) ? arena_printf(a, "%lld", (long long)whole)
                                 : arena_printf(a, "%.15g", jx_num(v, 0));
    case JX_ARRAY:
    case JX_OBJECT: {
        char *json = jx_dump(v);
        struct str kept = json ? arena_str(a, str_c(json)) : STR_NONE;
        free(json);
        return kept;
    }
    case JX_NONE:
    case JX_NULL:
        break;
    }
    return STR_NONE;
}

/* RFC 3339, or seconds or milliseconds since 1970 as a number or its text; 0 when none of these. */
static int64_t time_of(const jx *v, struct arena *a)
{
    int64_t us, n;
    struct str text = text_of(v, a);
    if (clock_parse_rfc3339_us(text, &us))
        return us > 0 ? us / 1000 : 0;
    double d = jx_num(v, 0);
    if (d > 0 && d < 1e11)
        return (int64_t)(d * 1000);
    if (!str_to_i64(text, &n) || n <= 0)
        return 0;
    /* 1e11 s is the year 5138, 1e11 ms is 1973; beyond 1e14 it is microseconds, then nanoseconds */
    return n < 100000000000         ? n * 1000
           : n < 100000000000000    ? n
           : n < 100000000000000000 ? n / 1000
                                    : n / 1000000;
}

static bool is_resolved(const struct conf_mapping *m, struct str state)
{
    static const char *const usual[] = {"resolved", "ok",     "recovery", "recovered",
                                        "closed",   "normal", "up"};
    if (!m->resolved_values.n)
        for (size_t i = 0; i < ARRAY_LEN(usual); i++)
            if (str_ieq(state, str_c(usual[i])))
                return true;
    for (size_t i = 0; i < m->resolved_values.n; i++)
        if (str_ieq(state, m->resolved_values.v[i].s))
            return true;
    return false;
}

/* All labels, or those that the mapping calls the identity. */
static uint64_t identity(struct reading *r, const struct alert *a)
{
    const struct conf_texts *names = &r->in->mapping->identity;
    if (!names->n)
        return labels_fingerprint(&a->labels);
    struct labels some = {0};
    for (size_t i = 0; i < names->n; i++)
        labels_add(&some, &r->out->arena, names->v[i].s, labels_get(&a->labels, names->v[i].s));
    labels_normalise(&some);
    return some.n ? labels_fingerprint(&some) : 0;
}

static bool read_labels(struct reading *r, const jx *doc, const jx *alert, struct alert *a)
{
    const struct conf_mapping *m = r->in->mapping;
    for (size_t i = 0; i < m->labels.n; i++) {
        const struct conf_pair *pair = &m->labels.v[i];
        struct str value = text_of(find(doc, alert, pair->value), &r->out->arena);
        if (value.n > r->in->limits->label_value)
            return reading_bad(r, 400, 0, "", "value of label \"%.*s\" is longer than %llu bytes",
                               (int)(pair->name.n < 80 ? pair->name.n : 80), pair->name.p,
                               (unsigned long long)r->in->limits->label_value);
        labels_add(&a->labels, &r->out->arena, pair->name, value);
    }
    labels_normalise(&a->labels);
    if (!a->labels.n)
        return reading_bad(r, 400, 0, "", "none of the mapping's labels is in it");
    return true;
}

static bool read_alert(struct reading *r, const jx *doc, const jx *v, struct alert *a)
{
    const struct conf_mapping *m = r->in->mapping;
    struct arena *arena = &r->out->arena;
    if (jx_type(v) != JX_OBJECT)
        return reading_bad(r, 400, 0, "", "is of type %s, not object", jx_type_name(jx_type(v)));
    if (!read_labels(r, doc, v, a))
        return false;
    for (size_t i = 0; i < m->annotations.n; i++)
        labels_add(&a->annotations, arena, m->annotations.v[i].name,
                   labelled_cut(text_of(find(doc, v, m->annotations.v[i].value), arena),
                                r->in->limits->annotation_value));
    if (m->state.n)
        a->resolved = is_resolved(m, text_of(find(doc, v, m->state), arena));
    int64_t starts_ms = m->starts_at.n ? time_of(find(doc, v, m->starts_at), arena) : 0;
    int64_t ends_ms = m->ends_at.n ? time_of(find(doc, v, m->ends_at), arena) : 0;
    if (!m->state.n && ends_ms && ends_ms <= r->in->now_ms)
        a->resolved = true;
    webhook_finish(r, a, SOURCE_JSON, starts_ms, ends_ms);
    if (m->severity.n) {
        enum severity s = severity_from_name(text_of(find(doc, v, m->severity), arena));
        if (s != SEVERITY_NONE)
            a->severity = s;
    }
    a->fingerprint = identity(r, a);
    if (!a->fingerprint)
        return reading_bad(r, 400, 0, "", "none of the mapping's identity labels is in it");
    return true;
}

void decode_json(const struct decode_input *in, struct alert_batch *out, struct decode_result *res)
{
    struct reading r = {.in = in, .out = out, .res = res, .list = ""};
    struct jx_error why;
    *res = (struct decode_result){.useless = ""};
    const jx *doc = out->document = jx_parse(in->body, &why);
    if (!doc) {
        reading_refuse(&r, 400, 0, "the body is no JSON: %s", why.text);
        return;
    }
    const jx *alerts = find(doc, doc, in->mapping->alerts);
    bool is_list = jx_type(alerts) == JX_ARRAY;
    size_t n = is_list ? reading_clamp(&r, jx_len(alerts)) : jx_type(alerts) == JX_OBJECT;
    r.list = in->mapping->alerts.n ? "alerts" : "";
    for (r.index = 0; r.index < n; r.index++)
        if (!read_alert(&r, doc, is_list ? jx_at(alerts, r.index) : alerts, alert_batch_add(out)))
            out->n--;
    if (!out->n)
        res->useless = n ? "no alert in it can be used" : "no alert where the mapping looks for it";
}
