/*
 * observation.c - the payload of a spool record: the argument list of one script call,
 * length-prefixed. Layout: triaged/alert/observation.h. Owns: nothing. Never: trusts a length that
 * it reads back.
 */
#include "triaged/alert/observation.h"

enum { HEADER_SIZE = 16, ITEMS_OFFSET = 4, LENGTH_SIZE = 4 };

static uint64_t load_le(const char *p, unsigned n)
{
    uint64_t v = 0;
    for (unsigned i = n; i-- > 0;)
        v = v << 8 | (unsigned char)p[i];
    return v;
}

void record_begin(struct buf *b, enum record_script script, uint32_t n_fields, int64_t at_ms)
{
    char head[4] = {RECORD_VERSION, (char)script, (char)n_fields, (char)(n_fields >> 8)};
    buf_reset(b);
    buf_put(b, head, sizeof(head));
    buf_put_u32le(b, 0);
    buf_put_u64le(b, (uint64_t)at_ms);
}

bool record_put(struct buf *b, struct str field)
{
    if (field.n > RECORD_BYTES_MAX || !buf_reserve(b, LENGTH_SIZE + field.n)) {
        b->overflow = true;
        return false;
    }
    return buf_put_u32le(b, (uint32_t)field.n) && buf_put_str(b, field);
}

bool record_put_i64(struct buf *b, int64_t v)
{
    char digits[24];
    struct buf number = {.p = digits, .cap = sizeof(digits), .max = sizeof(digits)};
    return buf_put_i64(&number, v) && record_put(b, buf_str(&number));
}

bool record_end(struct buf *b, uint32_t n_items)
{
    if (b->overflow || b->n < HEADER_SIZE || b->n > RECORD_BYTES_MAX || n_items > RECORD_ITEMS_MAX)
        return false;
    for (unsigned i = 0; i < 4; i++)
        b->p[ITEMS_OFFSET + i] = (char)(n_items >> (8 * i));
    return true;
}

bool record_next(struct record_reader *r, struct str *field)
{
    if (r->rest.n < LENGTH_SIZE)
        return false;
    size_t n = (size_t)load_le(r->rest.p, LENGTH_SIZE);
    if (n > r->rest.n - LENGTH_SIZE)
        return false;
    *field = str_sub(r->rest, LENGTH_SIZE, LENGTH_SIZE + n);
    r->rest = str_sub(r->rest, LENGTH_SIZE + n, r->rest.n);
    return true;
}

bool record_read(struct str payload, struct record_header *out, struct record_reader *r)
{
    if (payload.n < HEADER_SIZE || payload.n > RECORD_BYTES_MAX || payload.p[0] != RECORD_VERSION)
        return false;
    unsigned char script = (unsigned char)payload.p[1];
    struct record_header h = {
        .script = (enum record_script)script,
        .n_fields = (uint32_t)load_le(payload.p + 2, 2),
        .n_items = (uint32_t)load_le(payload.p + ITEMS_OFFSET, 4),
        .at_ms = (int64_t)load_le(payload.p + 8, 8),
    };
    if ((script != RECORD_OBSERVE && script != RECORD_VERB) || !h.n_fields || !h.n_items ||
        h.n_items > RECORD_ITEMS_MAX)
        return false;
    /* walk it once: whoever reads the fields later need not think about torn ends */
    struct record_reader start = {str_sub(payload, HEADER_SIZE, payload.n)}, walk = start;
    struct str field;
    for (uint64_t i = (uint64_t)h.n_fields * h.n_items; i > 0; i--)
        if (!record_next(&walk, &field))
            return false;
    if (walk.rest.n)
        return false;
    *out = h;
    *r = start;
    return true;
}
