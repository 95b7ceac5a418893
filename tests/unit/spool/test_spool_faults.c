/* test_spool_faults.c - a disk that fails at the n-th call, for every n, and then loses power. */
#include "failing_disk.h"

#include "triaged/base/log.h"

/* ---- the scenario -------------------------------------------------------------------------------
 */

enum { ROUNDS = 14, PER_ROUND = 6, TOTAL = ROUNDS * PER_ROUND };

struct story {
    struct fixture f;
    uint64_t tickets[TOTAL + 1];
    int n; /* records that were taken */
};

static void payload_of(int i, char out[200])
{
    memset(out, 'a' + i % 26, 180);
    snprintf(out, 16, "%d", i);
    out[strlen(out)] = '.';
    out[180] = '\0';
}

/* Appends until it is taken: the disk fails only for a while. */
static void append_some(struct story *st)
{
    char text[200];

    for (int k = 0; k < PER_ROUND; k++) {
        enum spool_result r = SPOOL_BROKEN;

        payload_of(st->n, text);
        for (int tries = 0; tries < 3000 && r != SPOOL_OK; tries++) {
            r = try_append(&st->f, st->n % 3 ? "db" : "net", text, &st->tickets[st->n]);
            if (r != SPOOL_OK)
                wait_wake(&st->f, 1);
        }
        assert_int_equal(r, SPOOL_OK);
        st->n++;
    }
    spool_commit(st->f.s);
}

/* Everything in order, once; the prev chain of each team unbroken. */
static int read_all(struct spool *s, int from)
{
    struct spool_record r;
    uint64_t last[2] = {0, 0};
    int i = from;

    for (; spool_next(s, &r); i++) {
        char text[200];

        payload_of(i, text);
        if (!str_eq_c(r.payload, text))
            fail_msg("record %d: got %.*s", i, STR_ARG(r.payload));
        if (last[i % 3 != 0])
            assert_int_equal(r.prev, last[i % 3 != 0]);
        last[i % 3 != 0] = r.seq;
    }
    return i;
}

/* After a power loss at this moment everything that was called durable is there. */
static void check_power_loss(struct story *st)
{
    struct fixture g;
    uint64_t durable = spool_durable(st->f.s);
    int promised = 0, found;

    while (promised < st->n && st->tickets[promised] <= durable)
        promised++;
    fixture_init(&g, SPOOL_NEVER);
    power_loss(g.dir);
    spool_io_use(NULL);
    fixture_open(&g);
    spool_io_use(&shim);
    found = read_all(g.s, 0);
    if (found < promised)
        fail_msg("%d records were durable, %d are left", promised, found);
    fixture_finish(&g);
}

static bool settle(struct story *st)
{
    for (int i = 0; i < 3000; i++) {
        spool_tick(st->f.s, st->f.now, NULL, NULL);
        if (spool_durable(st->f.s) >= st->tickets[st->n - 1])
            return true;
        wait_wake(&st->f, 1);
    }
    return false;
}

/* Returns how often the failing call was called. */
static int play(enum op op, int at, int times, int error)
{
    struct story st = {.n = 0};
    int read = 0;

    disk_reset(op, at, times, error);
    spool_io_use(&shim);
    fixture_init(&st.f, SPOOL_ALWAYS);
    /* Many segments; or zeros ahead of the records. */
    st.f.o.segment_size = op == OP_OPENAT || op == OP_FSYNC ? 4096 : 16 * 1024;
    fixture_open(&st.f);
    for (int i = 0; i < ROUNDS; i++) {
        append_some(&st);
        if (i % 4 == 1)
            check_power_loss(&st);
        if (i == ROUNDS / 2)
            read = read_all(st.f.s, 0);
    }
    assert_true(settle(&st));
    check_power_loss(&st);
    spool_rewind_all(st.f.s);
    for (int tries = 0; tries < 3; tries++) /* a failing read passes */
        read = read_all(st.f.s, tries == 0 ? 0 : read);
    assert_int_equal(read, TOTAL);
    spool_io_use(NULL);
    fixture_reopen(&st.f); /* and once more from the files */
    assert_int_equal(read_all(st.f.s, 0), TOTAL);
    fixture_finish(&st.f);
    return disk.calls[op];
}

static void fail_each_call(enum op op, int times, int error)
{
    for (int at = 1; at < 200; at++)
        if (play(op, at, times, error) < at)
            return;
    fail_msg("%s is called without end", op_names[op]);
}

static void test_openat(void **state)
{
    (void)state;
    fail_each_call(OP_OPENAT, 1, EMFILE);
    fail_each_call(OP_OPENAT, 3, ENOSPC);
}

static void test_pwrite(void **state)
{
    (void)state;
    fail_each_call(OP_PWRITE, 1, ENOSPC);
    fail_each_call(OP_PWRITE, 4, EIO);
}

static void test_short_pwrite(void **state)
{
    (void)state;
    fail_each_call(OP_SHORT, 1, 0);
    fail_each_call(OP_SHORT, 5, 0);
}

static void test_fdatasync(void **state)
{
    (void)state;
    fail_each_call(OP_FDATASYNC, 1, EIO);
}

static void test_fdatasync_twice(void **state)
{
    (void)state;
    play(OP_FDATASYNC, 2, 2, EIO);
    play(OP_FDATASYNC, 5, 3, ENOSPC);
}

static void test_fsync(void **state)
{
    (void)state;
    fail_each_call(OP_FSYNC, 1, EIO);
}

static void test_others(void **state)
{
    (void)state;
    play(OP_UNLINK, 1, 1000, EACCES);
    play(OP_PREAD, 1, 1, EIO);
    play(OP_FTRUNCATE, 1, 1000, EIO);
    play(OP_N, 1, 0, 0); /* none fails */
}

static void count_gone(void *arg, const char *stream, struct str team)
{
    (void)stream;
    (void)team;
    ++*(int *)arg;
}

/* A file system that has become read-only: what cannot be removed is found by the next start, which
 * sends it again. Redis must not have been told to forget that it has it. */
static void test_a_segment_that_cannot_be_removed(void **state)
{
    struct fixture f;
    struct spool_record r;
    int gone = 0;

    (void)state;
    disk_reset(OP_UNLINK, 1, 1, EROFS);
    spool_io_use(&shim);
    fixture_init(&f, SPOOL_ALWAYS);
    fixture_open(&f);
    append(&f, "db", "1");
    keep(&f);
    fixture_reopen(&f);
    assert_true(spool_next(f.s, &r));
    spool_ack(f.s, r.position, f.now);
    f.now += 100000;
    spool_alive(f.s, f.now);
    for (int i = 0; i < 50; i++) {
        spool_tick(f.s, f.now, count_gone, &gone);
        wait_wake(&f, 2);
    }
    assert_int_equal(disk.calls[OP_UNLINK], 1);
    assert_int_equal(gone, 0);
    fixture_reopen(&f);
    expect_next(&f, "db", "1");
    spool_io_use(NULL);
    fixture_finish(&f);
}

/* The first start makes the directory: a power loss must not take it with all that was kept. */
static void test_a_new_directory_is_synced(void **state)
{
    char parent[64], path[128];
    struct fixture f;

    (void)state;
    disk_reset(OP_N, 0, 0, 0);
    spool_io_use(&shim);
    fixture_init(&f, SPOOL_ALWAYS);
    memcpy(parent, f.dir, sizeof(parent));
    snprintf(path, sizeof(path), "%s/a", f.dir);
    snprintf(f.dir, sizeof(f.dir), "%.60s/b", path);
    fixture_open(&f);
    assert_int_equal(disk.calls[OP_FSYNC], 2);
    fixture_reopen(&f);
    assert_int_equal(disk.calls[OP_FSYNC], 2);
    spool_io_use(NULL);
    fixture_finish(&f);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(parent), 0);
}

/* A write that fails half way and cannot be cut back. */
static void test_write_error_without_truncate(void **state)
{
    struct fixture f;
    uint64_t t = 0;

    (void)state;
    disk_reset(OP_PWRITE, 2, 3, ENOSPC);
    spool_io_use(&shim);
    fixture_init(&f, SPOOL_ALWAYS);
    fixture_open(&f);
    t = append(&f, "db", "1");
    assert_int_equal(spool_commit(f.s), SPOOL_FULL);
    assert_true(spool_is_full(f.s));
    assert_int_equal(try_append(&f, "db", "2", &t), SPOOL_FULL);
    assert_int_equal(spool_durable(f.s), 0);
    expect_no_next(&f);
    t = append(&f, "db", "3"); /* the disk has room again */
    keep(&f);
    assert_true(wait_durable(&f, t));
    expect_next(&f, "db", "1");
    expect_next(&f, "db", "3");
    assert_false(spool_is_full(f.s));
    spool_io_use(NULL);
    fixture_finish(&f);
}

/* The disk refuses a group: it is taken back, and the next one finds nothing of it. */
static void test_group_is_refused(void **state)
{
    struct fixture f;
    uint64_t t;

    (void)state;
    disk_reset(OP_PWRITE, 4, 1, ENOSPC); /* 1: the header, 2: "1", 3: zeros behind it */
    spool_io_use(&shim);
    fixture_init(&f, SPOOL_ALWAYS);
    fixture_open(&f);
    append(&f, "db", "1");
    keep(&f);
    assert_int_equal(spool_begin(f.s), SPOOL_OK);
    append(&f, "db", "2");
    append(&f, "web", "3");
    assert_int_equal(spool_commit(f.s), SPOOL_FULL);
    spool_cancel(f.s);
    assert_true(spool_is_full(f.s)); /* for a moment */
    assert_int_equal(spool_begin(f.s), SPOOL_OK);
    t = append(&f, "db", "4");
    assert_int_equal(spool_commit(f.s), SPOOL_OK);
    assert_true(wait_durable(&f, t));
    assert_false(spool_is_full(f.s));
    spool_io_use(NULL);
    fixture_reopen(&f);
    expect_next(&f, "db", "1");
    expect_next(&f, "db", "4");
    expect_no_next(&f);
    fixture_finish(&f);
}

static int writes;

static ssize_t third_is_torn(int fd, const void *p, size_t n, off_t at)
{
    if (*(const char *)p == 0) /* zeros ahead, or over what could not be cut off */
        return pwrite(fd, p, n, at);
    writes++;
    if (writes != 4)
        return pwrite(fd, p, writes == 3 ? n - 10 : n, at);
    errno = ENOSPC;
    return -1;
}

static int no_truncate(int fd, off_t size)
{
    (void)fd;
    (void)size;
    errno = EIO;
    return -1;
}

/* A disk that takes most of a group and then neither the rest nor a truncation: nothing of it comes
 * back, also when what is written next ends where its second record begins. */
static void test_group_is_refused_without_truncate(void **state)
{
    struct spool_io io = spool_io_system;
    struct fixture f;
    uint64_t t;

    (void)state;
    writes = 0;
    io.pwrite = third_is_torn; /* 1: the header, 2: "1" */
    io.ftruncate = no_truncate;
    spool_io_use(&io);
    fixture_init(&f, SPOOL_ALWAYS);
    fixture_open(&f);
    append(&f, "db", "1");
    keep(&f);
    assert_int_equal(spool_begin(f.s), SPOOL_OK);
    append(&f, "db", "2");
    append(&f, "web", "3");
    append(&f, "db", "4");
    assert_int_equal(spool_commit(f.s), SPOOL_FULL);
    spool_cancel(f.s);
    assert_int_equal(spool_begin(f.s), SPOOL_OK);
    t = append(&f, "db", "5");
    assert_int_equal(spool_commit(f.s), SPOOL_OK);
    assert_true(wait_durable(&f, t));
    spool_io_use(NULL);
    fixture_reopen(&f);
    expect_next(&f, "db", "1");
    expect_next(&f, "db", "5");
    expect_no_next(&f);
    fixture_finish(&f);
}

/* A process is killed before the names of its segments are durable; the next one says that what it
 * found is. */
static void test_names_that_were_found_are_synced(void **state)
{
    struct story st = {.n = 0};

    (void)state;
    disk_reset(OP_FSYNC, 1, 1000000, EIO);
    spool_io_use(&shim);
    fixture_init(&st.f, SPOOL_INTERVAL);
    fixture_open(&st.f);
    append_some(&st);
    fixture_close(&st.f);
    disk.op = OP_N;
    fixture_open(&st.f);
    assert_true(spool_durable(st.f.s) >= st.tickets[st.n - 1]);
    check_power_loss(&st);
    spool_io_use(NULL);
    fixture_finish(&st.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openat),
        cmocka_unit_test(test_pwrite),
        cmocka_unit_test(test_short_pwrite),
        cmocka_unit_test(test_fdatasync),
        cmocka_unit_test(test_fdatasync_twice),
        cmocka_unit_test(test_fsync),
        cmocka_unit_test(test_group_is_refused),
        cmocka_unit_test(test_names_that_were_found_are_synced),
        cmocka_unit_test(test_group_is_refused_without_truncate),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_a_new_directory_is_synced),
        cmocka_unit_test(test_a_segment_that_cannot_be_removed),
        cmocka_unit_test(test_write_error_without_truncate),
    };
    int r;

    log_set_level(LOG_ERROR_);
    r = cmocka_run_group_tests(tests, NULL, NULL);
    disk_reset(OP_N, 0, 0, 0);
    return r;
}
