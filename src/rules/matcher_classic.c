/*
 * matcher_classic.c - the classic form: NAME OP VALUE, NAME a Prometheus label name, VALUE whatever
 * follows, maybe in double quotes. Forgiving: `foo=` is the empty value, a backslash before
 * anything but n " \ is itself, line feeds stand for themselves.
 */
#include "matcher_forms.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static struct str trim(struct str s)
{
    while (s.n && is_blank(s.p[0]))
        s = str_sub(s, 1, s.n);
    while (s.n && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

static bool is_name_byte(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
           (!first && c >= '0' && c <= '9');
}

static bool take_op(struct str *s, enum match_op *op)
{
    static const struct {
        struct str text;
        enum match_op op;
    } ops[] = {/* longest first */
               {{"=~", 2}, MATCH_RE},
               {{"!=", 2}, MATCH_NE},
               {{"!~", 2}, MATCH_NRE},
               {{"=", 1}, MATCH_EQ}};
    for (size_t i = 0; i < ARRAY_LEN(ops); i++)
        if (str_starts(*s, ops[i].text)) {
            *s = str_sub(*s, ops[i].text.n, s->n);
            *op = ops[i].op;
            return true;
        }
    return false;
}

/* Escapes and quotes of a value. A quote may stand only first and last. */
static bool unescape(struct str raw, struct arena *a, struct str *out)
{
    bool wants_quote = raw.n && raw.p[0] == '"';
    if (wants_quote)
        raw = str_sub(raw, 1, raw.n);
    char *p = arena_alloc(a, raw.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < raw.n; i++) {
        char c = raw.p[i];
        if (c == '\\' && i + 1 < raw.n) {
            char next = raw.p[++i];
            if (next != 'n' && next != '"' && next != '\\')
                p[n++] = '\\';
            p[n++] = next == 'n' ? '\n' : next;
            continue;
        }
        if (c == '"') {
            if (!wants_quote || i + 1 < raw.n)
                return false;
            wants_quote = false;
            continue;
        }
        p[n++] = c;
    }
    *out = (struct str){p, n};
    return !wants_quote;
}

bool matcher_classic_one(struct str text, struct arena *a, struct matcher_list *out,
                         struct str *why)
{
    struct str s = trim(text);
    size_t n = 0;
    while (n < s.n && is_name_byte(s.p[n], n == 0))
        n++;
    struct matcher_text m = {.name = str_sub(s, 0, n)};
    s = trim(str_sub(s, n, s.n));
    if (n == 0 || !take_op(&s, &m.op)) {
        *why = S("expected a label name and one of =, !=, =~, !~");
        return false;
    }
    if (!unescape(trim(s), a, &m.value)) {
        *why = S("the value contains a double quote that is not escaped");
        return false;
    }
    m.name = arena_str(a, m.name);
    matcher_list_add(out, a, m);
    return true;
}

/* Where the part that starts at `from` ends: at a comma outside quotes, or at the end. */
static size_t part_end(struct str s, size_t from)
{
    bool quoted = false, escaped = false;
    for (size_t i = from; i < s.n; i++) {
        char c = s.p[i];
        if (c == ',' && !quoted)
            return i;
        if (c == '"' && !escaped)
            quoted = !quoted;
        escaped = c == '\\' && !escaped;
    }
    return s.n;
}

bool matcher_classic_list(struct str text, struct arena *a, struct matcher_list *out,
                          struct str *why)
{
    struct str s = text;
    if (str_starts(s, S("{")))
        s = str_sub(s, 1, s.n);
    if (str_ends(s, S("}")))
        s.n--;
    for (size_t from = 0; from < s.n;) {
        size_t end = part_end(s, from);
        struct str part = str_sub(s, from, end);
        if (end == s.n && trim(part).n == 0)
            break; /* blanks after a last comma */
        if (out->n > MATCHERS_MAX || !matcher_classic_one(part, a, out, why))
            return out->n > MATCHERS_MAX;
        from = end + 1;
    }
    return true;
}
