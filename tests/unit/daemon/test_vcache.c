/*
 * test_vcache.c - bounded, never wrong: what is found is what was put last.
 */
#include "../rules/rules_util.h"
#include "vcache.h"

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

/* With many rules on the text of messages, what an entry holds is mostly its path: a matcher each.
 */
static struct ruleset *many_matchers(size_t n)
{
    struct buf yaml;
    struct ruleset *rs;

    buf_init(&yaml, 1024 * 1024);
    buf_put_c(&yaml, "rules:\n  - {name: all, match: ['source=\"syslog\"'], group_by: [app], "
                     "set: {title: t}}\nknown_errors:\n");
    for (size_t i = 0; i < n; i++)
        buf_printf(&yaml, "  - {id: KE-%zu, match: ['message=~\".*word%zu.*\"'], workaround: w}\n",
                   i, i);
    buf_put_char(&yaml, '\0');
    rs = compile_yaml(yaml.p, NULL);
    buf_finish(&yaml);
    return rs;
}

static void test_paths_count(void **state)
{
    struct ruleset *rs = many_matchers(500);
    struct rules_scratch *s = rules_scratch_create();
    struct vcache c;
    struct arena a;
    size_t held = 0;

    (void)state;
    vcache_init(&c, 100);
    arena_init(&a, 0);
    for (uint64_t i = 0; i < 10; i++) {
        struct alert al = make_alert(&a, SOURCE_SYSLOG, (const char *const[]){"message=x", NULL});
        struct prepared *p = make(i);
        struct rules_path *path;
        struct verdict v;

        rules_decide(rs, s, &al, 1, &a, &v, NULL, &path);
        assert_true(rules_path_size(path) > 4000);
        held += rules_path_size(path);
        vcache_put(&c, key(i), p, path, 0);
        prepared_unref(p);
        assert_true(c.bytes > held);
    }
    vcache_clear(&c);
    assert_int_equal(c.bytes, 0);
    vcache_finish(&c);
    arena_finish(&a);
    rules_scratch_destroy(s);
    ruleset_unref(rs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_get_replace),
        cmocka_unit_test(test_runs_out),
        cmocka_unit_test(test_never_more_than_its_bound),
        cmocka_unit_test(test_what_is_used_stays),
        cmocka_unit_test(test_paths_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
