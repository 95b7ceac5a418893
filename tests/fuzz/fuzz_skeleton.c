/*
 * Any text: the skeleton is bounded, says the same twice, keeps valid UTF-8 valid, and does not
 * depend on how much blank lies between words.
 */
#include <stdlib.h>

#include "triaged/decode/skeleton.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = {(const char *)data, size};
    char a[SKELETON_MAX], b[SKELETON_MAX];
    size_t n = skeleton_of(s, a), m;

    if (n > SKELETON_MAX)
        abort();
    if (str_is_utf8(s) && !str_is_utf8((struct str){a, n}))
        abort();
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
