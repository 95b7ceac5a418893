/*
 * skeleton.c - which messages are the same but for their variable parts?
 * Owns: what neighbours make of a token (units, pairs, names), and writing what is left; the tokens
 * are cut by skeleton_lex.c.
 * Never: remembers anything. Same version, same text: same skeleton, on every machine, for ever;
 * any change of the outcome is a new SKELETON_VERSION.
 *
 *   "Failed password for root from 10.0.0.7 port 4242 ssh2"
 *     lex     Failed|password|for|root|from|10.0.0.7 v|port|4242 n|ssh2 v
 *     reduce  Failed|password|for|*|from|*|port|*|*   and neighbouring holes become one
 *   "Failed password for * from * port *"
 *
 * Holes have no type: a host given as address, name or path must come out the same. Everything is
 * linear: each look-ahead has a limit (COLON_RUN_MAX, QUOTED_MAX, VALUE_TOKENS_MAX).
 */
#include "triaged/decode/skeleton.h"

#include <stdbool.h>

#include "skeleton_lex.h"
#include "skeleton_words.h"

enum { VALUE_TOKENS_MAX = 32 };

/* ---- writer: collapses as it goes ------------------------------------------------------------ */

enum { OUT_HOLE = '*', OUT_WORD = 'w' }; /* otherwise the punctuation's own byte */

struct writer {
    char *p;
    size_t n;
    size_t starts[SKELETON_TOKENS_MAX * 2 + 8]; /* where each output token begins */
    char kinds[SKELETON_TOKENS_MAX * 2 + 8];
    size_t count;
    bool full;
};

static void put(struct writer *w, char kind, const char *p, size_t n, bool glued)
{
    bool blank = !glued && w->n > 0;

    if (w->full || w->count == sizeof(w->kinds) || w->n + blank >= SKELETON_MAX) {
        w->full = true;
        return;
    }
    w->starts[w->count] = w->n;
    w->kinds[w->count++] = kind;
    if (blank)
        w->p[w->n++] = ' ';
    if (n > SKELETON_MAX - w->n) { /* what fits of it */
        n = SKELETON_MAX - w->n;
        w->full = true;
    }
    memcpy(w->p + w->n, p, n);
    w->n += n;
}

static char kind_at(const struct writer *w, size_t back)
{
    return w->count >= back ? w->kinds[w->count - back] : '\0';
}

static void drop(struct writer *w, size_t tokens)
{
    w->count -= tokens;
    w->n = w->starts[w->count];
}

/* `* *` and `* , *` are one hole. */
static void put_hole(struct writer *w, bool glued)
{
    if (kind_at(w, 1) == OUT_HOLE)
        return;
    if (kind_at(w, 1) == ',' && kind_at(w, 2) == OUT_HOLE) {
        drop(w, 1);
        return;
    }
    put(w, OUT_HOLE, "*", 1, glued);
}

static void put_punct(struct writer *w, const struct token *t)
{
    if (*t->p == ')' && kind_at(w, 1) == OUT_HOLE && kind_at(w, 2) == '(' &&
        kind_at(w, 3) == OUT_HOLE) { /* `* ( * )` is one hole */
        drop(w, 2);
        return;
    }
    put(w, *t->p, t->p, 1, t->glued);
}

/* ---- reduction ------------------------------------------------------------------------------ */

static const struct token *at(const struct tokens *t, size_t i)
{
    static const struct token none = {"", 0, PUNCT, false};

    return i < t->n ? &t->v[i] : &none;
}

/* The word's classes: looked up where they matter, since few words do. */
static unsigned word_classes(const struct token *t)
{
    return t->kind == WORD ? skeleton_word(t->p, t->n) : 0;
}

static bool is_punct(const struct token *t, char c)
{
    return t->kind == PUNCT && t->n == 1 && *t->p == c;
}

static bool is_variable(const struct token *t)
{
    return t->kind == NUMBER || t->kind == TIME || t->kind == OTHER;
}

static bool is_text(const struct token *t, const char *text, size_t n)
{
    return t->kind == WORD && t->n == n && memcmp(t->p, text, n) == 0;
}

static bool opens(const struct token *t)
{
    return is_punct(t, '(') || is_punct(t, '[') || is_punct(t, '{') || is_punct(t, '<');
}

static bool closes(const struct token *t)
{
    return is_punct(t, ')') || is_punct(t, ']') || is_punct(t, '}') || is_punct(t, '>');
}

/* The end of the value that begins at i, right after "=": what is glued to it, a bracket to its
 * end, a quotation to its end; but no further than VALUE_TOKENS_MAX. */
static size_t value_end(const struct tokens *t, size_t i)
{
    size_t limit = i + VALUE_TOKENS_MAX < t->n ? i + VALUE_TOKENS_MAX : t->n, glued_end = i;
    unsigned depth = 0;
    char quote = '\0';
    bool all_glued = true;

    for (size_t k = i; k < limit; k++) {
        const struct token *tk = &t->v[k];
        if (!tk->glued && depth == 0 && !quote)
            return k;
        all_glued &= tk->glued;
        if (quote) {
            if (is_punct(tk, quote))
                quote = '\0';
        } else if (is_punct(tk, '"') || is_punct(tk, '\'')) {
            quote = *tk->p;
        } else if (opens(tk)) {
            depth++;
        } else if (closes(tk)) {
            if (depth == 0)
                return k;
            depth--;
        } else if (depth == 0 && (is_punct(tk, ',') || is_punct(tk, ';'))) {
            return k;
        }
        if (all_glued)
            glued_end = k + 1;
    }
    /* Not closed in sight: only what is glued. */
    return depth > 0 || quote ? glued_end : limit;
}

/* "k=v" at i (the key). Returns the index after it, or i. */
static size_t reduce_pair(const struct tokens *t, size_t i, struct writer *w)
{
    const struct token *key = &t->v[i], *eq = at(t, i + 1), *value = at(t, i + 2);

    if (!is_punct(eq, '=') || !eq->glued || is_punct(value, '='))
        return i;
    if (is_variable(key))
        put_hole(w, key->glued);
    else
        put(w, OUT_WORD, key->p, key->n, key->glued);
    put_punct(w, eq);
    if (i + 2 < t->n && value->glued) {
        size_t end = value_end(t, i + 2);
        if (end == i + 3 && word_classes(value) & WORD_KEEP) {
            put(w, OUT_WORD, value->p, value->n, true);
            return end;
        }
        put(w, OUT_HOLE, "*", 1, true);
        return end;
    }
    put(w, OUT_HOLE, "*", 1, true);
    return i + 2;
}

static bool is_date(const struct token *t)
{
    return t->kind == WORD && skeleton_word_is_date(t->p, t->n);
}

/* A variable at i with what belongs to it: units, a zone. Returns the index after it. */
static size_t reduce_variable(const struct tokens *t, size_t i, struct writer *w)
{
    const struct token *v = &t->v[i], *next = at(t, i + 1);

    put_hole(w, v->glued);
    if (v->kind == NUMBER && word_classes(next) & WORD_UNIT)
        return i + 2;
    if (v->kind == NUMBER && is_punct(next, '%') && next->glued)
        return i + 2;
    if (v->kind == TIME && word_classes(next) & WORD_ZONE)
        return i + 2;
    return i + 1;
}

/* user, ruser, username, uname, logname: all end so. */
static bool ends_like_user(const struct token *t)
{
    if (t->n < 4)
        return false;
    char last = (char)(t->p[t->n - 1] | 0x20), before = (char)(t->p[t->n - 2] | 0x20);

    return (last == 'r' && before == 'e') || (last == 'e' && before == 'm');
}

/* Words that say that a name comes next. Returns the index after it, or i. */
static size_t reduce_name(const struct tokens *t, size_t i, struct writer *w)
{
    const struct token *word = &t->v[i], *next = at(t, i + 1);

    if (ends_like_user(word) && next->kind == WORD && !next->glued &&
        word_classes(word) & WORD_USER && !(word_classes(next) & WORD_NO_NAME)) {
        put(w, OUT_WORD, word->p, word->n, word->glued);
        put_hole(w, false);
        return i + 2;
    }
    if (is_text(word, "for", 3) && next->kind == WORD && is_text(at(t, i + 2), "from", 4)) {
        put(w, OUT_WORD, word->p, word->n, word->glued);
        put_hole(w, false);
        return i + 2;
    }
    if (is_text(word, "for", 3) && i > 0 && next->kind == WORD &&
        !(word_classes(next) & WORD_NO_NAME) &&
        (is_text(&t->v[i - 1], "failures", 8) || is_text(&t->v[i - 1], "failure", 7))) {
        put(w, OUT_WORD, word->p, word->n, word->glued);
        put_hole(w, false);
        return i + 2;
    }
    if (is_text(word, "by", 2) && (next->kind == WORD || (is_punct(next, '(') && !next->glued))) {
        put(w, OUT_WORD, word->p, word->n, word->glued);
        put_hole(w, false);
        return next->kind == WORD ? i + 2 : i + 1;
    }
    return i;
}

/* "LOCAL(0)", "GPS_NMEA(1)": a device, which elsewhere is an address. Returns the index after it.
 */
static size_t reduce_device(const struct tokens *t, size_t i, struct writer *w)
{
    const struct token *name = &t->v[i];

    if (name->n < 2 || !is_punct(at(t, i + 1), '(') || !at(t, i + 1)->glued ||
        at(t, i + 2)->kind != NUMBER || !is_punct(at(t, i + 3), ')'))
        return i;
    for (size_t k = 0; k < name->n; k++) {
        if (!((name->p[k] >= 'A' && name->p[k] <= 'Z') || name->p[k] == '_'))
            return i;
    }
    put_hole(w, name->glued);
    return i + 4;
}

/* "process 1234 (httpd)": the name varies as the number does. Returns the index after it, or i. */
static size_t reduce_process(const struct tokens *t, size_t i, struct writer *w)
{
    const struct token *word = &t->v[i];

    if (!(is_text(word, "process", 7) || is_text(word, "pid", 3)) || at(t, i + 1)->kind != NUMBER ||
        !is_punct(at(t, i + 2), '(') || at(t, i + 3)->kind == PUNCT || !is_punct(at(t, i + 4), ')'))
        return i;
    put(w, OUT_WORD, word->p, word->n, word->glued);
    put_hole(w, false);
    return i + 5;
}

static size_t reduce_one(const struct tokens *t, size_t i, struct writer *w)
{
    const struct token *v = &t->v[i];
    size_t end;

    if (v->kind != PUNCT && (end = reduce_pair(t, i, w)) > i)
        return end;
    if (is_variable(v))
        return reduce_variable(t, i, w);
    if (v->kind == PUNCT) {
        if (*v->p == '(' && !v->glued && is_punct(at(t, i + 1), ')')) { /* " ()": nothing given */
            put(w, '(', "(", 1, false);
            put_hole(w, true);
            put_punct(w, at(t, i + 1));
            return i + 2;
        }
        put_punct(w, v);
        return i + 1;
    }
    if (is_date(v)) {
        const struct token *next = at(t, i + 1);
        if (next->kind == NUMBER || next->kind == TIME || is_date(next) ||
            (i > 0 &&
             (t->v[i - 1].kind == NUMBER || t->v[i - 1].kind == TIME || is_date(&t->v[i - 1])))) {
            put_hole(w, v->glued);
            return i + 1;
        }
    }
    if ((end = reduce_name(t, i, w)) > i || (end = reduce_device(t, i, w)) > i ||
        (end = reduce_process(t, i, w)) > i)
        return end;
    put(w, OUT_WORD, v->p, v->n, v->glued);
    return i + 1;
}

/* Where to cut text at n without breaking a UTF-8 sequence; p[n] is readable. */
static size_t cut_at(const char *p, size_t n)
{
    size_t i = n;

    while (i > 0 && n - i < 3 && ((unsigned char)p[i] & 0xC0) == 0x80)
        i--;
    return ((unsigned char)p[i] & 0xC0) == 0x80 ? n : i;
}

/* " ...2^11": messages that were cut differ by the size of the whole. */
static size_t put_length_class(char out[SKELETON_MAX], size_t n, size_t length)
{
    char text[] = " ...2^00";
    const size_t room = SKELETON_MAX - (sizeof(text) - 1);
    unsigned log = 0;

    while (length >> (log + 1))
        log++;
    text[6] = (char)('0' + log / 10);
    text[7] = (char)('0' + log % 10);
    if (n > room)
        n = cut_at(out, room);
    memcpy(out + n, text, sizeof(text) - 1);
    return n + sizeof(text) - 1;
}

size_t skeleton_of(struct str msg, char out[SKELETON_MAX])
{
    struct str head = msg;
    struct tokens t;
    struct writer w;

    if (msg.n > SKELETON_INPUT_MAX)
        head.n = cut_at(msg.p, SKELETON_INPUT_MAX);
    w.p = out;
    w.n = w.count = 0;
    w.full = false;
    skeleton_lex(head, &t);
    for (size_t i = 0; i < t.n && !w.full;)
        i = reduce_one(&t, i, &w);
    if (msg.n > SKELETON_INPUT_MAX || t.cut || w.full)
        return put_length_class(out, w.n, msg.n);
    return w.n;
}
