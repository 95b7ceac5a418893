/*
 * template.c - `Disk filling on {{instance}}`: texts with placeholders, compiled and rendered.
 * A placeholder is {{NAME}}, where NAME is a named capture or a name as in matchers (`label.X`,
 * `annotation.X`, `severity` ...). One that is not known on an alert renders empty.
 */
#include "template.h"

#include "triaged/base/mem.h"

/* ---- compiling ------------------------------------------------------------------------------ */

static const char *name_problem(struct str name)
{
    if (name.n == 0)
        return "an empty placeholder {{}}";
    for (size_t i = 0; i < name.n; i++)
        if (strchr("{}|\"' \t\r\n", name.p[i]) || name.p[i] == '\0')
            return "a placeholder must be a plain name, as in {{instance}}";
    return NULL;
}

static size_t count_parts(struct str text)
{
    size_t n = 1;
    for (size_t i = 0; i + 1 < text.n; i++)
        n += text.p[i] == '{' && text.p[i + 1] == '{' ? 2 : 0;
    return n;
}

void template_compile(struct ruleset *rs, struct str text, const struct conf_place *place,
                      struct template *out, struct diag *why)
{
    *out = (struct template){0};
    if (text.n == 0)
        return;
    out->v = ARENA_ARRAY(&rs->arena, struct template_part, count_parts(text));
    while (text.n) {
        size_t open = str_find(text, S("{{"));
        if (open > 0)
            out->v[out->n++] = (struct template_part){.text = str_sub(text, 0, open)};
        if (open == text.n)
            return;
        struct str rest = str_sub(text, open + 2, text.n);
        size_t close = str_find(rest, S("}}"));
        struct str name = str_trim(str_sub(rest, 0, close));
        const char *problem =
            close == rest.n ? "a placeholder that is not closed with }}" : name_problem(name);
        if (problem) {
            diag_error(why, place->file, place->line, place->column, place->path, "%s", problem);
            return;
        }
        out->v[out->n++] = (struct template_part){
            .text = name, .is_field = true, .field = fields_intern(rs, name)};
        text = str_sub(rest, close + 2, rest.n);
    }
}

bool template_is_message(const struct template *t, const struct ruleset *rs)
{
    return t->n == 1 && t->v[0].is_field && t->v[0].field == rs->f_message;
}

/* ---- rendering ------------------------------------------------------------------------------ */

struct str text_cut(struct str s, size_t max)
{
    if (s.n <= max)
        return s;
    size_t n = max;
    while (n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n--;
    return str_sub(s, 0, n);
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7F;
}

struct str text_line(struct str s, size_t max, struct arena *a)
{
    s = text_cut(str_trim(s), max);
    size_t i = 0;
    while (i < s.n && !is_control(s.p[i]))
        i++;
    if (i == s.n)
        return s;
    char *p = arena_alloc(a, s.n);
    for (i = 0; i < s.n; i++)
        p[i] = is_control(s.p[i]) ? ' ' : s.p[i];
    return (struct str){p, s.n};
}

bool text_is_url(struct str s)
{
    if (!str_starts(s, S("http://")) && !str_starts(s, S("https://")))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= 0x20 || strchr("\"<>\\^`{|}\x7F", s.p[i]))
            return false;
    return true;
}

static struct str part_value(const struct template_part *part, struct rules_scratch *s,
                             const struct labels *captures)
{
    if (!part->is_field)
        return part->text;
    struct str v = labels_get(captures, part->text);
    return v.p ? v : eval_output(s, part->field);
}

struct str template_render(const struct template *t, struct rules_scratch *s,
                           const struct labels *captures, size_t max, struct arena *a)
{
    if (t->n == 1)
        return text_cut(part_value(&t->v[0], s, captures), max);
    size_t total = 0, n = 0;
    for (size_t i = 0; i < t->n; i++)
        total += part_value(&t->v[i], s, captures).n;
    char *p = arena_alloc(a, total < max ? total + 1 : max + 4);
    for (size_t i = 0; i < t->n && n < max; i++) {
        struct str v = part_value(&t->v[i], s, captures);
        /* one character more than max lets text_cut see whether it ends there */
        v = str_sub(v, 0, max + 4 - n);
        if (v.n)
            memcpy(p + n, v.p, v.n);
        n += v.n;
    }
    return text_cut((struct str){p, n}, max);
}

static bool is_unreserved(char c) /* RFC 3986 section 2.3 */
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~", c));
}

static size_t put_encoded(char *p, struct str v)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = 0;
    for (size_t i = 0; i < v.n; i++) {
        unsigned char c = (unsigned char)v.p[i];
        if (is_unreserved(v.p[i])) {
            p[n++] = v.p[i];
            continue;
        }
        p[n++] = '%';
        p[n++] = hex[c >> 4];
        p[n++] = hex[c & 15];
    }
    return n;
}

struct str template_render_url(const struct template *t, struct rules_scratch *s,
                               const struct labels *captures, struct arena *a)
{
    size_t total = 0, n = 0;
    for (size_t i = 0; i < t->n; i++)
        total += part_value(&t->v[i], s, captures).n;
    if (t->n == 0 || total > URL_MAX)
        return STR_NONE;
    char *p = arena_alloc(a, 3 * total + 1);
    for (size_t i = 0; i < t->n; i++) {
        struct str v = part_value(&t->v[i], s, captures);
        if (t->v[i].is_field && i > 0) {
            n += put_encoded(p + n, v);
        } else if (v.n) {
            memcpy(p + n, v.p, v.n);
            n += v.n;
        }
    }
    struct str url = {p, n};
    return t->v[0].is_field && !text_is_url(url) ? STR_NONE : url;
}
