/*
 * zone.c - time zones from TZif files.
 * Owns: reading the binary format (RFC 8536 section 3) and the look-ups over it. The rule for
 * times beyond the table (the footer) is read by zone_rule.c.
 * Never: asks the C library's tz code, which takes UTC for what it does not know.
 */
#include "triaged/base/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zone_rule.h"

enum {
    TRANSITIONS_MAX = 8192,
    TYPES_MAX = 256,
    HEADER_SIZE = 44,
    OFFSET_LIMIT_S = 26 * 3600, /* RFC 8536 3.2: utoff is within -25 h .. 26 h */
    DAY_S = 86400,
};

struct zone {
    int64_t *at;     /* transitions, ascending, UTC seconds */
    int32_t *offset; /* in force from at[i] on */
    size_t n;
    int32_t first_offset; /* before at[0] */
    bool has_rule;
    struct zone_rule rule; /* from the last transition on */
};

static const char zone_directory[] = "/usr/share/zoneinfo";

/* ---- the file ------------------------------------------------------------------------------- */

struct header {
    unsigned version; /* 1, 2, 3 … */
    uint32_t n_isut, n_isstd, n_leap, n_time, n_type, n_char;
};

static uint32_t be32(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;

    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

static int64_t be64(const char *p)
{
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

static bool read_header(struct str *s, struct header *h)
{
    if (s->n < HEADER_SIZE || memcmp(s->p, "TZif", 4) != 0)
        return false;
    h->version = s->p[4] == '\0' ? 1 : (unsigned)(unsigned char)s->p[4] - '0';
    h->n_isut = be32(s->p + 20);
    h->n_isstd = be32(s->p + 24);
    h->n_leap = be32(s->p + 28);
    h->n_time = be32(s->p + 32);
    h->n_type = be32(s->p + 36);
    h->n_char = be32(s->p + 40);
    *s = str_sub(*s, HEADER_SIZE, s->n);
    return true;
}

static uint64_t block_size(const struct header *h, unsigned time_size)
{
    return (uint64_t)h->n_time * (time_size + 1) + (uint64_t)h->n_type * 6 + h->n_char +
           (uint64_t)h->n_leap * (time_size + 4) + h->n_isstd + h->n_isut;
}

/* Reads the data block at s into z. NULL when it is good, else why not. */
static const char *read_block(struct zone *z, struct str s, const struct header *h,
                              unsigned time_size)
{
    const char *times = s.p, *indices = times + (size_t)h->n_time * time_size;
    const char *types = indices + h->n_time;

    z->at = NEW_ARRAY(int64_t, h->n_time + 1u);
    z->offset = NEW_ARRAY(int32_t, h->n_time + 1u);
    z->first_offset = (int32_t)be32(types);
    for (uint32_t i = 0; i < h->n_type; i++) {
        int32_t offset = (int32_t)be32(types + (size_t)i * 6);
        if (offset <= -OFFSET_LIMIT_S || offset >= OFFSET_LIMIT_S + 1)
            return "has an offset of more than a day";
    }
    for (uint32_t i = 0; i < h->n_time; i++) {
        unsigned type = (unsigned char)indices[i];
        const char *at = times + (size_t)i * time_size;

        if (type >= h->n_type)
            return "names a time type that it does not define";
        z->at[i] = time_size == 8 ? be64(at) : (int32_t)be32(at);
        z->offset[i] = (int32_t)be32(types + (size_t)type * 6);
        if (i > 0 && z->at[i] <= z->at[i - 1])
            return "has transitions out of order";
    }
    z->n = h->n_time;
    return NULL;
}

static const char *check_header(const struct header *h)
{
    if (h->version < 1 || h->version > 9)
        return "has an unknown version";
    if (h->n_type == 0 || h->n_type > TYPES_MAX)
        return "has no or too many time types";
    if (h->n_time > TRANSITIONS_MAX)
        return "has too many transitions";
    return NULL;
}

/* "\n" TZ-string "\n" after the 64-bit block; an empty one means: no rule. */
static const char *read_footer(struct zone *z, struct str s)
{
    struct str rest;

    if (s.n < 2 || s.p[0] != '\n' || str_find_char(str_sub(s, 1, s.n), '\n') == s.n - 1)
        return "lacks its footer";
    s = str_cut(str_sub(s, 1, s.n), '\n', &rest);
    if (s.n == 0)
        return NULL;
    if (!zone_rule_parse(s, &z->rule))
        return "has a footer that is not a POSIX TZ rule";
    z->has_rule = true;
    return NULL;
}

static const char *parse(struct zone *z, struct str s)
{
    struct header h;
    unsigned time_size = 4;
    const char *why;

    if (!read_header(&s, &h))
        return "is not a zone file";
    if (h.version >= 2) { /* skip the 32-bit data; a second header follows */
        uint64_t skip = block_size(&h, 4);
        if (skip > s.n)
            return "is cut short";
        s = str_sub(s, (size_t)skip, s.n);
        if (!read_header(&s, &h))
            return "is cut short";
        time_size = 8;
    }
    if ((why = check_header(&h)))
        return why;
    if (block_size(&h, time_size) > s.n)
        return "is cut short";
    if (h.n_leap > 0)
        return "counts leap seconds, which UTC timestamps do not";
    if ((why = read_block(z, s, &h, time_size)))
        return why;
    return time_size == 8 ? read_footer(z, str_sub(s, (size_t)block_size(&h, 8), s.n)) : NULL;
}

struct zone *zone_parse(struct str bytes, const char **reason)
{
    struct zone *z = NEW(struct zone);
    const char *why = parse(z, bytes);

    if (!why)
        return z;
    *reason = why;
    zone_free(z);
    return NULL;
}

struct zone *zone_fixed(int32_t offset_s)
{
    struct zone *z = NEW(struct zone);

    z->first_offset = offset_s;
    return z;
}

void zone_free(struct zone *z)
{
    if (!z)
        return;
    free(z->at);
    free(z->offset);
    free(z);
}

/* ---- by name -------------------------------------------------------------------------------- */

static bool name_is_safe(struct str name)
{
    if (name.n == 0 || name.n > ZONE_NAME_MAX || name.p[0] == '/' ||
        str_find(name, S("..")) < name.n)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              memchr("/_+-.", c, 5)))
            return false;
    }
    return true;
}

/* "+02:00", "-0330", "+5". */
static bool parse_fixed(struct str s, int32_t *out_s)
{
    unsigned digits[4] = {0}, n = 0;

    if (s.n < 2 || (s.p[0] != '+' && s.p[0] != '-'))
        return false;
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == ':' && i == 3 && s.n == 6)
            continue;
        if (s.p[i] < '0' || s.p[i] > '9' || n == 4)
            return false;
        digits[n++] = (unsigned)(s.p[i] - '0');
    }
    if (n == 3)
        return false;
    unsigned hours = n == 1 ? digits[0] : digits[0] * 10 + digits[1];
    unsigned minutes = digits[2] * 10 + digits[3];
    if (hours > 23 || minutes > 59)
        return false;
    *out_s = (int32_t)(hours * 3600 + minutes * 60) * (s.p[0] == '-' ? -1 : 1);
    return true;
}

/* Reads at most ZONE_FILE_MAX bytes. False with errno, or errno EFBIG / EISDIR of our own. */
static bool read_file(const char *path, char **out, size_t *out_n)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    size_t n = 0;
    ssize_t got = 1;

    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
        close(fd);
        errno = EISDIR;
        return false;
    }
    char *p = xmalloc(ZONE_FILE_MAX + 1);
    while (n <= ZONE_FILE_MAX && got != 0) {
        got = read(fd, p + n, ZONE_FILE_MAX + 1 - n);
        if (got < 0 && errno != EINTR)
            break;
        n += got > 0 ? (size_t)got : 0;
    }
    int saved = got < 0 ? errno : EFBIG;
    close(fd);
    if (got < 0 || n > ZONE_FILE_MAX) {
        free(p);
        errno = saved;
        return false;
    }
    *out = p;
    *out_n = n;
    return true;
}

#define refuse(why, ...)                                                                           \
    do {                                                                                           \
        if (why)                                                                                   \
            diag_error(why, NULL, 0, 0, NULL, __VA_ARGS__);                                        \
    } while (0)

struct zone *zone_load(const char *name, struct diag *why)
{
    struct str s = str_c(name);
    struct zone *z = NULL;
    char *bytes = NULL;
    size_t n = 0;
    int32_t offset;
    const char *reason = NULL;

    if (parse_fixed(s, &offset))
        return zone_fixed(offset);
    if (!name_is_safe(s)) {
        refuse(why, "\"%.*s\" is not the name of a time zone (write one like Europe/Berlin)",
               (int)(s.n < ZONE_NAME_MAX ? s.n : ZONE_NAME_MAX), s.n ? s.p : "");
        return NULL;
    }
    char *path = xasprintf("%s/%s", zone_directory, name);
    if (!read_file(path, &bytes, &n)) {
        int e = errno;
        if (e == ENOENT || e == ENOTDIR || e == EISDIR)
            refuse(why, "unknown time zone \"%s\" (there is no file %s)", name, path);
        else
            refuse(why, "cannot read time zone \"%s\": %s: %s", name, path, strerror(e));
    } else {
        z = zone_parse((struct str){bytes, n}, &reason);
        if (!z)
            refuse(why, "time zone \"%s\": %s %s", name, path, reason);
    }
    free(bytes);
    free(path);
    return z;
}

/* ---- look-ups ------------------------------------------------------------------------------- */

/* Transitions at or before t. */
static size_t count_until(const struct zone *z, int64_t t)
{
    size_t lo = 0, hi = z->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (z->at[mid] <= t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

int32_t zone_offset_at_utc(const struct zone *z, int64_t utc_s)
{
    if (!z)
        return 0;
    size_t i = count_until(z, utc_s);
    if (i == z->n && z->has_rule)
        return zone_rule_offset(&z->rule, utc_s);
    return i == 0 ? z->first_offset : z->offset[i - 1];
}

int32_t zone_offset_of_local(const struct zone *z, int64_t local_s)
{
    if (!z)
        return 0;
    /* Whatever the offset is, the moment lies within a day of local_s read as UTC. */
    int32_t before = zone_offset_at_utc(z, local_s - DAY_S);
    int32_t after = zone_offset_at_utc(z, local_s + DAY_S);

    if (before == after || zone_offset_at_utc(z, local_s - before) == before)
        return before;
    if (zone_offset_at_utc(z, local_s - after) == after)
        return after;
    /* Two changes within two days, or a gap. */
    int32_t between = zone_offset_at_utc(z, local_s - before);
    return between != after && zone_offset_at_utc(z, local_s - between) == between ? between
                                                                                   : before;
}
