/*
 * skeleton_parts.c - what stands in the holes of a skeleton, by name: addresses, users, disks,
 * interfaces, units.
 * Owns: the labels part.* and how each is told from other words.
 * Never: changes a skeleton; keeps anything.
 *
 *   "Failed password for root from 10.0.0.7 port 4242 ssh2"   part.ip 10.0.0.7, part.user root
 *
 * Of each name the first PART_EACH_MAX different values count: part.ip, part.ip.2. Each token is
 * looked at once; what a word before it says of a name (user, interface) is remembered in passing.
 */
#include "triaged/decode/skeleton.h"

#include <string.h>

#include "skeleton_lex.h"
#include "skeleton_words.h"
#include "triaged/base/mem.h"

enum { SUDO_TOKENS_MAX = 32, QUOTED_TOKENS_MAX = 8 };

enum part { PART_IP, PART_MAC, PART_USER, PART_DEVICE, PART_INTERFACE, PART_UNIT, PART_N };

static const struct str names[PART_N][SKELETON_PART_EACH_MAX] = {
    [PART_IP] = {{"part.ip", 7}, {"part.ip.2", 9}},
    [PART_MAC] = {{"part.mac", 8}, {"part.mac.2", 10}},
    [PART_USER] = {{"part.user", 9}, {"part.user.2", 11}},
    [PART_DEVICE] = {{"part.device", 11}, {"part.device.2", 13}},
    [PART_INTERFACE] = {{"part.interface", 14}, {"part.interface.2", 16}},
    [PART_UNIT] = {{"part.unit", 9}, {"part.unit.2", 11}},
};

struct found {
    struct str values[PART_N][SKELETON_PART_EACH_MAX];
    size_t n[PART_N];
};

static void keep(struct found *f, enum part part, struct str value)
{
    if (value.n == 0 || value.n > SKELETON_PART_VALUE_MAX || f->n[part] == SKELETON_PART_EACH_MAX)
        return;
    for (size_t i = 0; i < f->n[part]; i++)
        if (str_eq(f->values[part][i], value))
            return;
    f->values[part][f->n[part]++] = value;
}

/* ---- forms ----------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool is_alnum(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static char char_at(struct str s, size_t i)
{
    return i < s.n ? s.p[i] : '\0';
}

/* How long the IPv4 address is that s begins with: 0 when it begins with none. */
static size_t ipv4_length(struct str s)
{
    size_t i = 0;

    for (unsigned octets = 1;; octets++) {
        size_t from = i;
        unsigned value = 0;
        while (i < from + 3 && is_digit(char_at(s, i)))
            value = value * 10 + (unsigned)(s.p[i++] - '0');
        if (i == from || value > 255 || is_digit(char_at(s, i)))
            return 0;
        if (octets == 4)
            break;
        if (char_at(s, i++) != '.')
            return 0;
    }
    char next = char_at(s, i); /* no version, no part of a name: "1.2.3.4.5", "10-0-0-1.isp" */
    return is_alnum(next) || next == '-' || next == '_' ||
                   (next == '.' && is_alnum(char_at(s, i + 1)))
               ? 0
               : i;
}

/* The same of IPv6: eight groups, or fewer and "::". The lexer saw that groups are of hex. */
static size_t ipv6_length(struct str s)
{
    size_t i = 0, colons = 0;
    bool gap = false;

    for (; is_hex(char_at(s, i)) || char_at(s, i) == ':'; i++) {
        colons += s.p[i] == ':';
        gap |= s.p[i] == ':' && char_at(s, i + 1) == ':';
    }
    if (gap && char_at(s, i) == '.') { /* "::ffff:192.0.2.1" */
        size_t from = i, v4;
        while (from > 0 && s.p[from - 1] != ':')
            from--;
        v4 = ipv4_length(str_sub(s, from, s.n));
        return v4 ? from + v4 : 0;
    }
    if (i < 3 || is_alnum(char_at(s, i)))
        return 0;
    return gap ? (colons >= 2 && colons <= 7 ? i : 0) : colons == 7 ? i : 0;
}

/* "00:1a:2b:3c:4d:5e", "00-1a-…", "001a.2b3c.4d5e". */
static bool is_mac(struct str s)
{
    bool dotted = s.n == 14;

    if (s.n != 17 && !dotted)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        bool mark = i % (dotted ? 5 : 3) == (dotted ? 4 : 2);
        if (mark ? (dotted ? s.p[i] != '.' : s.p[i] != s.p[2] || (s.p[2] != ':' && s.p[2] != '-'))
                 : !is_hex(s.p[i]))
            return false;
    }
    return true;
}

/* "0", "0n1p2", "127p1": numbers, and letters alone between them. */
static bool is_numbers(struct str s)
{
    if (!is_digit(char_at(s, 0)))
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (!is_digit(s.p[i]) && !(is_alnum(s.p[i]) && is_digit(char_at(s, i + 1))))
            return false;
    return true;
}

/* "sda1", "xvdb2", "/dev/mapper/x", "nvme0n1p2". Those without a number are known to the lexer. */
static bool is_disk(struct str s)
{
    static const struct str lettered[] = {{"sd", 2}, {"hd", 2}, {"vd", 2}, {"xvd", 3}};
    static const struct str numbered[] = {{"nvme", 4},   {"dm-", 3}, {"md", 2},   {"sr", 2},
                                          {"mmcblk", 6}, {"nbd", 3}, {"drbd", 4}, {"loop", 4}};

    if (str_starts(s, S("/dev/")))
        return s.n > 5;
    for (size_t i = 0; i < ARRAY_LEN(numbered); i++)
        if (str_starts(s, numbered[i]) && is_numbers(str_sub(s, numbered[i].n, s.n)))
            return !str_eq(s, S("md5"));
    for (size_t i = 0; i < ARRAY_LEN(lettered); i++) {
        size_t k = lettered[i].n;
        if (!str_starts(s, lettered[i]))
            continue;
        while (k < lettered[i].n + (i == 0 ? 2u : 1u) && char_at(s, k) >= 'a' &&
               char_at(s, k) <= 'z')
            k++;
        if (k > lettered[i].n && s.n <= k + 3 && is_numbers(str_sub(s, k, s.n)))
            return true;
    }
    return false;
}

/* "/1", "0/0/1.0", ".100", ":1": what numbers an interface; no hex number by chance. */
static bool is_place(struct str s, bool letters)
{
    if (s.n == 0 || s.n > 16 || !is_digit(*s.p))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!is_digit(s.p[i]) && s.p[i] != '/' && s.p[i] != '.' && s.p[i] != ':' &&
            !(letters && is_alnum(s.p[i])))
            return false;
    return true;
}

/* Linux, BSD, Cisco and Juniper. */
static bool is_interface(struct str s)
{
    static const struct str plain[] = {
        {"eth", 3},
        {"bond", 4},
        {"team", 4},
        {"br", 2},
        {"vmbr", 4},
        {"virbr", 5},
        {"tun", 3},
        {"tap", 3},
        {"wg", 2},
        {"ppp", 3},
        {"vlan", 4},
        {"ib", 2},
        {"awdl", 4},
        {"wlan", 4},
        {"em", 2},
        {"igb", 3},
        {"ix", 2},
        {"vmnic", 5},
        {"vmk", 3},
        {"ge-", 3},
        {"xe-", 3},
        {"et-", 3},
        {"ae", 2},
        {"irb.", 4},
        {"fxp", 3},
        {"lo", 2},
        {"reth", 4},
        {"st0.", 4},
        {"Vlan", 4},
        {"Gi", 2},
        {"Te", 2},
        {"Fa", 2},
        {"Po", 2},
        {"Hu", 2},
        {"Twe", 3},
        {"Eth", 3},
        {"mgmt", 4},
        {"docker", 6},
        {"wwan", 4},
        {"Serial", 6},
        {"Tunnel", 6},
        {"Loopback", 8},
        {"Ethernet", 8},
        {"FastEthernet", 12},
        {"GigabitEthernet", 15},
        {"TenGigabitEthernet", 18},
        {"TwentyFiveGigE", 14},
        {"FortyGigabitEthernet", 20},
        {"HundredGigE", 11},
        {"Port-channel", 12},
        {"port-channel", 12},
    };
    static const struct str lettered[] = {{"ens", 3}, {"eno", 3}, {"enp", 3}, {"wlp", 3}};

    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        if (*s.p == *plain[i].p && str_starts(s, plain[i]) &&
            is_place(str_sub(s, plain[i].n, s.n), false))
            return s.n <= plain[i].n + (plain[i].n <= 2 ? 8 : 16);
    for (size_t i = 0; i < ARRAY_LEN(lettered); i++)
        if (str_starts(s, lettered[i]) && is_place(str_sub(s, lettered[i].n, s.n), true))
            return true;
    return (str_starts(s, S("veth")) && s.n > 7 && s.n <= 15) ||
           ((str_starts(s, S("enx")) || str_starts(s, S("wlx")) || str_starts(s, S("cali")) ||
             str_starts(s, S("br-"))) &&
            s.n == 15);
}

/* How much of s is the name of a systemd unit: "nginx.service", "dev-sdb1.device/start". */
static size_t unit_length(struct str s)
{
    static const struct str kinds[] = {{".service", 8}, {".socket", 7}, {".timer", 6},
                                       {".mount", 6},   {".target", 7}, {".slice", 6},
                                       {".scope", 6},   {".swap", 5},   {".automount", 10}};
    size_t end = str_find_char(s, '/'), dot = end;

    while (dot > 0 && s.p[dot - 1] != '.')
        dot--;
    if (dot < 2)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_eq(str_sub(s, dot - 1, end), kinds[i]))
            return end;
    return str_eq(str_sub(s, dot - 1, end), S(".device")) && str_starts(s, S("dev-")) ? end : 0;
}

/* ---- tokens -----------------------------------------------------------------------------------
 */

/* Without the quotes or brackets that the lexer left around it. */
static struct str bare(const struct token *t)
{
    struct str s = {t->p, t->n};

    if (s.n > 1 && (*s.p == '"' || *s.p == '\'')) {
        s = str_sub(s, 1, s.n);
        if (s.n && (s.p[s.n - 1] == '"' || s.p[s.n - 1] == '\''))
            s.n--;
    }
    if (s.n > 1 && (*s.p == '[' || (*s.p == '/' && is_digit(s.p[1]))))
        s = str_sub(s, 1, s.n);
    return s;
}

static void take_address(struct found *f, struct str s)
{
    size_t n;

    if (is_mac(s))
        keep(f, PART_MAC, s);
    else if ((n = ipv4_length(s)) || (n = ipv6_length(s)))
        keep(f, PART_IP, str_sub(s, 0, n));
}

static bool is_variable(const struct token *t)
{
    return t->kind == NUMBER || t->kind == TIME || t->kind == OTHER;
}

static bool is_word(const struct token *t, struct str text)
{
    return t->kind == WORD && str_eq((struct str){t->p, t->n}, text);
}

static unsigned classes(const struct token *t)
{
    return t->kind == WORD ? skeleton_word(t->p, t->n) : 0;
}

/* The token as a name, or nothing: of what kind it is depends on what a word before it said. */
static struct str name_of(const struct token *t)
{
    struct str s = bare(t);
    bool may =
        t->kind == OTHER || t->kind == NUMBER || (t->kind == WORD && !(classes(t) & WORD_NO_NAME));

    return may && ipv4_length(s) == 0 && ipv6_length(s) == 0 && s.n && *s.p != '/' ? s : S("");
}

/* What a value is of, by its key: "user=", "dev=", "iface=". */
static enum part part_of_key(const struct token *key)
{
    static const struct {
        struct str key;
        enum part part;
    } keys[] = {
        {{"user", 4}, PART_USER},
        {{"username", 8}, PART_USER},
        {{"usr", 3}, PART_USER},
        {{"acct", 4}, PART_USER},
        {{"dev", 3}, PART_DEVICE},
        {{"device", 6}, PART_DEVICE},
        {{"unit", 4}, PART_UNIT},
        {{"iface", 5}, PART_INTERFACE},
        {{"interface", 9}, PART_INTERFACE},
        {{"ifname", 6}, PART_INTERFACE},
        {{"IN", 2}, PART_INTERFACE},
    };

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (str_eq((struct str){key->p, key->n}, keys[i].key))
            return keys[i].part;
    return PART_N;
}

/* "user=x", "user=<x>", "user='x'" at the key. */
static void take_pair(struct found *f, const struct token *key)
{
    const struct token *value = key + 2;
    enum part part = part_of_key(key);

    if (!key[1].glued || !value->glued || part == PART_N)
        return;
    if (value->punct == '<' || value->punct == '"' || value->punct == '\'')
        value++;
    if (value->kind == WORD)
        keep(f, part, (struct str){value->p, value->n});
    else if (part == PART_USER || part == PART_UNIT)
        keep(f, part, name_of(value));
    else if (is_variable(value))
        keep(f, part, bare(value));
}

/* "user 'X Y'": from the quotation mark at i. */
static struct str quoted_name(const struct tokens *t, size_t i)
{
    for (size_t k = i + 1; k < t->n && k < i + QUOTED_TOKENS_MAX; k++)
        if (t->v[k].punct == t->v[i].punct)
            return (struct str){t->v[i].p + 1, (size_t)(t->v[k].p - t->v[i].p) - 1};
    return S("");
}

/* "user X", "user: X", "user 'X'" at the word that says so. */
static void take_user(struct found *f, const struct tokens *t, size_t i)
{
    const struct token *next = &t->v[i + 1];

    if (next->punct == ':' && next->glued && !next[1].glued)
        next++, i++;
    else if (next->glued)
        return;
    if (next->punct == '\'' || next->punct == '"')
        keep(f, PART_USER, quoted_name(t, i + 1));
    else
        keep(f, PART_USER, name_of(next));
}

/* sudo's "alice : TTY=…" */
static bool is_sudo(const struct tokens *t)
{
    if (t->v[1].punct != ':' || t->v[1].glued)
        return false;
    for (size_t k = 2; k + 1 < t->n && k < SUDO_TOKENS_MAX; k++)
        if (is_word(&t->v[k], S("TTY")) && t->v[k + 1].punct == '=')
            return true;
    return false;
}

/* What the word at i says of its neighbours: "user X", "for X from", "by X(uid=0)", "Interface X".
 */
static void take_named(struct found *f, const struct tokens *t, size_t i)
{
    const struct token *word = &t->v[i], *next = word + 1;
    unsigned class = skeleton_word(word->p, word->n);

    if (class & WORD_USER && (*word->p | 0x20) != 'c') /* "comm" names a process */
        take_user(f, t, i);
    else if (is_word(word, S("for")) && is_word(next + 1, S("from")))
        keep(f, PART_USER, name_of(next));
    else if (is_word(word, S("by")) && next[1].punct == '(' && next[1].glued)
        keep(f, PART_USER, name_of(next));
    else if ((is_word(word, S("interface")) || is_word(word, S("Interface")) ||
              is_word(word, S("ifName"))) &&
             is_variable(next) && !next->glued)
        keep(f, PART_INTERFACE, bare(next));
    else if (i == 0 && is_sudo(t))
        keep(f, PART_USER, (struct str){word->p, word->n});
}

static void take_token(struct found *f, const struct tokens *t, size_t i)
{
    const struct token *v = &t->v[i];
    struct str s;
    size_t n;

    if (v->kind == PUNCT)
        return;
    if (v[1].punct == '=')
        take_pair(f, v);
    if (v->kind == WORD)
        take_named(f, t, i);
    s = bare(v);
    if (s.n == 0)
        return;
    if (is_digit(*s.p)) { /* most variables: no name begins so */
        take_address(f, s);
        return;
    }
    if (memchr(s.p, '.', s.n) && (n = unit_length(s)))
        keep(f, PART_UNIT, str_sub(s, 0, n));
    else if (v->kind == WORD ? token_is_disk(t, i) : is_disk(s))
        keep(f, PART_DEVICE, s);
    else if (is_variable(v) && is_interface(s))
        keep(f, PART_INTERFACE, s);
    else if (is_variable(v))
        take_address(f, s);
}

void skeleton_part_labels(struct str msg, struct arena *arena, struct labels *l)
{
    struct found f;
    struct tokens t;
    uint32_t before = l->n;

    memset(f.n, 0, sizeof(f.n));
    if (msg.n > SKELETON_INPUT_MAX)
        msg.n = SKELETON_INPUT_MAX;
    skeleton_lex(msg, &t);
    for (size_t i = 0; i < t.n; i++)
        take_token(&f, &t, i);
    for (size_t part = 0; part < PART_N; part++)
        for (size_t k = 0; k < f.n[part]; k++) /* tokens are a copy of the message */
            labels_add(l, arena, names[part][k],
                       (struct str){msg.p + (f.values[part][k].p - t.text), f.values[part][k].n});
    if (l->n != before)
        labels_normalise(l);
}
