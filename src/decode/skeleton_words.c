/*
 * skeleton_words.c - the word lists of the skeleton scanner, by length.
 * A look-up first asks which letters the words of that length begin with, which ends most of them;
 * then it compares the few words of that length, eight bytes at a time. The index (first, letters)
 * is written out here and held to the list by tests/unit/decode/test_skeleton.c.
 */
#include "skeleton_words.h"

#include <string.h>

#define U  WORD_UNIT
#define Z  WORD_ZONE
#define K  WORD_KEEP
#define T  WORD_TLD
#define N  WORD_USER
#define NO WORD_NO_NAME
#define V  WORD_NAME

struct word {
    char text[SKELETON_WORD_MAX + 3]; /* padded with NUL: the first eight bytes are read at once */
    uint8_t classes;
};

static const struct word words[] = {
    /* 1 letter */
    {"b", U},
    {"s", U},
    {"h", U},
    {"d", U},
    {"m", U},
    {"z", Z},
    /* 2 letters */
    {"kb", U},
    {"mb", U},
    {"gb", U},
    {"tb", U},
    {"ms", U},
    {"us", U},
    {"ns", U},
    {"hz", U},
    {"on", K | NO},
    {"no", K | NO},
    {"up", K},
    {"ok", K},
    {"io", T},
    {"is", NO},
    {"in", NO},
    {"to", NO},
    {"of", NO},
    {"by", NO},
    {"at", NO},
    {"or", NO},
    {"lo", V},
    /* 3 letters */
    {"kib", U},
    {"mib", U},
    {"gib", U},
    {"tib", U},
    {"sec", U},
    {"min", U},
    {"day", U},
    {"mhz", U},
    {"ghz", U},
    {"khz", U},
    {"utc", Z},
    {"gmt", Z},
    {"cet", Z},
    {"est", Z},
    {"edt", Z},
    {"cst", Z},
    {"cdt", Z},
    {"mst", Z},
    {"mdt", Z},
    {"pst", Z},
    {"pdt", Z},
    {"eet", Z},
    {"yes", K},
    {"off", K},
    {"com", T},
    {"net", T},
    {"org", T},
    {"edu", T},
    {"gov", T},
    {"mil", T},
    {"lan", T},
    {"biz", T},
    {"not", NO},
    {"and", NO},
    {"has", NO},
    {"was", NO},
    {"for", NO},
    {"the", NO},
    /* 4 letters */
    {"byte", U},
    {"secs", U},
    {"mins", U},
    {"hour", U},
    {"days", U},
    {"cest", Z},
    {"eest", Z},
    {"true", K},
    {"down", K},
    {"fail", K},
    {"open", K},
    {"dead", K},
    {"arpa", T},
    {"info", T},
    {"user", N},
    {"from", NO},
    {"name", NO},
    {"with", NO},
    {"does", NO},
    /* 5 letters */
    {"bytes", U},
    {"msecs", U},
    {"hours", U},
    {"weeks", U},
    {"false", K},
    {"error", K},
    {"alive", K},
    {"local", T},
    {"ruser", N},
    {"uname", N},
    {"login", NO},
    /* 6 letters */
    {"second", U},
    {"minute", U},
    {"millis", U},
    {"failed", K | NO},
    {"closed", K},
    {"active", K},
    {"online", K},
    /* 7 letters */
    {"seconds", U},
    {"minutes", U},
    {"failure", K},
    {"success", K},
    {"enabled", K},
    {"offline", K},
    {"running", K},
    {"stopped", K},
    {"started", K},
    {"logname", N},
    {"unknown", NO},
    {"account", NO},
    {"session", NO},
    {"request", NO},
    {"process", NO},
    {"invalid", NO},
    {"illegal", NO},
    /* 8 letters */
    {"disabled", K},
    {"inactive", K},
    {"degraded", K},
    {"internal", T},
    {"username", N},
    /* 9 letters */
    {"localhost", V},
    /* 11 letters */
    {"localdomain", T},
    /* 12 letters */
    {"milliseconds", U},
    {"microseconds", U},
};

#undef U
#undef Z
#undef K
#undef T
#undef N
#undef NO
#undef V

/* Index of the first word of each length; the last entry is the number of words. */
static const uint8_t first[SKELETON_WORD_MAX + 2] = {0,   0,   6,   27,  65,  84,  95,
                                                     102, 119, 124, 125, 125, 126, 128};

/* Which letters the words of each length begin with. */
#define L(c) (1u << ((c) - 'a'))
static const uint32_t letters[SKELETON_WORD_MAX + 1] = {
    /* 0 */ 0,
    /* 1 */ L('b') | L('d') | L('h') | L('m') | L('s') | L('z'),
    /* 2 */ L('a') | L('b') | L('g') | L('h') | L('i') | L('k') | L('l') | L('m') | L('n') |
        L('o') | L('t') | L('u'),
    /* 3 */ L('a') | L('b') | L('c') | L('d') | L('e') | L('f') | L('g') | L('h') | L('k') |
        L('l') | L('m') | L('n') | L('o') | L('p') | L('s') | L('t') | L('u') | L('w') | L('y'),
    /* 4 */ L('a') | L('b') | L('c') | L('d') | L('e') | L('f') | L('h') | L('i') | L('m') |
        L('n') | L('o') | L('s') | L('t') | L('u') | L('w'),
    /* 5 */ L('a') | L('b') | L('e') | L('f') | L('h') | L('l') | L('m') | L('r') | L('u') | L('w'),
    /* 6 */ L('a') | L('c') | L('f') | L('m') | L('o') | L('s'),
    /* 7 */ L('a') | L('e') | L('f') | L('i') | L('l') | L('m') | L('o') | L('p') | L('r') |
        L('s') | L('u'),
    /* 8 */ L('d') | L('i') | L('u'),
    /* 9 */ L('l'),
    /* 10 */ 0,
    /* 11 */ L('l'),
    /* 12 */ L('m'),
};
#undef L

/* Up to eight bytes, the rest zero, in lower case. OR with 0x20 makes no letter of any other byte.
 */
static uint64_t load_lower(const char *p, size_t n)
{
    const char blanks[8] = "        ";
    uint64_t v = 0, lower = 0;

    memcpy(&v, p, n);
    memcpy(&lower, blanks, n);
    return v | lower;
}

unsigned skeleton_word(const char *p, size_t n)
{
    uint64_t low, high, text;
    unsigned letter;

    if (n == 0 || n > SKELETON_WORD_MAX)
        return 0;
    letter = ((unsigned char)*p | 0x20u) - 'a';
    if (letter > 25 || !(letters[n] >> letter & 1))
        return 0;
    low = load_lower(p, n < 8 ? n : 8);
    high = n > 8 ? load_lower(p + 8, n - 8) : 0;
    for (size_t i = first[n]; i < first[n + 1]; i++) {
        memcpy(&text, words[i].text, 8);
        if (text == low && (n <= 8 || memcmp(words[i].text + 8, &high, n - 8) == 0))
            return words[i].classes;
    }
    return 0;
}

const char *skeleton_word_at(size_t i, unsigned *out_classes)
{
    if (i >= sizeof(words) / sizeof(words[0]))
        return NULL;
    *out_classes = words[i].classes;
    return words[i].text;
}

#define W3(a, b, c) ((uint32_t)(a) << 16 | (uint32_t)(b) << 8 | (uint32_t)(c))

bool skeleton_word_is_date(const char *p, size_t n)
{
    if (n != 3)
        return false;
    switch (
        W3((unsigned char)p[0] | 0x20, (unsigned char)p[1] | 0x20, (unsigned char)p[2] | 0x20)) {
    case W3('j', 'a', 'n'):
    case W3('f', 'e', 'b'):
    case W3('m', 'a', 'r'):
    case W3('a', 'p', 'r'):
    case W3('m', 'a', 'y'):
    case W3('j', 'u', 'n'):
    case W3('j', 'u', 'l'):
    case W3('a', 'u', 'g'):
    case W3('s', 'e', 'p'):
    case W3('o', 'c', 't'):
    case W3('n', 'o', 'v'):
    case W3('d', 'e', 'c'):
    case W3('m', 'o', 'n'):
    case W3('t', 'u', 'e'):
    case W3('w', 'e', 'd'):
    case W3('t', 'h', 'u'):
    case W3('f', 'r', 'i'):
    case W3('s', 'a', 't'):
    case W3('s', 'u', 'n'):
        return true;
    default:
        return false;
    }
}
