/* test_dead_letter.c - records put aside on a disk that fails at the n-th call, for every n. */
#include "failing_disk.h"

#include "triaged/base/log.h"
#include "triaged/base/metrics.h"

enum { LETTERS = 11 }; /* two large ones: one rename; the second would take the older file away */

static void count_lines(const char *path, void *arg)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;

    assert_non_null(f);
    while ((n = getline(&line, &cap, f)) > 0) {
        const char *seq = strstr(line, "\"seq\":");

        assert_non_null(seq);
        assert_string_equal(line + n - 3, "\"}\n"); /* whole */
        ((int *)arg)[atoi(seq + 6)]++;
    }
    free(line);
    fclose(f);
}

/* Returns how often the failing call was called. */
static int write_letters(enum op op, int at)
{
    static char big[8 * 1024 * 1024];
    int seen[LETTERS + 1] = {0}, failures = 0;
    struct fixture f;

    memset(big, 'x', sizeof(big));
    disk_reset(OP_N, 0, 0, 0);
    spool_io_use(&shim);
    fixture_init(&f, SPOOL_ALWAYS);
    fixture_open(&f);
    disk.op = op;
    disk.at = at;
    disk.times = 1;
    disk.error = ENOSPC;
    memset(disk.calls, 0, sizeof(disk.calls));
    for (int i = 1; i <= LETTERS; i++) {
        struct spool_record r = {
            .stream = "0123456789abcdef0123456789abcdef",
            .seq = (uint64_t)i,
            .team = S("db"),
            .payload = {big, op == OP_RENAME && i % 4 == 0 ? sizeof(big) : 200}};

        if (spool_dead_letter(f.s, &r, S("ERR"), f.now))
            continue;
        failures++; /* as the shipper does: once more */
        assert_true(spool_dead_letter(f.s, &r, S("ERR"), f.now));
    }
    spool_io_use(NULL);
    fixture_close(&f);
    each_file(&f, "dead-letter", count_lines, seen);
    assert_in_range(failures, 0, 1);
    for (int i = 1; i <= LETTERS; i++)
        if (seen[i] != 1)
            fail_msg("%s %d: letter %d is there %d times", op_names[op], at, i, seen[i]);
    fixture_finish(&f);
    return disk.calls[op];
}

/* What was said to be kept is there once, in a whole line. */
static void test_dead_letters(void **state)
{
    static const enum op ops[] = {OP_OPENAT, OP_WRITE, OP_FDATASYNC, OP_FSYNC, OP_RENAME};

    (void)state;
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        for (int at = 1; write_letters(ops[i], at) >= at; at++)
            assert_true(at < 200);
}

/* A full file takes the place of the one before: what stood there is lost, and counted. */
static void test_full_for_the_third_time(void **state)
{
    static char big[6 * 1024 * 1024]; /* 8 MiB in base64 */
    struct metric_cell *lost = metric_cell(&spool_dead_letters_lost_total);
    int seen[LETTERS + 1] = {0};
    int64_t before = metric_get(lost);
    struct fixture f;

    (void)state;
    memset(big, 'x', sizeof(big));
    fixture_init(&f, SPOOL_NEVER);
    fixture_open(&f);
    for (int i = 1; i <= 5; i++) {
        struct spool_record r = {.stream = "0123456789abcdef0123456789abcdef",
                                 .seq = (uint64_t)i,
                                 .team = S("db"),
                                 .payload = {big, sizeof(big)}};

        assert_true(spool_dead_letter(f.s, &r, S("ERR"), f.now));
    }
    each_file(&f, "dead-letter", count_lines, seen);
    for (int i = 1; i <= 5; i++)
        assert_int_equal(seen[i], i > metric_get(lost) - before);
    assert_in_range(metric_get(lost) - before, 1, 3);
    fixture_finish(&f);
}

static int gone_for; /* calls */

static int gone_fdatasync(int fd)
{
    if (gone_for-- <= 0)
        return fdatasync(fd);
    errno = EIO;
    return -1;
}

static int gone_ftruncate(int fd, off_t size)
{
    if (gone_for-- <= 0)
        return ftruncate(fd, size);
    errno = EIO;
    return -1;
}

/* A disk that can neither sync a letter nor take it back, for a while. */
static void test_a_letter_that_cannot_be_taken_back(void **state)
{
    int seen[LETTERS + 1] = {0};
    struct spool_io io = spool_io_system;
    struct fixture f;

    (void)state;
    io.fdatasync = gone_fdatasync;
    io.ftruncate = gone_ftruncate;
    spool_io_use(&io);
    fixture_init(&f, SPOOL_ALWAYS);
    fixture_open(&f);
    for (int i = 1; i <= LETTERS; i++) {
        struct spool_record r = {.stream = "0123456789abcdef0123456789abcdef",
                                 .seq = (uint64_t)i,
                                 .team = S("db"),
                                 .payload = S("payload")};
        int tries = 0;

        gone_for = i % 6;
        while (!spool_dead_letter(f.s, &r, S("ERR"), f.now))
            assert_true(++tries < 10);
        assert_true(i % 6 == 0 ? tries == 0 : tries > 0);
    }
    spool_io_use(NULL);
    fixture_close(&f);
    each_file(&f, "dead-letter", count_lines, seen);
    for (int i = 1; i <= LETTERS; i++)
        assert_int_equal(seen[i], 1);
    fixture_finish(&f);
}

/* ---- what the next process reads there ----------------------------------------------------------
 */

static void put_letter(struct fixture *f, const char *text)
{
    char path[200];
    int fd;

    snprintf(path, sizeof(path), "%s/dead-letter.jsonl", f->dir);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* A letter that a kill cut off is none, though the next one has ended its line; one that lacks
 * nothing but the end of its line is one. */
static void test_half_a_letter(void **state)
{
    static const char *const rests[] = {
        "",
        ",\"appended_at\":\"2026-01-01T00:00:00.000Z\",\"error\":\"ERR {\\\"a\\\":\\\"b\\\"}",
        ",\"error\":\"ERR {a}",
        ",\"error\":\"x\",\"payload\":\"Zm9v",
        ",\"error\":\"x\",\"payload\":\"Zm9v\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
        struct fixture f;
        struct spool_record r;
        char text[400];
        bool whole = i == 4;

        fixture_init(&f, SPOOL_ALWAYS);
        fixture_open(&f);
        append(&f, "db", "first");
        append(&f, "net", "second");
        keep(&f);
        assert_true(spool_next(f.s, &r));
        snprintf(text, sizeof(text), "{\"team\":\"db\",\"stream\":\"%s\",\"seq\":%llu%s", r.stream,
                 (unsigned long long)r.seq, rests[i]);
        put_letter(&f, text);
        fixture_reopen(&f);
        assert_true(spool_next(f.s, &r));
        assert_int_equal(r.aside, whole);
        assert_true(spool_next(f.s, &r));
        assert_true(spool_dead_letter(f.s, &r, S("ERR"), f.now));
        fixture_reopen(&f);
        assert_true(spool_next(f.s, &r));
        assert_int_equal(r.aside, whole);
        assert_true(spool_next(f.s, &r));
        assert_true(r.aside);
        fixture_finish(&f);
    }
}

/* Those of many records, in many segments, and of some that are not kept any more. */
static void test_each_letter_finds_its_record(void **state)
{
    enum { N = 500 };
    struct fixture f;
    struct spool_record r;

    (void)state;
    fixture_init(&f, SPOOL_NEVER);
    f.o.segment_size = 4096;
    fixture_open(&f);
    for (int i = 0; i < N; i++) {
        append(&f, i % 3 ? "db" : "net", "text");
        keep(&f);
    }
    for (int i = 1; spool_next(f.s, &r); i++) {
        if (i % 7 == 0)
            assert_true(spool_dead_letter(f.s, &r, S("ERR"), f.now));
        r.seq += N;
        assert_true(spool_dead_letter(f.s, &r, S("ERR"), f.now));
    }
    fixture_reopen(&f);
    for (int i = 1; i <= N; i++) {
        assert_true(spool_next(f.s, &r));
        assert_int_equal(r.seq, i);
        assert_int_equal(r.aside, i % 7 == 0);
    }
    expect_no_next(&f);
    fixture_finish(&f);
}

/* ---- beside `triagectl spool retry` -------------------------------------------------------------
 */

static struct fixture *retried;

/* As soon as it is open, `spool retry` takes it in hand and is done with it. */
static int taken_openat(int dir, const char *name, int flags, mode_t mode)
{
    int fd = openat(dir, name, flags, mode);

    if (retried && strcmp(name, "dead-letter.jsonl") == 0 && (flags & O_CREAT)) {
        retried = NULL;
        assert_int_equal(renameat(dir, name, dir, "dead-letter.retry.jsonl"), 0);
        assert_int_equal(unlinkat(dir, "dead-letter.retry.jsonl", 0), 0);
    }
    return fd;
}

static void test_the_file_is_taken_away(void **state)
{
    struct spool_record r = {.stream = "0123456789abcdef0123456789abcdef",
                             .seq = 1,
                             .team = S("db"),
                             .payload = S("payload")};
    int seen[LETTERS + 1] = {0};
    struct spool_io io = spool_io_system;
    struct fixture f;

    (void)state;
    io.openat = taken_openat;
    spool_io_use(&io);
    fixture_init(&f, SPOOL_ALWAYS);
    fixture_open(&f);
    retried = &f;
    assert_true(spool_dead_letter(f.s, &r, S("ERR"), f.now));
    spool_io_use(NULL);
    each_file(&f, "dead-letter", count_lines, seen);
    assert_int_equal(seen[1], 1);
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_a_letter),
        cmocka_unit_test(test_each_letter_finds_its_record),
        cmocka_unit_test(test_the_file_is_taken_away),
        cmocka_unit_test(test_a_letter_that_cannot_be_taken_back),
        cmocka_unit_test(test_dead_letters),
        cmocka_unit_test(test_full_for_the_third_time),
    };
    int r;

    log_set_level(LOG_ERROR_);
    r = cmocka_run_group_tests(tests, NULL, NULL);
    disk_reset(OP_N, 0, 0, 0);
    return r;
}
