/*
 * regex_needs.c - which literals a text must contain for a pattern to match it, so that one scan
 * for the literals of hundreds of patterns tells which few of them have to be tried.
 *
 * Every part of a pattern has either its exact words (all texts that it can match, if they are
 * few) or words of which it needs one, or neither. `(?i)disk .*(full|failed?)`: "disk " is exact,
 * `.*` is nothing, the group is exactly full, faile, failed; of "disk " and the three the better
 * choice is kept (the idea: R. Cox, "Regular Expression Matching with a Trigram Index").
 * Too few words is the only wrong answer; too many merely cost a try. So all that is not
 * understood counts as nothing.
 *
 * And some words are enough: `.*(full|failed).*` matches whatever contains one of them. A word may
 * be enough for some piece of the text (`inside`), which is so for exact words, or for the text as
 * a whole, for which `.*` must stand on both sides.
 */
#include "regex_needs.h"

#include "triaged/base/mem.h"

enum {
    CROSS_MAX = 96,            /* words of a sequence */
    WORD_MAX = 48,             /* bytes; a longer word is ended there */
    WORK_MAX = 2 * 1024 * 1024 /* bytes of memory for a pattern, then nothing is known */
};

struct word {
    struct str s;
    bool folded, cased; /* has letters under (?i); others */
    bool inside;        /* where it stands, the part matches */
    bool whole;         /* a line that contains it is matched from end to end */
};

struct words {
    struct word *v;
    size_t n;
};

struct part {
    bool exact;
    bool gap;           /* `.*` */
    struct words words; /* exact: all it matches; else one is needed; n 0 = nothing known */
};

struct reader {
    struct str s;
    size_t i;
    bool fold, folds; /* (?i) now; ever */
    struct arena *arena;
};

static const struct part nothing;

static struct part read_alternatives(struct reader *r);

/* ---- words ---------------------------------------------------------------------------------- */

static struct part exactly(struct reader *r, struct str text)
{
    struct word *w = ARENA_NEW(r->arena, struct word);
    bool letter = text.n && ((text.p[0] >= 'a' && text.p[0] <= 'z') ||
                             (text.p[0] >= 'A' && text.p[0] <= 'Z'));
    *w = (struct word){
        .s = text, .folded = letter && r->fold, .cased = letter && !r->fold, .inside = true};
    return (struct part){.exact = true, .words = {w, 1}};
}

/* ^, $, \b: take no text, but ask for something beside it. */
static struct part asserting(struct reader *r)
{
    struct part p = exactly(r, S(""));
    p.words.v[0].inside = false;
    return p;
}

/* The word's place among w, or w->n. */
static size_t find_word(const struct words *w, const struct word *word)
{
    size_t i = 0;
    while (i < w->n && (!str_eq(w->v[i].s, word->s) || w->v[i].folded != word->folded))
        i++;
    return i;
}

/* One of either is needed; what is enough for one part is enough for both together. */
static bool unite(struct reader *r, struct words *to, const struct words *more)
{
    struct word *v = ARENA_ARRAY(r->arena, struct word, to->n + more->n + 1);
    if (to->n)
        memcpy(v, to->v, to->n * sizeof(*v));
    to->v = v;
    for (size_t i = 0; i < more->n; i++) {
        size_t at = find_word(to, &more->v[i]);
        if (at == to->n) {
            to->v[to->n++] = more->v[i];
        } else {
            to->v[at].inside |= more->v[i].inside;
            to->v[at].whole |= more->v[i].whole;
            to->v[at].cased |= more->v[i].cased;
        }
    }
    return to->n <= NEEDS_MAX;
}

static size_t shortest(const struct words *w)
{
    size_t least = w->n ? SIZE_MAX : 0;
    for (size_t i = 0; i < w->n; i++)
        least = w->v[i].s.n < least ? w->v[i].s.n : least;
    return least;
}

/* Long words are rare words, and few are better than many. */
static long worth(const struct words *w)
{
    size_t least = shortest(w);
    if (least < NEEDS_SHORTEST)
        return 0;
    return 1000 * (long)(least < 6 ? least : 6) - (long)w->n;
}

static void consider(struct words *best, const struct words *w)
{
    if (worth(w) > worth(best))
        *best = *w;
}

/* Every word of x followed by every word of y; false when that is too much. */
static bool cross(struct reader *r, const struct words *x, const struct words *y, struct words *out)
{
    if (x->n * y->n > CROSS_MAX)
        return false;
    struct words w = {ARENA_ARRAY(r->arena, struct word, x->n * y->n + 1), 0};
    for (size_t i = 0; i < x->n; i++)
        for (size_t k = 0; k < y->n; k++) {
            const struct word *a = &x->v[i], *b = &y->v[k];
            size_t n = a->s.n + b->s.n;
            if (n > WORD_MAX)
                return false;
            char *p = arena_alloc(r->arena, n + 1);
            if (a->s.n)
                memcpy(p, a->s.p, a->s.n);
            if (b->s.n)
                memcpy(p + a->s.n, b->s.p, b->s.n);
            w.v[w.n++] = (struct word){.s = {p, n},
                                       .folded = a->folded || b->folded,
                                       .cased = a->cased || b->cased,
                                       .inside = a->inside && b->inside};
        }
    *out = w;
    return true;
}

/* ---- atoms ---------------------------------------------------------------------------------- */

static char at(const struct reader *r, size_t ahead)
{
    return r->i + ahead < r->s.n ? r->s.p[r->i + ahead] : '\0';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* The character at r->i. */
static struct part read_char(struct reader *r)
{
    size_t len = str_utf8_seq(r->s, r->i);
    len = len ? len : 1;
    struct str text = str_sub(r->s, r->i, r->i + len);
    r->i += len;
    /* its other cases are not known here; and U+FFFD stands for bytes that are no character */
    if (len > 1)
        return r->fold || str_eq(text, S("\xEF\xBF\xBD")) ? nothing : exactly(r, text);
    char *p = arena_alloc(r->arena, 1);
    *p = r->fold ? lower(text.p[0]) : text.p[0];
    return exactly(r, (struct str){p, 1});
}

static struct part read_escape(struct reader *r)
{
    char e = at(r, 1);
    r->i += 2;
    if (strchr("bBAz", e) && e)
        return asserting(r);
    if ((e == 'p' || e == 'P' || e == 'x') && at(r, 0) == '{') {
        r->i += str_find_char(str_sub(r->s, r->i, r->s.n), '}') + 1;
        return nothing;
    }
    if (e == 'p' || e == 'P') {
        r->i++;
        return nothing;
    }
    if (e == 'x' || e == '0') { /* two digits or up to two; a digit left over is a word's only */
        for (int k = 0; k < 2 && at(r, 0) && strchr("0123456789abcdefABCDEF", at(r, 0)); k++)
            r->i++;
        return nothing;
    }
    if ((e >= 'a' && e <= 'z') || (e >= 'A' && e <= 'Z') || (unsigned char)e >= 0x80)
        return nothing;
    char *p = arena_alloc(r->arena, 1);
    *p = e;
    return exactly(r, (struct str){p, 1});
}

/* [Cc] is C or c; larger and stranger classes are nothing. */
static struct part read_class(struct reader *r)
{
    struct part out = {.exact = true, .words = {ARENA_ARRAY(r->arena, struct word, 8), 0}};
    bool known = at(r, 1) != '^', first = true;
    r->i += known ? 1 : 2;
    for (; r->i < r->s.n && (first || at(r, 0) != ']'); first = false) {
        char c = at(r, 0);
        if (c == '[' && at(r, 1) == ':') {
            size_t end = str_find(str_sub(r->s, r->i, r->s.n), S(":]"));
            if (r->i + end < r->s.n)
                r->i += end + 1;
            known = false;
        }
        bool range = at(r, 1) == '-' && at(r, 2) != ']';
        known = known && c != '\\' && !range && (unsigned char)c < 0x80 && out.words.n < 6;
        if (known) {
            char *p = arena_alloc(r->arena, 1);
            *p = r->fold ? lower(c) : c;
            struct part one = exactly(r, (struct str){p, 1});
            if (find_word(&out.words, one.words.v) == out.words.n)
                out.words.v[out.words.n++] = one.words.v[0];
        }
        r->i += c == '\\' ? 2 : 1;
    }
    r->i++;
    return known ? out : nothing;
}

static void skip_to(struct reader *r, char c)
{
    r->i += str_find_char(str_sub(r->s, r->i, r->s.n), c) + 1;
}

static void read_flags(struct reader *r)
{
    bool on = true;
    for (r->i += 2; r->i < r->s.n && at(r, 0) != ')' && at(r, 0) != ':'; r->i++) {
        if (at(r, 0) == '-')
            on = false;
        else if (at(r, 0) == 'i')
            r->fold = on;
    }
    r->folds |= r->fold;
}

static struct part read_group(struct reader *r)
{
    bool outer = r->fold;
    if (at(r, 1) != '?') {
        r->i++;
    } else if (at(r, 2) == 'P' || at(r, 2) == '<') {
        skip_to(r, '>');
    } else {
        read_flags(r);
        if (at(r, 0) == ')') { /* (?i): holds to the end of the group that it stands in */
            r->i++;
            return exactly(r, S(""));
        }
        r->i++;
    }
    struct part p = read_alternatives(r);
    r->i++; /* ) */
    r->fold = outer;
    return p;
}

static struct part read_atom(struct reader *r)
{
    switch (at(r, 0)) {
    case '\\':
        return read_escape(r);
    case '[':
        return read_class(r);
    case '(':
        return read_group(r);
    case '^':
    case '$':
        r->i++;
        return asserting(r);
    case '.':
        r->i++;
        return (struct part){.gap = at(r, 0) == '*'};
    default:
        return read_char(r);
    }
}

/* ---- quantifiers, sequences, alternatives --------------------------------------------------- */

/* {n}, {n,} or {n,m} at r->i: its length, or 0 when the brace is a literal. */
static size_t repeat_at(const struct reader *r, uint64_t *min)
{
    struct str rest = str_sub(r->s, r->i + 1, r->s.n), max, low;
    size_t end = str_find_char(rest, '}');
    if (at(r, 0) != '{' || end == rest.n)
        return 0;
    bool comma = str_find_char(str_sub(rest, 0, end), ',') < end;
    uint64_t unused;
    low = str_cut(str_sub(rest, 0, end), ',', &max);
    if (!str_to_u64(low, min) || (comma && max.n && !str_to_u64(max, &unused)))
        return 0;
    return end + 2;
}

static struct part quantified(struct reader *r, struct part p)
{
    uint64_t min = 1;
    size_t len = 0;
    char c = at(r, 0);
    if (c == '*' || c == '?' || c == '+') {
        min = c == '+';
        len = 1;
    } else if (c == '{') {
        len = repeat_at(r, &min);
    }
    if (!len)
        return p;
    r->i += len;
    if (at(r, 0) == '?')
        r->i++;
    if (min == 0 && c == '?' && p.exact) {
        struct part empty = exactly(r, S(""));
        return unite(r, &p.words, &empty.words) ? p : nothing;
    }
    for (size_t i = 0; i < p.words.n; i++)
        p.words.v[i].whole = p.words.v[i].inside = false; /* once may not be enough */
    p.exact = false;
    return min || p.gap ? p : nothing;
}

/* The parts of a sequence so far. */
struct sequence {
    struct part run; /* the exact words of the last parts together */
    struct words best;
    size_t solids;    /* runs and parts between gaps */
    bool whole;       /* all of it is in run */
    bool lead, trail; /* gaps at its ends */
};

static void flush_run(struct reader *r, struct sequence *q)
{
    if (q->run.words.n == 1 && q->run.words.v[0].s.n == 0 && q->run.words.v[0].inside)
        return; /* nothing in it */
    q->solids++;
    consider(&q->best, &q->run.words);
    q->run = exactly(r, S(""));
    q->trail = false;
}

static void add_part(struct reader *r, struct sequence *q, struct part p)
{
    if (p.exact && q->whole && cross(r, &q->run.words, &p.words, &q->run.words))
        return;
    if (p.exact && !q->whole && !q->trail && cross(r, &q->run.words, &p.words, &q->run.words))
        return;
    flush_run(r, q);
    if (p.gap) {
        q->lead |= q->solids == 0;
        q->trail = true;
    } else if (p.exact) {
        q->run = p;
        q->trail = false;
    } else {
        q->solids++;
        q->trail = false;
        consider(&q->best, &p.words);
    }
    q->whole = false;
}

static struct part read_sequence(struct reader *r)
{
    struct sequence q = {.run = exactly(r, S("")), .whole = true};
    while (r->i < r->s.n && at(r, 0) != '|' && at(r, 0) != ')') {
        struct part p = quantified(r, read_atom(r));
        add_part(r, &q, arena_used(r->arena) > WORK_MAX ? nothing : p);
    }
    if (q.whole)
        return q.run;
    flush_run(r, &q);
    for (size_t i = 0; i < q.best.n; i++) {
        struct word *w = &q.best.v[i];
        w->inside = w->inside && q.solids == 1;
        w->whole = q.solids == 1 && (w->whole || (w->inside && q.lead && q.trail));
    }
    return (struct part){.words = q.best};
}

static struct part read_alternatives(struct reader *r)
{
    struct part out = read_sequence(r);
    bool known = out.words.n > 0;
    while (r->i < r->s.n && at(r, 0) == '|') {
        r->i++;
        struct part p = read_sequence(r);
        known = known && p.words.n > 0 && unite(r, &out.words, &p.words);
        out.exact = out.exact && p.exact;
    }
    return known ? out : nothing;
}

bool regex_needs(struct str pattern, struct arena *a, struct needs *out)
{
    struct arena scratch;
    if (str_find(pattern, S("\\Q")) < pattern.n)
        return false; /* rare, and a quantifier after it means its last character only */
    arena_init(&scratch, 0);
    struct reader r = {.s = pattern, .arena = &scratch};
    struct part p = read_alternatives(&r);
    bool ok = r.i == pattern.n && arena_used(&scratch) <= WORK_MAX && worth(&p.words) > 0;
    if (ok) {
        *out = (struct needs){ARENA_ARRAY(a, struct need, p.words.n), p.words.n, r.folds};
        for (size_t i = 0; i < p.words.n; i++) {
            const struct word *w = &p.words.v[i];
            out->v[i] = (struct need){.word = arena_str(a, w->s),
                                      .any_case = w->folded,
                                      .enough = w->whole && !(w->folded && w->cased)};
        }
    }
    arena_finish(&scratch);
    return ok;
}
