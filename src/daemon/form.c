/*
 * form.c - checks the members of a JSON object against a table of fields.
 * Owns: the sentences of field errors. Never: knows what the fields mean.
 * Called by: verb_forms.c and the routes that take a body.
 */
#include "form.h"

#include <stdio.h>

#include "triaged/base/clock.h"
#include "triaged/base/mem.h"

const char *const form_levels[] = {"high", "medium", "low", NULL};
const char *const form_tiers[] = {"tier2", "tier3", "manager", NULL};
const char *const form_queue_tiers[] = {"tier1", "tier2", "tier3", "manager", NULL};
const char *const form_states[] = {"open", "acknowledged", "resolved", "closed", NULL};
const char *const form_priorities[] = {"P1", "P2", "P3", "P4", NULL};

struct place { /* where in the document: the path of an error */
    const struct place *in;
    const char *name;
    long index; /* -1 = a member */
};

static size_t put_path(const struct place *p, char *out, size_t size)
{
    size_t n = p->in ? put_path(p->in, out, size) : 0;
    int more;

    if (n >= size)
        return size;
    if (p->index >= 0)
        more = snprintf(out + n, size - n, "[%ld]", p->index);
    else
        more = snprintf(out + n, size - n, "%s%.64s", n ? "." : "", p->name);
    return n + (size_t)(more > 0 ? more : 0);
}

static bool fault(const struct place *p, struct form_error *why, const char *sentence)
{
    put_path(p, why->path, sizeof(why->path));
    snprintf(why->text, sizeof(why->text), "%.100s: %s", why->path, sentence);
    return false;
}

static void put_name(struct buf *out, const char *name)
{
    if (out->n && out->p[out->n - 1] != '{' && out->p[out->n - 1] != '[')
        buf_put_char(out, ',');
    if (!name)
        return;
    buf_put_json(out, str_c(name));
    buf_put_char(out, ':');
}

/* ---- values -----------------------------------------------------------------------------------
 */

static bool read_object(const struct form *form, const jx *doc, const struct place *at,
                        struct buf *out, struct form_error *why);

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return true;
    return false;
}

static bool read_text(const struct field *f, const jx *v, const struct place *at, struct buf *out,
                      struct form_error *why)
{
    bool is_name = f->type != FIELD_TEXT;
    size_t max = f->max ? f->max : is_name ? FORM_NAME_MAX : FORM_TEXT_MAX;
    struct str s = jx_str(v);
    char text[80];

    if (jx_type(v) != JX_STRING)
        return fault(at, why, "must be a text");
    if (s.n > max) {
        snprintf(text, sizeof(text), "must be at most %zu bytes long", max);
        return fault(at, why, text);
    }
    if (s.n == 0 && (is_name || (f->flags & FORM_REQUIRED)))
        return fault(at, why, "must not be empty");
    if (is_name && has_control(s))
        return fault(at, why, "must not hold control characters");
    if (memchr(s.p, 0, s.n))
        return fault(at, why, "must not hold the character U+0000");
    buf_put_json(out, s);
    return true;
}

static bool read_word(const struct field *f, const jx *v, const struct place *at, struct buf *out,
                      struct form_error *why)
{
    char text[200];
    size_t n;

    for (size_t i = 0; f->words[i]; i++)
        if (jx_type(v) == JX_STRING && str_eq_c(jx_str(v), f->words[i])) {
            buf_put_json(out, jx_str(v));
            return true;
        }
    n = (size_t)snprintf(text, sizeof(text), "must be one of");
    for (size_t i = 0; f->words[i] && n < sizeof(text); i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s %s", i ? "," : "", f->words[i]);
    return fault(at, why, text);
}

static bool read_time(const jx *v, const struct place *at, struct buf *out, struct form_error *why)
{
    int64_t us;

    if (jx_type(v) != JX_STRING || !clock_parse_rfc3339_us(jx_str(v), &us) || us <= 0)
        return fault(at, why, "must be a time such as 2026-11-24T18:00:00Z");
    buf_put_i64(out, us / 1000);
    return true;
}

static bool read_count(const jx *v, const struct place *at, struct buf *out, struct form_error *why)
{
    int64_t n;

    if (jx_type(v) != JX_NUMBER || !jx_int(v, &n) || n < 0 || n > 9000000000000000)
        return fault(at, why, "must be a whole number, 0 or more");
    buf_put_i64(out, n);
    return true;
}

static bool read_span(const jx *v, const struct place *at, struct buf *out, struct form_error *why)
{
    int64_t ms;

    if (jx_type(v) == JX_NUMBER)
        return read_count(v, at, out, why);
    if (jx_type(v) != JX_STRING || !str_to_duration_ms(jx_str(v), &ms) || ms > 9000000000000000)
        return fault(at, why, "must be a span such as 30m or 1h30m, or milliseconds");
    buf_put_i64(out, ms);
    return true;
}

static bool read_list(const struct field *f, const jx *v, const struct place *at, struct buf *out,
                      struct form_error *why)
{
    struct field one = *f;
    char text[80];

    if (jx_type(v) != JX_ARRAY)
        return fault(at, why, "must be a list");
    if (jx_len(v) > f->max) {
        snprintf(text, sizeof(text), "must have at most %zu members", f->max);
        return fault(at, why, text);
    }
    if (jx_len(v) == 0 && (f->flags & FORM_REQUIRED))
        return fault(at, why, "must not be empty");
    one.type = FIELD_NAME;
    one.max = f->item_max;
    buf_put_char(out, '[');
    for (size_t i = 0; i < jx_len(v); i++) {
        struct place here = {.in = at, .index = (long)i};

        put_name(out, NULL);
        if (f->type == FIELD_NAMES ? !read_text(&one, jx_at(v, i), &here, out, why)
                                   : !read_object(f->of, jx_at(v, i), &here, out, why))
            return false;
    }
    buf_put_char(out, ']');
    return true;
}

static bool read_value(const struct field *f, const jx *v, const struct place *at, struct buf *out,
                       struct form_error *why)
{
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_NAME:
        return read_text(f, v, at, out, why);
    case FIELD_WORD:
        return read_word(f, v, at, out, why);
    case FIELD_BOOL:
        if (jx_type(v) != JX_BOOL)
            return fault(at, why, "must be true or false");
        return buf_put_c(out, jx_bool(v, false) ? "true" : "false") || true;
    case FIELD_COUNT:
        return read_count(v, at, out, why);
    case FIELD_TIME:
        return read_time(v, at, out, why);
    case FIELD_SPAN:
        return read_span(v, at, out, why);
    case FIELD_NAMES:
    case FIELD_FORMS:
        return read_list(f, v, at, out, why);
    case FIELD_FORM:
        return read_object(f->of, v, at, out, why);
    }
    return false;
}

/* ---- objects ----------------------------------------------------------------------------------
 */

static const struct field *find(const struct form *form, struct str name)
{
    for (; form; form = form->also)
        for (const struct field *f = form->fields; f->name; f++)
            if (str_eq_c(name, f->name))
                return f;
    return NULL;
}

static bool unknown(const struct form *form, struct str name, const struct place *in,
                    struct form_error *why)
{
    const char *names[64], *near;
    char shown[65], text[160];
    struct place at = {.in = in, .name = shown, .index = -1};
    size_t n = 0;

    for (; form; form = form->also)
        for (const struct field *f = form->fields; f->name && n < ARRAY_LEN(names); f++)
            names[n++] = f->name;
    snprintf(shown, sizeof(shown), "%.*s", name.n < 64 ? (int)name.n : 64, name.p);
    near = str_nearest(name, names, n);
    snprintf(text, sizeof(text), "is not known here%s%s%s", near ? "; did you mean " : "",
             near ? near : "", near ? "?" : "");
    return fault(&at, why, text);
}

static bool check_required(const struct form *form, const jx *doc, const struct place *in,
                           struct form_error *why)
{
    for (; form; form = form->also)
        for (const struct field *f = form->fields; f->name; f++) {
            struct place at = {.in = in, .name = f->name, .index = -1};
            enum jx_type type = jx_type(jx_get(doc, f->name));

            if ((f->flags & FORM_REQUIRED) && (type == JX_NONE || type == JX_NULL))
                return fault(&at, why, "is missing");
        }
    return true;
}

static bool read_members(const struct form *form, const jx *doc, const struct place *in,
                         struct buf *out, struct form_error *why)
{
    const jx *value;
    void *it = NULL;
    struct str name;

    while (jx_next(doc, &it, &name, &value)) {
        const struct field *f = find(form, name);
        struct place at = {.in = in, .name = f ? f->name : "", .index = -1};
        size_t before = out->n;

        if (!f)
            return unknown(form, name, in, why);
        if (jx_type(value) == JX_NULL)
            continue;
        put_name(out, f->name);
        if (!read_value(f, value, &at, out, why))
            return false;
        if (f->flags & FORM_UNWRITTEN)
            out->n = before;
    }
    return check_required(form, doc, in, why);
}

static bool read_object(const struct form *form, const jx *doc, const struct place *at,
                        struct buf *out, struct form_error *why)
{
    if (jx_type(doc) != JX_OBJECT)
        return fault(at, why, "must be an object");
    buf_put_char(out, '{');
    if (!read_members(form, doc, at, out, why))
        return false;
    buf_put_char(out, '}');
    return true;
}

bool form_read(const struct form *form, const jx *doc, struct buf *out, struct form_error *why)
{
    if (jx_type(doc) != JX_OBJECT) {
        snprintf(why->path, sizeof(why->path), "%s", "");
        snprintf(why->text, sizeof(why->text), "the body must be a JSON object");
        return false;
    }
    return read_members(form, doc, NULL, out, why);
}
