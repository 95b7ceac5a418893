/*
 * fuzz_regex.c - PATTERN \0 TEXT: the set that holds the pattern must not contradict the pattern.
 */
#include <assert.h>
#include <stdint.h>

#include "triaged/rules/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const struct regex *re, struct regex_scratch *s, struct str text, bool one)
{
    uint64_t may[REGEX_SET_MAX / 64], must[REGEX_SET_MAX / 64];
    struct regex_set *set = regex_set_create(&re, 1);
    if (set && regex_scratch_fit(s, set) && regex_set_scan(set, s, text, may, must)) {
        assert(!one || (may[0] & 1));
        if ((must[0] & 1) && !one)
            assert(regex_limit_hits() > 0);
    }
    regex_set_destroy(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = {(const char *)data, size}, text, why = {"", 0};
    struct str pattern = str_cut(all, '\0', &text);
    struct arena a;
    if (size > 8192)
        return 0;
    arena_init(&a, 0);
    struct regex *re = regex_create(pattern, &a, &why);
    if (!re) {
        assert(why.n > 0);
    } else {
        struct regex_scratch *s = regex_scratch_create();
        struct labels captures = {0};
        bool one = regex_match(re, s, text, &captures, &a);
        assert(one || captures.n == 0);
        if (str_is_utf8(text))
            for (uint32_t i = 0; i < captures.n; i++)
                assert(captures.v[i].value.n <= text.n);
        compare(re, s, text, one);
        regex_scratch_destroy(s);
    }
    regex_destroy(re);
    arena_finish(&a);
    return 0;
}
