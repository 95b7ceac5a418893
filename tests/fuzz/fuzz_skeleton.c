/*
 * Any text: the skeleton is bounded, says the same twice, keeps valid UTF-8 valid, and does not
 * depend on how much blank lies between words. Its named parts are pieces of the text.
 */
#include <stdlib.h>

#include "triaged/decode/skeleton.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_parts(struct str s)
{
    struct arena a;
    struct labels l = {0};

    arena_init(&a, 0);
    skeleton_part_labels(s, &a, &l);
    for (uint32_t i = 0; i < l.n; i++) {
        struct str v = l.v[i].value;
        if (v.n == 0 || v.n > SKELETON_PART_VALUE_MAX || v.p < s.p || v.p + v.n > s.p + s.n)
            abort();
    }
    arena_finish(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = {(const char *)data, size};
    char a[SKELETON_MAX], b[SKELETON_MAX];
    size_t n = skeleton_of(s, a), m;

    if (n > SKELETON_MAX)
        abort();
    if (str_is_utf8(s) && !str_is_utf8((struct str){a, n}))
        abort();
    check_parts(s);
    if (size > SKELETON_INPUT_MAX / 2)
        return 0;
    char wide[SKELETON_INPUT_MAX];
    size_t k = 0;
    for (size_t i = 0; i < size; i++) {
        wide[k++] = (char)data[i];
        if (data[i] == ' ')
            wide[k++] = ' ';
    }
    m = skeleton_of((struct str){wide, k}, b);
    /* a quotation, a bracket or a run may end at its limit in bytes, and a cut shows the length */
    if (m != n && size < 48 && memcmp(a + (n > 8 ? n - 8 : 0), " ...2^", 6) != 0)
        abort();
    return 0;
}
