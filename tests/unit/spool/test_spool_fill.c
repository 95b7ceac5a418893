/* test_spool_fill.c - zeros ahead of the records: when there are some, that they are in nobody's
 * way, what a start finds after a kill, and a disk that has no room for them. */
#include "failing_disk.h"

#include <sys/wait.h>

#include "triaged/base/log.h"
#include "triaged/spool/inspect.h"

enum { HEAD = 52 + 10 + 2, RECORD = 44 + 2 + 5 }; /* of "db", with five bytes */

static void size_of(const char *path, void *arg)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    *(off_t *)arg += st.st_size;
}

static off_t on_disk(struct fixture *f)
{
    off_t size = 0;

    each_file(f, ".seg", size_of, &size);
    return size;
}

static uint64_t in_use(struct fixture *f)
{
    struct spool_stats st;

    spool_stats(f->s, &st);
    return st.bytes;
}

static void put(struct fixture *f, const char *text)
{
    uint64_t t = append(f, "db", text);

    keep(f);
    assert_true(wait_durable(f, t));
}

/* A spool of `n` records whose process is killed. */
static void leave(struct fixture *f, int n)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        fixture_open(f);
        for (int i = 0; i < n; i++)
            put(f, "hello");
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

struct copy {
    char path[400];
    char *p;
    size_t n;
};

static void read_whole(const char *path, void *arg)
{
    struct copy *c = arg;
    FILE *f = fopen(path, "r");
    struct stat st;

    assert_non_null(f);
    assert_int_equal(stat(path, &st), 0);
    snprintf(c->path, sizeof(c->path), "%s", path);
    c->n = (size_t)st.st_size;
    c->p = malloc(c->n);
    assert_int_equal(fread(c->p, 1, c->n, f), c->n);
    fclose(f);
}

static void put_back(const struct copy *c)
{
    FILE *f = fopen(c->path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(c->p, 1, c->n, f), c->n);
    fclose(f);
}

static size_t count(struct fixture *f)
{
    struct spool_record r;
    size_t n = 0;

    while (spool_next(f->s, &r))
        n++;
    return n;
}

/* ---- when ---------------------------------------------------------------------------------------
 */

static void test_only_always_fills(void **state)
{
    static const int policies[] = {SPOOL_ALWAYS, SPOOL_INTERVAL, SPOOL_NEVER};

    (void)state;
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        struct fixture f;

        fixture_init(&f, policies[i]);
        fixture_open(&f);
        put(&f, "first");
        if (policies[i] == SPOOL_ALWAYS)
            assert_in_range(on_disk(&f), 64 * 1024, 65 * 1024);
        else
            assert_int_equal(on_disk(&f), in_use(&f));
        for (int k = 0; k < 2000; k++)
            put(&f, "hello");
        assert_true((uint64_t)on_disk(&f) >= in_use(&f));
        assert_int_equal(count(&f), 2001);
        fixture_close(&f);
        assert_int_equal(on_disk(&f), HEAD + 2001 * RECORD); /* cut to its records */
        fixture_open(&f);
        assert_int_equal(count(&f), 2001);
        fixture_finish(&f);
    }
}

/* Little room is not spent on zeros, and large writes have none: these would be written twice. */
static void test_how_much(void **state)
{
    static char big[20 * 1024];
    struct fixture f;

    (void)state;
    memset(big, 'x', sizeof(big) - 1);
    fixture_init(&f, SPOOL_ALWAYS);
    f.o.max_size = 64 * 1024;
    fixture_open(&f);
    put(&f, "first");
    assert_int_equal(on_disk(&f) - (off_t)in_use(&f), 8 * 1024);
    put(&f, big);
    assert_int_equal(on_disk(&f), in_use(&f));
    fixture_finish(&f);
    fixture_init(&f, SPOOL_ALWAYS);
    f.o.segment_size = 4096;
    fixture_open(&f);
    put(&f, "first");
    assert_int_equal(on_disk(&f), 4096);
    fixture_finish(&f);
}

static void test_a_segment_that_is_left_is_cut(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, SPOOL_ALWAYS);
    f.o.retain_ms = 1000;
    fixture_open(&f);
    put(&f, "first");
    f.now += 2000;
    put(&f, "other"); /* in a new one */
    assert_int_equal(each_file(&f, ".seg", NULL, NULL), 2);
    assert_true(on_disk(&f) > 2 * 64 * 1024);
    spool_tick(f.s, f.now, NULL, NULL);
    assert_in_range(on_disk(&f), 64 * 1024, 65 * 1024);
    fixture_finish(&f);
}

/* ---- after a kill -------------------------------------------------------------------------------
 */

static void test_kill(void **state)
{
    struct fixture f;
    struct spool_stats st;

    (void)state;
    fixture_init(&f, SPOOL_ALWAYS);
    leave(&f, 10);
    assert_true(on_disk(&f) > 64 * 1024);
    fixture_open(&f);
    spool_stats(f.s, &st);
    assert_int_equal(st.records_waiting, 10);
    assert_int_equal(st.torn + st.corrupt, 0);
    assert_int_equal(on_disk(&f), HEAD + 10 * RECORD);
    assert_int_equal(count(&f), 10);
    fixture_finish(&f);
}

/* A flipped bit is no end of the records, whichever it hits, and costs one of them. */
static void test_flip_of_every_byte_after_a_kill(void **state)
{
    enum { N = 3 };
    struct copy c;
    struct fixture f;

    (void)state;
    fixture_init(&f, SPOOL_ALWAYS);
    leave(&f, N);
    each_file(&f, ".seg", read_whole, &c);
    for (size_t at = 0; at < HEAD + N * RECORD; at++) {
        struct spool_stats st;

        c.p[at] = (char)(c.p[at] ^ 0x20);
        put_back(&c);
        for (int again = 0; again < 2; again++) { /* and a second start finds the same */
            fixture_open(&f);
            spool_stats(f.s, &st);
            assert_int_equal(st.corrupt, 1);
            assert_int_equal(st.torn, 0);
            assert_int_equal(count(&f), at < HEAD ? N : N - 1);
            fixture_close(&f);
        }
        c.p[at] = (char)(c.p[at] ^ 0x20);
        assert_int_equal(each_file(&f, "corrupt-", unlink_path, NULL), 1);
    }
    free(c.p);
    fixture_finish(&f);
}

/* A write that was cut off before the zeros is cut off and counted, once. */
static void test_torn_before_the_zeros(void **state)
{
    struct copy c;
    struct fixture f;
    struct spool_stats st;

    (void)state;
    fixture_init(&f, SPOOL_ALWAYS);
    leave(&f, 30); /* some 1500 bytes: a sector's end lies in record 9 */
    each_file(&f, ".seg", read_whole, &c);
    memset(c.p + 512, 0, 1100);
    put_back(&c);
    for (int again = 0; again < 2; again++) {
        fixture_open(&f);
        spool_stats(f.s, &st);
        assert_int_equal(st.torn, !again);
        assert_int_equal(st.corrupt, 0);
        assert_int_equal(count(&f), (512 - HEAD) / RECORD);
        assert_int_equal(on_disk(&f), HEAD + (512 - HEAD) / RECORD * RECORD);
        fixture_close(&f);
    }
    free(c.p);
    fixture_finish(&f);
}

/* What the disk cannot read is damage, also where only zeros seem to follow: nothing is cut off. */
static void test_unreadable(void **state)
{
    struct fixture f;
    struct spool_stats st;

    (void)state;
    disk_reset(OP_N, 0, 0, 0);
    fixture_init(&f, SPOOL_ALWAYS);
    f.o.segment_size = 4096;
    leave(&f, 10);
    disk_reset(OP_PREAD, 1, 1000, EIO);
    spool_io_use(&shim);
    fixture_open(&f);
    spool_stats(f.s, &st);
    assert_int_equal(st.records_waiting, 0);
    assert_int_equal(st.corrupt, 1);
    assert_int_equal(st.torn, 0);
    spool_io_use(NULL);
    fixture_finish(&f);
}

/* ---- inspect ------------------------------------------------------------------------------------
 */

static void look(void *arg, const struct spool_segment_info *g)
{
    *(struct spool_segment_info *)arg = *g;
}

static void test_inspect_beside_it(void **state)
{
    struct spool_segment_info g = {.records = 0};
    struct spool_inspector with = {.on_segment = look, .arg = &g};
    struct fixture f;
    struct diag why;

    (void)state;
    diag_init(&why);
    fixture_init(&f, SPOOL_ALWAYS);
    fixture_open(&f);
    put(&f, "first");
    put(&f, "other");
    assert_true(spool_inspect(f.dir, &with, &why));
    assert_int_equal(g.records, 2);
    assert_int_equal(g.size, in_use(&f));
    assert_int_equal(g.torn_bytes + g.places + g.bad_bytes, 0);
    diag_finish(&why);
    fixture_finish(&f);
}

/* ---- no room ------------------------------------------------------------------------------------
 */

static int no_room(int fd, struct statvfs *out)
{
    int r = fstatvfs(fd, out);

    out->f_bavail = 100 * 1024 / out->f_frsize;
    return r;
}

/* Zeros are not what makes a disk full. */
static void test_a_disk_that_is_nearly_full(void **state)
{
    struct spool_io io = spool_io_system;
    struct fixture f;

    (void)state;
    io.fstatvfs = no_room;
    spool_io_use(&io);
    fixture_init(&f, SPOOL_ALWAYS);
    fixture_open(&f);
    put(&f, "first");
    assert_int_equal(on_disk(&f), in_use(&f));
    put(&f, "other");
    assert_int_equal(count(&f), 2);
    spool_io_use(NULL);
    fixture_finish(&f);
}

/* Of the zeros only these many calls succeed. */
static int zeros_left;

static ssize_t no_zeros(int fd, const void *p, size_t n, off_t at)
{
    if (n < 1000 || *(const char *)p != 0)
        return pwrite(fd, p, n, at);
    if (zeros_left-- > 0)
        return pwrite(fd, p, n / 2, at);
    errno = ENOSPC;
    return -1;
}

/* They are refused: nobody but the counter hears of it, and what was written of them goes. */
static void test_no_zeros_on_a_full_disk(void **state)
{
    struct spool_io io = spool_io_system;
    struct fixture f;

    (void)state;
    io.pwrite = no_zeros;
    for (int some = 0; some < 3; some++) {
        zeros_left = some;
        spool_io_use(&io);
        fixture_init(&f, SPOOL_ALWAYS);
        fixture_open(&f);
        put(&f, "first");
        assert_int_equal(on_disk(&f), in_use(&f));
        put(&f, "other");
        assert_int_equal(on_disk(&f), in_use(&f));
        assert_int_equal(count(&f), 2);
        spool_io_use(NULL);
        fixture_reopen(&f);
        assert_int_equal(count(&f), 2);
        fixture_finish(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_always_fills),
        cmocka_unit_test(test_how_much),
        cmocka_unit_test(test_a_segment_that_is_left_is_cut),
        cmocka_unit_test(test_kill),
        cmocka_unit_test(test_flip_of_every_byte_after_a_kill),
        cmocka_unit_test(test_torn_before_the_zeros),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_inspect_beside_it),
        cmocka_unit_test(test_a_disk_that_is_nearly_full),
        cmocka_unit_test(test_no_zeros_on_a_full_disk),
    };
    int r;

    log_set_level(LOG_ERROR_);
    r = cmocka_run_group_tests(tests, NULL, NULL);
    disk_reset(OP_N, 0, 0, 0);
    return r;
}
