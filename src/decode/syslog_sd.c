/*
 * syslog_sd.c - STRUCTURED-DATA (RFC 5424 section 6.3).
 * Owns: its grammar, and the ways in which it is really sent: unquoted values (VMware), blanks
 * within the brackets and after "=". Those set SYSLOG_SD_LENIENT.
 */
#include "syslog_parts.h"

struct sd_list {
    struct syslog_sd v[SYSLOG_SD_MAX];
    size_t n;
    bool lenient;
};

static bool add(struct sd_list *l, struct str id, struct str name, struct str value)
{
    if (l->n == SYSLOG_SD_MAX)
        return false;
    l->v[l->n++] = (struct syslog_sd){id, name, value};
    return true;
}

/* Blanks where the RFC allows one or none. */
static void skip_blanks(struct cursor *c, struct sd_list *l, unsigned allowed)
{
    const char *from = c->p;

    cursor_skip_blanks(c);
    if ((size_t)(c->p - from) > allowed)
        l->lenient = true;
}

/* SD-NAME: anything but "=", SP, "]", '"'. */
static bool read_name(struct cursor *c, struct str *out)
{
    const char *from = c->p, *p = from, *end = c->end;

    while (p < end && *p != '=' && *p != ' ' && *p != ']' && *p != '"')
        p++;
    c->p = p;
    *out = (struct str){from, (size_t)(p - from)};
    return out->n > 0;
}

/* Takes the backslash from \" \\ \]; any other stays (RFC 5424 6.3.3). */
static struct str unescape(struct str s, struct arena *a)
{
    char *out = arena_alloc(a, s.n);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\' && i + 1 < s.n &&
            (s.p[i + 1] == '"' || s.p[i + 1] == '\\' || s.p[i + 1] == ']'))
            i++;
        out[n++] = s.p[i];
    }
    return (struct str){out, n};
}

static bool read_quoted(struct cursor *c, struct arena *a, struct str *out)
{
    const char *from = c->p + 1, *p = from, *end = c->end;
    bool escaped = false;

    for (; p < end && *p != '"'; p++) {
        if (*p == '\\' && p + 1 < end) {
            escaped = true;
            p++;
        }
    }
    if (p == end)
        return false;
    *out = (struct str){from, (size_t)(p - from)};
    if (escaped)
        *out = unescape(*out, a);
    c->p = p + 1;
    return true;
}

static bool read_value(struct cursor *c, struct arena *a, struct sd_list *l, struct str *out)
{
    if (cursor_at(c, '"'))
        return read_quoted(c, a, out);
    const char *from = c->p;
    while (c->p < c->end && *c->p != ' ' && *c->p != ']')
        c->p++;
    *out = (struct str){from, (size_t)(c->p - from)};
    l->lenient = true;
    return out->n > 0 && c->p < c->end;
}

static bool read_param(struct cursor *c, struct arena *a, struct sd_list *l, struct str id)
{
    struct str name, value;

    if (!read_name(c, &name))
        return false;
    skip_blanks(c, l, 0);
    if (!cursor_at(c, '='))
        return false;
    c->p++;
    skip_blanks(c, l, 0);
    if (!read_value(c, a, l, &value))
        return false;
    if (!cursor_at(c, ' ') && !cursor_at(c, ']'))
        l->lenient = true;
    return add(l, id, name, value);
}

/* "[id name="value" …]" with the cursor on "[". */
static bool read_element(struct cursor *c, struct arena *a, struct sd_list *l)
{
    struct str id;
    size_t before = l->n;

    c->p++;
    skip_blanks(c, l, 0);
    if (!read_name(c, &id) || !(cursor_at(c, ' ') || cursor_at(c, ']')))
        return false;
    while (c->p < c->end && *c->p != ']') {
        skip_blanks(c, l, 1);
        if (cursor_at(c, ']')) {
            l->lenient = true;
            break;
        }
        if (!read_param(c, a, l, id))
            return false;
    }
    if (c->p == c->end)
        return false;
    c->p++;
    return l->n > before || add(l, id, STR_NONE, STR_NONE);
}

bool syslog_read_sd(struct cursor *c, struct arena *a, struct syslog_msg *m)
{
    struct cursor look = *c;
    struct sd_list l;

    l.n = 0;
    l.lenient = false;
    while (cursor_at(&look, '[')) {
        if (!read_element(&look, a, &l))
            return false;
    }
    m->sd = ARENA_ARRAY(a, struct syslog_sd, l.n);
    memcpy(m->sd, l.v, l.n * sizeof(l.v[0]));
    m->n_sd = l.n;
    if (l.lenient)
        m->flags |= SYSLOG_SD_LENIENT;
    *c = look;
    return true;
}
