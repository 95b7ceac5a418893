/*
 * labels.c - label sets and their identity.
 * Owns: the canonical form (sorted by name, unique, no empty values) and Prometheus' fingerprint.
 * Never: copies text; checks what a peer may call a label (decode does).
 */
#include "triaged/alert/labels.h"

#include "triaged/base/hash.h"

enum { FIRST_CAP = 8 };

void labels_add(struct labels *l, struct arena *a, struct str name, struct str value)
{
    if (l->n == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : FIRST_CAP;
        struct label *v = arena_alloc(a, cap * sizeof(*v));
        if (l->n)
            memcpy(v, l->v, l->n * sizeof(*v));
        l->v = v;
        l->cap = cap;
    }
    l->v[l->n++] = (struct label){name, value};
}

/* Insertion sort: stable, and senders mostly send sorted sets, for which it is one pass. */
static void sort(struct labels *l)
{
    for (uint32_t i = 1; i < l->n; i++) {
        struct label moving = l->v[i];
        uint32_t at = i;
        for (; at > 0 && str_cmp(l->v[at - 1].name, moving.name) > 0; at--)
            l->v[at] = l->v[at - 1];
        l->v[at] = moving;
    }
}

void labels_normalise(struct labels *l)
{
    sort(l);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        bool last_of_name = i + 1 == l->n || !str_eq(l->v[i].name, l->v[i + 1].name);
        if (last_of_name && l->v[i].value.n)
            l->v[kept++] = l->v[i];
    }
    l->n = kept;
}

struct str labels_get(const struct labels *l, struct str name)
{
    uint32_t low = 0, high = l->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int c = str_cmp(l->v[middle].name, name);
        if (c == 0)
            return l->v[middle].value;
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return STR_NONE;
}

uint64_t labels_fingerprint(const struct labels *l)
{
    static const unsigned char separator = 0xFF; /* occurs in no UTF-8 text */
    uint64_t h = FNV1A64_INIT;
    for (uint32_t i = 0; i < l->n; i++) {
        h = hash_fnv1a64(h, l->v[i].name.p, l->v[i].name.n);
        h = hash_fnv1a64(h, &separator, 1);
        h = hash_fnv1a64(h, l->v[i].value.p, l->v[i].value.n);
        h = hash_fnv1a64(h, &separator, 1);
    }
    return h;
}

bool labels_put_json(const struct labels *l, struct buf *out)
{
    bool ok = buf_put_char(out, '{');
    for (uint32_t i = 0; ok && i < l->n; i++)
        ok = (i == 0 || buf_put_char(out, ',')) && buf_put_json(out, l->v[i].name) &&
             buf_put_char(out, ':') && buf_put_json(out, l->v[i].value);
    return ok && buf_put_char(out, '}');
}

bool labels_name_is_classic(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return name.n > 0;
}
