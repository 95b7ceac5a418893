/*
 * skeleton_lex.c - cuts a message into tokens and says of each whether it is a constant.
 * Owns: the byte classes and what joins to one word. One pass; each look-ahead has a limit.
 * Never: looks at a token's neighbours; skeleton.c does.
 * Called by: skeleton.c.
 */
#include "skeleton_lex.h"

#include "skeleton_words.h"

enum { COLON_RUN_MAX = 48, QUOTED_MAX = 64, PLAIN_HEX_MIN = 8 };

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

void skeleton_lex(struct str msg, struct tokens *t)
{
    struct scan scan = {.p = msg.p, .n = msg.n}, *s = &scan;
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
