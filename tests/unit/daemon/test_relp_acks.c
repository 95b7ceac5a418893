/* Receipts against tickets: nothing is acknowledged before the append that covers it is durable. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../../../src/daemon/relp_acks.h"

static void test_in_order(void **state)
{
    struct relp_acks a = {0};

    (void)state;
    assert_false(relp_acks_due(&a));
    assert_int_equal(relp_acks_durable(&a, 100), 0);
    relp_acks_take(&a, 1);
    relp_acks_take(&a, 2);
    assert_true(relp_acks_due(&a));
    assert_int_equal(relp_acks_durable(&a, 100), 0); /* not in any append yet */
    relp_acks_append(&a, 7);
    assert_false(relp_acks_due(&a));
    relp_acks_append(&a, 8); /* other transports' messages */
    assert_int_equal(a.n, 1);
    relp_acks_take(&a, 3);
    relp_acks_append(&a, 9);
    assert_int_equal(relp_acks_durable(&a, 6), 0);
    assert_int_equal(relp_acks_durable(&a, 8), 2);
    assert_int_equal(relp_acks_durable(&a, 8), 0);
    assert_int_equal(relp_acks_durable(&a, 9), 3);
}

static void test_dropped_messages_wait_for_those_before(void **state)
{
    struct relp_acks a = {0};

    (void)state;
    relp_acks_take(&a, 1);
    relp_acks_append(&a, 0); /* nothing was written: no one to wait for */
    assert_int_equal(relp_acks_durable(&a, 0), 1);
    relp_acks_take(&a, 2);
    relp_acks_append(&a, 5);
    relp_acks_take(&a, 3);
    relp_acks_append(&a, 0);
    assert_int_equal(relp_acks_durable(&a, 4), 0);
    assert_int_equal(relp_acks_durable(&a, 5), 3);
}

static void test_many_appends(void **state)
{
    struct relp_acks a = {0};

    (void)state;
    for (uint64_t i = 1; i <= RELP_ACKS_MAX + 2; i++) {
        relp_acks_take(&a, i);
        relp_acks_append(&a, 10 * i);
    }
    assert_int_equal(a.n, RELP_ACKS_MAX);
    assert_int_equal(relp_acks_durable(&a, 10 * (RELP_ACKS_MAX - 1)), RELP_ACKS_MAX - 1);
    /* the last place stands for three appends: none is acknowledged before the latest is durable */
    assert_int_equal(relp_acks_durable(&a, 10 * (RELP_ACKS_MAX + 1)), 0);
    assert_int_equal(relp_acks_durable(&a, 10 * (RELP_ACKS_MAX + 2)), RELP_ACKS_MAX + 2);
    for (uint64_t i = 100; i <= 300; i++) { /* around the ring */
        relp_acks_take(&a, i);
        relp_acks_append(&a, 10 * i);
        assert_int_equal(relp_acks_durable(&a, 10 * i), i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order),
        cmocka_unit_test(test_dropped_messages_wait_for_those_before),
        cmocka_unit_test(test_many_appends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
