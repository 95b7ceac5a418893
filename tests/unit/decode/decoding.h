/* decoding.h - one request through one decoder, with the default limits; for the tests here. */
#ifndef TESTS_DECODING_H
#define TESTS_DECODING_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "triaged/base/clock.h"
#include "triaged/base/mem.h"
#include "triaged/decode/decode.h"

static const int64_t NOW_MS = 1795514400000; /* 2026-11-24T10:00:00Z */

struct decoding {
    struct conf_limits limits;
    struct conf_defaults defaults;
    struct alert_batch batch;
    struct decode_result res;
    const struct conf_mapping *mapping;
};

static inline void decoding_init(struct decoding *d)
{
    memset(d, 0, sizeof(*d));
    d->limits = (struct conf_limits){.alerts_per_request = 10000, .alert = 256 * 1024,
                                     .labels_per_alert = 128,
                                     .label_name = 1024,
                                     .label_value = 16 * 1024,
                                     .annotation_value = 64 * 1024};
    d->defaults = (struct conf_defaults){.webhook_lease_ms = 86400000, .api_lease_ms = 300000};
    alert_batch_init(&d->batch);
}

static inline void decoding_finish(struct decoding *d)
{
    alert_batch_finish(&d->batch);
}

/* The body in a block of exactly its size, so that the address sanitizer sees a byte too far. */
static inline void decoding_run(struct decoding *d, const char *decoder, struct str body)
{
    char *exact = malloc(body.n + 1);
    memcpy(exact, body.p, body.n);
    struct decode_input in = {.body = {exact, body.n},
                              .now_ms = NOW_MS,
                              .peer = S("192.0.2.7"),
                              .limits = &d->limits,
                              .defaults = &d->defaults,
                              .mapping = d->mapping};
    alert_batch_reset(&d->batch);
    decoder_find(decoder)->decode(&in, &d->batch, &d->res);
    free(exact); /* texts are borrowed from the document, not from the input */
    assert_non_null(d->res.useless);
    assert_true(d->res.n_problems <= DECODE_PROBLEMS_MAX);
}

/* n copies of c, in a static block. */
static inline const char *times(char c, size_t n)
{
    static char text[200000];
    assert_true(n < sizeof(text));
    memset(text, c, n);
    text[n] = 0;
    return text;
}

/* printf into a body; the caller frees. */
#define BODY(...) xasprintf(__VA_ARGS__)

#endif
