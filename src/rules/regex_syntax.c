/*
 * regex_syntax.c - keeps patterns within RE2's syntax (github.com/google/re2/wiki/Syntax), so that
 * a matcher means here what it means in Prometheus and Alertmanager, and nothing that backtracks
 * without need (look-around, back-references, recursion) gets in.
 * Never: compiles anything. One pass over the pattern.
 */
#include "regex_syntax.h"

#include <stdio.h>

struct scan {
    struct str s;
    size_t i;
    struct arena *arena;
    char *out;
    size_t n;
    struct str *why;
};

static bool refuse(struct scan *c, size_t at, const char *what, size_t len)
{
    *c->why = arena_printf(c->arena, "RE2 has no %s: %.*s at offset %zu", what, (int)len,
                           c->s.p + at, at);
    return false;
}

static void copy(struct scan *c, size_t n)
{
    memcpy(c->out + c->n, c->s.p + c->i, n);
    c->n += n;
    c->i += n;
}

static char peek(const struct scan *c, size_t ahead)
{
    return c->i + ahead < c->s.n ? c->s.p[c->i + ahead] : '\0';
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Why a letter after a backslash is refused. */
static const char *escape_problem(char c)
{
    switch (c) {
    case 'C':
        return "single bytes";
    case 'g':
    case 'k':
        return "back-references";
    case 'K':
        return "reset of the match start";
    case 'G':
    case 'Z':
        return "such an anchor";
    case 'R':
    case 'X':
    case 'h':
    case 'H':
    case 'N':
    case 'V':
        return "such a class";
    default:
        return c >= '1' && c <= '9' ? "back-references" : "such an escape";
    }
}

/* An escape; c->i stands on the backslash. */
static bool take_escape(struct scan *c, bool in_class)
{
    char e = peek(c, 1);
    const char *ok = in_class ? "aftnrvdDsSwWpPx0" : "aftnrvdDsSwWpPx0AbBz";
    if (c->i + 1 >= c->s.n) {
        *c->why = S("a backslash at the end");
        return false;
    }
    if (e == 'Q' && !in_class) {
        size_t end = c->i + str_find(str_sub(c->s, c->i, c->s.n), S("\\E"));
        copy(c, (end + 2 < c->s.n ? end + 2 : c->s.n) - c->i);
        return true;
    }
    if (e == 'E' && !in_class) { /* without a \Q: RE2 drops it too */
        c->i += 2;
        return true;
    }
    if (is_alnum(e) && !strchr(ok, e))
        return refuse(c, c->i, escape_problem(e), 2);
    if (e == 'v') { /* a vertical tab; PCRE2 would take a class of line ends */
        memcpy(c->out + c->n, "\\x0B", 4);
        c->n += 4;
        c->i += 2;
        return true;
    }
    copy(c, 2);
    return true;
}

/* [:name:] inside a class, c->i on its bracket: its length, 0 when it is none, or SIZE_MAX when RE2
 * would refuse it. (PCRE2 would read on as an ordinary class.) */
static size_t posix_class_len(const struct scan *c)
{
    static const char *const names[] = {"alnum", "alpha", "ascii", "blank", "cntrl",
                                        "digit", "graph", "lower", "print", "punct",
                                        "space", "upper", "word",  "xdigit"};
    if (c->s.p[c->i] != '[' || peek(c, 1) != ':')
        return 0;
    struct str rest = str_sub(c->s, c->i + 2, c->s.n);
    size_t end = str_find(rest, S(":]"));
    if (end == rest.n)
        return 0;
    struct str name = str_sub(rest, str_starts(rest, S("^")), end);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq_c(name, names[i]))
            return end + 4;
    return SIZE_MAX;
}

static bool take_class(struct scan *c)
{
    copy(c, 1);
    if (peek(c, 0) == '^')
        copy(c, 1);
    if (peek(c, 0) == ']')
        copy(c, 1);
    while (c->i < c->s.n && c->s.p[c->i] != ']') {
        if (c->s.p[c->i] == '\\') {
            if (!take_escape(c, true))
                return false;
            continue;
        }
        size_t len = posix_class_len(c);
        if (len == SIZE_MAX)
            return refuse(c, c->i, "such a class", 2);
        copy(c, len ? len : 1);
    }
    if (c->i < c->s.n)
        copy(c, 1);
    return true;
}

/* What may follow "(?" in RE2: flags, :, P<name>, <name>. */
static bool take_group(struct scan *c)
{
    static const struct {
        const char *start, *what;
    } refused[] = {
        {"(*", "verbs"},
        {"(?=", "look-ahead"},
        {"(?!", "look-ahead"},
        {"(?<=", "look-behind"},
        {"(?<!", "look-behind"},
        {"(?>", "atomic groups"},
        {"(?|", "branch reset"},
        {"(?#", "comments"},
        {"(?R", "recursion"},
        {"(?&", "recursion"},
        {"(?P>", "recursion"},
        {"(?P=", "back-references"},
        {"(?(", "conditional groups"},
        {"(?C", "callouts"},
        {"(?'", "groups named in quotes"},
        {"(?^", "such a flag"},
    };
    struct str rest = str_sub(c->s, c->i, c->s.n);
    for (size_t k = 0; k < ARRAY_LEN(refused); k++)
        if (str_starts(rest, str_c(refused[k].start)))
            return refuse(c, c->i, refused[k].what, strlen(refused[k].start));
    if (peek(c, 1) != '?') {
        copy(c, 1);
        return true;
    }
    char f = peek(c, 2);
    if ((f >= '0' && f <= '9') || f == '+' || (f == '-' && peek(c, 3) <= '9' && peek(c, 3) >= '0'))
        return refuse(c, c->i, "recursion", 3);
    if (f == ':' || f == '<' || (f == 'P' && peek(c, 3) == '<')) {
        copy(c, f == 'P' ? 4 : 3);
        return true;
    }
    size_t n = 2;
    while (peek(c, n) && strchr("imsU-", peek(c, n)))
        n++;
    if (peek(c, n) != ')' && peek(c, n) != ':')
        return refuse(c, c->i, "such a flag", n + 1 <= rest.n ? n + 1 : rest.n);
    copy(c, n + 1);
    return true;
}

/* Length of {n}, {n,} or {n,m} at c->i, or 0 when the brace is a literal. */
static size_t repeat_len(const struct scan *c, unsigned long *max)
{
    unsigned long v[2] = {0, 0};
    size_t n = 1, k = 0, digits = 0;
    for (;; n++) {
        char ch = peek(c, n);
        if (ch >= '0' && ch <= '9') {
            v[k] = v[k] > 100000 ? v[k] : v[k] * 10 + (unsigned long)(ch - '0');
            digits++;
        } else if (ch == ',' && k == 0 && digits) {
            k = 1;
        } else {
            *max = v[0] > v[1] ? v[0] : v[1];
            return ch == '}' && digits ? n + 1 : 0;
        }
    }
}

/* Length of the quantifier at c->i without a lazy mark, or 0. */
static size_t quantifier_len(const struct scan *c, unsigned long *max)
{
    char ch = peek(c, 0);
    *max = 0;
    if (ch == '*' || ch == '+' || ch == '?')
        return 1;
    return ch == '{' ? repeat_len(c, max) : 0;
}

static bool take_quantifier(struct scan *c, size_t len, unsigned long max)
{
    size_t at = c->i;
    if (max > REGEX_REPEAT_MAX) {
        *c->why = arena_printf(c->arena, "a repeat count over %d: %.*s at offset %zu",
                               REGEX_REPEAT_MAX, (int)len, c->s.p + at, at);
        return false;
    }
    copy(c, len);
    if (peek(c, 0) == '?')
        copy(c, 1);
    if (peek(c, 0) == '+')
        return refuse(c, at, "possessive quantifiers", c->i + 1 - at);
    size_t again = quantifier_len(c, &max);
    if (again)
        return refuse(c, at, "nested repetition", c->i + again - at);
    return true;
}

bool regex_syntax_check(struct str pattern, struct arena *a, struct str *out, struct str *why)
{
    struct scan c = {.s = pattern, .arena = a, .why = why};
    c.out = arena_alloc(a, 2 * pattern.n + 1); /* \v grows from 2 bytes to 4 */
    while (c.i < pattern.n) {
        unsigned long max;
        size_t len;
        char ch = pattern.p[c.i];
        bool ok = true;
        if (ch == '\\')
            ok = take_escape(&c, false);
        else if (ch == '[')
            ok = take_class(&c);
        else if (ch == '(')
            ok = take_group(&c);
        else if ((len = quantifier_len(&c, &max)) > 0)
            ok = take_quantifier(&c, len, max);
        else
            copy(&c, 1);
        if (!ok)
            return false;
    }
    *out = (struct str){c.out, c.n};
    return true;
}
