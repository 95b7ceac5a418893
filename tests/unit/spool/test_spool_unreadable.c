/* test_spool_unreadable.c - files that cannot be opened or read for a while cost no record. */
#include "spool_fixture.h"

#include "spool_internal.h"
#include "triaged/base/log.h"

enum { N = 400 };

static int failing_open, failing_read; /* errno; 0 = works */

static int hook_openat(int dir, const char *name, int flags, mode_t mode)
{
    if (!failing_open || !strstr(name, ".seg"))
        return openat(dir, name, flags, mode);
    errno = failing_open;
    return -1;
}

static ssize_t hook_pread(int fd, void *p, size_t n, off_t at)
{
    if (!failing_read)
        return pread(fd, p, n, at);
    errno = failing_read;
    return -1;
}

static void fail_with(int open_error, int read_error)
{
    failing_open = open_error;
    failing_read = read_error;
}

/* N records in many segments, of an earlier start. */
static void begin(struct fixture *f, int sync)
{
    static struct spool_io io;
    char text[16];

    fail_with(0, 0);
    io = spool_io_system;
    io.openat = hook_openat;
    io.pread = hook_pread;
    spool_io_use(&io);
    fixture_init(f, sync);
    f->o.segment_size = 4096;
    fixture_open(f);
    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof(text), "%d", i);
        append(f, "db", text);
        keep(f);
    }
    fixture_reopen(f);
}

/* Forgets the index but for the segment that the reader is in. */
static void forget_index(struct fixture *f)
{
    f->s->loaded_max = 0;
    spool_index_trim(f->s, NULL);
}

static void expect_rest(struct fixture *f, int from)
{
    char text[16];

    for (int i = from; i < N; i++) {
        snprintf(text, sizeof(text), "%d", i);
        spool_ack(f->s, expect_next(f, "db", text), f->now);
    }
    expect_no_next(f);
}

static void expect_no_loss(struct fixture *f)
{
    struct spool_stats st;

    spool_stats(f->s, &st);
    assert_int_equal(st.corrupt, 0);
    assert_int_equal(st.records_waiting, 0);
}

static void test_each_record_fails_first(void **state)
{
    static const int errors[][2] = {{EMFILE, 0}, {ENOMEM, 0}, {EIO, 0}, {0, EIO}};
    struct spool_record r;
    char text[16];

    (void)state;
    for (size_t e = 0; e < sizeof(errors) / sizeof(errors[0]); e++) {
        struct fixture f;

        begin(&f, SPOOL_NEVER);
        forget_index(&f);
        for (int i = 0; i < N; i++) {
            snprintf(text, sizeof(text), "%d", i);
            fail_with(errors[e][0], errors[e][1]);
            if (!spool_next(f.s, &r)) {
                fail_with(0, 0);
                assert_true(spool_next(f.s, &r));
            }
            fail_with(0, 0);
            assert_true(str_eq_c(r.payload, text));
            spool_ack(f.s, r.position, f.now);
        }
        expect_no_loss(&f);
        fixture_finish(&f);
    }
}

/* As long as there are no descriptors: that says nothing about the record. */
static void test_no_descriptors_for_long(void **state)
{
    struct fixture f;
    struct spool_record r;

    (void)state;
    begin(&f, SPOOL_NEVER);
    for (int i = 0; i < 5; i++) {
        fail_with(EMFILE, 0);
        assert_false(spool_next(f.s, &r));
        f.s->stuck_since_ms -= STUCK_READ_MS + 1;
    }
    fail_with(0, 0);
    expect_rest(&f, 0);
    expect_no_loss(&f);
    fixture_finish(&f);
}

/* A place that stays unreadable holds up the others for no longer than this. */
static void test_a_segment_that_stays_unreadable(void **state)
{
    struct fixture f;
    struct spool_record r;
    struct spool_stats st;

    (void)state;
    begin(&f, SPOOL_NEVER);
    forget_index(&f);
    for (uint32_t left = f.s->segs[0]->count; left > 0; left--) {
        assert_true(spool_next(f.s, &r));
        spool_ack(f.s, r.position, f.now);
    }
    fail_with(0, EIO);
    assert_false(spool_next(f.s, &r));
    f.s->stuck_since_ms -= STUCK_READ_MS + 1;
    spool_next(f.s, &r);
    fail_with(0, 0);
    spool_stats(f.s, &st);
    assert_true(st.corrupt > 0);
    assert_true(spool_next(f.s, &r));
    fixture_finish(&f);
}

/* Redis has `applied`; that the file which follows cannot be opened does not make it lost. */
static void test_going_back(void **state)
{
    struct fixture f;
    struct spool_record r;
    uint64_t prev = 0;

    (void)state;
    begin(&f, SPOOL_NEVER);
    do
        assert_true(spool_next(f.s, &r));
    while (r.seq < N);
    forget_index(&f);
    fail_with(EMFILE, 0);
    assert_true(spool_rewind_after(f.s, r.stream, S("db"), 1, &prev));
    assert_int_equal(prev, 1);
    fail_with(0, 0);
    assert_true(spool_next(f.s, &r));
    assert_true(r.seq <= 2);
    fixture_finish(&f);
}

/* A disk that cannot be read at all during a start. */
static void test_start(void **state)
{
    struct fixture f;
    struct spool_record r;

    (void)state;
    begin(&f, SPOOL_ALWAYS);
    fixture_close(&f);
    fail_with(0, EIO);
    fixture_open(&f);
    fail_with(0, 0);
    expect_no_next(&f);
    append(&f, "db", "meanwhile");
    keep(&f);
    for (int i = 0; i < 3; i++) {
        f.now += 2 * f.o.retain_ms;
        spool_alive(f.s, f.now);
        spool_tick(f.s, f.now, NULL, NULL);
    }
    fixture_reopen(&f);
    for (int i = 0; i < N; i++)
        assert_true(spool_next(f.s, &r));
    expect_next(&f, "db", "meanwhile");
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_record_fails_first),
        cmocka_unit_test(test_no_descriptors_for_long),
        cmocka_unit_test(test_a_segment_that_stays_unreadable),
        cmocka_unit_test(test_going_back),
        cmocka_unit_test(test_start),
    };
    int r;

    log_set_level(LOG_ERROR_);
    r = cmocka_run_group_tests(tests, NULL, NULL);
    spool_io_use(NULL);
    return r;
}
