/*
 * matcher_utf8.c - the UTF-8 form: an optional pair of braces around NAME OP VALUE, ... where NAME
 * and VALUE are bare words or strings in double quotes with Go's escapes. Strict: `foo=` has no
 * value here, an unknown escape is an error.
 */
#include "matcher_forms.h"

enum token_kind { T_END, T_OPEN, T_CLOSE, T_COMMA, T_OP, T_WORD };

struct token {
    enum token_kind kind;
    enum match_op op;
    struct str text; /* T_WORD: unquoted */
    size_t at;       /* offset in the text */
};

struct reader {
    struct str s;
    size_t at;
    struct arena *arena;
    struct str why;
};

static bool fail(struct reader *r, size_t at, const char *sentence)
{
    if (!r->why.p)
        r->why = arena_printf(r->arena, "%s at offset %zu", sentence, at);
    return false;
}

/* Length of the blank at s[i] (Unicode's White_Space), or 0. */
static size_t blank_at(struct str s, size_t i)
{
    static const char *const wide[] = {"\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80",
                                       "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF",
                                       "\xE2\x81\x9F", "\xE3\x80\x80"};
    unsigned char c = (unsigned char)s.p[i];
    if (c == ' ' || (c >= '\t' && c <= '\r'))
        return 1;
    if (c < 0x80)
        return 0;
    struct str rest = str_sub(s, i, s.n);
    for (size_t k = 0; k < ARRAY_LEN(wide); k++)
        if (str_starts(rest, str_c(wide[k])))
            return strlen(wide[k]);
    /* U+2000 .. U+200A */
    if (rest.n >= 3 && c == 0xE2 && rest.p[1] == '\x80' && (unsigned char)rest.p[2] <= 0x8A)
        return 3;
    return 0;
}

static bool is_bare(struct str s, size_t i)
{
    return !memchr("{}!=~,\\\"'`", s.p[i], 10) && !blank_at(s, i);
}

static size_t put_utf8(char *p, uint32_t c)
{
    if (c < 0x80) {
        p[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        p[i] = (char)(0x80 | (c & 0x3F));
    p[0] = (char)((0xF00 >> n) | c);
    return n;
}

/* `digits` digits of the given base at s[i]; false if they are not all there. */
static bool take_digits(struct str s, size_t *i, unsigned digits, unsigned base, uint32_t *out)
{
    uint32_t v = 0;
    for (unsigned k = 0; k < digits; k++, ++*i) {
        if (*i >= s.n)
            return false;
        char c = s.p[*i];
        unsigned d = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                     : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                            : 99;
        if (d >= base)
            return false;
        v = v * base + d;
    }
    *out = v;
    return true;
}

/* One escape; *i stands after the backslash. Writes at most 4 bytes, 0 on error. */
static size_t unescape(struct str s, size_t *i, char *p)
{
    static const char from[] = "abfnrtv\\\"", to[] = "\a\b\f\n\r\t\v\\\"";
    char c = s.p[*i];
    const char *simple = c ? strchr(from, c) : NULL;
    if (simple) {
        ++*i;
        *p = to[simple - from];
        return 1;
    }
    uint32_t v = 0;
    if (c >= '0' && c <= '7') {
        if (!take_digits(s, i, 3, 8, &v) || v > 255)
            return 0;
        *p = (char)v;
        return 1;
    }
    unsigned digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    ++*i;
    if (!digits || !take_digits(s, i, digits, 16, &v))
        return 0;
    if (c == 'x') {
        *p = (char)v;
        return 1;
    }
    if (v > 0x10FFFF || (v >= 0xD800 && v <= 0xDFFF))
        return 0;
    return put_utf8(p, v);
}

/* A string in double quotes; r->at stands on the first quote. */
static bool take_quoted(struct reader *r, struct token *t)
{
    size_t start = r->at, i = start + 1;
    /* no escape writes more than it takes */
    char *p = arena_alloc(r->arena, r->s.n - start + 4);
    size_t n = 0;
    while (i < r->s.n && r->s.p[i] != '"') {
        char c = r->s.p[i];
        if (c == '\n')
            return fail(r, i, "a line feed inside quotes");
        if (c != '\\') {
            p[n++] = c;
            i++;
            continue;
        }
        size_t escape = i++;
        size_t len = i < r->s.n ? unescape(r->s, &i, p + n) : 0;
        if (!len)
            return fail(r, escape, "an escape that is not known");
        n += len;
    }
    if (i >= r->s.n)
        return fail(r, start, "a quote that is not closed");
    t->kind = T_WORD;
    t->text = (struct str){p, n};
    r->at = i + 1;
    if (!str_is_utf8(t->text))
        return fail(r, start, "a string that is not valid UTF-8");
    return true;
}

static bool take_op(struct reader *r, struct token *t)
{
    char c = r->s.p[r->at], next = r->at + 1 < r->s.n ? r->s.p[r->at + 1] : '\0';
    t->kind = T_OP;
    if (c == '=') {
        t->op = next == '~' ? MATCH_RE : MATCH_EQ;
        r->at += next == '~' ? 2 : 1;
        return true;
    }
    if (next != '=' && next != '~')
        return fail(r, r->at, "expected one of =, !=, =~, !~");
    t->op = next == '~' ? MATCH_NRE : MATCH_NE;
    r->at += 2;
    return true;
}

static bool next_token(struct reader *r, struct token *t)
{
    size_t len;
    while (r->at < r->s.n && (len = blank_at(r->s, r->at)) > 0)
        r->at += len;
    *t = (struct token){.kind = T_END, .at = r->at};
    if (r->at >= r->s.n)
        return true;
    switch (r->s.p[r->at]) {
    case '{':
        t->kind = T_OPEN;
        r->at++;
        return true;
    case '}':
        t->kind = T_CLOSE;
        r->at++;
        return true;
    case ',':
        t->kind = T_COMMA;
        r->at++;
        return true;
    case '"':
        return take_quoted(r, t);
    case '=':
    case '!':
        return take_op(r, t);
    default:
        break;
    }
    while (r->at < r->s.n && is_bare(r->s, r->at))
        r->at++;
    if (r->at == t->at)
        return fail(r, t->at, "a character that must be quoted");
    t->kind = T_WORD;
    t->text = arena_str(r->arena, str_sub(r->s, t->at, r->at));
    return true;
}

static bool expect(struct reader *r, enum token_kind kind, struct token *t, const char *sentence)
{
    if (!next_token(r, t))
        return false;
    return t->kind == kind || fail(r, t->at, sentence);
}

static bool take_matcher(struct reader *r, const struct token *name, struct matcher_list *out)
{
    struct token op, value;
    if (name->kind != T_WORD)
        return fail(r, name->at, "expected a label name");
    if (!expect(r, T_OP, &op, "expected one of =, !=, =~, !~") ||
        !expect(r, T_WORD, &value, "expected a value"))
        return false;
    matcher_list_add(out, r->arena,
                     (struct matcher_text){.name = name->text, .op = op.op, .value = value.text});
    return true;
}

static bool take_list(struct reader *r, struct matcher_list *out)
{
    struct token t;
    if (!next_token(r, &t))
        return false;
    bool braces = t.kind == T_OPEN;
    if (braces && !next_token(r, &t))
        return false;
    while (t.kind != T_END && t.kind != T_CLOSE) {
        if (out->n > MATCHERS_MAX)
            return true; /* refused by the caller */
        if (!take_matcher(r, &t, out) || !next_token(r, &t))
            return false;
        if (t.kind == T_END || t.kind == T_CLOSE)
            break;
        if (t.kind != T_COMMA)
            return fail(r, t.at,
                        braces ? "expected a comma or a closing brace" : "expected a comma");
        if (!next_token(r, &t))
            return false;
    }
    if (braces != (t.kind == T_CLOSE))
        return fail(r, t.at, braces ? "expected a closing brace" : "a brace that was not opened");
    return t.kind == T_END || expect(r, T_END, &t, "expected the end");
}

bool matcher_utf8_list(struct str text, struct arena *a, struct matcher_list *out, struct str *why)
{
    struct reader r = {.s = text, .arena = a};
    if (take_list(&r, out))
        return true;
    *why = r.why.p ? r.why : S("not a matcher");
    return false;
}
