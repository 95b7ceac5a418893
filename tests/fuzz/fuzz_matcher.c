/*
 * fuzz_matcher.c - any text as one matcher and as a list; what is taken must be whole, and what is
 * refused must have a reason. A matcher that was taken is tried.
 */
#include <assert.h>
#include <stdint.h>

#include "triaged/rules/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct matcher_text *m)
{
    assert(m->name.n > 0);
    assert(str_is_utf8(m->name));
    assert(str_is_utf8(m->value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size}, why = {"", 0};
    struct matcher_text one, *list = NULL;
    struct arena a;
    size_t n = 0;
    arena_init(&a, 0);
    if (matcher_parse(text, &a, &one, &why))
        check(&one);
    else
        assert(why.n > 0);
    why = S("");
    if (matcher_parse_list(text, &a, &list, &n, &why))
        for (size_t i = 0; i < n; i++)
            check(&list[i]);
    else
        assert(why.n > 0);
    struct filter *f = filter_parse(text, &a, &why);
    if (f) {
        struct regex_scratch *s = regex_scratch_create();
        struct labels l = {0};
        labels_add(&l, &a, S("foo"), S("bar"));
        labels_normalise(&l);
        filter_match_labels(f, s, &l);
        filter_matches_empty(f, s);
        regex_scratch_destroy(s);
    }
    filter_destroy(f);
    arena_finish(&a);
    return 0;
}
