/*
 * conf_words.c - the words of the configuration: names of enum values, what a name or address may
 * look like, days and times.
 * Owns: the sentence about a single wrong text. Never: compares two keys (conf_check.c).
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf_tables.h"
#include "triaged/base/clock.h"
#include "triaged/base/zone.h"

enum { NAME_MAX_ = 64, TEXT_NAME_MAX = 128, SHA256_HEX = 64, CIDR_MAX = 64 };

const struct schema_name level_names[] = {
    {"high", LEVEL_HIGH}, {"medium", LEVEL_MEDIUM}, {"low", LEVEL_LOW}, {NULL, 0}};
const struct schema_name priority_names[] = {
    {"P1", P1}, {"P2", P2}, {"P3", P3}, {"P4", P4}, {NULL, 0}};
const struct schema_name transport_names[] = {{"udp", TRANSPORT_UDP},
                                              {"tcp", TRANSPORT_TCP},
                                              {"tls", TRANSPORT_TLS},
                                              {"unix", TRANSPORT_UNIX},
                                              {"unix-dgram", TRANSPORT_UNIX_DGRAM},
                                              {"relp", TRANSPORT_RELP},
                                              {NULL, 0}};
/* RFC 5424 table 2, plus 1: what a listener without a floor has is 0 */
const struct schema_name floor_names[] = {{"emerg", 1}, {"alert", 2},   {"crit", 3},
                                          {"err", 4},   {"warning", 5}, {"notice", 6},
                                          {"info", 7},  {"debug", 8},   {NULL, 0}};
const struct schema_name role_names[] = {{"ingest", ROLE_INGEST},       {"viewer", ROLE_VIEWER},
                                         {"responder", ROLE_RESPONDER}, {"manager", ROLE_MANAGER},
                                         {"admin", ROLE_ADMIN},         {NULL, 0}};
const struct schema_name sync_names[] = {
    {"always", SPOOL_ALWAYS}, {"interval", SPOOL_INTERVAL}, {"never", SPOOL_NEVER}, {NULL, 0}};
const struct schema_name confirm_names[] = {{"required", 1}, {"optional", 0}, {NULL, 0}};

static const char *name_of(const struct schema_name *names, int value)
{
    for (; names->name; names++)
        if (names->value == value)
            return names->name;
    return "";
}

const char *level_name(enum level l)
{
    return name_of(level_names, (int)l);
}

bool level_from_name(struct str s, enum level *out)
{
    for (const struct schema_name *e = level_names; e->name; e++)
        if (str_eq_c(s, e->name)) {
            *out = (enum level)e->value;
            return true;
        }
    return false;
}

const char *priority_name(enum priority p)
{
    return name_of(priority_names, (int)p);
}

/* ---- checks ---------------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static bool refuse(char *why, size_t size, const char *fmt,
                                                         ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, size, fmt, ap);
    va_end(ap);
    return false;
}

/* 1..max bytes, each a letter, a digit or one of `others`. */
static bool made_of(struct str s, size_t max, const char *others)
{
    if (s.n == 0 || s.n > max)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool plain = c < 0x80 && isalnum(c);
        if (!plain && (!c || !strchr(others, c)))
            return false;
    }
    return true;
}

bool check_nonempty(struct str s, char *why, size_t size)
{
    return str_trim(s).n > 0 || refuse(why, size, "is empty");
}

bool check_name(struct str s, char *why, size_t size)
{
    return made_of(s, NAME_MAX_, "_-") ||
           refuse(why, size, "is not a name: 1 to %d of A-Z, a-z, 0-9, _ and -", NAME_MAX_);
}

bool check_beat_name(struct str s, char *why, size_t size)
{
    return made_of(s, NAME_MAX_, "_-.") ||
           refuse(why, size, "is not a name: 1 to %d of A-Z, a-z, 0-9, _, - and .", NAME_MAX_);
}

bool check_token_name(struct str s, char *why, size_t size)
{
    return made_of(s, NAME_MAX_, "_-.@+") ||
           refuse(why, size, "is not a token's name: 1 to %d of A-Z, a-z, 0-9, _, -, ., @ and +",
                  NAME_MAX_);
}

bool check_mapping_name(struct str s, char *why, size_t size)
{
    if (str_eq_c(s, "alertmanager") || str_eq_c(s, "grafana"))
        return refuse(why, size, "is built in; choose another name");
    return check_name(s, why, size);
}

bool check_rule_name(struct str s, char *why, size_t size)
{
    if (s.n == 0 || s.n > TEXT_NAME_MAX)
        return refuse(why, size, "must have 1 to %d bytes", TEXT_NAME_MAX);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c == 0x7f || c == '{' || c == '}')
            return refuse(why, size, "cannot hold braces or control characters");
    }
    return true;
}

bool check_team_id(struct str s, char *why, size_t size)
{
    bool good = s.n >= 1 && s.n <= 10 && s.p[0] >= 'A' && s.p[0] <= 'Z';
    for (size_t i = 1; good && i < s.n; i++)
        good = (s.p[i] >= 'A' && s.p[i] <= 'Z') || (s.p[i] >= '0' && s.p[i] <= '9');
    return good || refuse(why, size,
                          "is not a team id: a capital letter and up to 9 capitals "
                          "or digits, like NET");
}

bool check_sha256(struct str s, char *why, size_t size)
{
    bool good = s.n == SHA256_HEX;
    for (size_t i = 0; good && i < s.n; i++)
        good = isxdigit((unsigned char)s.p[i]);
    return good || refuse(why, size,
                          "must be the token's SHA-256, %d hex digits: "
                          "printf %%s TOKEN | sha256sum",
                          SHA256_HEX);
}

bool check_cidr(struct str s, char *why, size_t size)
{
    char text[CIDR_MAX];
    unsigned char bytes[16];
    struct str bits, address = str_cut(s, '/', &bits);
    uint64_t n = 0;
    bool slash = address.n < s.n;
    if (s.n == 0 || s.n >= sizeof text)
        return refuse(why, size, "is not a network like 10.0.0.0/8 or 2001:db8::/32");
    memcpy(text, address.p, address.n);
    text[address.n] = 0;
    uint64_t most = inet_pton(AF_INET, text, bytes) == 1    ? 32
                    : inet_pton(AF_INET6, text, bytes) == 1 ? 128
                                                            : 0;
    if (!most)
        return refuse(why, size, "is not a network like 10.0.0.0/8 or 2001:db8::/32");
    if (slash && (!str_to_u64(bits, &n) || n > most))
        return refuse(why, size, "needs 0 to %d bits after the slash", (int)most);
    return true;
}

bool check_zone(struct str s, char *why, size_t size)
{
    char name[ZONE_NAME_MAX + 1];
    if (str_eq_c(s, "UTC"))
        return true;
    if (s.n == 0 || s.n > ZONE_NAME_MAX)
        return refuse(why, size, "is not the name of a time zone, like Europe/Berlin");
    memcpy(name, s.p, s.n);
    name[s.n] = 0;
    struct zone *z = zone_load(name, NULL);
    zone_free(z);
    return z || refuse(why, size,
                       "is not a time zone of this system (no zone file "
                       "/usr/share/zoneinfo/%s); names look like Europe/Berlin",
                       name);
}

bool check_http_url(struct str s, char *why, size_t size)
{
    if (s.n == 0)
        return true;
    bool good =
        (str_starts(s, S("http://")) && s.n > 7) || (str_starts(s, S("https://")) && s.n > 8);
    for (size_t i = 0; good && i < s.n; i++)
        good = (unsigned char)s.p[i] > ' ' && s.p[i] != '"' && s.p[i] != '<' && s.p[i] != '>';
    return good || refuse(why, size, "is not an URL that begins with http:// or https://");
}

bool check_redis_url(struct str s, char *why, size_t size)
{
    static const char *const schemes[] = {"unix",           "redis",           "rediss",
                                          "redis+sentinel", "rediss+sentinel", "redis+cluster",
                                          "rediss+cluster"};
    size_t colon = str_find(s, S("://"));
    struct str scheme = str_sub(s, 0, colon), rest = str_sub(s, colon + 3, s.n);
    if (colon == s.n)
        return refuse(why, size,
                      "must be an URL like unix:///run/redis/redis.sock or "
                      "redis://127.0.0.1:6379/0");
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (!str_eq_c(scheme, schemes[i]))
            continue;
        if (i == 0 && (rest.n < 2 || rest.p[0] != '/'))
            return refuse(why, size,
                          "must hold the absolute path of a socket: "
                          "unix:///run/redis/redis.sock");
        return rest.n > 0 || refuse(why, size, "must name a host after %s://", schemes[i]);
    }
    const char *near = scheme.n <= 32 ? str_nearest(scheme, schemes, ARRAY_LEN(schemes)) : NULL;
    if (near)
        return refuse(why, size, "begins with an unknown scheme (did you mean \"%s://\"?)", near);
    return refuse(why, size,
                  "begins with an unknown scheme; write unix://, redis://, rediss://, "
                  "redis+sentinel:// or rediss+sentinel://");
}

/* ---- days and times -------------------------------------------------------------------------- */

static const char *const day_names[] = {"mon",      "tue",    "wed",      "thu",     "fri",
                                        "sat",      "sun",    "monday",   "tuesday", "wednesday",
                                        "thursday", "friday", "saturday", "sunday"};

void read_days(struct schema_walk *w, const struct ynode *n, void *field)
{
    unsigned days = 0;
    if (n->kind != YNODE_LIST || n->n == 0) {
        ynode_error(w->why, n, "must be a list of days, like [sat, sun]");
        return;
    }
    for (const struct ynode *c = n->first; c; c = c->next) {
        size_t i = 0;
        while (i < ARRAY_LEN(day_names) &&
               (c->kind != YNODE_SCALAR || !str_ieq(c->text, str_c(day_names[i]))))
            i++;
        if (i < ARRAY_LEN(day_names))
            days |= 1u << (i % 7);
        else if (c->kind == YNODE_SCALAR)
            ynode_error(w->why, c,
                        "unknown day \"%.*s\"%s; write mon, tue, wed, thu, fri, sat "
                        "or sun",
                        c->text.n < 40 ? (int)c->text.n : 40, c->text.p,
                        schema_hint(w->tree, c->text, day_names, 7));
        else
            ynode_error(w->why, c, "must be a day, not %s", ynode_what(c));
    }
    *(unsigned *)field = days;
}

static void read_minute(struct schema_walk *w, const struct ynode *n, unsigned *out, bool end)
{
    struct str m, h = n->kind == YNODE_SCALAR ? str_cut(n->text, ':', &m) : STR_NONE;
    uint64_t hour = 0, minute = 0;
    bool good = n->kind == YNODE_SCALAR && h.n >= 1 && h.n <= 2 && m.n == 2 &&
                str_to_u64(h, &hour) && str_to_u64(m, &minute) && minute < 60 &&
                (hour < 24 || (end && hour == 24 && minute == 0));
    if (good)
        *out = (unsigned)(hour * 60 + minute);
    else
        ynode_error(w->why, n, "must be a time of day from 00:00 to %s, like \"02:30\"",
                    end ? "24:00" : "23:59");
}

void read_from_minute(struct schema_walk *w, const struct ynode *n, void *field)
{
    read_minute(w, n, field, false);
}

void read_to_minute(struct schema_walk *w, const struct ynode *n, void *field)
{
    read_minute(w, n, field, true);
}

void read_time(struct schema_walk *w, const struct ynode *n, void *field)
{
    int64_t us;
    if (n->kind != YNODE_SCALAR || !clock_parse_rfc3339_us(n->text, &us) || us <= 0)
        ynode_error(w->why, n,
                    "must be a time with its zone, like 2026-03-01T22:00:00Z or "
                    "2026-03-01T23:00:00+01:00");
    else
        *(int64_t *)field = us / 1000;
}
