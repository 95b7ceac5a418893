/*
 * observe_args.c - the items of a record as arguments of script `observe`, in runs of items that
 * share most of what they say. Layout: triaged/alert/observe_args.h. Owns: nothing. Never: judges
 * what a field says.
 */
#include "triaged/alert/observe_args.h"

enum { LENGTH_MAX = 24 }; /* bytes of a system's length and what separates them */

/* In its order: all but what each item has for itself. */
static const unsigned char shared[] = {
    OBSERVE_group_key, OBSERVE_state,     OBSERVE_kind,    OBSERVE_first_ms, OBSERVE_last_ms,
    OBSERVE_count,     OBSERVE_starts_ms, OBSERVE_ends_ms, OBSERVE_lease_ms, OBSERVE_sender,
    OBSERVE_pairs,     OBSERVE_impact,    OBSERVE_urgency, OBSERVE_rule,     OBSERVE_threshold,
    OBSERVE_suppress,  OBSERVE_meta,
};

enum { N_SHARED = sizeof(shared) };

static bool same(const struct str *run, const struct str *item, unsigned field)
{
    return str_eq(run[field], item[field]) ||
           (field == OBSERVE_meta && str_eq(item[field], S(OBSERVE_META_AS_BEFORE)));
}

static bool joins(const struct str *run, const struct str *item)
{
    for (size_t i = 0; i < N_SHARED; i++)
        if (!same(run, item, shared[i]))
            return false;
    return true;
}

/* What the item says that the run before it does not: its letters, and their values. */
static size_t put_changes(struct str *run, const struct str *item, bool first, char *letters,
                          struct str *args)
{
    size_t n = 0;

    for (size_t i = 0; i < N_SHARED; i++) {
        unsigned field = shared[i];

        if (!first && same(run, item, field))
            continue;
        run[field] = args[n] = item[field];
        letters[n++] = (char)('a' + field);
    }
    letters[n] = '\0';
    return n;
}

static struct str systems(const struct str *items, uint32_t n, struct arena *a)
{
    size_t room = 0;
    struct buf text;

    for (uint32_t i = 0; i < n; i++)
        room += LENGTH_MAX + items[i * OBSERVE_N + OBSERVE_system].n;
    text = (struct buf){.p = arena_alloc(a, room), .cap = room, .max = room};
    for (uint32_t i = 0; i < n; i++) {
        struct str system = items[i * OBSERVE_N + OBSERVE_system];

        buf_put_i64(&text, (int64_t)system.n);
        buf_put_str(&text, S(":"));
        buf_put_str(&text, system);
    }
    return buf_str(&text);
}

size_t observe_args(const struct str *fields, uint32_t n_items, struct arena *a, struct str *args)
{
    struct str run[OBSERVE_N] = {0};
    char letters[N_SHARED + 1];
    size_t at = 2 * (size_t)n_items;
    uint32_t n;

    for (uint32_t i = 0; i < n_items; i++) {
        args[i] = fields[(size_t)i * OBSERVE_N + OBSERVE_fingerprint];
        args[n_items + i] = fields[(size_t)i * OBSERVE_N + OBSERVE_alert];
    }
    for (uint32_t i = 0; i < n_items; i += n) {
        const struct str *items = fields + (size_t)i * OBSERVE_N;
        struct str *head = &args[at++];

        at += put_changes(run, items, i == 0, letters, args + at);
        for (n = 1; i + n < n_items && joins(run, items + (size_t)n * OBSERVE_N); n++)
            ;
        *head = arena_printf(a, "%s%u", letters, n);
        args[at++] = systems(items, n, a);
    }
    return at;
}
