/* test_observation.c - records there and back, and every way of being torn. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "triaged/alert/observation.h"
#include "triaged/base/mem.h"

static void fill(struct buf *b, uint32_t items)
{
    record_begin(b, RECORD_OBSERVE, 3, -5);
    for (uint32_t i = 0; i < items; i++) {
        record_put(b, S("a\0b"));
        record_put(b, STR_NONE);
        record_put_i64(b, i);
    }
    assert_true(record_end(b, items));
}

static void test_round_trip(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, RECORD_BYTES_MAX);
    buf_put_c(&b, "left over");
    fill(&b, 2);
    assert_memory_equal(b.p, "\1\1\3\0\2\0\0\0\xfb\xff\xff\xff\xff\xff\xff\xff\3\0\0\0a\0b", 23);
    struct record_header h;
    struct record_reader r;
    struct str f;
    assert_true(record_read(buf_str(&b), &h, &r));
    assert_int_equal(h.script, RECORD_OBSERVE);
    assert_int_equal(h.n_fields, 3);
    assert_int_equal(h.n_items, 2);
    assert_int_equal(h.at_ms, -5);
    assert_true(record_next(&r, &f) && str_eq(f, S("a\0b")));
    assert_true(record_next(&r, &f) && f.n == 0);
    assert_true(record_next(&r, &f) && str_eq(f, S("0")));
    for (int i = 0; i < 3; i++)
        assert_true(record_next(&r, &f));
    assert_true(str_eq(f, S("1")));
    assert_false(record_next(&r, &f));
    buf_finish(&b);
}

static void test_torn(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, RECORD_BYTES_MAX);
    fill(&b, 2);
    struct record_header h;
    struct record_reader r;
    for (size_t n = 0; n < b.n; n++) {
        char *exact = malloc(n + 1); /* of its size, so that reading on is seen */
        memcpy(exact, b.p, n);
        assert_false(record_read((struct str){exact, n}, &h, &r));
        free(exact);
    }
    buf_put_char(&b, 0);
    assert_false(record_read(buf_str(&b), &h, &r)); /* something behind it */
    static const struct {
        size_t at;
        unsigned char value;
    } broken[] = {
        {0, 0},  {0, 2},             /* version */
        {1, 0},  {1, 3},             /* script */
        {2, 0},  {2, 4},             /* fields */
        {4, 0},  {4, 3},     {5, 2}, /* items */
        {16, 4}, {19, 0xff},         /* a length */
    };
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        fill(&b, 2);
        b.p[broken[i].at] = (char)broken[i].value;
        if (record_read(buf_str(&b), &h, &r))
            fail_msg("row %zu", i);
    }
    buf_finish(&b);
}

static void test_limits(void **state)
{
    (void)state;
    struct buf b;
    struct record_header h;
    struct record_reader r;
    buf_init(&b, 64 << 20);
    fill(&b, RECORD_ITEMS_MAX);
    assert_true(record_read(buf_str(&b), &h, &r));
    assert_false(record_end(&b, RECORD_ITEMS_MAX + 1));
    char *big = malloc(RECORD_BYTES_MAX + 1);
    memset(big, 'x', RECORD_BYTES_MAX + 1);
    const size_t heads = 16 + 4;
    record_begin(&b, RECORD_VERB, 1, 0);
    assert_true(record_put(&b, (struct str){big, RECORD_BYTES_MAX - heads}));
    assert_true(record_end(&b, 1));
    assert_true(record_read(buf_str(&b), &h, &r));
    assert_int_equal(h.script, RECORD_VERB);
    record_begin(&b, RECORD_VERB, 1, 0);
    assert_true(record_put(&b, (struct str){big, RECORD_BYTES_MAX - heads + 1}));
    assert_false(record_end(&b, 1));
    record_begin(&b, RECORD_VERB, 1, 0);
    assert_false(record_put(&b, (struct str){big, RECORD_BYTES_MAX + 1}));
    assert_false(record_end(&b, 1));
    free(big);
    buf_finish(&b);
    buf_init(&b, 30);
    record_begin(&b, RECORD_OBSERVE, 1, 0);
    assert_false(record_put(&b, S("longer than what is left")));
    assert_false(record_put_i64(&b, 1));
    assert_false(record_end(&b, 1));
    buf_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_torn),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
