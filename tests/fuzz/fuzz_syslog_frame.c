/* Framing does not depend on how the bytes are cut: whole, and in the pieces that byte 0 says. */
#include <stdlib.h>

#include "triaged/net/proxy_header.h"
#include "triaged/net/syslog_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_frame(void *arg, struct str frame, unsigned flags)
{
    struct buf *b = arg;

    if (frame.n == 0 || !buf_put_u32le(b, (uint32_t)frame.n) || !buf_put_u32le(b, flags) ||
        !buf_put_str(b, frame))
        abort();
}

static bool run(struct str s, uint64_t limit, size_t step, struct buf *out)
{
    struct syslog_framer f;
    bool ok = true;

    syslog_framer_init(&f, limit);
    for (size_t i = 0; i < s.n && ok; i += step)
        ok = syslog_framer_feed(&f, str_sub(s, i, i + step), on_frame, out);
    syslog_framer_close(&f, on_frame, out);
    syslog_framer_finish(&f);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct str s = {(const char *)data + 2, size - 2};
    size_t step = data[0] % 32 + 1u;
    uint64_t limit = data[1] % 128 + 1u;
    struct buf whole, pieces;

    buf_init(&whole, 16 * size + 64);
    buf_init(&pieces, 16 * size + 64);
    bool a = run(s, limit, s.n + 1, &whole), b = run(s, limit, step, &pieces);
    if (a != b || !str_eq(buf_str(&whole), buf_str(&pieces)))
        abort();
    buf_finish(&whole);
    buf_finish(&pieces);

    char host[PROXY_HOST_SIZE];
    size_t used = 0;
    if (proxy_header_read(s, &used, host) == PROXY_OK && used > s.n)
        abort();
    return 0;
}
