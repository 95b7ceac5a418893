/* test_spool.c - the spool as its callers see it: order, acknowledgement, restart, limits. */
#include "spool_fixture.h"

#include <sys/wait.h>

#include "spool_internal.h"

enum { HEAD = 52 + 10 + 2 }; /* header of a segment that knows the team "db" */

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

/* ---- restart ------------------------------------------------------------------------------------
 */

static void test_reopen_ships_old_streams_first(void **state)
{
    struct fixture f;
    struct spool_record r;
    char streams[3][33];

    (void)state;
    fixture_init(&f, SPOOL_ALWAYS);
    for (int i = 0; i < 3; i++) {
        fixture_open(&f);
        append(&f, "db", i == 0 ? "a" : i == 1 ? "b" : "c");
        if (i < 2)
            fixture_close(&f);
    }
    keep(&f);
    for (int i = 0; i < 3; i++) {
        assert_true(spool_next(f.s, &r));
        assert_int_equal(r.payload.p[0], 'a' + i);
        assert_int_equal(r.seq, 1);
        assert_int_equal(r.prev, 0);
        memcpy(streams[i], r.stream, 33);
    }
    assert_string_not_equal(streams[0], streams[1]);
    assert_string_not_equal(streams[1], streams[2]);
    fixture_finish(&f);
}

static void test_kill(void **state)
{
    struct fixture f;
    int status;
    pid_t pid;

    (void)state;
    fixture_init(&f, SPOOL_ALWAYS);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        uint64_t t = 0;

        fixture_open(&f);
        for (int i = 0; i < 10; i++)
            t = append(&f, "db", "kept");
        keep(&f);
        if (!wait_durable(&f, t))
            _exit(1);
        append(&f, "db", "in the buffer only");
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    fixture_open(&f);
    for (int i = 0; i < 10; i++)
        expect_next(&f, "db", "kept");
    expect_no_next(&f);
    fixture_finish(&f);
}

static void cut_to(const char *path, void *arg)
{
    assert_int_equal(truncate(path, *(off_t *)arg), 0);
}

static void size_of(const char *path, void *arg)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    *(off_t *)arg = st.st_size;
}

static void test_torn_tail_at_every_byte(void **state)
{
    (void)state;
    for (off_t less = 1; less <= 44 + 2 + 5; less++) {
        struct fixture f;
        struct spool_stats st;
        off_t size;

        fixture_init(&f, SPOOL_NEVER);
        fixture_open(&f);
        append(&f, "db", "first");
        append(&f, "db", "secon");
        fixture_close(&f);
        each_file(&f, ".seg", size_of, &size);
        size -= less;
        each_file(&f, ".seg", cut_to, &size);
        fixture_open(&f);
        spool_stats(f.s, &st);
        assert_int_equal(st.records_waiting, 1);
        assert_int_equal(st.torn, less == 44 + 2 + 5 ? 0 : 1);
        assert_int_equal(st.corrupt, 0);
        expect_next(&f, "db", "first");
        expect_no_next(&f);
        fixture_reopen(&f); /* it was cut off: the second start finds nothing */
        spool_stats(f.s, &st);
        assert_int_equal(st.torn, 0);
        assert_int_equal(st.records_waiting, 1);
        fixture_finish(&f);
    }
}

static void flip(const char *path, void *arg)
{
    off_t at = *(off_t *)arg;
    int fd = open(path, O_RDWR);
    char c;

    assert_int_equal(pread(fd, &c, 1, at), 1);
    c = (char)(c ^ 0x20);
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    close(fd);
}

static void test_flip_of_every_byte(void **state)
{
    struct fixture f;
    off_t size;

    (void)state;
    fixture_init(&f, SPOOL_NEVER);
    fixture_open(&f);
    append(&f, "db", "first");
    append(&f, "db", "second");
    append(&f, "db", "third");
    fixture_close(&f);
    each_file(&f, ".seg", size_of, &size);
    for (off_t at = 0; at < size; at++) {
        struct spool_stats st;
        struct spool_record r;
        size_t n = 0;

        each_file(&f, ".seg", flip, &at);
        fixture_open(&f);
        spool_stats(f.s, &st);
        assert_int_equal(st.corrupt, 1);
        assert_int_equal(st.torn, 0);
        assert_int_equal(st.records_waiting, at < HEAD ? 3 : 2);
        while (spool_next(f.s, &r))
            n++;
        assert_int_equal(n, st.records_waiting);
        fixture_close(&f);
        each_file(&f, ".seg", flip, &at);
        assert_int_equal(each_file(&f, "corrupt-", unlink_path, NULL), 1);
    }
    fixture_finish(&f);
}

/* A record that goes bad after it was indexed is skipped when it is read; its successor's prev no
 * longer continues, and rewind_after says so. */
static void test_damage_after_the_start(void **state)
{
    struct fixture f;
    struct spool_record r;
    struct spool_stats st;
    off_t at = HEAD + 44 + 2 + 3;
    uint64_t prev;

    (void)state;
    fixture_init(&f, SPOOL_NEVER);
    fixture_open(&f);
    append(&f, "db", "first");
    append(&f, "db", "second");
    fixture_reopen(&f);
    each_file(&f, ".seg", flip, &at);
    assert_true(spool_next(f.s, &r));
    assert_int_equal(r.seq, 2);
    assert_int_equal(r.prev, 1);
    spool_stats(f.s, &st);
    assert_int_equal(st.corrupt, 1);
    assert_int_equal(st.records_waiting, 1);
    assert_false(spool_rewind_after(f.s, r.stream, S("db"), 0, &prev));
    assert_int_equal(prev, 1);
    fixture_finish(&f);
}

static void test_strange_files(void **state)
{
    struct fixture f;
    char path[200];
    struct spool_stats st;

    (void)state;
    fixture_init(&f, SPOOL_NEVER);
    fixture_open(&f);
    append(&f, "db", "1");
    fixture_close(&f);
    snprintf(path, sizeof(path), "%s/0000000000000000-00000000000000000000000000000000.seg", f.dir);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    snprintf(path, sizeof(path), "%s/0000000000000009-00000000000000000000000000000000.seg", f.dir);
    close(open(path, O_CREAT | O_WRONLY, 0600)); /* killed between creation and header */
    snprintf(path, sizeof(path), "%s/notes.txt", f.dir);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    fixture_open(&f);
    spool_stats(f.s, &st);
    assert_int_equal(st.segments, 1);
    expect_next(&f, "db", "1");
    append(&f, "db", "2");
    keep(&f);
    assert_int_equal(each_file(&f, "000000000000000a-", NULL, NULL), 1);
    fixture_finish(&f);
}

/* ---- open ---------------------------------------------------------------------------------------
 */

static void expect_refusal(const struct spool_options *o, const char *part)
{
    struct diag why;

    diag_init(&why);
    assert_null(spool_open(o, 1, &why));
    assert_int_equal(why.errors, 1);
    if (!strstr(why.items[0].text, part))
        fail_msg("\"%s\" is not in: %s", part, why.items[0].text);
    diag_finish(&why);
}

static void test_lock(void **state)
{
    struct fixture f;
    char pid[32];

    (void)state;
    fixture_init(&f, SPOOL_ALWAYS);
    fixture_open(&f);
    snprintf(pid, sizeof(pid), "in use by process %ld", (long)getpid());
    expect_refusal(&f.o, pid);
    fixture_reopen(&f);
    fixture_finish(&f);
}

static void test_directory(void **state)
{
    struct fixture f;
    char path[200];
    struct stat st;

    (void)state;
    fixture_init(&f, SPOOL_ALWAYS);
    snprintf(path, sizeof(path), "%s/a/b", f.dir);
    f.o.directory = path;
    fixture_open(&f);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    fixture_close(&f);
    f.o.directory = "/proc/no/such";
    expect_refusal(&f.o, "cannot make the spool directory /proc/no");
    f.o.directory = "/etc/passwd";
    expect_refusal(&f.o, "cannot open the spool directory /etc/passwd");
    snprintf(path, sizeof(path), "%s/a/b/lock", f.dir);
    unlink(path);
    snprintf(path, sizeof(path), "%s/a/b", f.dir);
    rmdir(path);
    snprintf(path, sizeof(path), "%s/a", f.dir);
    rmdir(path);
    fixture_finish(&f);
}

/* ---- dead letters -------------------------------------------------------------------------------
 */

static void read_file(const char *path, void *arg)
{
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, arg, 1023);

    assert_true(n >= 0);
    ((char *)arg)[n] = '\0';
    close(fd);
}

static void test_dead_letter(void **state)
{
    static const struct {
        const char *payload, *base64;
    } rows[] = {{"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
                {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xff\xfe?", "//4/"}};
    struct fixture f;
    struct spool_record r;
    char text[1024], want[64];

    (void)state;
    fixture_init(&f, SPOOL_ALWAYS);
    fixture_open(&f);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        append(&f, "db", rows[i].payload);
        keep(&f);
        assert_true(spool_next(f.s, &r));
        assert_true(spool_dead_letter(f.s, &r, S("ERR \"bad\"\n"), f.now));
        each_file(&f, "dead-letter.jsonl", read_file, text);
        snprintf(want, sizeof(want), "\"payload\":\"%s\"}\n", rows[i].base64);
        assert_non_null(strstr(text, want));
        assert_non_null(strstr(text, "\"team\":\"db\""));
        assert_non_null(strstr(text, "\"error\":\"ERR \\\"bad\\\"\\n\""));
        each_file(&f, "dead-letter.jsonl", unlink_path, NULL);
    }
    fixture_finish(&f);
}

static void test_dead_letter_is_bounded(void **state)
{
    enum { N = 3 * 1024 * 1024 };
    struct fixture f;
    struct spool_record r = {.team = S("db"), .seq = 1, .payload = {NULL, N}};
    char *big = calloc(1, N);

    (void)state;
    r.payload.p = big;
    fixture_init(&f, SPOOL_NEVER);
    fixture_open(&f);
    for (int i = 0; i < 12; i++) /* 4 MiB each: three to a file */
        assert_true(spool_dead_letter(f.s, &r, S("x"), f.now));
    assert_int_equal(each_file(&f, "dead-letter.jsonl", NULL, NULL), 2);
    free(big);
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
        cmocka_unit_test(test_full_and_room_again),
        cmocka_unit_test(test_max_size_exactly),
        cmocka_unit_test(test_min_free),
        cmocka_unit_test(test_rewind),
        cmocka_unit_test(test_rewind_after),
        cmocka_unit_test(test_rewind_after_more_than_kept),
        cmocka_unit_test(test_nothing_goes_while_it_is_sent_again),
        cmocka_unit_test(test_reopen_ships_old_streams_first),
        cmocka_unit_test(test_kill),
        cmocka_unit_test(test_torn_tail_at_every_byte),
        cmocka_unit_test(test_flip_of_every_byte),
        cmocka_unit_test(test_damage_after_the_start),
        cmocka_unit_test(test_strange_files),
        cmocka_unit_test(test_lock),
        cmocka_unit_test(test_directory),
        cmocka_unit_test(test_dead_letter),
        cmocka_unit_test(test_dead_letter_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
