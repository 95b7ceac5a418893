/*
 * fuzz_segment.c - any bytes as a spool segment, and a sound segment that is then damaged.
 * Holds: the scan covers the bytes up to the zeros behind them once, in order; no damaged record is
 * ever taken for a sound one.
 */
#include <stdlib.h>
#include <string.h>

#include "../../src/spool/segment.h"
#include "triaged/spool/spool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS = 8, PAYLOAD = 24 };
static const uint8_t stream[STREAM_ID_SIZE] = "0123456789abcdef";

struct check {
    size_t at;  /* end of what was seen so far */
    bool built; /* records are those of build() */
};

static void payload_of(uint64_t seq, char out[PAYLOAD])
{
    memset(out, (int)('a' + seq % 26), PAYLOAD);
}

static void on_record(void *arg, size_t offset, size_t size, const struct segment_record *r)
{
    struct check *c = arg;
    char want[PAYLOAD];

    if (offset != c->at || size != segment_record_size(r->team, r->payload))
        abort();
    c->at = offset + size;
    payload_of(r->seq, want);
    if (c->built && (r->payload.n != PAYLOAD || memcmp(r->payload.p, want, PAYLOAD) != 0))
        abort();
}

static void on_bad(void *arg, size_t from, size_t to, bool torn)
{
    struct check *c = arg;

    (void)torn;
    if (from != c->at || to <= from)
        abort();
    c->at = to;
}

static void scan(struct str bytes, size_t from, bool built)
{
    struct check c = {.at = from, .built = built};
    struct segment_visitor v = {.on_record = on_record, .on_bad = on_bad, .arg = &c};
    size_t end = segment_scan(bytes, stream, from, &v);

    if (c.at > bytes.n || end > c.at)
        abort();
    for (size_t i = c.at; i < bytes.n; i++) /* room that was never written */
        if (bytes.p[i] != 0)
            abort();
}

/* A sound segment with room behind it; triples of input bytes say where it is damaged and how. */
static void damage(const uint8_t *data, size_t size)
{
    static const char zeros[SECTOR];
    struct buf b;

    buf_init(&b, 1 << 16);
    for (uint64_t seq = 1; seq <= RECORDS; seq++) {
        char payload[PAYLOAD];
        struct segment_record r = {
            .seq = seq, .prev = seq - 1, .team = S("team"), .payload = {payload, PAYLOAD}};

        payload_of(seq, payload);
        segment_put_record(&b, stream, &r);
    }
    buf_put(&b, zeros, sizeof(zeros));
    for (size_t i = 0; i + 2 < size; i += 3) {
        size_t at = (size_t)(data[i] << 8 | data[i + 1]);

        if (at < b.n)
            b.p[at] = (char)(b.p[at] ^ data[i + 2]);
        else
            b.n -= data[i + 2] < b.n ? data[i + 2] : 0;
    }
    scan(buf_str(&b), 0, true);
    buf_finish(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size}, name;
    struct segment_head h;
    size_t head = 0;
    uint64_t last;

    if (segment_read_head(bytes, &h, &head))
        while (segment_head_team(&h, &last, &name))
            if (name.n > size)
                abort();
    scan(bytes, head, false);
    damage(data, size);
    return 0;
}
