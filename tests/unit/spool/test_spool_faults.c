/*
 * test_spool_faults.c - a disk that fails at the n-th call, for every n, and then loses power.
 *
 * The shim behind spool_io keeps a shadow of what a power loss would leave: the content of each
 * file at its last successful fdatasync, if its name was in a directory that was synced since.
 * Bytes that were dirty when an fdatasync failed are gone for good, however often it is called
 * again (the kernel marks such pages clean); only writing them again brings them back.
 */
#include "spool_fixture.h"

#include <pthread.h>

#include "spool_io.h"
#include "triaged/base/log.h"

enum op {
    OP_OPENAT,
    OP_PWRITE,
    OP_SHORT,
    OP_PREAD,
    OP_FDATASYNC,
    OP_FSYNC,
    OP_FTRUNCATE,
    OP_UNLINK,
    OP_WRITE,
    OP_RENAME,
    OP_N
};
static const char *const op_names[OP_N] = {"openat",    "pwrite", "short pwrite", "pread",
                                           "fdatasync", "fsync",  "ftruncate",    "unlink",
                                           "write",     "rename"};
enum { FDS = 256, FILES = 256, FILE_MAX = 1 << 16 };

struct shadow_file {
    char name[96];
    char *synced; /* content at the last sync */
    size_t n;
    bool in_directory; /* its name is durable */
    uint8_t *lost;     /* per byte: dirty when a sync failed, not written since */
    size_t lost_n;     /* extent of lost */
    uint8_t *dirty;    /* per byte: written since the last sync */
    bool removed;
};

static struct {
    pthread_mutex_t lock;
    enum op op;
    int at, times, error; /* the at-th call of op, and times - 1 after it, fail */
    int calls[OP_N + 1];
    struct shadow_file *of_fd[FDS];
    struct shadow_file files[FILES];
    size_t n_files;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool fails(enum op op)
{
    int n = ++disk.calls[op];

    if (op != disk.op || n < disk.at || n >= disk.at + disk.times)
        return false;
    errno = disk.error;
    return true;
}

static struct shadow_file *shadow(const char *name)
{
    struct shadow_file *f;

    for (size_t i = disk.n_files; i-- > 0;)
        if (strcmp(disk.files[i].name, name) == 0 && !disk.files[i].removed)
            return &disk.files[i];
    assert_true(disk.n_files < FILES);
    f = &disk.files[disk.n_files++];
    snprintf(f->name, sizeof(f->name), "%s", name);
    f->lost = calloc(1, FILE_MAX);
    f->dirty = calloc(1, FILE_MAX);
    return f;
}

static int shim_openat(int dir, const char *name, int flags, mode_t mode)
{
    int fd = -1;

    pthread_mutex_lock(&disk.lock);
    if (!fails(OP_OPENAT)) {
        fd = openat(dir, name, flags, mode);
        if (fd >= 0 && fd < FDS)
            disk.of_fd[fd] =
                (flags & O_ACCMODE) == O_RDONLY || !strstr(name, ".seg") ? NULL : shadow(name);
    }
    pthread_mutex_unlock(&disk.lock);
    return fd;
}

static ssize_t shim_pwrite(int fd, const void *p, size_t n, off_t at)
{
    ssize_t r = -1;

    pthread_mutex_lock(&disk.lock);
    if (fails(OP_SHORT)) { /* some bytes, then none */
        n = n / 2 ? n / 2 : 1;
        errno = 0;
    }
    if (!fails(OP_PWRITE))
        r = pwrite(fd, p, n, at);
    if (r > 0 && disk.of_fd[fd]) {
        assert_true((size_t)(at + r) <= FILE_MAX);
        memset(disk.of_fd[fd]->dirty + at, 1, (size_t)r);
        memset(disk.of_fd[fd]->lost + at, 0, (size_t)r);
    }
    pthread_mutex_unlock(&disk.lock);
    return r;
}

static ssize_t shim_pread(int fd, void *p, size_t n, off_t at)
{
    ssize_t r = -1;

    pthread_mutex_lock(&disk.lock);
    if (!fails(OP_PREAD))
        r = pread(fd, p, n, at);
    pthread_mutex_unlock(&disk.lock);
    return r;
}

static void snapshot(int fd, struct shadow_file *f)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    assert_true(st.st_size <= FILE_MAX);
    free(f->synced);
    f->n = (size_t)st.st_size;
    f->synced = calloc(1, f->n + 1);
    assert_int_equal(pread(fd, f->synced, f->n, 0), f->n);
    for (size_t i = 0; i < f->n; i++)
        if (f->lost[i])
            f->synced[i] = 0;
    memset(f->dirty, 0, FILE_MAX);
}

static int shim_fdatasync(int fd)
{
    int r = -1;

    pthread_mutex_lock(&disk.lock);
    if (fails(OP_FDATASYNC)) {
        for (size_t i = 0; disk.of_fd[fd] && i < FILE_MAX; i++)
            disk.of_fd[fd]->lost[i] |= disk.of_fd[fd]->dirty[i];
    } else {
        r = 0;
        if (disk.of_fd[fd])
            snapshot(fd, disk.of_fd[fd]);
    }
    pthread_mutex_unlock(&disk.lock);
    return r;
}

static int shim_fsync(int fd)
{
    int r = -1;

    (void)fd;
    pthread_mutex_lock(&disk.lock);
    if (!fails(OP_FSYNC)) {
        r = 0;
        for (size_t i = 0; i < disk.n_files; i++)
            disk.files[i].in_directory = !disk.files[i].removed;
    }
    pthread_mutex_unlock(&disk.lock);
    return r;
}

static int shim_ftruncate(int fd, off_t size)
{
    int r = -1;

    pthread_mutex_lock(&disk.lock);
    if (!fails(OP_FTRUNCATE))
        r = ftruncate(fd, size);
    pthread_mutex_unlock(&disk.lock);
    return r;
}

static int shim_rename(int dir, const char *from, const char *to)
{
    int r = -1;

    pthread_mutex_lock(&disk.lock);
    if (!fails(OP_RENAME))
        r = renameat(dir, from, dir, to);
    pthread_mutex_unlock(&disk.lock);
    return r;
}

static ssize_t shim_write(int fd, const void *p, size_t n)
{
    ssize_t r = -1;

    pthread_mutex_lock(&disk.lock);
    if (!fails(OP_WRITE)) /* in pieces: the n-th fails in the middle of a line */
        r = write(fd, p, n > 100 && n < 4096 ? 100 : n);
    pthread_mutex_unlock(&disk.lock);
    return r;
}

static int shim_unlink(int dir, const char *name)
{
    int r = -1;

    pthread_mutex_lock(&disk.lock);
    if (!fails(OP_UNLINK)) {
        r = unlinkat(dir, name, 0);
        if (r == 0)
            shadow(name)->removed = true;
    }
    pthread_mutex_unlock(&disk.lock);
    return r;
}

static const struct spool_io shim = {
    .openat = shim_openat,
    .pwrite = shim_pwrite,
    .pread = shim_pread,
    .write = shim_write,
    .fdatasync = shim_fdatasync,
    .fsync = shim_fsync,
    .ftruncate = shim_ftruncate,
    .rename = shim_rename,
    .unlink = shim_unlink,
    .fstatvfs = fstatvfs,
};

static void disk_reset(enum op op, int at, int times, int error)
{
    for (size_t i = 0; i < disk.n_files; i++) {
        free(disk.files[i].synced);
        free(disk.files[i].lost);
        free(disk.files[i].dirty);
    }
    memset(disk.files, 0, sizeof(disk.files));
    memset(disk.of_fd, 0, sizeof(disk.of_fd));
    memset(disk.calls, 0, sizeof(disk.calls));
    disk.n_files = 0;
    disk.op = op;
    disk.at = at;
    disk.times = times;
    disk.error = error;
}

/* The directory as a power loss would leave it now. */
static void power_loss(const char *dir)
{
    pthread_mutex_lock(&disk.lock);
    for (size_t i = 0; i < disk.n_files; i++) {
        struct shadow_file *f = &disk.files[i];
        char path[200];
        int fd;

        if (!f->in_directory || !strstr(f->name, ".seg"))
            continue;
        snprintf(path, sizeof(path), "%s/%s", dir, f->name);
        fd = open(path, O_WRONLY | O_CREAT, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, f->synced ? f->synced : "", f->n), f->n);
        close(fd);
    }
    pthread_mutex_unlock(&disk.lock);
}

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
    st.f.o.segment_size = 4096;
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
    play(OP_N, 1, 0, 0); /* none fails */
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
    disk_reset(OP_PWRITE, 3, 1, ENOSPC); /* 1: the header, 2: "1" */
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

/* ---- dead letters
 * --------------------------------------------------------------------------------
 */

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
    int seen[LETTERS + 1] = {0}, kept[LETTERS + 1] = {0}, failures = 0;
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

        kept[i] = spool_dead_letter(f.s, &r, S("ERR"), f.now);
        failures += !kept[i];
    }
    spool_io_use(NULL);
    fixture_close(&f);
    each_file(&f, "dead-letter", count_lines, seen);
    assert_in_range(failures, 0, 1);
    for (int i = 1; i <= LETTERS; i++)
        if (kept[i] ? seen[i] != 1 : seen[i] > 1)
            fail_msg("%s %d: letter %d: kept %d, there %d", op_names[op], at, i, kept[i], seen[i]);
    fixture_finish(&f);
    return disk.calls[op];
}

/* What was said to be kept is there once, in a whole line. */
static void test_dead_letters(void **state)
{
    static const enum op ops[] = {OP_OPENAT, OP_WRITE, OP_FDATASYNC, OP_RENAME};

    (void)state;
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        for (int at = 1; write_letters(ops[i], at) >= at; at++)
            assert_true(at < 200);
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
        cmocka_unit_test(test_dead_letters),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_write_error_without_truncate),
    };
    int r;

    log_set_level(LOG_ERROR_);
    r = cmocka_run_group_tests(tests, NULL, NULL);
    disk_reset(OP_N, 0, 0, 0);
    return r;
}
