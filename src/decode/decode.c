/*
 * decode.c - the table of formats.
 * A new format is a file decode_NAME.c, a row here, and golden payloads in tests/fixtures.
 */
#include "triaged/decode/decode.h"

#include "labelled.h"

const struct decoder decoders[] = {
    {"alertmanager", SOURCE_ALERTMANAGER, decode_alertmanager},
    {"grafana", SOURCE_GRAFANA, decode_grafana},
    {"json", SOURCE_JSON, decode_json},
    {"prometheus", SOURCE_PROMETHEUS, decode_prometheus},
};
const size_t n_decoders = ARRAY_LEN(decoders);

const struct decoder *decoder_find(const char *name)
{
    for (size_t i = 0; i < n_decoders; i++)
        if (!strcmp(name, decoders[i].name))
            return &decoders[i];
    return NULL;
}
