/* test_observe_args.c - items in runs: what neighbours share is told once, and nothing gets lost.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "triaged/alert/observe_args.h"
#include "triaged/base/mem.h"

enum { MAX_ITEMS = 256 };

static struct str fields[MAX_ITEMS * OBSERVE_N], args[MAX_ITEMS * OBSERVE_ARGS_AN_ITEM];
static struct arena arena;

/* Each field is its own letter, in every item. */
static void fill(uint32_t n)
{
    static char letters[] = "abcdefghijklmnopqrst";

    for (size_t i = 0; i < (size_t)n * OBSERVE_N; i++)
        fields[i] = (struct str){letters + i % OBSERVE_N, 1};
}

static struct str *item(uint32_t i)
{
    return fields + (size_t)i * OBSERVE_N;
}

/* The arguments as one text, each with a blank behind it. */
static void assert_args(uint32_t n, const char *expected)
{
    struct buf text;
    size_t n_args = observe_args(fields, n, &arena, args);

    buf_init(&text, 1 << 20);
    for (size_t i = 0; i < n_args; i++) {
        buf_put_str(&text, args[i]);
        buf_put_c(&text, " ");
    }
    buf_put(&text, "", 1);
    assert_string_equal(text.p, expected);
    buf_finish(&text);
    arena_reset(&arena);
}

#define ALL    "bcdefghijklnopqrs"
#define VALUES "b c d e f g h i j k l n o p q r s "

static void test_one_run(void **state)
{
    (void)state;
    fill(3);
    item(1)[OBSERVE_fingerprint] = S("f1");
    item(1)[OBSERVE_system] = S("db01");
    item(2)[OBSERVE_system] = STR_NONE;
    item(2)[OBSERVE_alert] = S("t2");
    assert_args(3, "a f1 a t t t2 " ALL "3 " VALUES "1:m4:db010: ");
    assert_args(1, "a t " ALL "1 " VALUES "1:m ");
    assert_args(0, "");
}

static void test_only_what_differs_follows(void **state)
{
    (void)state;
    fill(5);
    for (uint32_t i = 2; i < 5; i++)
        item(i)[OBSERVE_group_key] = S("key");
    item(4)[OBSERVE_starts_ms] = S("7");
    item(4)[OBSERVE_suppress] = STR_NONE;
    assert_args(5, "a a a a a t t t t t " ALL "2 " VALUES "1:m1:m b2 key 1:m1:m hr1 7  1:m ");
}

static void test_meta_as_before(void **state)
{
    (void)state;
    fill(4);
    item(1)[OBSERVE_meta] = S("=");
    item(2)[OBSERVE_meta] = S("=");
    item(2)[OBSERVE_rule] = S("r");
    item(3)[OBSERVE_rule] = S("r");
    assert_args(4, "a a a a t t t t " ALL "2 " VALUES "1:m1:m p2 r 1:m1:m ");
    item(3)[OBSERVE_meta] = S("s3");
    assert_args(4, "a a a a t t t t " ALL "2 " VALUES "1:m1:m p1 r 1:m s1 s3 1:m ");
    item(0)[OBSERVE_meta] = S("="); /* of nothing: as it is, for the script to refuse */
    assert_args(1, "a t " ALL "1 b c d e f g h i j k l n o p q r = 1:m ");
}

/* Room is told for the worst: no item shares anything with its neighbour. */
static void test_nothing_shared(void **state)
{
    (void)state;
    static char numbers[MAX_ITEMS][4];

    for (unsigned i = 0; i < MAX_ITEMS; i++) {
        snprintf(numbers[i], sizeof(numbers[i]), "%u", i);
        for (unsigned f = 0; f < OBSERVE_N; f++)
            item(i)[f] = str_c(numbers[i]);
    }
    assert_int_equal(observe_args(fields, MAX_ITEMS, &arena, args),
                     MAX_ITEMS * OBSERVE_ARGS_AN_ITEM);
    arena_reset(&arena);
}

/* A large system's name, and bytes of any kind in it. */
static void test_systems(void **state)
{
    (void)state;
    char *name = malloc(70000);
    struct str s = {name, 70000};

    memset(name, ':', s.n);
    fill(2);
    item(0)[OBSERVE_system] = s;
    item(1)[OBSERVE_system] = S("\0\n");
    assert_int_equal(observe_args(fields, 2, &arena, args), 23);
    assert_int_equal(args[22].n, 6 + 70000 + 4);
    assert_memory_equal(args[22].p, "70000::", 7);
    assert_memory_equal(args[22].p + 6 + 70000, "2:\0\n", 4);
    arena_reset(&arena);
    free(name);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_run),        cmocka_unit_test(test_only_what_differs_follows),
        cmocka_unit_test(test_meta_as_before), cmocka_unit_test(test_nothing_shared),
        cmocka_unit_test(test_systems),
    };
    int failed;

    arena_init(&arena, 0);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_finish(&arena);
    return failed;
}
