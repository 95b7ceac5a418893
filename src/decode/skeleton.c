/*
 * skeleton.c - which messages are the same but for their variable parts?
 * Owns: cutting a message into tokens, telling variables from constants, and writing what is left.
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

#include "skeleton_words.h"

enum { COLON_RUN_MAX = 48, QUOTED_MAX = 64, VALUE_TOKENS_MAX = 32, PLAIN_HEX_MIN = 8 };

enum kind {
    WORD,   /* constant */
    NUMBER, /* variable, and a unit may follow */
    TIME,   /* variable, and a zone may follow */
    OTHER,  /* variable */
    PUNCT,  /* one byte */
};

struct token {
    const char *p;
    uint16_t n;
    uint8_t kind;
    bool glued; /* no blank before it */
};

struct tokens {
    struct token v[SKELETON_TOKENS_MAX];
    size_t n;
    bool cut; /* there was more */
};

/* ---- byte classes --------------------------------------------------------------------------- */

enum {
    C_WORD = 1,
    C_DIGIT = 2,
    C_HEX = 4,
    C_JOIN = 8,
    C_BLANK = 16,
    C_PATH_END = 32,
    C_TRAIL = 64,
    C_LETTER = 128, /* a word byte that is no digit */
};

static const uint8_t classes[256] = {
    ['0' ... '9'] = C_WORD | C_DIGIT | C_HEX,
    ['a' ... 'f'] = C_WORD | C_HEX | C_LETTER,
    ['A' ... 'F'] = C_WORD | C_HEX | C_LETTER,
    ['g' ... 'z'] = C_WORD | C_LETTER,
    ['G' ... 'Z'] = C_WORD | C_LETTER,
    ['_'] = C_WORD | C_LETTER,
    [0x80 ... 0xFF] = C_WORD | C_LETTER,
    ['-'] = C_JOIN,
    ['.'] = C_JOIN | C_TRAIL,
    ['@'] = C_JOIN,
    ['\\'] = C_JOIN,
    ['/'] = C_JOIN,
    ['%'] = C_JOIN,
    ['~'] = C_JOIN,
    ['$'] = C_JOIN,
    ['#'] = C_JOIN,
    ['&'] = C_JOIN,
    ['!'] = C_JOIN,
    ['?'] = C_JOIN,
    ['^'] = C_JOIN,
    ['`'] = C_JOIN,
    ['*'] = C_JOIN,
    [' '] = C_BLANK | C_PATH_END,
    ['\t'] = C_BLANK | C_PATH_END,
    ['\n'] = C_BLANK | C_PATH_END,
    ['\r'] = C_BLANK | C_PATH_END,
    ['\v'] = C_BLANK | C_PATH_END,
    ['\f'] = C_BLANK | C_PATH_END,
    ['"'] = C_PATH_END,
    ['\''] = C_PATH_END,
    ['<'] = C_PATH_END,
    ['>'] = C_PATH_END,
    ['|'] = C_PATH_END,
    [','] = C_TRAIL,
    [';'] = C_TRAIL,
    [':'] = C_TRAIL,
    ['='] = C_TRAIL,
};

struct scan {
    const char *p;
    size_t n;
    size_t no_run_before; /* no colon run begins before here: one was refused */
};

static bool is(const struct scan *s, size_t i, unsigned class)
{
    return i < s->n && (classes[(unsigned char)s->p[i]] & class);
}

static bool is_char(const struct scan *s, size_t i, char c)
{
    return i < s->n && s->p[i] == c;
}

/* ---- lexer: each returns the end of its token, or the start when it is none -------------------
 */

/* A path or what follows "scheme://": to a blank, a quote, <>|, a bracket that it did not open, or
 * punctuation before a blank. */
static size_t path_end(const struct scan *s, size_t i)
{
    unsigned depth = 0;

    for (; i < s->n && !is(s, i, C_PATH_END); i++) {
        char c = s->p[i];
        if (c == '(' || c == '[' || c == '{')
            depth++;
        else if (c == ')' || c == ']' || c == '}') {
            if (depth == 0)
                break;
            depth--;
        }
    }
    while (i > 0 && is(s, i - 1, C_TRAIL))
        i--;
    return i;
}

/* IPv6, MAC, hh:mm:ss: hex digits in groups of at most four, two colons or more. A run that is
 * refused is not tried again from its middle. */
static size_t colon_run_end(struct scan *s, size_t i, bool *out_time)
{
    size_t from = i, colons = 0, group = 0, digits = 0, letters = 0;
    size_t limit = from + COLON_RUN_MAX < s->n ? from + COLON_RUN_MAX : s->n;

    for (; i < limit; i++) {
        if (s->p[i] == ':') {
            colons++;
            group = 0;
        } else if (is(s, i, C_HEX)) {
            if (++group > 4) {
                s->no_run_before = i + 1;
                return from;
            }
            digits += is(s, i, C_DIGIT);
            letters += !is(s, i, C_DIGIT);
        } else {
            break;
        }
    }
    if (colons > 0 && s->p[i - 1] == ':' && !(i - from >= 2 && s->p[i - 2] == ':')) {
        colons--; /* "10:22:31:" - the last one is punctuation */
        i--;
    }
    if (colons < 2 || digits < 1 || is(s, i, C_WORD)) {
        s->no_run_before = i + 1; /* else "a:a:a:" were looked at from each of its bytes */
        return from;
    }
    while (is_char(s, i, '.') && is(s, i + 1, C_DIGIT)) { /* "::ffff:192.0.2.1", "10:22:31.5" */
        for (i++; is(s, i, C_DIGIT);)
            i++;
    }
    if (is_char(s, i, '#') && is(s, i + 1, C_DIGIT)) { /* BIND: "::1#953" */
        for (i++; is(s, i, C_DIGIT);)
            i++;
    }
    *out_time = letters == 0;
    return i;
}

/* What a word is made of, gathered while it is read. */
struct shape {
    unsigned dots, slashes, ats, colons;
    size_t last_dot;
    unsigned any; /* classes that some byte has; C_LETTER also for what joins */
    unsigned all; /* classes that every byte has */
};

/* May ':' join a host and a port here? */
static bool joins_port(const struct scan *s, size_t from, size_t colon, const struct shape *sh)
{
    size_t label;

    if (!is(s, colon + 1, C_DIGIT))
        return false;
    if (sh->any & C_DIGIT || sh->dots >= 2)
        return true;
    if (sh->dots != 1)
        return false;
    label = colon - sh->last_dot - 1;
    if (label < 2 || label > 11)
        return false;
    for (size_t i = sh->last_dot + 1; i < colon; i++) {
        if (s->p[i] < 'a' || s->p[i] > 'z')
            return false;
    }
    return colon > from;
}

/* Does the byte at i, which is none of a word, join what is before to what is after it? */
static bool joins(const struct scan *s, size_t from, size_t i, struct shape *sh)
{
    char c = s->p[i];

    if (is(s, i, C_JOIN) && is(s, i + 1, C_WORD)) {
        if (c == '.') {
            sh->dots++;
            sh->last_dot = i;
            return true;
        }
        sh->any |= C_LETTER;
        sh->slashes += c == '/' || c == '\\';
        sh->ats += c == '@' && i > from;
        return true;
    }
    if (c == '~' && i > from && is_char(s, i + 1, '~') && is(s, i + 2, C_WORD))
        return true; /* "KB2928120~31bf~amd64~~6.1.1.2": an empty field */
    if (c == ':' && joins_port(s, from, i, sh)) {
        sh->colons++;
        return true;
    }
    return c == ',' && i > from && is(s, i - 1, C_DIGIT) && is(s, i + 1, C_DIGIT);
}

static size_t word_end(const struct scan *s, size_t from, struct shape *sh)
{
    size_t i = from;

    *sh = (struct shape){.all = C_HEX};
    if (is_char(s, i, '-') || is_char(s, i, '+') || is_char(s, i, '#'))
        i++;
    for (;;) {
        unsigned any = 0, all = sh->all, class;
        while (i < s->n && (class = classes[(unsigned char)s->p[i]]) & C_WORD) {
            any |= class;
            all &= class;
            i++;
        }
        sh->any |= any;
        sh->all = all;
        if (i == s->n || !joins(s, from, i, sh))
            break;
        sh->all = 0;
        i++;
    }
    while (is_char(s, i, '%') || is_char(s, i, '#') || is_char(s, i, '$'))
        i++;
    return i;
}

static bool is_protocol_name(const char *p, size_t n)
{
    return (n == 4 && (memcmp(p, "ipv4", 4) == 0 || memcmp(p, "ipv6", 4) == 0 ||
                       memcmp(p, "IPv4", 4) == 0 || memcmp(p, "IPv6", 4) == 0 ||
                       memcmp(p, "utf8", 4) == 0 || memcmp(p, "UTF8", 4) == 0)) ||
           (n == 5 && (memcmp(p, "utf-8", 5) == 0 || memcmp(p, "UTF-8", 5) == 0));
}

static enum kind word_kind(const struct scan *s, size_t from, size_t to, const struct shape *sh)
{
    const char *p = s->p + from;
    size_t n = to - from;

    if (sh->any & C_DIGIT) {
        if (!(sh->any & C_LETTER))
            return sh->colons > 0 ? TIME : NUMBER;
        return is_protocol_name(p, n) ? WORD : OTHER;
    }
    if ((sh->all & C_HEX && n >= PLAIN_HEX_MIN) || sh->dots >= 2 || sh->ats > 0 ||
        (sh->slashes >= 2 && sh->dots > 0) || p[0] == '~')
        return OTHER;
    if (sh->dots == 1 && skeleton_word(s->p + sh->last_dot + 1, to - sh->last_dot - 1) & WORD_TLD)
        return OTHER;
    return (*p | 0x20) == 'l' && skeleton_word(p, n) & WORD_NAME ? OTHER : WORD;
}

/* A quoted token without blanks: end after its closing quote. */
static size_t quoted_end(const struct scan *s, size_t from)
{
    size_t limit = from + 2 + QUOTED_MAX < s->n ? from + 2 + QUOTED_MAX : s->n;

    for (size_t i = from + 1; i < limit && !is(s, i, C_BLANK); i++) {
        if (s->p[i] == s->p[from])
            return i > from + 1 && !is(s, i + 1, C_WORD) ? i + 1 : from;
    }
    return from;
}

static void add(struct tokens *t, const struct scan *s, size_t from, size_t to, enum kind kind,
                bool glued)
{
    if (t->n == SKELETON_TOKENS_MAX) {
        t->cut = true;
        return;
    }
    t->v[t->n++] = (struct token){s->p + from, (uint16_t)(to - from), (uint8_t)kind, glued};
}

static bool starts_path(const struct scan *s, size_t i)
{
    return s->p[i] == '/' && i + 1 < s->n &&
           (is(s, i + 1, C_WORD) || memchr(".-/[*", s->p[i + 1], 5));
}

/* One token at i, which is no blank. Returns its end. */
static size_t lex_one(struct tokens *t, struct scan *s, size_t i, bool glued)
{
    char c = s->p[i];
    bool after_word = i > 0 && is(s, i - 1, C_WORD), time = false;
    size_t to;

    if ((c == '"' || c == '\'') && !after_word && (to = quoted_end(s, i)) > i) {
        if (skeleton_word(s->p + i + 1, to - i - 2) & WORD_KEEP)
            add(t, s, i + 1, to - 1, WORD, glued);
        else
            add(t, s, i, to, OTHER, glued);
        return to;
    }
    if (c == '/' && !after_word && starts_path(s, i) && (to = path_end(s, i)) > i) {
        add(t, s, i, to, OTHER, glued);
        return to;
    }
    if (!after_word && (is(s, i, C_HEX) || c == ':') && i >= s->no_run_before &&
        (to = colon_run_end(s, i, &time)) > i) {
        add(t, s, i, to, time ? TIME : OTHER, glued);
        return to;
    }
    if (is(s, i, C_WORD) ||
        (!after_word && is(s, i + 1, C_DIGIT) && (c == '-' || c == '+' || c == '#')) ||
        (!after_word && c == '~' && is(s, i + 1, C_WORD))) {
        struct shape sh;
        if (i + 2 < s->n && s->p[i + 1] == ':' && s->p[i + 2] == '\\') { /* C:\… */
            to = path_end(s, i + 2);
            add(t, s, i, to, OTHER, glued);
            return to;
        }
        to = word_end(s, i, &sh);
        if (to == i) /* "~" alone */
            to = i + 1;
        if (to + 2 < s->n && s->p[to] == ':' && s->p[to + 1] == '/' && s->p[to + 2] == '/') {
            to = path_end(s, to + 3);
            add(t, s, i, to, OTHER, glued);
            return to;
        }
        add(t, s, i, to, word_kind(s, i, to, &sh), glued);
        return to;
    }
    /* "<1 sec", "~5": the comparison says nothing about the kind of message. */
    if ((c == '<' || c == '>' || c == '~' || c == '=') && is(s, i + 1, C_DIGIT) &&
        (i == 0 || is(s, i - 1, C_BLANK) || s->p[i - 1] == '(' || s->p[i - 1] == '['))
        return i + 1;
    add(t, s, i, i + 1, PUNCT, glued);
    return i + 1;
}

static void lex(struct tokens *t, struct scan *s)
{
    bool glued = false;

    t->n = 0;
    t->cut = false;
    for (size_t i = 0; i < s->n && !t->cut;) {
        if (is(s, i, C_BLANK)) {
            glued = false;
            i++;
            continue;
        }
        size_t before = t->n;
        i = lex_one(t, s, i, glued);
        if (t->n > before) /* a dropped comparison glues nothing */
            glued = true;
    }
}

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
    struct scan s = {msg.p, msg.n, 0};
    struct tokens t;
    struct writer w;

    if (msg.n > SKELETON_INPUT_MAX)
        s.n = cut_at(msg.p, SKELETON_INPUT_MAX);
    w.p = out;
    w.n = w.count = 0;
    w.full = false;
    lex(&t, &s);
    for (size_t i = 0; i < t.n && !w.full;)
        i = reduce_one(&t, i, &w);
    if (msg.n > SKELETON_INPUT_MAX || t.cut || w.full)
        return put_length_class(out, w.n, msg.n);
    return w.n;
}
