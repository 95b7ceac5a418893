/*
 * syslog_body.c - bodies that other formats fill: CEF, LEEF, JSON objects (with or without @cee:),
 * as flat labels.
 * Owns: their grammars, the labels' names, and the limits on them.
 * Never: changes the message; a body that cannot be read gives no label, its text is the message.
 *
 *   CEF:0|VENDOR|PRODUCT|VERSION|CLASS|NAME|SEVERITY|k=v k=v    cef.device_vendor … cef.ext.k
 *   LEEF:1.0|VENDOR|PRODUCT|VERSION|EVENT|k=v<TAB>k=v           leef.vendor … leef.ext.k
 *   LEEF:2.0|VENDOR|PRODUCT|VERSION|EVENT|^|k=v^k=v
 *   {"a": {"b": [1]}}, @cee: {"a": …}                           json.a.b.0
 */
#include "syslog_parts.h"
#include "triaged/alert/jx.h"

#include <stdio.h>
#include <stdlib.h>

struct body {
    struct arena *arena;
    struct labels *labels;
    unsigned left; /* labels that may still be added */
};

/* ---- labels --------------------------------------------------------------------------------- */

/* The longest head of s of at most max bytes that does not end within a character. */
static struct str cut(struct str s, size_t max)
{
    if (s.n <= max)
        return s;
    for (s.n = max; s.n > 0 && ((unsigned char)s.p[s.n] & 0xC0) == 0x80;)
        s.n--;
    return s;
}

/* False when there is no room for more. A label with too long a name, or without a value, is left
 * out. */
static bool add(struct body *b, struct str prefix, struct str key, struct str value)
{
    if (b->left == 0)
        return false;
    if (value.n == 0 || prefix.n + key.n > SYSLOG_BODY_NAME_MAX ||
        memchr(value.p, '\0', value.n)) /* JSON's \u0000 */
        return true;
    char *name = arena_alloc(b->arena, prefix.n + key.n + 1);
    memcpy(name, prefix.p, prefix.n);
    if (key.n > 0)
        memcpy(name + prefix.n, key.p, key.n);
    name[prefix.n + key.n] = '\0';
    b->left--;
    labels_add(b->labels, b->arena, (struct str){name, prefix.n + key.n},
               cut(value, SYSLOG_BODY_VALUE_MAX));
    return true;
}

/* ---- the header and the pairs of CEF and LEEF ------------------------------------------------ */

/* Takes the backslash from \\ \| \=; \n and \r are line ends (CEF); any other stays. */
static struct str unescape(struct str s, struct arena *a)
{
    if (s.n == 0 || !memchr(s.p, '\\', s.n))
        return s;
    char *out = arena_alloc(a, s.n);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char next = s.p[i] == '\\' && i + 1 < s.n ? s.p[i + 1] : '\0';
        if (next == '\\' || next == '|' || next == '=')
            out[n++] = next, i++;
        else if (next == 'n' || next == 'r')
            out[n++] = next == 'n' ? '\n' : '\r', i++;
        else
            out[n++] = s.p[i];
    }
    return (struct str){out, n};
}

/* Up to the next "|" that is not escaped, which is taken, too. */
static bool read_header_field(struct cursor *c, struct str *out)
{
    const char *from = c->p;

    for (; c->p < c->end && *c->p != '|'; c->p++) {
        if (*c->p == '\\' && c->p + 1 < c->end)
            c->p++;
    }
    if (c->p == c->end)
        return false;
    *out = (struct str){from, (size_t)(c->p++ - from)};
    return true;
}

static bool is_key_byte(char ch)
{
    return ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z') || (ch >= '0' && ch <= '9') || ch == '_' ||
           ch == '.' || ch == '-' || ch == '[' || ch == ']';
}

/* The next "=" that ends a key: where the key begins, or NULL. A key follows a blank: of
 * "reason=x=y and z=1" the keys are "reason" and "z". */
static const char *find_key(const char *p, const char *end, bool at_start, const char **equals)
{
    for (const char *eq = p; (eq = memchr(eq, '=', (size_t)(end - eq))); eq++) {
        const char *key = eq;
        while (key > p && is_key_byte(key[-1]))
            key--;
        if (key < eq && (key == p ? at_start : key[-1] == ' ')) {
            *equals = eq;
            return key;
        }
    }
    return NULL;
}

/* "src=192.0.2.1 msg=two words act=drop": a value reaches to the blank before the next key. */
static void read_cef_pairs(struct body *b, struct str s)
{
    const char *end = s.p + s.n, *equals, *key = find_key(s.p, end, true, &equals);

    while (key) {
        const char *value = equals + 1, *next = find_key(value, end, false, &equals);
        struct str name = {key, (size_t)(value - 1 - key)};
        struct str text = str_trim((struct str){value, (size_t)((next ? next : end) - value)});
        if (!add(b, S("cef.ext."), name, unescape(text, b->arena)))
            return;
        key = next;
    }
}

static void read_leef_pairs(struct body *b, struct str s, char separator)
{
    while (s.n > 0) {
        struct str value, name = str_cut(str_cut(s, separator, &s), '=', &value);
        name = str_trim(name);
        if (name.n > 0 && !add(b, S("leef.ext."), name, str_trim(value)))
            return;
    }
}

static void read_cef(struct body *b, struct cursor c)
{
    static const struct str names[] = {
        {"cef.version", 11},        {"cef.device_vendor", 17},  {"cef.device_product", 18},
        {"cef.device_version", 18}, {"cef.event_class_id", 18}, {"cef.name", 8},
        {"cef.severity", 12},
    };
    struct str fields[ARRAY_LEN(names)];

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *from = c.p;
        if (read_header_field(&c, &fields[i]))
            continue;
        if (i + 1 < ARRAY_LEN(names))
            return;
        fields[i] = (struct str){from, (size_t)(c.end - from)}; /* no bar and no extension */
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        (void)add(b, names[i], STR_NONE, unescape(str_trim(fields[i]), b->arena));
    read_cef_pairs(b, cursor_rest(&c));
}

/* LEEF 2.0 names its separator: one character, or its code ("x5E", "0x09"). */
static bool read_separator(struct str s, char *out)
{
    char *end, text[8] = "";

    if (s.n == 1)
        *out = s.p[0];
    if (s.n <= 1) /* none: TAB stays */
        return true;
    if (s.n > 4 || (s.p[0] != 'x' && !(s.p[0] == '0' && s.p[1] == 'x')))
        return false;
    size_t skip = s.p[0] == 'x' ? 1 : 2;
    memcpy(text, s.p + skip, s.n - skip);
    long code = strtol(text, &end, 16);
    if (*end || code < 1 || code > 127)
        return false;
    *out = (char)code;
    return true;
}

static void read_leef(struct body *b, struct cursor c)
{
    static const struct str names[] = {{"leef.version", 12},
                                       {"leef.vendor", 11},
                                       {"leef.product", 12},
                                       {"leef.product_version", 20},
                                       {"leef.event_id", 13}};
    struct str fields[ARRAY_LEN(names)], last;
    char separator = '\t';

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (!read_header_field(&c, &fields[i]))
            return;
    }
    struct cursor look = c;
    if (str_starts(fields[0], S("2")) && read_header_field(&look, &last) &&
        read_separator(last, &separator))
        c = look;
    else if (!memchr(c.p, '\t', cursor_left(&c)) && memchr(c.p, '|', cursor_left(&c)))
        separator = '|'; /* PAN-OS */
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        (void)add(b, names[i], STR_NONE, str_trim(fields[i]));
    read_leef_pairs(b, cursor_rest(&c), separator);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

struct path {
    char text[SYSLOG_BODY_NAME_MAX];
    size_t n;
};

/* Adds ".key"; false when it does not fit, and then the member is left out. */
static bool path_push(struct path *p, struct str key)
{
    if (key.n == 0 || p->n + 1 + key.n > sizeof(p->text))
        return false;
    p->text[p->n++] = '.';
    memcpy(p->text + p->n, key.p, key.n);
    p->n += key.n;
    return true;
}

static bool add_scalar(struct body *b, const struct path *p, const jx *v)
{
    struct str name = {p->text, p->n}, value = jx_str(v);
    char *dump = NULL;
    bool more;

    if (jx_type(v) == JX_NUMBER || jx_type(v) == JX_BOOL)
        value = str_c(dump = jx_dump(v));
    /* The texts die with the document. */
    more = add(b, name, STR_NONE, arena_str(b->arena, cut(value, SYSLOG_BODY_VALUE_MAX)));
    free(dump);
    return more;
}

static bool flatten(struct body *b, struct path *p, const jx *v, unsigned depth)
{
    size_t n = p->n;
    void *it = NULL;
    struct str key;
    const jx *member;
    bool more = true;

    if (jx_type(v) != JX_OBJECT && jx_type(v) != JX_ARRAY)
        return add_scalar(b, p, v);
    if (depth == SYSLOG_BODY_DEPTH_MAX)
        return true;
    while (more && jx_next(v, &it, &key, &member)) {
        if (path_push(p, key))
            more = flatten(b, p, member, depth + 1);
        p->n = n;
    }
    for (size_t i = 0; more && jx_type(v) == JX_ARRAY && i < jx_len(v); i++) {
        char index[24];
        int len = snprintf(index, sizeof(index), "%zu", i);
        if (path_push(p, (struct str){index, (size_t)len}))
            more = flatten(b, p, jx_at(v, i), depth + 1);
        p->n = n;
    }
    return more;
}

static void read_json(struct body *b, struct cursor c)
{
    struct str s = str_trim(cursor_rest(&c));
    struct path p = {.text = "json", .n = 4};
    struct jx_error why;

    if (s.n < 2 || s.n > SYSLOG_BODY_JSON_MAX || s.p[0] != '{' || s.p[s.n - 1] != '}')
        return;
    jx *doc = jx_parse(s, &why);
    if (jx_type(doc) == JX_OBJECT)
        (void)flatten(b, &p, doc, 0);
    jx_free(doc);
}

/* ---- the whole ------------------------------------------------------------------------------- */

void syslog_body_labels(const struct syslog_msg *m, struct arena *arena, struct labels *l)
{
    struct body b = {arena, l, SYSLOG_BODY_LABELS_MAX};
    struct cursor c = {m->msg.p, m->msg.p + m->msg.n};

    if (!syslog_may_have_body(m))
        return;
    cursor_skip_blanks(&c);
    switch (c.p < c.end ? *c.p : '\0') {
    case 'C':
        if (cursor_at_text(&c, S("CEF:")))
            read_cef(&b, (struct cursor){c.p + 4, c.end});
        break;
    case 'L':
        if (cursor_at_text(&c, S("LEEF:")))
            read_leef(&b, (struct cursor){c.p + 5, c.end});
        break;
    case '@':
        if (cursor_at_text(&c, S("@cee:")))
            read_json(&b, (struct cursor){c.p + 5, c.end});
        break;
    case '{':
        read_json(&b, c);
        break;
    default:
        return;
    }
    if (b.left < SYSLOG_BODY_LABELS_MAX)
        labels_normalise(l);
}
