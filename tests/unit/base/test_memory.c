/* test_memory.c - mem, arena, buf, list and map: what holds the program's values. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "triaged/base/arena.h"
#include "triaged/base/buf.h"
#include "triaged/base/list.h"
#include "triaged/base/map.h"
#include "triaged/base/mem.h"

static void test_mem(void **state)
{
    (void)state;
    int *n = NEW_ARRAY(int, 3);
    assert_int_equal(n[0] | n[1] | n[2], 0);
    n = xrealloc_array(n, 100, sizeof(*n));
    n[99] = 1;
    free(n);
    char *s = xstrndup("abcdef", 3);
    assert_string_equal(s, "abc");
    free(s);
    s = xasprintf("%d-%s", 7, "x");
    assert_string_equal(s, "7-x");
    free(s);
    free(xmalloc(0));
    free(xcalloc(0, 8));
}

static void test_arena(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1024);
    assert_int_equal(arena_used(&a), 0);
    char *first = arena_alloc(&a, 1);
    char *second = arena_alloc(&a, 1);
    assert_int_equal((uintptr_t)first % 16, 0);
    assert_int_equal(second - first, 16);
    assert_int_equal(arena_used(&a), 32);
    /* a large one must not cost the room left in the newest chunk */
    char *large = arena_alloc(&a, 5000);
    memset(large, 1, 5000);
    assert_ptr_equal(arena_alloc(&a, 16), second + 16);
    for (int i = 0; i < 1000; i++)
        memset(arena_alloc(&a, (size_t)i % 300), i, (size_t)i % 300);
    struct str s = arena_str(&a, S("kept"));
    assert_string_equal(s.p, "kept");
    assert_int_equal(s.n, 4);
    s = arena_printf(&a, "%0500d", 7);
    assert_int_equal(s.n, 500);
    assert_int_equal(s.p[500], 0);
    assert_string_equal(arena_printf(&a, "%s", "").p, "");
    int *zeroes = ARENA_ARRAY(&a, int, 50);
    for (int i = 0; i < 50; i++)
        assert_int_equal(zeroes[i], 0);
    arena_reset(&a);
    assert_int_equal(arena_used(&a), 0);
    arena_alloc(&a, 100);
    assert_int_equal(arena_used(&a), 112);
    arena_finish(&a);
    arena_finish(&a);
    struct arena zeroed = {0};
    assert_non_null(arena_alloc(&zeroed, 20000));
    assert_non_null(arena_alloc(&zeroed, 20000));
    arena_reset(&zeroed);
    arena_finish(&zeroed);
}

static void test_buf_cap(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 8);
    assert_true(buf_put(&b, "1234567", 7));
    assert_true(buf_put_char(&b, '8'));
    assert_false(buf_put_char(&b, '9'));
    assert_true(b.overflow);
    assert_int_equal(b.n, 8);
    assert_false(buf_put(&b, "", 0)); /* stays failed, so that a chain is checked once */
    buf_reset(&b);
    assert_false(buf_put(&b, "123456789", 9));
    assert_int_equal(b.n, 0);
    buf_reset(&b);
    assert_false(buf_put_json(&b, S("123456\n")));
    assert_int_equal(b.n, 0);
    buf_reset(&b);
    assert_false(buf_printf(&b, "%d", 123456789));
    buf_reset(&b);
    assert_false(buf_reserve(&b, SIZE_MAX));
    buf_finish(&b);
    struct buf zeroed = {0};
    buf_finish(&zeroed);
}

static void test_buf_values(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_put_u32le(&b, 0x04030201);
    buf_put_u64le(&b, 0x0807060504030201);
    assert_memory_equal(b.p, "\1\2\3\4\1\2\3\4\5\6\7\10", 12);
    buf_reset(&b);
    buf_put_i64(&b, INT64_MIN);
    buf_put_c(&b, " ");
    buf_put_i64(&b, 0);
    buf_put_str(&b, S(" "));
    buf_put_i64(&b, INT64_MAX);
    assert_true(str_eq(buf_str(&b), S("-9223372036854775808 0 9223372036854775807")));
    buf_reset(&b);
    assert_true(buf_printf(&b, "%0400d", 1));
    assert_int_equal(b.n, 400);
    buf_drop(&b, 399);
    assert_true(str_eq(buf_str(&b), S("1")));
    buf_drop(&b, 5);
    assert_int_equal(b.n, 0);
    buf_finish(&b);
}

static void test_buf_json(void **state)
{
    (void)state;
    static const struct {
        struct str in;
        const char *out;
    } rows[] = {
        {{"", 0}, "\"\""},
        {{"plain", 5}, "\"plain\""},
        {{"q\"b\\n\n\r\t\b\f", 10}, "\"q\\\"b\\\\n\\n\\r\\t\\b\\f\""},
        {{"a\0b\x1f\x7f", 5}, "\"a\\u0000b\\u001f\\u007f\""},
        {{"\xC3\xA9\xF0\x9F\x99\x82", 6}, "\"\xC3\xA9\xF0\x9F\x99\x82\""},
        {{"\xC3", 1}, "\"\xEF\xBF\xBD\""},
        {{"a\xED\xA0\x80z", 5}, "\"a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\""},
        {{"</script>", 9}, "\"</script>\""},
    };
    struct buf b;
    buf_init(&b, 1000);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_reset(&b);
        assert_true(buf_put_json(&b, rows[i].in));
        if (!str_eq_c(buf_str(&b), rows[i].out))
            fail_msg("row %zu: %.*s", i, STR_ARG(buf_str(&b)));
    }
    buf_finish(&b);
}

struct item {
    int n;
    struct list link;
};

static void test_list(void **state)
{
    (void)state;
    struct list head;
    list_init(&head);
    assert_true(list_empty(&head));
    assert_null(LIST_FIRST(&head, struct item, link));
    struct item items[3] = {{.n = 1}, {.n = 2}, {.n = 3}};
    list_append(&head, &items[1].link);
    list_append(&head, &items[2].link);
    list_prepend(&head, &items[0].link);
    int seen = 0;
    LIST_FOR_EACH (it, &head, struct item, link)
        seen = seen * 10 + it->n;
    assert_int_equal(seen, 123);
    list_remove(&items[1].link);
    list_remove(&items[1].link);
    struct item loose = {.n = 4};
    list_remove(&loose.link); /* never was on one */
    LIST_FOR_EACH_SAFE (it, next, &head, struct item, link)
        list_remove(&it->link);
    assert_true(list_empty(&head));
}

enum { MANY = 5000 };

static void test_map(void **state)
{
    (void)state;
    static char keys[MANY][16];
    static int values[MANY];
    struct map m = {0};
    assert_null(map_get(&m, S("x")));
    assert_null(map_remove(&m, S("x")));
    for (int i = 0; i < MANY; i++) {
        snprintf(keys[i], sizeof(keys[i]), "key-%d", i);
        values[i] = i;
        assert_null(map_put(&m, str_c(keys[i]), &values[i]));
    }
    assert_int_equal(m.n, MANY);
    assert_ptr_equal(map_put(&m, S("key-7"), &values[8]), &values[7]);
    assert_ptr_equal(map_put(&m, str_c(keys[7]), &values[7]), &values[8]);
    for (int i = 0; i < MANY; i += 2)
        assert_ptr_equal(map_remove(&m, str_c(keys[i])), &values[i]);
    for (int i = 0; i < MANY; i++)
        assert_ptr_equal(map_get(&m, str_c(keys[i])), i % 2 ? &values[i] : NULL);
    size_t at = 0, count = 0;
    struct str key;
    void *value;
    while (map_next(&m, &at, &key, &value)) {
        assert_string_equal(keys[*(int *)value], key.p);
        count++;
    }
    assert_int_equal(count, MANY / 2);
    assert_null(map_put(&m, STR_NONE, &values[0])); /* the empty key is a key */
    assert_ptr_equal(map_get(&m, S("")), &values[0]);
    map_clear(&m);
    assert_int_equal(m.n, 0);
    assert_null(map_get(&m, S("key-1")));
    map_finish(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mem),      cmocka_unit_test(test_arena),
        cmocka_unit_test(test_buf_cap),  cmocka_unit_test(test_buf_values),
        cmocka_unit_test(test_buf_json), cmocka_unit_test(test_list),
        cmocka_unit_test(test_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
