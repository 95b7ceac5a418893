/* fuzz_record.c - any bytes as a record: what is read is written again and must be the same. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "triaged/alert/observation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record_header h;
    struct record_reader r;
    if (!record_read((struct str){(const char *)data, size}, &h, &r))
        return 0;
    struct buf b;
    struct str field;
    buf_init(&b, RECORD_BYTES_MAX);
    record_begin(&b, h.script, h.n_fields, h.at_ms);
    size_t n = 0;
    for (; record_next(&r, &field); n++)
        assert(record_put(&b, field));
    assert(n == (size_t)h.n_fields * h.n_items);
    assert(record_end(&b, h.n_items) && b.n == size && !memcmp(b.p, data, size));
    buf_finish(&b);
    return 0;
}
