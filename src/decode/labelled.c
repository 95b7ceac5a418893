/*
 * labelled.c - what the JSON formats share: labels, annotations, times, problems.
 * Owns: the checks of every size that a sender controls in a labelled alert.
 * Never: copies text (it is borrowed from the document), decides what a status means.
 */
#include "labelled.h"

#include <stdarg.h>
#include <stdio.h>

#include "triaged/base/clock.h"

/* ---- problems -------------------------------------------------------------------------------- */

__attribute__((format(printf, 5, 0))) static void
keep_problem(struct reading *r, int status, int code, const char *path, const char *fmt, va_list ap)
{
    if (r->res->n_problems == DECODE_PROBLEMS_MAX)
        return;
    struct decode_problem *p = &r->res->problems[r->res->n_problems++];
    p->status = status;
    p->code = code;
    if (path)
        snprintf(p->path, sizeof(p->path), "%s[%zu]%s", r->list, r->index, path);
    vsnprintf(p->text, sizeof(p->text), fmt, ap);
    /* peers' text may have been cut within a character */
    p->text[labelled_cut(str_c(p->text), sizeof(p->text)).n] = 0;
}

void reading_problem(struct reading *r, int status, int code, const char *path, const char *fmt,
                     ...)
{
    va_list ap;
    va_start(ap, fmt);
    keep_problem(r, status, code, path, fmt, ap);
    va_end(ap);
}

bool reading_bad(struct reading *r, int status, int code, const char *path, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    keep_problem(r, status, code, path, fmt, ap);
    va_end(ap);
    r->res->bad++;
    return false;
}

void reading_refuse(struct reading *r, int status, int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    keep_problem(r, status, code, NULL, fmt, ap);
    va_end(ap);
    r->res->refused = true;
}

size_t reading_clamp(struct reading *r, size_t n)
{
    size_t max = (size_t)r->in->limits->alerts_per_request;
    if (n <= max)
        return n;
    r->index = max;
    reading_problem(r, 400, 0, "", "more than %zu alerts in one request, %zu left out", max,
                    n - max);
    r->res->bad += n - max;
    return max;
}

/* ---- labels ---------------------------------------------------------------------------------- */

/* The API's schema speaks in one voice for every value of a wrong type. */
static bool bad_type(struct reading *r, const char *member, struct str name, const jx *v,
                     const char *wanted)
{
    char path[64];
    snprintf(path, sizeof(path), ".%s%s%.*s", member, name.n ? "." : "",
             name.n < 40 ? (int)name.n : 40, name.n ? name.p : "");
    const char *got = jx_type_name(jx_type(v));
    if (r->api)
        return reading_bad(r, 400, 400, path,
                           "parsing alerts body from \"\" failed, because [%zu]%s is of type %s, "
                           "not %s",
                           r->index, path, got, wanted);
    return reading_bad(r, 400, 0, path, "is of type %s, not %s", got, wanted);
}

static bool check_label(struct reading *r, struct str name, struct str value)
{
    const struct conf_limits *max = r->in->limits;
    if (!name.n || !str_is_utf8(name))
        return reading_bad(r, 400, 0, ".labels", "invalid label set: invalid name \"%.*s\"",
                           (int)(name.n < 80 ? name.n : 80), name.n ? name.p : "");
    if (name.n > max->label_name)
        return reading_bad(r, 400, 0, ".labels",
                           "invalid label set: name \"%.40s...\" is longer than %llu bytes", name.p,
                           (unsigned long long)max->label_name);
    if (value.n > max->label_value)
        return reading_bad(
            r, 400, 0, ".labels", "invalid label set: value of \"%.*s\" is longer than %llu bytes",
            (int)(name.n < 80 ? name.n : 80), name.p, (unsigned long long)max->label_value);
    return true;
}

static void make_room(struct reading *r, struct labels *l, size_t n)
{
    if (l->v || !n)
        return;
    l->v = arena_alloc(&r->out->arena, n * sizeof(*l->v));
    l->cap = (uint32_t)n;
}

bool labelled_labels(struct reading *r, const jx *object, struct labels *out)
{
    if (jx_type(object) != JX_OBJECT)
        return bad_type(r, "labels", STR_NONE, object, "object");
    size_t n = jx_len(object);
    if (n > r->in->limits->labels_per_alert)
        return reading_bad(r, 400, 0, ".labels", "invalid label set: more than %llu labels",
                           (unsigned long long)r->in->limits->labels_per_alert);
    make_room(r, out, n);
    struct str name;
    const jx *v;
    for (void *it = NULL; jx_next(object, &it, &name, &v);) {
        enum jx_type type = jx_type(v);
        if (type != JX_STRING && type != JX_NULL)
            return bad_type(r, "labels", name, v, "string");
        struct str value = jx_str(v);
        if (!check_label(r, name, value))
            return false;
        if (value.n)
            labels_add(out, &r->out->arena, name, value);
    }
    labels_normalise(out);
    if (!out->n)
        return reading_bad(r, 400, 0, ".labels", "at least one label pair required");
    return true;
}

struct str labelled_cut(struct str value, uint64_t max)
{
    size_t n = value.n < max ? value.n : (size_t)max;
    /* at most three bytes back stands the first byte of the character that the end may cut */
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        unsigned char c = (unsigned char)value.p[n - back];
        if ((c & 0xC0) == 0x80)
            continue;
        size_t needs = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
        if (needs > back)
            n -= back;
        break;
    }
    return str_sub(value, 0, n);
}

bool labelled_annotations(struct reading *r, const jx *object, struct labels *out)
{
    const struct conf_limits *max = r->in->limits;
    if (!object || jx_type(object) == JX_NULL)
        return true;
    if (jx_type(object) != JX_OBJECT)
        return r->api ? bad_type(r, "annotations", STR_NONE, object, "object") : true;
    size_t n = jx_len(object);
    make_room(r, out, n < max->labels_per_alert ? n : (size_t)max->labels_per_alert);
    struct str name;
    const jx *v;
    for (void *it = NULL; jx_next(object, &it, &name, &v);) {
        struct str value = jx_str(v);
        if (r->api && !value.p && jx_type(v) != JX_NULL)
            return bad_type(r, "annotations", name, v, "string");
        if (value.n && name.n && name.n <= max->label_name && out->n < max->labels_per_alert)
            labels_add(out, &r->out->arena, name,
                       value.n > max->annotation_value ? labelled_cut(value, max->annotation_value)
                                                       : value);
    }
    return true;
}

/* ---- single values --------------------------------------------------------------------------- */

bool labelled_time(const jx *v, int64_t *out_ms)
{
    *out_ms = 0;
    enum jx_type type = jx_type(v);
    if (type == JX_NONE || type == JX_NULL)
        return true;
    struct str text = jx_str(v);
    int64_t us;
    if (type != JX_STRING || (text.n && !clock_parse_rfc3339_us(text, &us)))
        return false;
    if (text.n && us > 0) /* year 1 is how Go writes "unset" */
        *out_ms = us / 1000;
    return true;
}

struct str labelled_host(struct str url)
{
    size_t at = str_find(url, S("://"));
    if (at == url.n)
        return STR_NONE;
    struct str authority = str_sub(url, at + 3, url.n);
    size_t end = 0;
    while (end < authority.n && !strchr("/?#", authority.p[end]))
        end++;
    authority = str_sub(authority, 0, end);
    size_t user = str_find_char(authority, '@');
    return user < authority.n ? str_sub(authority, user + 1, authority.n) : authority;
}

enum severity labelled_severity(const struct labels *l)
{
    static const struct str names[] = {{"severity", 8}, {"priority", 8}, {"level", 5}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str word = labels_get(l, names[i]);
        enum severity s = word.n ? severity_from_name(word) : SEVERITY_NONE;
        if (s != SEVERITY_NONE)
            return s;
    }
    return SEVERITY_NONE;
}

struct str labelled_sender(struct reading *r, struct str generator_url)
{
    struct str host = labelled_host(generator_url);
    if (host.n)
        return host;
    if (!r->fallback_sender.p)
        r->fallback_sender =
            arena_str(&r->out->arena, r->in->token_name.n ? r->in->token_name : r->in->peer);
    return r->fallback_sender;
}
