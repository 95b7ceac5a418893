/* fuzz_decode_json.c - a mapping and a body: the first line is a path, used for every field. */
#include "decoding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body, path = str_cut((struct str){(const char *)data, size}, '\n', &body);
    struct conf_pair labels[] = {{.name = S("a"), .value = path},
                                 {.name = S("b"), .value = S("$.b")},
                                 {.name = S("c"), .value = S("c.0")}};
    struct conf_pair annotations[] = {{.name = S("x"), .value = path}};
    struct conf_text identity[] = {{.s = S("a")}, {.s = S("b")}};
    struct conf_mapping m = {.alerts = path,
                             .labels = {labels, ARRAY_LEN(labels)},
                             .annotations = {annotations, 1},
                             .state = path,
                             .starts_at = S("t"),
                             .ends_at = S("e"),
                             .severity = path};
    decode_and_check("json", body, &m);
    m.alerts = STR_NONE;
    m.identity = (struct conf_texts){identity, 2};
    decode_and_check("json", body, &m);
    return 0;
}
