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
 * linear: each look-ahead has a limit (the …_MAX here and in skeleton_lex.c). What belongs to one
 * cause and what does not, for 40 kinds of software: tests/fixtures/skeleton_causes.txt.
 */
#include "triaged/decode/skeleton.h"

#include <stdbool.h>
#include <string.h>

#include "skeleton_lex.h"
#include "skeleton_scan.h"
#include "skeleton_words.h"

enum { VALUE_TOKENS_MAX = 32, SUDO_TOKENS_MAX = 32, PLAIN_VALUE_MAX = 32, COPY_STEP = 16 };

/* ---- writer: collapses as it goes ------------------------------------------------------------ */

enum { OUT_HOLE = '*', OUT_WORD = 'w' }; /* otherwise the punctuation's own byte */
enum { OUT_TOKENS_MAX = SKELETON_TOKENS_MAX * 2 + 8 };

struct writer {
    size_t n;
    size_t count;
    bool full;
    char kinds[OUT_TOKENS_MAX];
    uint16_t begins[OUT_TOKENS_MAX]; /* where each output token begins */
    char p[SKELETON_MAX + COPY_STEP];
};

/* COPY_STEP bytes behind p[n] are readable (LEX_PAD). */
static void put(struct writer *w, char kind, const char *p, size_t n, bool glued)
{
    bool blank = !glued && w->n > 0;

    if (w->full || w->count == OUT_TOKENS_MAX || w->n + blank >= SKELETON_MAX) {
        w->full = true;
        return;
    }
    w->begins[w->count] = (uint16_t)w->n;
    w->kinds[w->count++] = kind;
    if (blank)
        w->p[w->n++] = ' ';
    if (n > SKELETON_MAX - w->n) { /* what fits of it */
        n = SKELETON_MAX - w->n;
        w->full = true;
    }
    char *to = w->p + w->n;
    w->n += n;
    for (size_t k = 0; k < n; k += COPY_STEP)
        memcpy(to + k, p + k, COPY_STEP);
}

static void put_byte(struct writer *w, char kind, char byte, bool glued)
{
    if (w->full || w->count == OUT_TOKENS_MAX || w->n + !glued >= SKELETON_MAX) {
        w->full = true;
        return;
    }
    w->begins[w->count] = (uint16_t)w->n;
    w->kinds[w->count++] = kind;
    if (!glued && w->n > 0)
        w->p[w->n++] = ' ';
    w->p[w->n++] = byte;
}

static void put_word(struct writer *w, const struct token *t)
{
    put(w, OUT_WORD, t->p, t->n, t->glued);
}

static char kind_at(const struct writer *w, size_t back)
{
    return w->count >= back ? w->kinds[w->count - back] : '\0';
}

static void drop(struct writer *w, size_t tokens)
{
    w->count -= tokens;
    w->n = w->begins[w->count];
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
    put_byte(w, OUT_HOLE, '*', glued);
}

static void put_punct(struct writer *w, const struct token *t)
{
    if (t->punct == ')' && kind_at(w, 1) == OUT_HOLE && kind_at(w, 2) == '(' &&
        kind_at(w, 3) == OUT_HOLE) { /* `* ( * )` is one hole */
        drop(w, 2);
        return;
    }
    put_byte(w, t->punct, t->punct, t->glued);
}

/* ---- what a token is ------------------------------------------------------------------------- */

/* The word's classes: looked up where they matter, since few words do. */
static unsigned word_classes(const struct token *t)
{
    return t->kind == WORD ? skeleton_word(t->p, t->n) : 0;
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
    return t->punct == '(' || t->punct == '[' || t->punct == '{' || t->punct == '<';
}

static bool closes(const struct token *t)
{
    return t->punct == ')' || t->punct == ']' || t->punct == '}' || t->punct == '>';
}

static bool is_quote(const struct token *t)
{
    return t->punct == '"' || t->punct == '\'';
}

static bool is_name(const struct token *t)
{
    return t->kind == WORD && !t->glued && !(word_classes(t) & WORD_NO_NAME);
}

static bool is_date(const struct token *t)
{
    return t->kind == WORD && t->n == 3 && skeleton_word_is_date(t->p, t->n);
}

static bool is_mac(const struct token *t)
{
    return t->kind == OTHER && t->n == 17 && t->p[2] == ':' && t->p[14] == ':';
}

/* ---- values ---------------------------------------------------------------------------------- */

/* The end of the value that begins at i: what is glued to it, a bracket to its end, a quotation to
 * its end; but no further than VALUE_TOKENS_MAX. */
static size_t value_end(const struct tokens *t, size_t i)
{
    size_t limit = i + VALUE_TOKENS_MAX < t->n ? i + VALUE_TOKENS_MAX : t->n, glued_end = i;
    unsigned depth = 0;
    char quote = '\0';
    bool all_glued = true;

    for (size_t k = i; k < limit; k++) {
        const struct token *tk = &t->v[k];
        STEP();
        if (!tk->glued && k > i) {
            if (depth == 0 && !quote)
                return k;
            all_glued = false;
        }
        if (tk->punct == '\0') {
            ;
        } else if (quote) {
            if (tk->punct == quote && !(t->v[k - 1].punct == '\\' && tk->glued))
                quote = '\0';
        } else if (is_quote(tk)) {
            quote = tk->punct;
        } else if (opens(tk)) {
            depth++;
        } else if (closes(tk)) {
            if (depth == 0)
                return k;
            depth--;
        } else if (depth == 0 && (tk->punct == ',' || tk->punct == ';')) {
            return k;
        }
        if (all_glued)
            glued_end = k + 1;
    }
    /* Not closed in sight: only what is glued. */
    return depth > 0 || quote ? glued_end : limit;
}

/* The word of a value that is quoted or not; of no length when it is no word of letters alone. */
static struct str plain_word(const struct token *value)
{
    struct str s = {value->p, value->n};

    if (value->kind == OTHER && (*s.p == '"' || *s.p == '\''))
        s = str_sub(s, 1, s.n - 1);
    if (s.n > PLAIN_VALUE_MAX || value->kind == PUNCT)
        return S("");
    for (size_t i = 0; i < s.n; i++)
        if (!(class_of(s.p[i]) & C_LETTER) && s.p[i] != '-')
            return S("");
    return s;
}

/* The value at i as a hole, unless it is one of the states that make another alert, or the key says
 * that it is a kind of event or all the text: "action=deny", "type=USER_LOGIN", "msg=started". */
static size_t reduce_value(const struct tokens *t, size_t i, const struct token *key,
                           struct writer *w)
{
    const struct token *value = &t->v[i];
    size_t end = value_end(t, i);

    if (end == i + 1) {
        struct str word = {value->p, value->n};
        if (!(word_classes(value) & WORD_KEEP))
            word =
                skeleton_word(key->p, key->n) & (WORD_KIND | WORD_TEXT) ? plain_word(value) : S("");
        if (word.n > 0) {
            put(w, OUT_WORD, word.p, word.n, true);
            return end;
        }
    }
    put_byte(w, OUT_HOLE, '*', true);
    return end;
}

/* "k=v" at i (the key). Returns the index after it, or i. The text of the message is no value:
 * msg="disk full" is read on as if it stood alone. */
static size_t reduce_pair(const struct tokens *t, size_t i, struct writer *w)
{
    const struct token *key = &t->v[i], *eq = key + 1, *value = key + 2;

    if (!eq->glued || value->punct == '=')
        return i;
    if (is_variable(key))
        put_hole(w, key->glued);
    else
        put_word(w, key);
    put_punct(w, eq);
    if (i + 2 < t->n && value->glued) {
        if (is_quote(value) && word_classes(key) & WORD_TEXT)
            return i + 2;
        return reduce_value(t, i + 2, key, w);
    }
    put_byte(w, OUT_HOLE, '*', true);
    return i + 2;
}

/* "k":v of JSON at i (the key; a ':' follows). Objects, and the text of the message, are read on.
 */
static size_t reduce_member(const struct tokens *t, size_t i, struct writer *w)
{
    const struct token *key = &t->v[i], *value = key + 2;

    put_word(w, key);
    put_punct(w, key + 1);
    if (i + 2 >= t->n || value->punct == '{' || value->punct == '}' ||
        (is_quote(value) && skeleton_word(key->p, key->n) & WORD_TEXT))
        return i + 2;
    return reduce_value(t, i + 2, key, w);
}

/* A variable at i with what belongs to it: units, a zone. Returns the index after it. */
static size_t reduce_variable(const struct tokens *t, size_t i, struct writer *w)
{
    const struct token *v = &t->v[i], *next = v + 1;

    put_hole(w, v->glued);
    if (v->kind == NUMBER) {
        if (next->kind == WORD ? skeleton_word(next->p, next->n) & WORD_UNIT : next->punct == '%')
            return i + 2;
    } else if (v->kind == TIME) {
        if (word_classes(next) & WORD_ZONE)
            return i + 2;
    } else if (is_mac(v) && next->punct == '(' && next[1].kind == WORD && next[2].punct == ')' &&
               !(word_classes(next + 1) & WORD_KEEP)) { /* dhcpd: the name of the client */
        return i + 4;
    }
    return i + 1;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* A name at i + skip after the words from i on, which stay. Returns the index after it. */
static size_t put_named(const struct tokens *t, size_t i, size_t skip, struct writer *w)
{
    for (size_t k = i; k < i + skip; k++) {
        if (t->v[k].kind == PUNCT)
            put_punct(w, &t->v[k]);
        else
            put_word(w, &t->v[k]);
    }
    put_hole(w, false);
    return i + skip + 1;
}

/* The end of the quotation at i, or i. */
static size_t quotation_end(const struct tokens *t, size_t i)
{
    if (!is_quote(&t->v[i]))
        return i;
    for (size_t k = i + 1; k < i + VALUE_TOKENS_MAX && k < t->n; k++) {
        STEP();
        if (t->v[k].punct == t->v[i].punct)
            return k + 1;
    }
    return i;
}

/* "user X", "user 'X Y'", "name: X". */
static size_t reduce_named(const struct tokens *t, size_t i, unsigned class, struct writer *w)
{
    const struct token *next = &t->v[i + 1];
    size_t end;

    if (class & WORD_USER && is_name(next))
        return put_named(t, i, 1, w);
    if (class & WORD_USER && !next->glued && (end = quotation_end(t, i + 1)) > i + 1) {
        put_named(t, i, 1, w);
        return end;
    }
    if (class & WORD_NAMED && next->punct == ':' && next->glued && is_name(next + 1))
        return put_named(t, i, 2, w);
    return i;
}

/* "for X from", "failures for X"; "by X(uid=0)" and "by (uid=0)" of PAM. What stands after another
 * "by" may be what tells causes apart: "killed by signal", "rejected by policy". */
static size_t reduce_before(const struct tokens *t, size_t i, struct writer *w)
{
    const struct token *word = &t->v[i], *next = word + 1;

    if (word->n == 2) { /* by */
        if (next->kind == WORD && next[1].punct == '(' && next[1].glued)
            return put_named(t, i, 1, w);
        if (next->punct == '(' && !next->glued) {
            put_named(t, i, 1, w);
            return i + 1;
        }
        return i;
    }
    if (next->kind == WORD && is_text(next + 1, "from", 4))
        return put_named(t, i, 1, w);
    if (i > 0 && is_name(next) &&
        (is_text(word - 1, "failures", 8) || is_text(word - 1, "failure", 7)))
        return put_named(t, i, 1, w);
    return i;
}

/* "process 1234 (httpd)": the name varies as the number does. */
static size_t reduce_process(const struct tokens *t, size_t i, struct writer *w)
{
    const struct token *word = &t->v[i];

    if (word[1].kind != NUMBER || word[2].punct != '(' || word[3].kind == PUNCT ||
        word[4].punct != ')')
        return i;
    put_word(w, word);
    put_hole(w, false);
    return i + 5;
}

/* Does sudo's "alice : TTY=…" begin here? */
static bool is_sudo(const struct tokens *t)
{
    for (size_t k = 2; k < SUDO_TOKENS_MAX && k + 1 < t->n; k++) {
        STEP();
        if (is_text(&t->v[k], "TTY", 3) && t->v[k + 1].punct == '=')
            return true;
    }
    return false;
}

/* "to LOCAL(0)", "to GPS_NMEA(1)": a clock of ntpd, which elsewhere is an address. Only after "to":
 * "EIO(5)" is no name. */
static size_t reduce_clock(const struct tokens *t, size_t i, struct writer *w)
{
    const struct token *name = &t->v[i];

    if (i == 0 || !is_text(name - 1, "to", 2) || !name[1].glued || name[2].kind != NUMBER ||
        name[3].punct != ')')
        return i;
    put_hole(w, name->glued);
    return i + 4;
}

/* "unknown[192.0.2.7]": a host's name with its address. */
static bool is_host_with_address(const struct token *v)
{
    unsigned dots = 0, colons = 0;

    if (!v[1].glued || !is_variable(&v[2]) || v[3].punct != ']')
        return false;
    for (size_t k = 0; k < v[2].n; k++) {
        dots += v[2].p[k] == '.';
        colons += v[2].p[k] == ':';
    }
    return dots >= 3 || colons >= 2;
}

/* ---- words ----------------------------------------------------------------------------------- */

/* Which letters the words begin with that reduce_special knows, by length. */
#define L(c) (1u << ((c) - 'a'))
static const uint32_t special[9] = {
    [2] = L('b'),
    [3] = ~0u, /* dates, disks; for, pid */
    [4] = L('u') | L('n') | L('c') | L('x') | L('s'),
    [5] = L('r') | L('u'),
    [7] = L('p') | L('l'),
    [8] = L('u') | L('h'),
};
#undef L

static bool is_special(const struct token *v)
{
    return v->n <= 8 && special[v->n] >> (((*v->p | 0x20) - 'a') & 31) & 1;
}

/* A word that says what its neighbours are, or is a date or a disk. Returns the index after what it
 * took, or i. */
static size_t reduce_special(const struct tokens *t, size_t i, struct writer *w)
{
    const struct token *v = &t->v[i], *next = v + 1;
    unsigned class;

    if (v->n == 3 && skeleton_word_is_date(v->p, 3)) {
        if (next->kind == NUMBER || next->kind == TIME || is_date(next) ||
            (i > 0 && (v[-1].kind == NUMBER || v[-1].kind == TIME || is_date(v - 1)))) {
            put_hole(w, v->glued);
            return i + 1;
        }
    }
    if (v->n <= 4 && token_is_disk(t, i)) {
        put_hole(w, v->glued);
        return i + 1;
    }
    class = skeleton_word(v->p, v->n);
    if (class & (WORD_USER | WORD_NAMED))
        return reduce_named(t, i, class, w);
    if (class & WORD_BEFORE)
        return reduce_before(t, i, w);
    if (class & WORD_PROCESS)
        return reduce_process(t, i, w);
    return i;
}

/* "2 packets" is what "1 packet" is. Not those whose singular has no e: "2 boxes". */
static bool is_plural(const struct token *v)
{
    char before, third;

    if (v->n < 4 || v->p[v->n - 1] != 's')
        return false;
    before = v->p[v->n - 2];
    third = v->p[v->n - 3];
    return before != 's' && before != 'u' && before != 'i' && before != 'a' &&
           !(before == 'e' && (third == 's' || third == 'x' || third == 'z' || third == 'h'));
}

static size_t reduce_word(const struct tokens *t, size_t i, struct writer *w)
{
    const struct token *v = &t->v[i], *next = v + 1;
    size_t end;

    if (next->kind == PUNCT) {
        if (next->punct == '=' && (end = reduce_pair(t, i, w)) > i)
            return end;
        if ((next->punct == '[' && is_host_with_address(v)) ||
            (i == 0 && next->punct == ':' && !next->glued && is_sudo(t))) {
            put_hole(w, v->glued);
            return i + 1;
        }
        if (next->punct == '(' && (end = reduce_clock(t, i, w)) > i)
            return end;
    }
    if (is_special(v) && (end = reduce_special(t, i, w)) > i)
        return end;
    if (i > 0 && v[-1].kind == NUMBER && is_plural(v))
        put(w, OUT_WORD, v->p, v->n - 1u, v->glued);
    else
        put_word(w, v);
    return i + 1;
}

static size_t reduce_one(const struct tokens *t, size_t i, struct writer *w)
{
    const struct token *v = &t->v[i];
    size_t end;

    STEP();
    switch (v->kind) {
    case WORD:
        return reduce_word(t, i, w);
    case KEY:
        return reduce_member(t, i, w);
    case PUNCT:
        if (v->punct == '(' && !v->glued && v[1].punct == ')') { /* " ()": nothing given */
            put_byte(w, '(', '(', false);
            put_hole(w, true);
            put_punct(w, v + 1);
            return i + 2;
        }
        put_punct(w, v);
        return i + 1;
    default:
        if (v[1].punct == '=' && (end = reduce_pair(t, i, w)) > i)
            return end;
        return reduce_variable(t, i, w);
    }
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
    w.n = w.count = 0;
    w.full = false;
    skeleton_lex(head, &t);
    for (size_t i = 0; i < t.n && !w.full;)
        i = reduce_one(&t, i, &w);
    memcpy(out, w.p, w.n);
    if (msg.n > SKELETON_INPUT_MAX || t.cut || w.full)
        return put_length_class(out, w.n, msg.n);
    return w.n;
}
