/*
 * skeleton_words.c - the word lists of the skeleton scanner, by length.
 * A look-up first asks which letters the words of that length begin with, which ends most of them;
 * then it halves the words of that length, which stand in the order of the alphabet. The index
 * (first, letters) is written out here and held to the list by tests/unit/decode/test_skeleton.c.
 */
#include "skeleton_words.h"

#include <endian.h>
#include <string.h>

#define U  WORD_UNIT
#define Z  WORD_ZONE
#define K  WORD_KEEP
#define T  WORD_TLD
#define N  WORD_USER
#define NO WORD_NO_NAME
#define V  WORD_NAME
#define P  WORD_NAMED
#define I  WORD_BEFORE
#define C  WORD_PROCESS
#define X  WORD_TEXT
#define D  WORD_KIND

struct word {
    char text[16]; /* padded with NUL: read eight bytes at a time */
    uint16_t classes;
};

static const struct word words[] = {
    /* 1 letter */
    {"b", U},
    {"d", U},
    {"h", U},
    {"m", U},
    {"s", U},
    {"z", Z},
    /* 2 letters */
    {"at", NO},
    {"by", NO | I},
    {"gb", U},
    {"hr", U},
    {"hz", U},
    {"id", NO},
    {"in", NO},
    {"io", T},
    {"is", NO},
    {"kb", U},
    {"lo", V},
    {"mb", U},
    {"ms", U},
    {"no", K | NO},
    {"ns", U},
    {"of", NO},
    {"ok", K},
    {"on", K | NO},
    {"or", NO},
    {"tb", U},
    {"to", NO},
    {"up", K},
    {"us", U},
    /* 3 letters */
    {"and", NO},
    {"bit", U},
    {"biz", T},
    {"bps", U},
    {"cdt", Z},
    {"cet", Z},
    {"com", T},
    {"cst", Z},
    {"day", U},
    {"edt", Z},
    {"edu", T},
    {"eet", Z},
    {"est", Z},
    {"for", NO | I},
    {"ghz", U},
    {"gib", U},
    {"gmt", Z},
    {"gov", T},
    {"has", NO},
    {"hrs", U},
    {"khz", U},
    {"kib", U},
    {"lan", T},
    {"mdt", Z},
    {"mhz", U},
    {"mib", U},
    {"mil", T},
    {"min", U},
    {"msg", X},
    {"mst", Z},
    {"net", T},
    {"not", NO},
    {"off", K},
    {"org", T},
    {"pdt", Z},
    {"pid", C},
    {"pst", Z},
    {"res", D},
    {"sec", U},
    {"the", NO},
    {"tib", U},
    {"tty", C},
    {"utc", Z},
    {"was", NO},
    {"yes", K},
    /* 4 letters */
    {"arpa", T},
    {"bits", U},
    {"byte", U},
    {"cest", Z},
    {"comm", N | P},
    {"data", NO},
    {"days", U},
    {"dead", K},
    {"does", NO},
    {"down", K},
    {"eest", Z},
    {"fail", K},
    {"from", NO},
    {"gbps", U},
    {"hour", U},
    {"info", T},
    {"kbps", U},
    {"mbps", U},
    {"mins", U},
    {"mode", NO},
    {"msec", U},
    {"name", NO | P},
    {"open", K},
    {"secs", U},
    {"true", K},
    {"type", D},
    {"usec", U},
    {"user", N | P},
    {"week", U},
    {"with", NO},
    {"year", U},
    /* 5 letters */
    {"agent", NO},
    {"alive", K},
    {"bytes", U},
    {"count", NO},
    {"error", K | NO},
    {"event", X},
    {"false", K},
    {"group", NO},
    {"hours", U},
    {"input", NO},
    {"limit", NO},
    {"local", T},
    {"login", NO},
    {"month", U},
    {"msecs", U},
    {"ruser", N},
    {"slice", NO},
    {"space", NO},
    {"state", D},
    {"uname", N},
    {"usecs", U},
    {"weeks", U},
    {"years", U},
    /* 6 letters */
    {"action", D},
    {"active", K},
    {"closed", K},
    {"failed", K | NO},
    {"gbytes", U},
    {"kbytes", U},
    {"mbytes", U},
    {"millis", U},
    {"minute", U},
    {"months", U},
    {"online", K},
    {"result", D},
    {"second", U},
    {"status", D},
    /* 7 letters */
    {"account", NO},
    {"command", NO},
    {"enabled", K},
    {"failure", K},
    {"illegal", NO},
    {"invalid", NO},
    {"logname", N},
    {"manager", NO},
    {"message", X},
    {"minutes", U},
    {"offline", K},
    {"outcome", D},
    {"process", NO | C},
    {"profile", NO},
    {"request", NO},
    {"running", K},
    {"runtime", NO},
    {"seconds", U},
    {"session", NO},
    {"started", K},
    {"stopped", K},
    {"subtype", D},
    {"success", K},
    {"unknown", NO},
    /* 8 letters */
    {"accounts", NO},
    {"degraded", K},
    {"disabled", K},
    {"hostname", P},
    {"inactive", K},
    {"internal", T},
    {"password", NO},
    {"username", N | P},
    /* 9 letters */
    {"localhost", V},
    /* 11 letters */
    {"localdomain", T},
    {"microsecond", U},
    {"millisecond", U},
    {"nanoseconds", U},
    /* 12 letters */
    {"microseconds", U},
    {"milliseconds", U},
    /* 14 letters */
    {"authentication", NO},
};

#undef U
#undef Z
#undef K
#undef T
#undef N
#undef NO
#undef V
#undef P
#undef I
#undef C
#undef X
#undef D

/* Index of the first word of each length; the last entry is the number of words. */
static const uint8_t first[SKELETON_WORD_MAX + 2] = {0,   0,   6,   29,  74,  105, 128, 142,
                                                     166, 174, 175, 175, 179, 181, 181, 182};

/* Which letters the words of each length begin with. */
#define L(c) (1u << ((c) - 'a'))
static const uint32_t letters[SKELETON_WORD_MAX + 1] = {
    /* 0 */ 0,
    /* 1 */ L('b') | L('d') | L('h') | L('m') | L('s') | L('z'),
    /* 2 */ L('a') | L('b') | L('g') | L('h') | L('i') | L('k') | L('l') | L('m') | L('n') |
        L('o') | L('t') | L('u'),
    /* 3 */ L('a') | L('b') | L('c') | L('d') | L('e') | L('f') | L('g') | L('h') | L('k') |
        L('l') | L('m') | L('n') | L('o') | L('p') | L('r') | L('s') | L('t') | L('u') | L('w') |
        L('y'),
    /* 4 */ L('a') | L('b') | L('c') | L('d') | L('e') | L('f') | L('g') | L('h') | L('i') |
        L('k') | L('m') | L('n') | L('o') | L('s') | L('t') | L('u') | L('w') | L('y'),
    /* 5 */ L('a') | L('b') | L('c') | L('e') | L('f') | L('g') | L('h') | L('i') | L('l') |
        L('m') | L('r') | L('s') | L('u') | L('w') | L('y'),
    /* 6 */ L('a') | L('c') | L('f') | L('g') | L('k') | L('m') | L('o') | L('r') | L('s'),
    /* 7 */ L('a') | L('c') | L('e') | L('f') | L('i') | L('l') | L('m') | L('o') | L('p') |
        L('r') | L('s') | L('u'),
    /* 8 */ L('a') | L('d') | L('h') | L('i') | L('p') | L('u'),
    /* 9 */ L('l'),
    /* 10 */ 0,
    /* 11 */ L('l') | L('m') | L('n'),
    /* 12 */ L('m'),
    /* 13 */ 0,
    /* 14 */ L('a'),
};
#undef L

/* Up to eight bytes as a number that sorts as the text does, in lower case. OR with 0x20 makes no
 * letter of any other byte. */
static uint64_t load_lower(const char *p, size_t n)
{
    uint64_t v;

    memcpy(&v, p, 8);
    v = be64toh(v) | 0x2020202020202020;
    return n < 8 ? v & ~(UINT64_MAX >> 8 * n) : v;
}

/* The same of a word of the list, which has zeros behind it. */
static uint64_t load_listed(const char *text)
{
    uint64_t v;

    memcpy(&v, text, 8);
    return be64toh(v);
}

unsigned skeleton_word(const char *p, size_t n)
{
    unsigned letter;

    if (n == 0 || n > SKELETON_WORD_MAX)
        return 0;
    letter = ((unsigned char)*p | 0x20u) - 'a';
    if (letter > 25 || !(letters[n] >> letter & 1))
        return 0;
    uint64_t head = load_lower(p, n);
    size_t from = first[n], to = first[n + 1];
    while (from < to) {
        size_t middle = (from + to) / 2;
        uint64_t listed = load_listed(words[middle].text);
        if (listed == head && n <= 8)
            return words[middle].classes;
        if (listed == head) { /* no two long words begin alike */
            bool same = load_listed(words[middle].text + 8) == load_lower(p + 8, n - 8);
            return same ? words[middle].classes : 0;
        }
        if (listed < head)
            from = middle + 1;
        else
            to = middle;
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
