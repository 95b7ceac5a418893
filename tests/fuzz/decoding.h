/* decoding.h - the body of a decoder's fuzz target: decode, then read all that was made of it. */
#ifndef TESTS_FUZZ_DECODING_H
#define TESTS_FUZZ_DECODING_H

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "triaged/base/mem.h"
#include "triaged/decode/decode.h"

static inline void check_labels(const struct labels *l, size_t max_value)
{
    for (uint32_t i = 0; i < l->n; i++) {
        assert(l->v[i].value.n > 0 && l->v[i].value.n <= max_value);
        assert(l->v[i].name.n > 0 && str_is_utf8(l->v[i].name));
        assert(i == 0 || str_cmp(l->v[i - 1].name, l->v[i].name) < 0);
    }
}

static inline void decode_and_check(const char *decoder, struct str body,
                                    const struct conf_mapping *mapping)
{
    static const struct conf_limits limits = {.alerts_per_request = 50, .alert = 4096,
                                              .labels_per_alert = 16,
                                              .label_name = 32,
                                              .label_value = 64,
                                              .annotation_value = 40};
    static const struct conf_defaults defaults = {.webhook_lease_ms = 1000, .api_lease_ms = 500};
    const int64_t now = 1795514400000;
    struct decode_input in = {.body = body,
                              .now_ms = now,
                              .peer = S("192.0.2.1"),
                              .limits = &limits,
                              .defaults = &defaults,
                              .mapping = mapping};
    struct alert_batch batch;
    struct decode_result res;
    alert_batch_init(&batch);
    decoder_find(decoder)->decode(&in, &batch, &res);
    assert(res.useless && res.n_problems <= DECODE_PROBLEMS_MAX);
    assert(!res.refused || (res.n_problems && !batch.n));
    assert(!res.bad || res.n_problems);
    assert(batch.n <= limits.alerts_per_request);
    for (size_t i = 0; i < res.n_problems; i++)
        assert(res.problems[i].status == 400 || res.problems[i].status == 422);
    for (size_t i = 0; i < batch.n; i++) {
        const struct alert *a = &batch.alerts[i];
        assert(a->labels.n && a->labels.n <= limits.labels_per_alert + 2);
        check_labels(&a->labels, limits.label_value);
        check_labels(&a->annotations, limits.annotation_value);
        check_labels(&a->group_labels, limits.label_value);
        assert(a->starts_ms > 0 && a->starts_ms <= now && a->ends_ms <= now);
        assert(a->resolved ? a->ends_ms > 0 && !a->lease_ms : !a->ends_ms && a->lease_ms > now);
        assert(a->sender.n && a->repeat == 1 && a->received_ms == now);
    }
    alert_batch_finish(&batch);
}

#endif
