/* test_spool.c - the spool as its callers see it: order, segments, what is kept and for how long.
 */
#include "spool_fixture.h"

#include "spool_internal.h"

/* ---- order and numbers --------------------------------------------------------------------------
 */

static void check_order(int sync)
{
    struct fixture f;
    struct spool_record r;
    struct spool_stats st;
    uint64_t t;

    fixture_init(&f, sync);
    fixture_open(&f);
    append(&f, "db", "1");
    append(&f, "net", "2");
    t = append(&f, "db", "3");
    expect_no_next(&f); /* not written yet */
    keep(&f);
    assert_true(wait_durable(&f, t));
    assert_true(spool_next(f.s, &r));
    assert_int_equal(r.seq, 1);
    assert_int_equal(r.prev, 0);
    assert_int_equal(r.appended_ms, f.now);
    assert_int_equal(strlen(r.stream), 32);
    assert_false(r.acked);
    assert_true(spool_next(f.s, &r));
    assert_int_equal(r.seq, 2);
    assert_int_equal(r.prev, 0);
    assert_true(spool_next(f.s, &r));
    assert_int_equal(r.seq, 3);
    assert_int_equal(r.prev, 1);
    expect_no_next(&f);
    spool_stats(f.s, &st);
    assert_int_equal(st.records_waiting, 3);
    assert_int_equal(st.oldest_waiting_ms, f.now);
    assert_int_equal(st.segments, 1);
    fixture_finish(&f);
}

static void test_order_always(void **state)
{
    (void)state;
    check_order(SPOOL_ALWAYS);
}

static void test_order_interval(void **state)
{
    (void)state;
    check_order(SPOOL_INTERVAL);
}

static void test_order_never(void **state)
{
    (void)state;
    check_order(SPOOL_NEVER);
}

static void test_limits_of_a_record(void **state)
{
    struct fixture f;
    char team[SPOOL_TEAM_MAX + 2];
    char *big = malloc(SPOOL_PAYLOAD_MAX + 1);
    uint64_t t;
    struct spool_record r;

    (void)state;
    memset(team, 't', sizeof(team));
    memset(big, 'x', SPOOL_PAYLOAD_MAX + 1);
    fixture_init(&f, SPOOL_NEVER);
    fixture_open(&f);
    assert_int_equal(spool_append(f.s, STR_NONE, S("x"), 1, &t), SPOOL_BROKEN);
    assert_int_equal(spool_append(f.s, (struct str){team, SPOOL_TEAM_MAX + 1}, S("x"), 1, &t),
                     SPOOL_BROKEN);
    assert_int_equal(spool_append(f.s, (struct str){team, SPOOL_TEAM_MAX}, S("x"), 1, &t),
                     SPOOL_OK);
    assert_int_equal(spool_append(f.s, S("t"), (struct str){big, SPOOL_PAYLOAD_MAX + 1}, 1, &t),
                     SPOOL_BROKEN);
    assert_int_equal(spool_append(f.s, S("t"), (struct str){big, SPOOL_PAYLOAD_MAX}, 1, &t),
                     SPOOL_OK);
    assert_int_equal(spool_append(f.s, S("t"), STR_NONE, 1, &t), SPOOL_OK);
    keep(&f);
    assert_true(spool_next(f.s, &r));
    assert_true(spool_next(f.s, &r));
    assert_int_equal(r.payload.n, SPOOL_PAYLOAD_MAX);
    assert_true(spool_next(f.s, &r));
    assert_int_equal(r.payload.n, 0);
    fixture_reopen(&f);
    assert_true(spool_next(f.s, &r));
    assert_int_equal(r.team.n, SPOOL_TEAM_MAX);
    assert_true(spool_next(f.s, &r));
    assert_int_equal(r.payload.n, SPOOL_PAYLOAD_MAX);
    free(big);
    fixture_finish(&f);
}

static void test_too_many_teams(void **state)
{
    struct fixture f;
    char name[16];
    uint64_t t;

    (void)state;
    fixture_init(&f, SPOOL_NEVER);
    fixture_open(&f);
    for (int i = 0; i <= SPOOL_TEAMS_MAX; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        assert_int_equal(try_append(&f, name, "x", &t),
                         i < SPOOL_TEAMS_MAX ? SPOOL_OK : SPOOL_BROKEN);
    }
    fixture_finish(&f);
}

/* ---- segments -----------------------------------------------------------------------------------
 */

static void test_rotation(void **state)
{
    struct fixture f;
    struct spool_stats st;
    char text[32];

    (void)state;
    fixture_init(&f, SPOOL_ALWAYS);
    f.o.segment_size = 4096;
    fixture_open(&f);
    for (int i = 0; i < 500; i++) {
        snprintf(text, sizeof(text), "record %d", i);
        append(&f, i % 3 ? "db" : "net", text);
        if (i % 7 == 0)
            keep(&f);
    }
    keep(&f);
    spool_stats(f.s, &st);
    assert_true(st.segments >= 500 * 50 / 4096);
    assert_int_equal(each_file(&f, ".seg", NULL, NULL), st.segments);
    for (int round = 0; round < 2; round++) {
        struct spool_record r;
        uint64_t prev[2] = {0, 0};

        for (int i = 0; i < 500; i++) {
            snprintf(text, sizeof(text), "record %d", i);
            assert_true(spool_next(f.s, &r));
            assert_true(str_eq_c(r.payload, text));
            assert_int_equal(r.seq, i + 1);
            assert_int_equal(r.prev, prev[i % 3 ? 1 : 0]);
            prev[i % 3 ? 1 : 0] = r.seq;
        }
        expect_no_next(&f);
        fixture_reopen(&f);
        spool_stats(f.s, &st);
        assert_int_equal(st.records_waiting, 500);
        assert_int_equal(st.corrupt + st.torn, 0);
    }
    fixture_finish(&f);
}

static void test_rotation_by_age(void **state)
{
    struct fixture f;
    struct spool_stats st;

    (void)state;
    fixture_init(&f, SPOOL_ALWAYS);
    fixture_open(&f);
    append(&f, "db", "1");
    keep(&f);
    f.now += 60001;
    append(&f, "db", "2");
    keep(&f);
    spool_stats(f.s, &st);
    assert_int_equal(st.segments, 2);
    expect_next(&f, "db", "1");
    expect_next(&f, "db", "2");
    fixture_finish(&f);
}

/* Far more records than may be indexed at a time: segments are indexed when the reader gets there.
 */
static void test_index_is_bounded(void **state)
{
    enum { N = 5000, INDEXED = 300 };
    struct fixture f;
    struct spool_record r;
    struct spool_stats st;
    char text[16], stream[33];
    uint64_t prev;

    (void)state;
    fixture_init(&f, SPOOL_NEVER);
    f.o.segment_size = 4096;
    fixture_open(&f);
    f.s->loaded_max = INDEXED;
    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof(text), "%d", i);
        append(&f, i % 2 ? "db" : "net", text);
        if (i % 10 == 0)
            keep(&f);
    }
    keep(&f);
    for (int round = 0; round < 2; round++) {
        spool_stats(f.s, &st);
        assert_int_equal(st.records_waiting, N);
        assert_int_equal(st.oldest_waiting_ms, f.now);
        for (int i = 0; i < N; i++) {
            assert_true(f.s->loaded <= INDEXED + 200); /* and two segments at most */
            snprintf(text, sizeof(text), "%d", i);
            assert_true(spool_next(f.s, &r));
            assert_true(str_eq_c(r.payload, text));
            assert_int_equal(r.seq, i + 1);
            if (round == 1)
                spool_ack(f.s, r.position, f.now);
        }
        memcpy(stream, r.stream, sizeof(stream));
        spool_rewind(f.s, 1);
    }
    spool_stats(f.s, &st);
    assert_int_equal(st.records_waiting, 0);
    expect_no_next(&f);
    assert_true(spool_rewind_after(f.s, stream, S("db"), 2000, &prev)); /* long dropped */
    assert_true(spool_next(f.s, &r));
    assert_int_equal(r.seq, 2002);
    assert_true(r.acked);
    fixture_reopen(&f);
    fixture_finish(&f);
}

struct gone {
    char text[512];
};

static void on_gone(void *arg, const char *stream, struct str team)
{
    struct gone *g = arg;
    size_t n = strlen(g->text);

    snprintf(g->text + n, sizeof(g->text) - n, "%.4s/%.*s ", stream, STR_ARG(team));
}

/* The end of a stream waits for a sync of the directory, in the other thread. */
static void tick_until_gone(struct fixture *f, struct gone *g)
{
    for (int i = 0; i < 500 && !g->text[0]; i++) {
        spool_tick(f->s, f->now, on_gone, g);
        if (!g->text[0])
            wait_wake(f, 2);
    }
}

static void test_retention_and_the_end_of_a_stream(void **state)
{
    struct fixture f;
    struct spool_record r;
    struct spool_stats st;
    struct gone g = {""};
    char old[33], want[64];
    uint64_t pos;

    (void)state;
    fixture_init(&f, SPOOL_ALWAYS);
    f.o.segment_size = 4096;
    fixture_open(&f);
    append(&f, "db", "1");
    append(&f, "net", "2");
    keep(&f);
    fixture_reopen(&f);
    assert_true(spool_next(f.s, &r));
    memcpy(old, r.stream, sizeof(old));
    spool_ack(f.s, r.position, f.now);
    pos = expect_next(&f, "net", "2");
    f.now += 100000;
    spool_tick(f.s, f.now, on_gone, &g);
    spool_stats(f.s, &st);
    assert_int_equal(st.segments, 1); /* one of its records waits */
    spool_ack(f.s, pos, f.now);
    f.now += 60000;
    spool_alive(f.s, f.now);
    spool_tick(f.s, f.now, on_gone, &g);
    spool_stats(f.s, &st);
    assert_int_equal(st.segments, 1); /* exactly retain old */
    f.now += 1;
    spool_tick(f.s, f.now, on_gone, &g);
    spool_stats(f.s, &st);
    assert_int_equal(st.segments, 1); /* no sign of life since */
    spool_alive(f.s, f.now);
    tick_until_gone(&f, &g);
    spool_stats(f.s, &st);
    assert_int_equal(st.segments, 0);
    assert_int_equal(st.bytes, 0);
    snprintf(want, sizeof(want), "%.4s/db %.4s/net ", old, old);
    assert_string_equal(g.text, want);
    fixture_finish(&f);
}

/* A team whose records went with an earlier segment is still told when the stream ends. */
static void test_end_of_a_stream_names_all_teams(void **state)
{
    struct fixture f;
    struct spool_record r;
    struct gone g = {""};

    (void)state;
    fixture_init(&f, SPOOL_ALWAYS);
    fixture_open(&f);
    append(&f, "early", "1");
    keep(&f);
    spool_ack(f.s, expect_next(&f, "early", "1"), f.now);
    f.now += 70000;
    append(&f, "late", "2"); /* a new segment, by age */
    keep(&f);
    assert_true(wait_durable(&f, 2));
    spool_ack(f.s, expect_next(&f, "late", "2"), f.now);
    spool_tick(f.s, f.now, on_gone, &g);
    assert_int_equal(each_file(&f, ".seg", NULL, NULL), 1);
    fixture_reopen(&f);
    while (spool_next(f.s, &r))
        spool_ack(f.s, r.position, f.now);
    f.now += 70000;
    spool_alive(f.s, f.now);
    tick_until_gone(&f, &g);
    assert_non_null(strstr(g.text, "/early "));
    assert_non_null(strstr(g.text, "/late "));
    fixture_finish(&f);
}

static void test_last_segment_of_the_own_stream_stays(void **state)
{
    struct fixture f;
    struct spool_stats st;

    (void)state;
    fixture_init(&f, SPOOL_ALWAYS);
    fixture_open(&f);
    assert_true(wait_durable(&f, 0));
    append(&f, "db", "1");
    keep(&f);
    assert_true(wait_durable(&f, 1));
    spool_ack(f.s, expect_next(&f, "db", "1"), f.now);
    f.now += 100000;
    spool_alive(f.s, f.now);
    spool_tick(f.s, f.now, NULL, NULL);
    spool_stats(f.s, &st);
    assert_int_equal(st.segments, 1);
    spool_rewind_all(f.s); /* but it is not sent again */
    expect_no_next(&f);
    append(&f, "db", "2");
    keep(&f);
    expect_next(&f, "db", "2");
    fixture_finish(&f);
}

static void test_empty_start_leaves_no_segment(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, SPOOL_ALWAYS);
    for (int i = 0; i < 3; i++) {
        fixture_open(&f);
        fixture_close(&f);
    }
    assert_int_equal(each_file(&f, ".seg", NULL, NULL), 0);
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_always),
        cmocka_unit_test(test_order_interval),
        cmocka_unit_test(test_order_never),
        cmocka_unit_test(test_limits_of_a_record),
        cmocka_unit_test(test_too_many_teams),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_rotation_by_age),
        cmocka_unit_test(test_index_is_bounded),
        cmocka_unit_test(test_retention_and_the_end_of_a_stream),
        cmocka_unit_test(test_end_of_a_stream_names_all_teams),
        cmocka_unit_test(test_last_segment_of_the_own_stream_stays),
        cmocka_unit_test(test_empty_start_leaves_no_segment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
