/*
 * regex_shortcut.c - most matchers of a rule file say `NodeDisk.*`, `.*timed out.*` or `a|b|c`.
 * They are answered by comparing and searching bytes, in a few nanoseconds and in linear time.
 *
 * A pattern is expanded into its forms: `(a|b).*c` is `a.*c` and `b.*c`. With no gaps in any form
 * it is a set of words, else a few globs. Whatever is not literals, groups, `|`, `.*` and `.+` has
 * no shortcut. On valid UTF-8 the bytes of a literal begin and end on characters, so a gap of one
 * character is a gap of at least one byte.
 */
#include "regex_shortcut.h"

#include "triaged/base/mem.h"

struct forms { /* of a part of the pattern */
    struct glob *v;
    size_t n;
};

struct parser {
    struct str s;
    size_t i;
    unsigned depth;
    struct arena *arena;
};

enum { DEPTH_MAX = 8, WORK_MAX = 1024 * 1024 /* bytes: patterns beyond have no shortcut */ };

static bool parse_alternatives(struct parser *p, struct forms *out);

static void add_part(struct parser *p, struct glob *g, struct glob_part part)
{
    if (g->n == g->cap) {
        g->cap = g->cap ? 2 * g->cap : 4;
        struct glob_part *v = ARENA_ARRAY(p->arena, struct glob_part, g->cap);
        if (g->n)
            memcpy(v, g->v, g->n * sizeof(*v));
        g->v = v;
    }
    g->v[g->n++] = part;
}

/* Appends one part, merged with a last one of its kind; false for `.+.+`, which has min 2. */
static bool append_part(struct parser *p, struct glob *g, const struct glob_part *part)
{
    struct glob_part *last = g->n ? &g->v[g->n - 1] : NULL;
    if (last && last->gap && part->gap) {
        if (last->min && part->min)
            return false;
        last->min |= part->min;
    } else if (last && !last->gap && !part->gap) {
        last->lit = arena_printf(p->arena, "%.*s%.*s", STR_ARG(last->lit), STR_ARG(part->lit));
    } else {
        add_part(p, g, *part);
    }
    return true;
}

/* head x tail, every pair. */
static bool concat(struct parser *p, struct forms *head, const struct forms *tail)
{
    if (head->n * tail->n > SHORTCUT_FORMS_MAX)
        return false;
    struct forms out = {ARENA_ARRAY(p->arena, struct glob, head->n * tail->n + 1), 0};
    for (size_t i = 0; i < head->n; i++)
        for (size_t k = 0; k < tail->n; k++) {
            struct glob *g = &out.v[out.n++];
            for (size_t j = 0; j < head->v[i].n; j++)
                add_part(p, g, head->v[i].v[j]);
            for (size_t j = 0; j < tail->v[k].n; j++)
                if (!append_part(p, g, &tail->v[k].v[j]))
                    return false;
        }
    *head = out;
    return true;
}

static bool concat_part(struct parser *p, struct forms *head, struct glob_part part)
{
    for (size_t i = 0; i < head->n; i++)
        if (!append_part(p, &head->v[i], &part))
            return false;
    return true;
}

static bool at(const struct parser *p, const char *text)
{
    return str_starts(str_sub(p->s, p->i, p->s.n), str_c(text));
}

static bool parse_group(struct parser *p, struct forms *head)
{
    if (at(p, "(?:")) {
        p->i += 3;
    } else if (at(p, "(?P<") || at(p, "(?<")) {
        p->i += str_find_char(str_sub(p->s, p->i, p->s.n), '>') + 1;
    } else if (at(p, "(?")) {
        return false;
    } else {
        p->i++;
    }
    struct forms inner;
    if (p->depth >= DEPTH_MAX)
        return false;
    p->depth++;
    if (!parse_alternatives(p, &inner) || !at(p, ")"))
        return false;
    p->depth--;
    p->i++;
    return concat(p, head, &inner);
}

/* A literal character, maybe escaped; *len = 0 when it is none. p->i is inside the pattern. */
static struct str literal_char(const struct parser *p, size_t *len)
{
    char c = p->s.p[p->i];
    *len = 0;
    if (c == '\\') {
        char e = p->i + 1 < p->s.n ? p->s.p[p->i + 1] : 'x';
        bool alnum = (e >= 'a' && e <= 'z') || (e >= 'A' && e <= 'Z') || (e >= '0' && e <= '9');
        if (alnum || (unsigned char)e >= 0x80)
            return STR_NONE;
        *len = 2;
        return str_sub(p->s, p->i + 1, p->i + 2);
    }
    if (strchr("[]{}()*+?.^$|", c))
        return STR_NONE;
    *len = str_utf8_seq(p->s, p->i);
    return str_sub(p->s, p->i, p->i + *len);
}

static bool is_quantifier(const struct parser *p)
{
    return p->i < p->s.n && strchr("*+?{", p->s.p[p->i]) && p->s.p[p->i];
}

static bool parse_item(struct parser *p, struct forms *head)
{
    if (at(p, "("))
        return parse_group(p, head) && !is_quantifier(p);
    if (at(p, ".*") || at(p, ".+")) {
        struct glob_part gap = {.gap = true, .min = p->s.p[p->i + 1] == '+'};
        p->i += at(p, ".*?") || at(p, ".+?") ? 3 : 2;
        return concat_part(p, head, gap);
    }
    char *run = arena_alloc(p->arena, p->s.n - p->i);
    size_t n = 0, len = 1;
    while (p->i < p->s.n) {
        struct str lit = literal_char(p, &len);
        if (len == 0)
            break;
        memcpy(run + n, lit.p, lit.n);
        n += lit.n;
        p->i += len;
    }
    return n && !is_quantifier(p) && concat_part(p, head, (struct glob_part){.lit = {run, n}});
}

/* Items up to `|`, `)` or the end. At the outermost level ^ and $ say what holds anyway. */
static bool parse_sequence(struct parser *p, struct forms *out)
{
    out->v = ARENA_NEW(p->arena, struct glob);
    out->n = 1;
    if (p->depth == 0 && at(p, "^"))
        p->i++;
    while (p->i < p->s.n && !at(p, "|") && !at(p, ")")) {
        if (arena_used(p->arena) > WORK_MAX)
            return false;
        if (p->depth == 0 && at(p, "$") && (p->i + 1 == p->s.n || p->s.p[p->i + 1] == '|')) {
            p->i++;
            return true;
        }
        if (!parse_item(p, out))
            return false;
    }
    return true;
}

static bool parse_alternatives(struct parser *p, struct forms *out)
{
    *out = (struct forms){ARENA_ARRAY(p->arena, struct glob, SHORTCUT_FORMS_MAX), 0};
    for (;;) {
        struct forms one;
        if (!parse_sequence(p, &one) || out->n + one.n > SHORTCUT_FORMS_MAX)
            return false;
        for (size_t i = 0; i < one.n; i++)
            out->v[out->n++] = one.v[i];
        if (!at(p, "|"))
            return true;
        p->i++;
    }
}

static void keep_words(struct shortcut *s, const struct forms *f, struct arena *a)
{
    s->is_set = true;
    s->words = ARENA_ARRAY(a, struct str, f->n);
    for (size_t i = 0; i < f->n; i++)
        s->words[s->n_words++] = f->v[i].n ? arena_str(a, f->v[i].v[0].lit) : S("");
    if (s->n_words > SHORTCUT_LINEAR)
        for (size_t i = 0; i < s->n_words; i++)
            map_put(&s->by_word, s->words[i], &s->words[i]);
}

static void keep_globs(struct shortcut *s, const struct forms *f, struct arena *a)
{
    s->globs = ARENA_ARRAY(a, struct glob, f->n);
    s->n_globs = f->n;
    for (size_t i = 0; i < f->n; i++) {
        struct glob *g = &s->globs[i];
        g->n = g->cap = f->v[i].n;
        g->v = ARENA_ARRAY(a, struct glob_part, g->n + 1);
        for (size_t k = 0; k < g->n; k++) {
            g->v[k] = f->v[i].v[k];
            if (!g->v[k].gap)
                g->v[k].lit = arena_str(a, g->v[k].lit);
            s->searches |= !g->v[k].gap && k > 0 && k + 1 < g->n;
        }
    }
}

bool shortcut_compile(struct str pattern, struct arena *a, struct shortcut *out)
{
    struct arena scratch;
    arena_init(&scratch, 0);
    struct parser p = {.s = pattern, .arena = &scratch};
    *out = (struct shortcut){0};
    if (at(&p, "(?s)")) {
        out->dot_newline = true;
        p.i = 4;
    }
    struct forms f;
    bool ok =
        str_find_char(pattern, '\0') == pattern.n && parse_alternatives(&p, &f) && p.i == pattern.n;
    size_t with_gaps = 0, empty = 0;
    for (size_t i = 0; ok && i < f.n; i++) {
        empty += f.v[i].n == 0;
        with_gaps += f.v[i].n > 1 || (f.v[i].n == 1 && f.v[i].v[0].gap);
    }
    if (ok && with_gaps == 0 && empty == 0)
        keep_words(out, &f, a);
    else if (ok && f.n <= SHORTCUT_GLOBS_MAX)
        keep_globs(out, &f, a);
    else
        ok = false;
    arena_finish(&scratch);
    return ok;
}

void shortcut_finish(struct shortcut *s)
{
    map_finish(&s->by_word);
}

static bool glob_match(const struct glob *g, struct str text)
{
    size_t pos = 0, min = 0;
    bool gap = false;
    for (size_t k = 0; k < g->n; k++) {
        const struct glob_part *part = &g->v[k];
        if (part->gap) {
            gap = true;
            min = part->min;
            continue;
        }
        if (text.n < pos + min + part->lit.n)
            return false;
        if (!gap) {
            if (memcmp(text.p + pos, part->lit.p, part->lit.n) != 0)
                return false;
            pos += part->lit.n;
        } else if (k + 1 == g->n) {
            return memcmp(text.p + text.n - part->lit.n, part->lit.p, part->lit.n) == 0;
        } else {
            const char *hit =
                memmem(text.p + pos + min, text.n - pos - min, part->lit.p, part->lit.n);
            if (!hit)
                return false;
            pos = (size_t)(hit - text.p) + part->lit.n;
        }
        gap = false;
        min = 0;
    }
    return gap ? text.n >= pos + min : pos == text.n;
}

static bool word_match(const struct shortcut *s, struct str text)
{
    if (s->n_words > SHORTCUT_LINEAR)
        return text.n && map_get(&s->by_word, text);
    for (size_t i = 0; i < s->n_words; i++)
        if (str_eq(s->words[i], text))
            return true;
    return false;
}

enum shortcut_answer shortcut_match(const struct shortcut *s, struct str text)
{
    if (s->is_set)
        return word_match(s, text) ? SHORTCUT_YES : SHORTCUT_NO;
    for (size_t i = 0; i < s->n_globs; i++)
        if (glob_match(&s->globs[i], text)) {
            if (!s->dot_newline && text.n && memchr(text.p, '\n', text.n))
                return SHORTCUT_UNKNOWN;
            return SHORTCUT_YES;
        }
    return SHORTCUT_NO;
}
