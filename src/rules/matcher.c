/*
 * matcher.c - from the text of a matcher, or of a list of them, to names, operators and values.
 * Owns: which of the two forms a text is read by (the forms: matcher_utf8.c, matcher_classic.c).
 * Never: compiles a regex, knows what a name stands for.
 * Called by: compile.c (rules), filter.c (API filters and silences).
 */
#include "triaged/rules/matcher.h"

#include "matcher_forms.h"

const char *match_op_name(enum match_op op)
{
    static const char *const names[] = {"=", "!=", "=~", "!~"};
    return names[op];
}

void matcher_list_add(struct matcher_list *l, struct arena *a, struct matcher_text m)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 4;
        struct matcher_text *v = ARENA_ARRAY(a, struct matcher_text, cap);
        if (l->n)
            memcpy(v, l->v, l->n * sizeof(*v));
        l->v = v;
        l->cap = cap;
    }
    l->v[l->n++] = m;
}

static bool same_lists(const struct matcher_list *x, const struct matcher_list *y)
{
    if (x->n != y->n)
        return false;
    for (size_t i = 0; i < x->n; i++)
        if (x->v[i].op != y->v[i].op || !str_eq(x->v[i].name, y->v[i].name) ||
            !str_eq(x->v[i].value, y->v[i].value))
            return false;
    return true;
}

/* What holds for both forms, whoever wrote the text. */
static bool check_text(struct str text, struct arena *a, struct str *why)
{
    if (text.n > MATCHER_BYTES_MAX) {
        *why = arena_printf(a, "longer than %d bytes", MATCHER_BYTES_MAX);
        return false;
    }
    if (!str_is_utf8(text)) {
        *why = S("not valid UTF-8");
        return false;
    }
    return true;
}

static bool check_names(const struct matcher_list *l, struct arena *a, struct str *why)
{
    if (l->n > MATCHERS_MAX) {
        *why = arena_printf(a, "more than %d matchers", MATCHERS_MAX);
        return false;
    }
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i].name.n == 0) {
            *why = S("empty label name");
            return false;
        }
    return true;
}

static bool bad_format(struct str text, struct str reason, struct arena *a, struct str *why)
{
    *why = arena_printf(a, "bad matcher format: %.*s (%.*s)", (int)(text.n > 200 ? 200 : text.n),
                        text.p ? text.p : "", STR_ARG(reason));
    return false;
}

bool matcher_parse(struct str text, struct arena *a, struct matcher_text *out, struct str *why)
{
    if (!check_text(text, a, why))
        return false;
    if (str_starts(text, S("{")) || str_ends(text, S("}"))) {
        *why = arena_printf(a, "unexpected open or close brace: %.*s (quote the value)",
                            STR_ARG(text));
        return false;
    }
    struct matcher_list utf8 = {0}, classic = {0};
    struct str utf8_why = STR_NONE, classic_why = STR_NONE;
    bool is_utf8 = matcher_utf8_list(text, a, &utf8, &utf8_why);
    if (is_utf8 && utf8.n != 1) {
        utf8_why = arena_printf(a, "expected 1 matcher, found %zu", utf8.n);
        is_utf8 = false;
    }
    bool is_classic = matcher_classic_one(text, a, &classic, &classic_why);
    if (!is_utf8 && !is_classic)
        return bad_format(text, utf8_why, a, why);
    const struct matcher_list *l = is_classic ? &classic : &utf8;
    if (!check_names(l, a, why))
        return false;
    *out = l->v[0];
    return true;
}

bool matcher_parse_list(struct str text, struct arena *a, struct matcher_text **out, size_t *n,
                        struct str *why)
{
    if (!check_text(text, a, why))
        return false;
    struct matcher_list utf8 = {0}, classic = {0};
    struct str utf8_why = STR_NONE, classic_why = STR_NONE;
    bool is_utf8 = matcher_utf8_list(text, a, &utf8, &utf8_why);
    bool is_classic = matcher_classic_list(text, a, &classic, &classic_why);
    if (!is_utf8 && !is_classic)
        return bad_format(text, utf8_why, a, why);
    const struct matcher_list *l =
        is_classic && !(is_utf8 && same_lists(&utf8, &classic)) ? &classic : &utf8;
    if (!check_names(l, a, why))
        return false;
    *out = l->v;
    *n = l->n;
    return true;
}
