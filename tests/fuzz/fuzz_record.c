/* fuzz_record.c - any bytes as a record: what is read is written again and must be the same; and
 * what the arguments of `observe` say must be what its items say. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "triaged/alert/observation.h"
#include "triaged/alert/observe_args.h"
#include "triaged/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next of the systems of a run: LENGTH:TEXT. */
static struct str next_system(struct str *systems)
{
    size_t n = 0, i = 0;
    for (; systems->p[i] != ':'; i++)
        n = n * 10 + (size_t)(systems->p[i] - '0');
    assert(n <= systems->n - i - 1);
    struct str system = {systems->p + i + 1, n};
    *systems = str_sub(*systems, i + 1 + n, systems->n);
    return system;
}

static void assert_same(const struct str *run, const struct str *item, struct str meta)
{
    for (unsigned f = 0; f < OBSERVE_N; f++)
        if (f != OBSERVE_fingerprint && f != OBSERVE_alert)
            assert(str_eq(run[f], f == OBSERVE_meta ? meta : item[f]));
}

/* Reads one run as the script does; returns its number of items. */
static uint32_t read_run(struct str *run, const struct str **arg, const struct str *items,
                         struct str *meta)
{
    char count[16] = "";
    struct str head = *(*arg)++;
    size_t i = 0;
    for (; head.p[i] >= 'a'; i++)
        run[head.p[i] - 'a'] = *(*arg)++;
    memcpy(count, head.p + i, head.n - i);
    uint32_t n = (uint32_t)atoi(count);
    struct str systems = *(*arg)++;
    for (uint32_t k = 0; k < n; k++, items += OBSERVE_N) {
        if (!meta->p || !str_eq(items[OBSERVE_meta], S(OBSERVE_META_AS_BEFORE)))
            *meta = items[OBSERVE_meta];
        run[OBSERVE_system] = next_system(&systems);
        assert_same(run, items, *meta);
    }
    assert(systems.n == 0);
    return n;
}

static void check_args(struct record_reader r, uint32_t n_items)
{
    struct str *fields = xrealloc_array(NULL, (size_t)n_items * OBSERVE_N, sizeof(*fields));
    struct str *args = xrealloc_array(NULL, (size_t)n_items * OBSERVE_ARGS_AN_ITEM, sizeof(*args));
    struct str run[OBSERVE_N] = {0}, meta = {0};
    const struct str *arg = args + 2 * (size_t)n_items;
    struct arena arena;
    for (size_t i = 0; i < (size_t)n_items * OBSERVE_N; i++)
        assert(record_next(&r, &fields[i]));
    arena_init(&arena, 0);
    size_t n = observe_args(fields, n_items, &arena, args);
    assert(n <= (size_t)n_items * OBSERVE_ARGS_AN_ITEM);
    for (uint32_t i = 0; i < n_items; i++) {
        const struct str *item = fields + (size_t)i * OBSERVE_N;
        assert(str_eq(args[i], item[OBSERVE_fingerprint]));
        assert(str_eq(args[n_items + i], item[OBSERVE_alert]));
    }
    for (uint32_t i = 0; i < n_items;)
        i += read_run(run, &arg, fields + (size_t)i * OBSERVE_N, &meta);
    assert(arg == args + n);
    arena_finish(&arena);
    free(args);
    free(fields);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record_header h;
    struct record_reader r;
    if (!record_read((struct str){(const char *)data, size}, &h, &r))
        return 0;
    if (h.n_fields == OBSERVE_N)
        check_args(r, h.n_items);
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
