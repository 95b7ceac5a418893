/* fuzz_jx.c - any bytes as JSON: what was parsed is walked, written, and parsed again. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "triaged/alert/jx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(const jx *v, unsigned depth)
{
    size_t n = 1;
    int64_t whole;
    assert(depth <= JX_DEPTH_MAX && str_is_utf8(jx_str(v)));
    jx_int(v, &whole);
    if (jx_type(v) == JX_ARRAY)
        for (size_t i = 0; i < jx_len(v); i++)
            n += walk(jx_at(v, i), depth + 1);
    struct str key;
    const jx *member;
    for (void *it = NULL; jx_next(v, &it, &key, &member);) {
        assert(jx_get_str(v, key) == member);
        n += walk(member, depth + 1);
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jx_error why;
    jx *doc = jx_parse((struct str){(const char *)data, size}, &why);
    if (!doc)
        return 0;
    size_t n = walk(doc, 0);
    char *text = jx_dump(doc);
    if (text) {
        jx *again = jx_parse(str_c(text), &why);
        assert(again && walk(again, 0) == n);
        jx_free(again);
    }
    free(text);
    jx_free(doc);
    return 0;
}
