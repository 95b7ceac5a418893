/*
 * skeleton_scan.c - byte classes, and the runs of bytes that are known by their form.
 * Owns: how far each looks ahead. Never: makes tokens; skeleton_lex.c does.
 */
#include "skeleton_scan.h"

#include <string.h>

enum {
    COLON_RUN_MAX = 48,
    QUOTED_MAX = 256,
    QUOTED_PATH_MAX = 256,
    FOLDER_MAX = 32,
    FOLDER_BLANKS_MAX = 128,
    MNEMONIC_MAX = 64,
};

#define LETTER (C_WORD | C_LETTER | C_NO_HEX)
#define JOINT  (C_JOIN | C_MAY)

const uint16_t skeleton_classes[256] = {
    ['\0'] = C_PATH_END,
    ['0' ... '9'] = C_WORD | C_DIGIT,
    ['a' ... 'f'] = C_WORD | C_LETTER,
    ['A' ... 'F'] = C_WORD | C_LETTER | C_UPPER,
    ['g' ... 'z'] = LETTER,
    ['G' ... 'Z'] = LETTER | C_UPPER,
    ['_'] = LETTER,
    [0x80 ... 0xFF] = LETTER,
    ['-'] = JOINT,
    ['.'] = JOINT | C_TRAIL,
    ['@'] = JOINT,
    ['\\'] = JOINT,
    ['/'] = JOINT,
    ['%'] = JOINT | C_SUFFIX,
    ['~'] = JOINT,
    ['$'] = JOINT | C_SUFFIX,
    ['#'] = JOINT | C_SUFFIX,
    ['&'] = JOINT,
    ['!'] = JOINT,
    ['?'] = JOINT,
    ['^'] = JOINT,
    ['`'] = JOINT,
    ['*'] = JOINT,
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
    ['('] = C_BRACKET,
    [')'] = C_BRACKET,
    ['['] = C_BRACKET,
    [']'] = C_BRACKET,
    ['{'] = C_BRACKET,
    ['}'] = C_BRACKET,
    [','] = C_MAY | C_TRAIL,
    [';'] = C_TRAIL,
    [':'] = C_MAY | C_TRAIL,
    ['='] = C_TRAIL,
};

size_t scan_path_end(const struct scan *s, size_t i)
{
    unsigned depth = 0;

    for (;; i++) {
        unsigned class = class_at(s, i);
        if (!(class & (C_PATH_END | C_BRACKET)))
            continue;
        if (class & C_PATH_END)
            break;
        char c = s->p[i];
        if (c == '(' || c == '[' || c == '{')
            depth++;
        else if (depth-- == 0)
            break;
    }
    while (i > 0 && is(s, i - 1, C_TRAIL))
        i--;
    return i;
}

/* From the blank at i to the '\' behind it that shows a folder's name of several words ("Program
 * Files (x86)\", "Documents and Settings\"), or i. */
static size_t folder_end(const struct scan *s, size_t i)
{
    size_t limit = i + FOLDER_MAX;

    for (size_t k = i; k < limit; k++) {
        char c = s->p[k];
        if (c == '\\')
            return k;
        if (c == ' ') {
            char next = s->p[k + 1];
            if (next == ' ') { /* a run of blanks is one */
                limit += limit < i + FOLDER_MAX + FOLDER_BLANKS_MAX;
                continue;
            }
            if (!is(s, k + 1, C_UPPER | C_DIGIT) && next != '(' &&
                memcmp(s->p + k + 1, "and ", 4) != 0)
                return i;
        } else if (!is(s, k, C_WORD) && c != '(' && c != ')' && c != '-' && c != '.') {
            return i;
        }
    }
    return i;
}

size_t scan_windows_path_end(const struct scan *s, size_t i)
{
    for (;;) {
        size_t end = scan_path_end(s, i), next;
        if (s->p[end] != ' ' || (next = folder_end(s, end)) == end)
            return end;
        i = next;
    }
}

/* "::" alone, the IPv6 word for any address. */
static bool is_any_address(const struct scan *s, size_t i)
{
    return s->p[i] == ':' && s->p[i + 1] == ':' &&
           (is(s, i + 2, C_BLANK) || i + 2 == s->n || s->p[i + 2] == ']' || s->p[i + 2] == ')');
}

/* IPv6, MAC, hh:mm:ss: hex digits in groups of at most four, two colons or more. A run that is
 * refused is not tried again from its middle. */
size_t scan_colon_run_end(struct scan *s, size_t from, bool *out_time)
{
    size_t i = from, colons = 0, group = 0, digits = 0, letters = 0, limit = from + COLON_RUN_MAX;

    if (is_any_address(s, from)) {
        *out_time = false;
        return from + 2;
    }
    while (is_hex(s, i))
        i++;
    if (s->p[i] != ':' || i - from > 4) /* as most words */
        return from;
    for (i = from; i < limit; i++) {
        if (s->p[i] == ':') {
            colons++;
            group = 0;
        } else if (is_hex(s, i)) {
            if (++group > 4) {
                s->no_run_before = i + 1;
                return from;
            }
            if (is(s, i, C_DIGIT))
                digits++;
            else
                letters++;
        } else {
            break;
        }
    }
    if (s->p[i - 1] == ':' && !(i - from >= 2 && s->p[i - 2] == ':')) {
        colons--; /* "10:22:31:" - the last one is punctuation */
        i--;
    }
    if (colons < 2 || digits < 1 || is(s, i, C_WORD)) {
        s->no_run_before = i + 1; /* else "a:a:a:" were looked at from each of its bytes */
        return from;
    }
    while (s->p[i] == '.' && is(s, i + 1, C_DIGIT)) { /* "::ffff:192.0.2.1", "10:22:31.5" */
        for (i++; is(s, i, C_DIGIT);)
            i++;
    }
    if (s->p[i] == '#' && is(s, i + 1, C_DIGIT)) { /* BIND: "::1#953" */
        for (i++; is(s, i, C_DIGIT);)
            i++;
    }
    *out_time = letters == 0;
    return i;
}

size_t scan_bracketed_end(struct scan *s, size_t i)
{
    size_t end;
    bool time;

    if (i + 1 < s->no_run_before || (!is_hex(s, i + 1) && s->p[i + 1] != ':') ||
        (end = scan_colon_run_end(s, i + 1, &time)) == i + 1 || s->p[end] != ']' ||
        s->p[end + 1] != ':' || !is(s, end + 2, C_DIGIT))
        return i;
    for (end += 2; is(s, end, C_DIGIT);)
        end++;
    return end;
}

size_t scan_mnemonic_end(const struct scan *s, size_t i)
{
    size_t limit = i + MNEMONIC_MAX, k = i + 1, dashes = 0;

    if (!is(s, k, C_UPPER))
        return i;
    for (; k < limit && (is(s, k, C_UPPER | C_DIGIT) || s->p[k] == '_' || s->p[k] == '-'); k++)
        dashes += s->p[k] == '-' && s->p[k + 2] == '-' && s->p[k + 1] >= '0' && s->p[k + 1] <= '7';
    return dashes == 1 && s->p[k] == ':' ? k : i;
}

size_t scan_quoted_end(const struct scan *s, size_t from)
{
    size_t limit = from + 2 + QUOTED_MAX < s->n ? from + 2 + QUOTED_MAX : s->n;

    for (size_t i = from + 1; i < limit && !is(s, i, C_BLANK); i++) {
        if (s->p[i] == s->p[from])
            return i > from + 1 && !is(s, i + 1, C_WORD) ? i + 1 : from;
    }
    return from;
}

size_t scan_quoted_path_end(const struct scan *s, size_t from)
{
    size_t room = s->n - from - 1;
    const char *quote;

    if (s->p[from + 1] != '/')
        return from;
    quote = memchr(s->p + from + 1, s->p[from], room < QUOTED_PATH_MAX ? room : QUOTED_PATH_MAX);
    return quote ? (size_t)(quote - s->p) + 1 : from;
}
