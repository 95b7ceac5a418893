/*
 * str_number.c - numbers with and without units: decimal, durations, sizes.
 * Owns: nothing. Never: accepts trailing text or a value that overflows.
 */
#include "triaged/base/mem.h"
#include "triaged/base/str.h"

/* Digits at the front of *s; false when there is none or the value overflows. */
static bool take_number(struct str *s, uint64_t *out)
{
    uint64_t v = 0;
    size_t i = 0;
    for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++)
        if (__builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s->p[i] - '0'), &v))
            return false;
    if (!i)
        return false;
    *s = str_sub(*s, i, s->n);
    *out = v;
    return true;
}

bool str_to_u64(struct str s, uint64_t *out)
{
    uint64_t v;
    if (!take_number(&s, &v) || s.n)
        return false;
    *out = v;
    return true;
}

bool str_to_i64(struct str s, int64_t *out)
{
    bool negative = s.n && s.p[0] == '-';
    uint64_t v;
    if (!str_to_u64(str_sub(s, negative, s.n), &v))
        return false;
    if (v > (uint64_t)INT64_MAX + negative)
        return false;
    *out = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

static const struct {
    const char *name;
    int64_t ms;
} duration_units[] = {
    {"y", 365LL * 86400000},
    {"w", 7LL * 86400000},
    {"d", 86400000},
    {"h", 3600000},
    {"m", 60000},
    {"s", 1000},
    {"ms", 1},
};

/* Letters at the front of *s. */
static struct str take_unit(struct str *s)
{
    size_t i = 0;
    while (i < s->n && !(s->p[i] >= '0' && s->p[i] <= '9'))
        i++;
    struct str unit = str_sub(*s, 0, i);
    *s = str_sub(*s, i, s->n);
    return unit;
}

bool str_to_duration_ms(struct str s, int64_t *out)
{
    if (str_eq(s, S("0"))) {
        *out = 0;
        return true;
    }
    int64_t total = 0;
    size_t row = 0; /* units come in descending order, each at most once */
    if (!s.n)
        return false;
    while (s.n) {
        uint64_t v;
        if (!take_number(&s, &v) || v > INT64_MAX)
            return false;
        struct str unit = take_unit(&s);
        while (row < ARRAY_LEN(duration_units) && !str_eq_c(unit, duration_units[row].name))
            row++;
        int64_t part;
        if (row == ARRAY_LEN(duration_units) ||
            __builtin_mul_overflow((int64_t)v, duration_units[row].ms, &part) ||
            __builtin_add_overflow(total, part, &total))
            return false;
        row++;
    }
    *out = total;
    return true;
}

static const struct {
    const char *name;
    uint64_t bytes;
} size_units[] = {
    {"", 1},
    {"B", 1},
    {"KiB", 1ull << 10},
    {"MiB", 1ull << 20},
    {"GiB", 1ull << 30},
    {"TiB", 1ull << 40},
    {"kB", 1000},
    {"KB", 1000},
    {"MB", 1000000},
    {"GB", 1000000000},
    {"TB", 1000000000000ull},
};

bool str_to_size(struct str s, uint64_t *out)
{
    uint64_t v;
    if (!take_number(&s, &v))
        return false;
    struct str unit = str_trim(s);
    for (size_t i = 0; i < ARRAY_LEN(size_units); i++)
        if (str_eq_c(unit, size_units[i].name)) {
            if (__builtin_mul_overflow(v, size_units[i].bytes, &v))
                return false;
            *out = v;
            return true;
        }
    return false;
}
