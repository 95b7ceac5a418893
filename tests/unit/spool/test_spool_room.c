/* test_spool_room.c - a spool that is full and has room again, groups, and going back to send
 * again. */
#include "spool_fixture.h"

#include "spool_internal.h"

/* ---- full ---------------------------------------------------------------------------------------
 */

static void test_full_and_room_again(void **state)
{
    struct fixture f;
    struct spool_record r;
    uint64_t t;
    char text[400];
    size_t n = 0;

    (void)state;
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    fixture_init(&f, SPOOL_ALWAYS);
    f.o.segment_size = 4096;
    f.o.max_size = 20000;
    fixture_open(&f);
    assert_false(spool_is_full(f.s));
    while (try_append(&f, "db", text, &t) == SPOOL_OK) {
        keep(&f);
        n++;
        assert_true(n < 100);
    }
    assert_true(n >= 40);
    assert_true(spool_is_full(f.s));
    assert_true(wait_durable(&f, t));
    for (size_t i = 0; i < n / 2; i++) { /* acknowledged ones go first, however young */
        assert_true(spool_next(f.s, &r));
        spool_ack(f.s, r.position, f.now);
    }
    assert_false(spool_is_full(f.s));
    assert_int_equal(try_append(&f, "db", text, &t), SPOOL_OK);
    keep(&f);
    for (size_t i = n / 2; i <= n; i++) /* none that waits was lost */
        assert_true(spool_next(f.s, &r));
    expect_no_next(&f);
    fixture_finish(&f);
}

/* One record fills the spool: once it is acknowledged there is room for the next one. */
static void test_the_active_segment_makes_room(void **state)
{
    struct fixture f;
    struct spool_record r;
    uint64_t t;
    char text[15000];

    (void)state;
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    fixture_init(&f, SPOOL_ALWAYS);
    f.o.segment_size = 4096;
    f.o.max_size = 20000;
    fixture_open(&f);
    for (int i = 0; i < 5; i++) {
        t = append(&f, "db", text);
        keep(&f);
        assert_int_equal(try_append(&f, "db", text, &(uint64_t){0}), SPOOL_FULL);
        assert_true(spool_is_full(f.s));
        assert_true(wait_durable(&f, t));
        assert_int_equal(try_append(&f, "db", text, &(uint64_t){0}), SPOOL_FULL);
        assert_true(spool_next(f.s, &r));
        spool_ack(f.s, r.position, f.now);
        assert_false(spool_is_full(f.s));
    }
    expect_no_next(&f);
    fixture_finish(&f);
}

/* What alone is larger than max_size is taken when nothing waits, rather than never. */
static void test_larger_than_max_size(void **state)
{
    struct fixture f;
    struct spool_record r;
    uint64_t t;
    char text[15000];

    (void)state;
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    fixture_init(&f, SPOOL_ALWAYS);
    f.o.segment_size = 4096;
    f.o.max_size = 20000;
    fixture_open(&f);
    append(&f, "db", "small");
    keep(&f);
    assert_true(spool_next(f.s, &r));
    assert_int_equal(spool_begin(f.s), SPOOL_OK);
    append(&f, "db", text);
    assert_int_equal(try_append(&f, "web", text, &t), SPOOL_FULL);
    spool_cancel(f.s);
    spool_ack(f.s, r.position, f.now);
    assert_int_equal(spool_begin(f.s), SPOOL_OK);
    append(&f, "db", text);
    append(&f, "web", text);
    t = append(&f, "web", text);
    keep(&f);
    assert_true(spool_is_full(f.s));
    assert_true(wait_durable(&f, t));
    for (int i = 0; i < 3; i++) {
        assert_true(spool_next(f.s, &r));
        spool_ack(f.s, r.position, f.now);
    }
    assert_false(spool_is_full(f.s));
    fixture_finish(&f);
}

static void test_max_size_exactly(void **state)
{
    enum { SIZE = 44 + 2 + 100 };
    struct fixture f;
    char text[101];
    uint64_t t;

    (void)state;
    memset(text, 'x', 100);
    text[100] = '\0';
    for (int delta = -1; delta <= 1; delta++) {
        fixture_init(&f, SPOOL_NEVER);
        f.o.max_size = (uint64_t)(52 + 3 * SIZE + delta);
        fixture_open(&f);
        append(&f, "db", text);
        append(&f, "db", text);
        assert_int_equal(try_append(&f, "db", text, &t), delta < 0 ? SPOOL_FULL : SPOOL_OK);
        assert_int_equal(spool_is_full(f.s), true);
        fixture_finish(&f);
    }
}

/* A group is kept whole or not at all; what is taken back leaves no hole in the chain. */
static void test_group(void **state)
{
    struct fixture f;
    struct spool_record r;
    uint64_t t = 0, last = 0;
    char big[3000];
    int n = 0;

    (void)state;
    fixture_init(&f, SPOOL_ALWAYS);
    f.o.max_size = 64 * 1024;
    f.o.segment_size = 16 * 1024;
    fixture_open(&f);
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    append(&f, "db", "before");
    assert_int_equal(spool_begin(f.s), SPOOL_OK); /* writes what came before */
    append(&f, "db", "in");
    append(&f, "web", "in");
    expect_next(&f, "db", "before");
    expect_no_next(&f);
    spool_cancel(f.s);
    keep(&f);
    expect_no_next(&f);
    assert_int_equal(spool_begin(f.s), SPOOL_OK);
    while (try_append(&f, n % 2 ? "db" : "web", big, &t) == SPOOL_OK)
        n++;
    assert_in_range(n, 15, 22);
    spool_cancel(f.s);
    assert_int_equal(spool_begin(f.s), SPOOL_OK);
    append(&f, "web", "1");
    t = append(&f, "db", "2");
    assert_int_equal(spool_commit(f.s), SPOOL_OK);
    spool_cancel(f.s); /* too late: it is kept */
    assert_true(wait_durable(&f, t));
    expect_next(&f, "web", "1");
    fixture_reopen(&f);
    for (n = 0; spool_next(f.s, &r); n++) {
        if (str_eq_c(r.team, "db"))
            assert_int_equal(r.prev, last);
        else
            assert_int_equal(r.prev, 0);
        if (str_eq_c(r.team, "db"))
            last = r.seq;
    }
    assert_int_equal(n, 3);
    fixture_finish(&f);
}

static void test_min_free(void **state)
{
    struct fixture f;
    uint64_t t;

    (void)state;
    fixture_init(&f, SPOOL_ALWAYS);
    f.o.min_free = UINT64_MAX / 2;
    fixture_open(&f);
    assert_true(spool_is_full(f.s));
    assert_int_equal(try_append(&f, "db", "1", &t), SPOOL_FULL);
    fixture_finish(&f);
}

/* ---- going back ---------------------------------------------------------------------------------
 */

static void test_rewind(void **state)
{
    struct fixture f;
    struct spool_record r;
    uint64_t p1, p2, p3;

    (void)state;
    fixture_init(&f, SPOOL_ALWAYS);
    fixture_open(&f);
    append(&f, "db", "1");
    append(&f, "net", "2");
    append(&f, "db", "3");
    keep(&f);
    p1 = expect_next(&f, "db", "1");
    p2 = expect_next(&f, "net", "2");
    p3 = expect_next(&f, "db", "3");
    spool_ack(f.s, p2, f.now);
    spool_rewind(f.s, p1);
    spool_rewind(f.s, p3); /* never forward */
    expect_next(&f, "db", "1");
    expect_next(&f, "db", "3"); /* 2 is acknowledged */
    spool_ack(f.s, p1, f.now);
    spool_rewind_all(f.s);
    assert_true(spool_next(f.s, &r));
    assert_true(r.acked);
    expect_next(&f, "net", "2");
    assert_true(spool_next(f.s, &r));
    assert_false(r.acked);
    append(&f, "db", "4");
    keep(&f);
    expect_next(&f, "db", "4");
    spool_rewind(f.s, p2);
    expect_next(&f, "net", "2"); /* still within what is to be sent again */
    assert_true(spool_read(f.s, p1, &r));
    assert_true(str_eq_c(r.payload, "1"));
    assert_false(spool_read(f.s, 99, &r));
    expect_next(&f, "db", "3");
    fixture_finish(&f);
}

static void test_rewind_after(void **state)
{
    struct fixture f;
    struct spool_record r;
    char stream[33];
    uint64_t prev = 77;

    (void)state;
    fixture_init(&f, SPOOL_ALWAYS);
    f.o.segment_size = 4096;
    fixture_open(&f);
    for (int i = 1; i <= 300; i++) { /* db: odd, net: even */
        append(&f, i % 2 ? "db" : "net", "x");
        keep(&f);
    }
    while (spool_next(f.s, &r))
        spool_ack(f.s, r.position, f.now);
    memcpy(stream, r.stream, sizeof(stream));
    assert_true(spool_rewind_after(f.s, stream, S("db"), 101, &prev));
    assert_int_equal(prev, 101);
    assert_true(spool_next(f.s, &r));
    assert_int_equal(r.seq, 103);
    assert_true(spool_rewind_after(f.s, stream, S("net"), 0, &prev)); /* from the beginning */
    assert_true(spool_next(f.s, &r));
    assert_int_equal(r.seq, 2);
    assert_false(spool_rewind_after(f.s, stream, S("db"), 102, &prev)); /* no record of db */
    assert_int_equal(prev, 101);
    assert_false(spool_rewind_after(f.s, stream, S("db"), 299, &prev)); /* nothing follows */
    assert_int_equal(prev, 299);
    assert_false(spool_rewind_after(f.s, stream, S("web"), 1, &prev));
    assert_false(spool_rewind_after(f.s, "nosuchstream", S("db"), 1, &prev));
    fixture_finish(&f);
}

/* Redis is older than what we keep: the oldest retained record says where adoption begins. */
static void test_rewind_after_more_than_kept(void **state)
{
    struct fixture f;
    struct spool_record r;
    char stream[33];
    uint64_t prev = 0;

    (void)state;
    fixture_init(&f, SPOOL_ALWAYS);
    fixture_open(&f);
    append(&f, "db", "1");
    append(&f, "db", "2");
    keep(&f);
    while (spool_next(f.s, &r))
        spool_ack(f.s, r.position, f.now);
    f.now += 70000;
    append(&f, "db", "3");
    append(&f, "db", "4");
    keep(&f);
    assert_true(wait_durable(&f, 4));
    while (spool_next(f.s, &r))
        spool_ack(f.s, r.position, f.now);
    spool_tick(f.s, f.now, NULL, NULL);
    assert_int_equal(each_file(&f, ".seg", NULL, NULL), 1);
    memcpy(stream, r.stream, sizeof(stream));
    assert_false(spool_rewind_after(f.s, stream, S("db"), 1, &prev));
    assert_int_equal(prev, 2);
    assert_true(spool_next(f.s, &r));
    assert_int_equal(r.seq, 3);
    assert_true(spool_rewind_after(f.s, stream, S("db"), 2, NULL));
    fixture_finish(&f);
}

/* After a reconnect nothing goes by age until all of it was sent and acknowledged again. */
static void test_nothing_goes_while_it_is_sent_again(void **state)
{
    struct fixture f;
    struct spool_record r;

    (void)state;
    fixture_init(&f, SPOOL_ALWAYS);
    fixture_open(&f);
    append(&f, "db", "1");
    keep(&f);
    f.now += 70000;
    append(&f, "db", "2");
    keep(&f);
    assert_true(wait_durable(&f, 2));
    while (spool_next(f.s, &r))
        spool_ack(f.s, r.position, f.now);
    f.now += 50000; /* the connection is lost here */
    spool_rewind_all(f.s);
    f.now += 50000;
    spool_alive(f.s, f.now);
    spool_tick(f.s, f.now, NULL, NULL);
    assert_int_equal(each_file(&f, ".seg", NULL, NULL), 2);
    expect_next(&f, "db", "1");
    expect_next(&f, "db", "2");
    fixture_finish(&f);
}

/* Nor on the ack of one record, which says nothing about the next; a connection that is lost in
 * between begins anew; and what was acknowledged again is kept for as long again. */
static void test_one_ack_does_not_vouch_for_the_rest(void **state)
{
    struct fixture f;
    uint64_t first, second;

    (void)state;
    fixture_init(&f, SPOOL_ALWAYS);
    fixture_open(&f);
    append(&f, "db", "1");
    keep(&f);
    f.now += 70000;
    append(&f, "db", "2");
    keep(&f);
    append(&f, "db", "3");
    keep(&f);
    assert_true(wait_durable(&f, 3));
    first = expect_next(&f, "db", "1");
    second = expect_next(&f, "db", "2");
    spool_ack(f.s, first, f.now);
    spool_ack(f.s, second, f.now);
    spool_ack(f.s, expect_next(&f, "db", "3"), f.now);
    f.now += 100000; /* the receiver was away for longer than retain */
    for (int i = 0; i < 2; i++) {
        spool_rewind_all(f.s);
        assert_int_equal(expect_next(&f, "db", "1"), first);
        expect_next(&f, "db", "2");
        spool_resent(f.s); /* not yet handed out as a whole */
        expect_next(&f, "db", "3");
        spool_ack(f.s, first, f.now);
        spool_tick(f.s, f.now, NULL, NULL);
        assert_int_equal(each_file(&f, ".seg", NULL, NULL), 2);
    }
    spool_ack(f.s, second, f.now);
    spool_resent(f.s);
    spool_tick(f.s, f.now, NULL, NULL);
    assert_int_equal(each_file(&f, ".seg", NULL, NULL), 2);
    f.now += 60001;
    spool_alive(f.s, f.now);
    spool_tick(f.s, f.now, NULL, NULL);
    assert_int_equal(each_file(&f, ".seg", NULL, NULL), 1);
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_and_room_again),
        cmocka_unit_test(test_the_active_segment_makes_room),
        cmocka_unit_test(test_larger_than_max_size),
        cmocka_unit_test(test_max_size_exactly),
        cmocka_unit_test(test_group),
        cmocka_unit_test(test_min_free),
        cmocka_unit_test(test_rewind),
        cmocka_unit_test(test_rewind_after),
        cmocka_unit_test(test_rewind_after_more_than_kept),
        cmocka_unit_test(test_nothing_goes_while_it_is_sent_again),
        cmocka_unit_test(test_one_ack_does_not_vouch_for_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
