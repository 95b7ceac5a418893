/*
 * test_vcache.c - bounded, never wrong: what is found is what was put last.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "vcache.h"
#include "triaged/base/mem.h"

static struct prepared *make(uint64_t fp)
{
    struct prepared *p = NEW(struct prepared);

    p->refs = 1;
    p->fp = fp;
    p->bytes = sizeof(*p);
    return p;
}

static struct hash128 key(uint64_t i)
{
    return hash_fast128(&i, sizeof(i), 0);
}

static void put(struct vcache *c, uint64_t i, int64_t valid_until)
{
    struct prepared *p = make(i);

    vcache_put(c, key(i), p, NULL, valid_until);
    prepared_unref(p);
}

static void test_put_get_replace(void **state)
{
    struct vcache c;
    struct prepared *p = make(99);

    (void)state;
    vcache_init(&c, 10);
    assert_null(vcache_get(&c, key(1), 0));
    put(&c, 1, 0);
    assert_int_equal(vcache_get(&c, key(1), 0)->prepared->fp, 1);
    vcache_put(&c, key(1), p, NULL, 0);
    prepared_unref(p);
    assert_int_equal(vcache_get(&c, key(1), 0)->prepared->fp, 99);
    assert_int_equal(c.n, 1);
    vcache_clear(&c);
    assert_null(vcache_get(&c, key(1), 0));
    assert_int_equal(c.bytes, 0);
    vcache_finish(&c);
}

static void test_runs_out(void **state)
{
    struct vcache c;

    (void)state;
    vcache_init(&c, 10);
    put(&c, 1, 1000);
    assert_non_null(vcache_get(&c, key(1), 999));
    assert_null(vcache_get(&c, key(1), 1000));
    vcache_finish(&c);
}

static void test_never_more_than_its_bound(void **state)
{
    struct vcache c;
    size_t found = 0;

    (void)state;
    vcache_init(&c, 1000);
    for (uint64_t i = 0; i < 20000; i++) {
        struct vcache_entry *e;

        put(&c, i, 0);
        assert_true(c.n <= 1000);
        e = vcache_get(&c, key(i), 0);
        assert_non_null(e);
        assert_int_equal(e->prepared->fp, i);
    }
    for (uint64_t i = 0; i < 20000; i++) {
        struct vcache_entry *e = vcache_get(&c, key(i), 0);

        if (e) {
            assert_int_equal(e->prepared->fp, i);
            found++;
        }
    }
    assert_int_equal(found, c.n);
    assert_true(found > 500);
    vcache_finish(&c);
}

static void test_what_is_used_stays(void **state)
{
    struct vcache c;

    (void)state;
    vcache_init(&c, 100);
    put(&c, 0, 0);
    for (uint64_t i = 1; i < 2000; i++) {
        put(&c, i, 0);
        if (i % 20 == 0) /* a sweep never passes it twice unused */
            assert_non_null(vcache_get(&c, key(0), 0));
    }
    vcache_finish(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_get_replace),
        cmocka_unit_test(test_runs_out),
        cmocka_unit_test(test_never_more_than_its_bound),
        cmocka_unit_test(test_what_is_used_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
