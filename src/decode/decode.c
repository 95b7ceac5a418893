/*
 * decode.c - the table of formats.
 * A new format is a file decode_NAME.c, a row here, and golden payloads in tests/fixtures.
 */
#include "triaged/decode/decode.h"

#include <stdio.h>

#include "labelled.h"

const struct decoder decoders[] = {
    {"alertmanager", SOURCE_ALERTMANAGER, decode_alertmanager},
    {"grafana", SOURCE_GRAFANA, decode_grafana},
    {"json", SOURCE_JSON, decode_json},
    {"prometheus", SOURCE_PROMETHEUS, decode_prometheus},
};
const size_t n_decoders = ARRAY_LEN(decoders);

static uint64_t labels_bytes(const struct labels *l)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < l->n; i++)
        n += l->v[i].name.n + l->v[i].value.n;
    return n;
}

static void too_large(const struct alert *a, const struct decode_input *in,
                      struct decode_result *res)
{
    struct str name = labels_get(&a->labels, S("alertname"));
    struct decode_problem *p;

    res->bad++;
    if (res->n_problems == DECODE_PROBLEMS_MAX)
        return;
    p = &res->problems[res->n_problems++];
    *p = (struct decode_problem){.status = 400};
    snprintf(p->path, sizeof(p->path), "alerts");
    snprintf(p->text, sizeof(p->text),
             "alert %.*s has more than %llu bytes of labels and annotations (limits.alert)",
             (int)(name.n < 80 ? name.n : 80), name.p ? name.p : "",
             (unsigned long long)in->limits->alert);
}

void decode_run(const struct decoder *d, const struct decode_input *in, struct alert_batch *out,
                struct decode_result *res)
{
    size_t kept = 0;

    d->decode(in, out, res);
    for (size_t i = 0; i < out->n; i++) {
        const struct alert *a = &out->alerts[i];

        if (labels_bytes(&a->labels) + labels_bytes(&a->annotations) > in->limits->alert)
            too_large(a, in, res);
        else
            out->alerts[kept++] = *a;
    }
    if (kept == 0 && out->n > 0 && (!res->useless || !*res->useless))
        res->useless = "every alert in it is larger than limits.alert";
    out->n = kept;
}

const struct decoder *decoder_find(const char *name)
{
    for (size_t i = 0; i < n_decoders; i++)
        if (!strcmp(name, decoders[i].name))
            return &decoders[i];
    return NULL;
}
