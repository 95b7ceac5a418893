/* RELP frames do not depend on how the bytes are cut, and none is larger than the limit. */
#include <stdlib.h>

#include "triaged/net/relp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct buf seen;
    uint64_t limit;
};

static bool on_frame(void *arg, const struct relp_frame *f)
{
    struct run *r = arg;

    if (f->data.n > r->limit || f->command.n == 0 || f->command.n > RELP_COMMAND_MAX ||
        f->txnr > RELP_TXNR_MAX || (f->cut && f->data.n != r->limit))
        abort();
    if (!buf_printf(&r->seen, "%u %u ", f->txnr, f->cut) || !buf_put_str(&r->seen, f->command) ||
        !buf_put_u32le(&r->seen, (uint32_t)f->data.n) || !buf_put_str(&r->seen, f->data))
        abort();
    (void)relp_offers(relp_offer(f->data, "commands"), S("syslog"));
    return !str_eq_c(f->command, "close");
}

static bool run(struct run *r, struct str s, size_t step, const char **error)
{
    struct relp_scanner scanner;
    bool ok = true;

    relp_scanner_init(&scanner, r->limit);
    for (size_t i = 0; i < s.n && ok; i += step)
        ok = relp_scanner_feed(&scanner, str_sub(s, i, i + step), on_frame, r);
    *error = scanner.error;
    relp_scanner_finish(&scanner);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct str s = {(const char *)data + 2, size - 2};
    struct run whole = {.limit = data[1] % 128 + 1u}, pieces = {.limit = whole.limit};
    const char *why, *also_why;

    buf_init(&whole.seen, 64 * size + 64);
    buf_init(&pieces.seen, 64 * size + 64);
    bool a = run(&whole, s, s.n + 1, &why), b = run(&pieces, s, data[0] % 32 + 1u, &also_why);
    if (a != b || why != also_why || !str_eq(buf_str(&whole.seen), buf_str(&pieces.seen)))
        abort();
    buf_finish(&whole.seen);
    buf_finish(&pieces.seen);
    return 0;
}
