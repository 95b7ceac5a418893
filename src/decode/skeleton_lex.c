/*
 * skeleton_lex.c - cuts a message into tokens and says of each whether it is a constant.
 * Owns: where each token begins, and what joins to one word. One pass; each look-ahead has a limit.
 * Never: looks at what comes after a token but for its joints; skeleton.c does.
 * Called by: skeleton.c, skeleton_parts.c.
 */
#include "skeleton_lex.h"

#include <string.h>

#include "skeleton_scan.h"
#include "skeleton_words.h"

enum { HOST_LIST_MAX = 64, PLAIN_HEX_MIN = 8, BLANKS_MAX = 128 };

/* What a token that begins with this byte may be. */
enum start {
    AT_PUNCT,
    AT_BLANK,
    AT_WORD,
    AT_HEX, /* a word, or a run of hex digits and colons */
    AT_COLON,
    AT_QUOTE,
    AT_SLASH,
    AT_SIGN,
    AT_TILDE,
    AT_COMPARISON,
    AT_BRACKET,
    AT_PERCENT,
};

static const uint8_t starts[256] = {
    ['0' ... '9'] = AT_HEX,    ['a' ... 'f'] = AT_HEX,  ['A' ... 'F'] = AT_HEX,
    ['g' ... 'z'] = AT_WORD,   ['G' ... 'Z'] = AT_WORD, ['_'] = AT_WORD,
    [0x80 ... 0xFF] = AT_WORD, [' '] = AT_BLANK,        ['\t'] = AT_BLANK,
    ['\n'] = AT_BLANK,         ['\r'] = AT_BLANK,       ['\v'] = AT_BLANK,
    ['\f'] = AT_BLANK,         [':'] = AT_COLON,        ['"'] = AT_QUOTE,
    ['\''] = AT_QUOTE,         ['/'] = AT_SLASH,        ['-'] = AT_SIGN,
    ['+'] = AT_SIGN,           ['#'] = AT_SIGN,         ['@'] = AT_SIGN,
    ['~'] = AT_TILDE,          ['<'] = AT_COMPARISON,   ['>'] = AT_COMPARISON,
    ['='] = AT_COMPARISON,     ['['] = AT_BRACKET,      ['%'] = AT_PERCENT,
};

/* ---- words ---------------------------------------------------------------------------------- */

/* What a word is made of, gathered while it is read. */
struct shape {
    unsigned dots, slashes, ats, colons, joints;
    size_t last_dot, first_slash;
    unsigned any; /* classes that some byte has; C_LETTER also for what joins */
};

/* The names of digests, before ':' and base64. */
static bool is_digest_name(const char *p, size_t n)
{
    return (n == 3 && memcmp(p, "MD5", 3) == 0) || (n == 4 && memcmp(p, "SHA1", 4) == 0) ||
           (n == 6 && memcmp(p, "SHA", 3) == 0 &&
            (memcmp(p + 3, "256", 3) == 0 || memcmp(p + 3, "384", 3) == 0 ||
             memcmp(p + 3, "512", 3) == 0));
}

/* May ':' join a host and a port here? */
static bool joins_port(const struct scan *s, size_t from, size_t colon, const struct shape *sh)
{
    size_t label;

    if (!is(s, colon + 1, C_DIGIT))
        return false;
    if (sh->any & C_DIGIT)
        return !is_digest_name(s->p + from, colon - from);
    if (sh->dots >= 2)
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
    return true;
}

/* Does the byte at i, which is none of a word, join what is before to what is after it? */
static bool joins(const struct scan *s, size_t from, size_t i, struct shape *sh)
{
    char c = s->p[i];

    if (is(s, i, C_JOIN) &&
        (is(s, i + 1, C_WORD) || (c == '/' && s->p[i + 1] == '.' && is(s, i + 2, C_WORD)))) {
        sh->joints++;
        if (c == '.') {
            sh->dots++;
            sh->last_dot = i;
            return true;
        }
        sh->any |= C_LETTER;
        if (c == '/' || c == '\\') {
            if (sh->slashes++ == 0)
                sh->first_slash = i;
        }
        sh->ats += c == '@' && i > from;
        return true;
    }
    if (c == '~' && i > from && s->p[i + 1] == '~' && is(s, i + 2, C_WORD)) {
        sh->joints++; /* "KB2928120~31bf~amd64~~6.1.1.2": an empty field */
        return true;
    }
    if (c == ':' && joins_port(s, from, i, sh)) {
        sh->colons++;
        sh->joints++;
        return true;
    }
    if (c == ',' && i > from && is(s, i - 1, C_DIGIT) && is(s, i + 1, C_DIGIT)) {
        sh->joints++;
        return true;
    }
    return false;
}

/* "node[001-032,040]", "node-[1-4]": from the end of the word to behind the bracket, or i. A single
 * number in brackets says which one it is of several, and what is before it stays. */
static size_t host_list_end(const struct scan *s, size_t i)
{
    size_t k = i + (s->p[i] == '-'), limit = k + HOST_LIST_MAX;
    bool several = false;

    if (s->p[k] != '[' || !is(s, k + 1, C_DIGIT))
        return i;
    for (k++; k < limit && (is(s, k, C_DIGIT) || s->p[k] == '-' || s->p[k] == ','); k++)
        several |= !is(s, k, C_DIGIT);
    return several && s->p[k] == ']' ? k + 1 : i;
}

static size_t word_end(const struct scan *s, size_t from, struct shape *sh)
{
    size_t i = from;
    unsigned any = 0, class;

    *sh = (struct shape){0};
    if (starts[(unsigned char)s->p[i]] == AT_SIGN)
        i++;
    for (;;) {
        while ((class = class_at(s, i)) & C_WORD) {
            any |= class;
            i++;
        }
        if (!(class & C_MAY))
            break;
        sh->any |= any;
        if (!joins(s, from, i, sh))
            break;
        i++;
    }
    sh->any |= any;
    if (s->p[i] == '[' || (s->p[i] == '-' && s->p[i + 1] == '[')) {
        size_t end = host_list_end(s, i);
        if (end > i) {
            sh->any |= C_DIGIT | C_LETTER;
            return end;
        }
    }
    while (is(s, i, C_SUFFIX))
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

/* "java.io.IOException": which error it was tells messages apart. */
static bool is_exception_name(const char *p, size_t n)
{
    return (n > 9 && memcmp(p + n - 9, "Exception", 9) == 0) ||
           (n > 5 && memcmp(p + n - 5, "Error", 5) == 0);
}

/* "android.intent.action.SCREEN_ON": a constant's name after its packages'. */
static bool is_constant_name(const char *p, size_t n, size_t last_label)
{
    if (*p < 'a' || *p > 'z' || last_label + 2 > n)
        return false;
    for (size_t i = last_label; i < n; i++)
        if ((p[i] < 'A' || p[i] > 'Z') && p[i] != '_')
            return false;
    return true;
}

/* "example.com", "example.com/IN". */
static bool is_host_name(const struct scan *s, size_t to, const struct shape *sh)
{
    size_t label = sh->last_dot + 1, end = sh->slashes > 0 ? sh->first_slash : to;

    return sh->dots == 1 && label < end && skeleton_word(s->p + label, end - label) & WORD_TLD;
}

static enum kind word_kind(const struct scan *s, size_t from, size_t to, const struct shape *sh)
{
    const char *p = s->p + from;
    size_t n = to - from;

    if (sh->any & C_DIGIT) {
        if (!(sh->any & C_LETTER))
            return sh->colons > 0 ? TIME : NUMBER;
        return (n == 4 || n == 5) && is_protocol_name(p, n) ? WORD : OTHER;
    }
    if (sh->joints == 0) {
        if (n >= PLAIN_HEX_MIN && !(sh->any & C_NO_HEX) && is(s, to - 1, C_WORD))
            return OTHER;
    } else if (sh->dots > 0 &&
               (is_exception_name(p, n) || is_constant_name(p, n, sh->last_dot + 1 - from))) {
        return WORD;
    } else if (sh->dots >= 2 || sh->ats > 0 || (sh->slashes >= 2 && sh->dots > 0) ||
               is_host_name(s, to, sh)) {
        return OTHER;
    }
    if (*p == '~')
        return OTHER;
    return (*p | 0x20) == 'l' && skeleton_word(p, n) & WORD_NAME ? OTHER : WORD;
}

/* ---- tokens --------------------------------------------------------------------------------- */

static size_t add(struct tokens *t, const struct scan *s, size_t from, size_t to, enum kind kind,
                  bool glued)
{
    if (t->n == SKELETON_TOKENS_MAX) {
        t->cut = true;
        return to;
    }
    t->v[t->n++] = (struct token){s->p + from, (uint16_t)(to - from), (uint8_t)kind, glued,
                                  kind == PUNCT ? s->p[from] : '\0'};
    return to;
}

static size_t add_word(struct tokens *t, const struct scan *s, size_t i, bool glued)
{
    struct shape sh;
    size_t to = word_end(s, i, &sh);

    if (s->p[to] == ':') {
        if (to == i + 1 && s->p[to + 1] == '\\') /* C:\… */
            return add(t, s, i, scan_windows_path_end(s, to + 1), OTHER, glued);
        if (s->p[to + 1] == '/' && s->p[to + 2] == '/')
            return add(t, s, i, scan_path_end(s, to + 3), OTHER, glued);
        if (is(s, to + 1, C_WORD) && is_digest_name(s->p + i, to - i))
            return add(t, s, i, scan_path_end(s, to + 1), OTHER, glued);
    }
    return add(t, s, i, to, word_kind(s, i, to, &sh), glued);
}

static char punct_before(const struct tokens *t, size_t back)
{
    return t->n >= back ? t->v[t->n - back].punct : '\0';
}

/* Is the quotation that begins now the text of a message: msg="…", "msg":"…"? */
static bool is_text_value(const struct tokens *t)
{
    char mark = punct_before(t, 1);
    const struct token *key;

    if (t->n < 2 || (mark != '=' && mark != ':'))
        return false;
    key = &t->v[t->n - 2];
    return (mark == '=' ? key->kind == WORD : key->kind == KEY) &&
           skeleton_word(key->p, key->n) & WORD_TEXT;
}

static bool has_digit(const struct scan *s, size_t from, size_t to)
{
    unsigned any = 0;

    while (from < to)
        any |= class_at(s, from++);
    return any & C_DIGIT;
}

static size_t add_quoted(struct tokens *t, const struct scan *s, size_t i, bool glued)
{
    size_t to;

    if (is_text_value(t))
        return add(t, s, i, i + 1, PUNCT, glued);
    if ((to = scan_quoted_end(s, i)) > i) {
        char before = punct_before(t, 1);
        if (s->p[to] == ':' && (before == '{' || before == ',') && !has_digit(s, i, to))
            return add(t, s, i + 1, to - 1, KEY, glued), to;
        if (skeleton_word(s->p + i + 1, to - i - 2) & WORD_KEEP)
            return add(t, s, i + 1, to - 1, WORD, glued), to;
        return add(t, s, i, to, OTHER, glued);
    }
    if ((to = scan_quoted_path_end(s, i)) > i)
        return add(t, s, i, to, OTHER, glued);
    return add(t, s, i, i + 1, PUNCT, glued);
}

/* The "/" of "GET / HTTP/1.1". */
static bool is_root_of_request(const struct scan *s, size_t i)
{
    size_t k = i + 1;

    while (k < i + BLANKS_MAX && s->p[k] == ' ')
        k++;
    return k > i + 1 && memcmp(s->p + k, "HTTP/", 5) == 0;
}

static bool starts_path(const struct scan *s, size_t i)
{
    char c = s->p[i + 1];

    return is(s, i + 1, C_WORD) || c == '.' || c == '-' || c == '/' || c == '[' || c == '*' ||
           (c == ' ' && is_root_of_request(s, i));
}

/* "<1 sec", "~5": the comparison says nothing about the kind of message. */
static bool is_comparison(const struct scan *s, size_t i)
{
    return is(s, i + 1, C_DIGIT) &&
           (i == 0 || is(s, i - 1, C_BLANK) || s->p[i - 1] == '(' || s->p[i - 1] == '[');
}

/* One token at i, which is no blank. Returns its end. */
static size_t lex_one(struct tokens *t, struct scan *s, size_t i, bool glued)
{
    enum start start = starts[(unsigned char)s->p[i]];
    bool after_word, time = false;
    size_t to;

    if (start == AT_WORD)
        return add_word(t, s, i, glued);
    if (start == AT_HEX) {
        if (i >= s->no_run_before && (to = scan_colon_run_end(s, i, &time)) > i)
            return add(t, s, i, to, time ? TIME : OTHER, glued);
        return add_word(t, s, i, glued);
    }
    after_word = i > 0 && is(s, i - 1, C_WORD);
    switch (start) {
    case AT_QUOTE:
        if (!after_word)
            return add_quoted(t, s, i, glued);
        break;
    case AT_SLASH:
        if (!after_word && starts_path(s, i) && (to = scan_path_end(s, i)) > i)
            return add(t, s, i, to, OTHER, glued);
        break;
    case AT_COLON:
        if (!after_word && i >= s->no_run_before && (to = scan_colon_run_end(s, i, &time)) > i)
            return add(t, s, i, to, time ? TIME : OTHER, glued);
        break;
    case AT_BRACKET:
        if (!after_word && (to = scan_bracketed_end(s, i)) > i)
            return add(t, s, i, to, OTHER, glued);
        break;
    case AT_PERCENT:
        if (!after_word && (to = scan_mnemonic_end(s, i)) > i)
            return add(t, s, i, to, WORD, glued);
        break;
    case AT_SIGN:
        if (!after_word && is(s, i + 1, C_DIGIT))
            return add_word(t, s, i, glued);
        break;
    case AT_TILDE:
        if (!after_word && is(s, i + 1, C_WORD))
            return add_word(t, s, i, glued);
        break;
    case AT_COMPARISON:
        if (is_comparison(s, i))
            return i + 1;
        break;
    default:
        break;
    }
    return add(t, s, i, i + 1, PUNCT, glued);
}

void skeleton_lex(struct str msg, struct tokens *t)
{
    static const struct token none[TOKENS_PAD] = {
        [0 ... TOKENS_PAD - 1] = {.p = "", .kind = PUNCT}};
    struct scan scan = {.p = t->text, .n = msg.n}, *s = &scan;
    bool glued = false;

    if (msg.n > 0)
        memcpy(t->text, msg.p, msg.n);
    memset(t->text + msg.n, 0, LEX_PAD);
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
        glued |= t->n > before; /* a dropped comparison glues nothing */
    }
    memcpy(t->v + t->n, none, sizeof(none));
}

bool token_is_disk(const struct tokens *t, size_t i)
{
    const struct token *v = &t->v[i];
    const char *p = v->p;

    switch (v->n) {
    case 3:
        if (p[1] != 'd')
            return false;
        return (p[0] == 's' && p[2] >= 'a' && p[2] <= 'z' && !strchr("knpsr", p[2])) ||
               ((p[0] == 'v' || p[0] == 'h') && p[2] >= 'a' && p[2] <= (p[0] == 'v' ? 'h' : 'c'));
    case 4:
        return memcmp(p, "xvd", 3) == 0 || (memcmp(p, "sd", 2) == 0 && v->glued && i > 0 &&
                                            t->v[i - 1].punct == '[' && t->v[i + 1].punct == ']');
    default:
        return false;
    }
}
