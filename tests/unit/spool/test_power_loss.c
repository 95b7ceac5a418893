/*
 * test_power_loss.c - the power fails at every moment of a run.
 *
 * Every write, truncation, creation, removal and sync of a run is recorded, and between them what
 * the spool called durable. For every prefix of the recording the disk is put together as a power
 * loss may leave it: what was synced is there; of what was not, nothing, all, or any choice of
 * sectors and directory entries. Most writes go over zeros that were synced before, so that of an
 * unfinished one any sector may be missing, in its middle too, while the file has its full length.
 * Whatever the choice, a spool that opens on it has all records that were durable, in order, once,
 * takes no zeros for damage, and goes on.
 *
 * A sync may fail as well: what it should have covered is any choice of sectors for ever.
 */
#include "spool_fixture.h"

#include <pthread.h>

#include "segment.h"
#include "spool_io.h"
#include "triaged/base/log.h"

enum kind { CREATE, WRITE, TRUNCATE, SYNC, SYNC_FAILED, SYNC_DIRECTORY, UNLINK, DURABLE };
enum { OPS_MAX = 4096, FILES_MAX = 128, FDS_MAX = 256, FILE_SIZE_MAX = 128 * 1024 };
enum choice { NOTHING, EVERYTHING, RANDOM, CHOICES = RANDOM + 6 };

struct op {
    enum kind kind;
    int file;
    size_t at, n; /* DURABLE: n = ticket */
    char *p;
};

static struct {
    pthread_mutex_t lock;
    struct op ops[OPS_MAX];
    size_t n_ops;
    char names[FILES_MAX][96];
    int n_files;
    int of_fd[FDS_MAX]; /* file + 1 */
    int fail_at;        /* the how many-th fdatasync from now on fails; 0 = none */
} tape = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Called with the lock. */
static struct op *record(enum kind kind, int file)
{
    struct op *op;

    assert_true(tape.n_ops < OPS_MAX);
    op = &tape.ops[tape.n_ops++];
    *op = (struct op){.kind = kind, .file = file};
    return op;
}

static int file_of(const char *name)
{
    for (int i = 0; i < tape.n_files; i++)
        if (strcmp(tape.names[i], name) == 0)
            return i;
    return -1;
}

static int rec_openat(int dir, const char *name, int flags, mode_t mode)
{
    int fd, file;

    pthread_mutex_lock(&tape.lock);
    fd = openat(dir, name, flags, mode);
    if (fd >= 0 && fd < FDS_MAX && (flags & O_ACCMODE) != O_RDONLY) {
        file = file_of(name);
        if (file < 0) {
            assert_true(tape.n_files < FILES_MAX);
            file = tape.n_files++;
            snprintf(tape.names[file], sizeof(tape.names[0]), "%s", name);
            record(CREATE, file);
        }
        tape.of_fd[fd] = file + 1;
    }
    pthread_mutex_unlock(&tape.lock);
    return fd;
}

static ssize_t rec_pwrite(int fd, const void *p, size_t n, off_t at)
{
    ssize_t r;

    pthread_mutex_lock(&tape.lock);
    r = pwrite(fd, p, n, at);
    if (r > 0 && tape.of_fd[fd]) {
        struct op *op = record(WRITE, tape.of_fd[fd] - 1);

        op->at = (size_t)at;
        op->n = (size_t)r;
        op->p = malloc((size_t)r);
        memcpy(op->p, p, (size_t)r);
    }
    pthread_mutex_unlock(&tape.lock);
    return r;
}

static int rec_ftruncate(int fd, off_t size)
{
    int r;

    pthread_mutex_lock(&tape.lock);
    r = ftruncate(fd, size);
    if (r == 0 && tape.of_fd[fd])
        record(TRUNCATE, tape.of_fd[fd] - 1)->n = (size_t)size;
    pthread_mutex_unlock(&tape.lock);
    return r;
}

/* What is on the tape when the sync begins is what it covers. */
static int rec_fdatasync(int fd)
{
    bool fails;

    pthread_mutex_lock(&tape.lock);
    fails = tape.fail_at > 0 && --tape.fail_at == 0;
    if (tape.of_fd[fd])
        record(fails ? SYNC_FAILED : SYNC, tape.of_fd[fd] - 1);
    pthread_mutex_unlock(&tape.lock);
    poll(NULL, 0, 2); /* a slow disk: what is written meanwhile is not covered */
    errno = EIO;
    return fails ? -1 : 0;
}

static int rec_fsync(int fd)
{
    (void)fd;
    pthread_mutex_lock(&tape.lock);
    record(SYNC_DIRECTORY, -1);
    pthread_mutex_unlock(&tape.lock);
    return 0;
}

static int rec_unlink(int dir, const char *name)
{
    int r;

    pthread_mutex_lock(&tape.lock);
    r = unlinkat(dir, name, 0);
    if (r == 0 && file_of(name) >= 0)
        record(UNLINK, file_of(name));
    pthread_mutex_unlock(&tape.lock);
    return r;
}

static int rec_rename(int dir, const char *from, const char *to)
{
    return renameat(dir, from, dir, to);
}

static const struct spool_io recorder = {
    .openat = rec_openat,
    .pwrite = rec_pwrite,
    .pread = pread,
    .write = write,
    .fdatasync = rec_fdatasync,
    .fsync = rec_fsync,
    .ftruncate = rec_ftruncate,
    .rename = rec_rename,
    .unlink = rec_unlink,
    .fstatvfs = fstatvfs,
};

static void tape_reset(void)
{
    for (size_t i = 0; i < tape.n_ops; i++)
        free(tape.ops[i].p);
    tape.n_ops = 0;
    tape.n_files = 0;
    memset(tape.of_fd, 0, sizeof(tape.of_fd));
}

/* ---- a disk after a power loss -----------------------------------------------------------------
 */

struct image {
    char bytes[FILES_MAX][FILE_SIZE_MAX];
    size_t size[FILES_MAX];
    bool exists[FILES_MAX];
};

static uint64_t dice;

static bool toss(enum choice c)
{
    if (c < RANDOM)
        return c == EVERYTHING;
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return dice >> 63;
}

/* Whether op i of a prefix of n was made durable by a later sync. */
static bool is_synced(size_t i, size_t n)
{
    const struct op *op = &tape.ops[i];
    bool name = op->kind == CREATE || op->kind == UNLINK;

    for (size_t k = i + 1; k < n; k++) {
        if (op->kind == WRITE && tape.ops[k].kind == SYNC_FAILED && tape.ops[k].file == op->file)
            return false;
        if (name ? tape.ops[k].kind == SYNC_DIRECTORY
                 : tape.ops[k].kind == SYNC && tape.ops[k].file == op->file)
            return true;
    }
    return false;
}

static void grow(struct image *m, int f, size_t size)
{
    if (size > m->size[f])
        m->size[f] = size;
}

static void write_sectors(struct image *m, const struct op *op, bool synced, enum choice c)
{
    for (size_t from = op->at, end = op->at + op->n; from < end;) {
        size_t to = (from / SECTOR + 1) * SECTOR;

        if (to > end)
            to = end;
        assert_true(to <= FILE_SIZE_MAX);
        if (synced || toss(c)) {
            memcpy(m->bytes[op->file] + from, op->p + (from - op->at), to - from);
            grow(m, op->file, to);
        }
        from = to;
    }
    if (!synced && toss(c)) /* the size may be ahead of the bytes: zeros */
        grow(m, op->file, op->at + op->n);
}

static void make_image(struct image *m, size_t n, enum choice c)
{
    memset(m->size, 0, sizeof(m->size));
    memset(m->exists, 0, sizeof(m->exists));
    memset(m->bytes, 0, (size_t)tape.n_files * FILE_SIZE_MAX);
    for (size_t i = 0; i < n; i++) {
        const struct op *op = &tape.ops[i];
        bool synced = is_synced(i, n);

        switch (op->kind) {
        case CREATE:
            m->exists[op->file] = synced || toss(c);
            break;
        case UNLINK:
            if (synced || toss(c))
                m->exists[op->file] = false;
            break;
        case WRITE:
            write_sectors(m, op, synced, c);
            break;
        case TRUNCATE:
            if (synced || toss(c)) {
                memset(m->bytes[op->file] + op->n, 0, FILE_SIZE_MAX - op->n);
                m->size[op->file] = op->n;
            }
            break;
        case SYNC:
        case SYNC_FAILED:
        case SYNC_DIRECTORY:
        case DURABLE:
            break;
        }
    }
}

static void put_image(const struct image *m, const char *dir)
{
    for (int f = 0; f < tape.n_files; f++) {
        char path[200];
        int fd;

        if (!m->exists[f])
            continue;
        snprintf(path, sizeof(path), "%s/%s", dir, tape.names[f]);
        fd = open(path, O_WRONLY | O_CREAT, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, m->bytes[f], m->size[f]), m->size[f]);
        close(fd);
    }
}

/* ---- the run and the check ----------------------------------------------------------------------
 */

enum { TEXT_MAX = 1800 };

/* Some are of several sectors. */
static void text_of(int i, char out[TEXT_MAX])
{
    size_t n = i % 5 == 3 ? TEXT_MAX - 1 - (size_t)i : 140;

    memset(out, 'a' + i % 26, n);
    out[snprintf(out, 16, "%d", i)] = '.';
    out[n] = '\0';
}

static void note_durable(struct fixture *f)
{
    uint64_t ticket = spool_durable(f->s);

    pthread_mutex_lock(&tape.lock);
    record(DURABLE, -1)->n = ticket;
    pthread_mutex_unlock(&tape.lock);
}

enum { RECORDS = 60 };

/* Records 0, 1, 2 … have the tickets 1, 2, 3 …; some groups are taken back, some are acknowledged.
 */
static void run(struct fixture *f, int acks)
{
    struct spool_record r;
    char text[TEXT_MAX];
    int n = 0;

    while (n < RECORDS) {
        uint64_t t = 0;

        assert_int_equal(spool_begin(f->s), SPOOL_OK);
        for (int k = 0; k < 3; k++)
            t = append(f, "gone", "taken back");
        spool_cancel(f->s);
        for (int k = n % 7; k >= 0 && n < RECORDS; k--, n++) {
            text_of(n, text);
            t = append(f, n % 3 ? "db" : "net", text);
            assert_int_equal(t, n + 1);
        }
        keep(f);
        note_durable(f);
        if (n % 4 == 0)
            assert_true(wait_durable(f, t));
        note_durable(f);
        if (acks > 0 && n > acks && spool_next(f->s, &r))
            spool_ack(f->s, r.position, f->now);
        f->now += 400;
        spool_tick(f->s, f->now, NULL, NULL);
    }
    for (uint64_t done = 0; done < RECORDS; done = spool_durable(f->s))
        assert_true(wait_durable(f, RECORDS));
    note_durable(f);
}

/* Damage is expected here, thousands of times: its log lines would hide everything else. */
static void open_quietly(struct fixture *f)
{
    int err = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);

    assert_true(err >= 0 && null >= 0);
    dup2(null, STDERR_FILENO);
    fixture_open(f);
    dup2(err, STDERR_FILENO);
    close(err);
    close(null);
}

/* All that is there is in order and unbroken; returns how many from `first` on (-1 = none needed).
 */
static void check(size_t n_ops, enum choice c, uint64_t promised, int first)
{
    struct spool_record r;
    struct fixture f;
    struct spool_stats stats;
    int next = -1;
    char text[TEXT_MAX];

    fixture_init(&f, SPOOL_NEVER);
    static struct image m;
    make_image(&m, n_ops, c);
    put_image(&m, f.dir);
    open_quietly(&f);
    spool_stats(f.s, &stats);
    if (c < RANDOM && stats.corrupt + stats.torn > 0)
        fail_msg("op %zu choice %d: zeros ahead were taken for a fault", n_ops, c);
    while (spool_next(f.s, &r)) {
        int i = atoi(r.payload.p);

        if (str_eq_c(r.payload, "taken back"))
            fail_msg("op %zu choice %d: a group that was taken back is there", n_ops, c);
        text_of(i, text);
        assert_true(str_eq_c(r.payload, text));
        if (next >= 0 && i != next && (uint64_t)next < promised)
            fail_msg("op %zu choice %d: record %d after %d", n_ops, c, i, next - 1);
        assert_true(next < 0 || i >= next);
        if (next < 0 && i > first && (uint64_t)first < promised)
            fail_msg("op %zu choice %d: begins with %d", n_ops, c, i);
        next = i + 1;
    }
    if (promised > (uint64_t)first && next < (int)promised)
        fail_msg("op %zu choice %d: %d were durable, %d are there", n_ops, c, (int)promised, next);
    append(&f, "db", "and on it goes");
    keep(&f);
    expect_next(&f, "db", "and on it goes");
    fixture_finish(&f);
}

/* Writes that lie in front of the end of their file: over zeros. */
static int writes_over_zeros(void)
{
    size_t size[FILES_MAX] = {0};
    int n = 0;

    for (size_t i = 0; i < tape.n_ops; i++) {
        const struct op *op = &tape.ops[i];

        if (op->kind != WRITE)
            continue;
        n += op->at + op->n <= size[op->file];
        if (op->at + op->n > size[op->file])
            size[op->file] = op->at + op->n;
    }
    return n;
}

static void every_moment(int sync, size_t segment_size, int acks, int fail_at)
{
    struct fixture f;
    uint64_t promised = 0;
    int first = 0;

    tape_reset();
    spool_io_use(&recorder);
    fixture_init(&f, sync);
    f.o.segment_size = segment_size;
    f.o.retain_ms = acks ? 1000 : 60000;
    fixture_open(&f);
    tape.fail_at = fail_at;
    run(&f, acks);
    spool_io_use(NULL);
    assert_true(writes_over_zeros() >= 3);
    for (size_t n = 0; n <= tape.n_ops; n++) {
        if (n && tape.ops[n - 1].kind == DURABLE && tape.ops[n - 1].n > promised)
            promised = tape.ops[n - 1].n;
        if (n && tape.ops[n - 1].kind == UNLINK)
            first = RECORDS; /* from here on the beginning may be gone; what is left is in order */
        for (int c = 0; c < CHOICES; c++)
            check(n, (enum choice)c, promised, first);
    }
    assert_int_equal(promised, RECORDS);
    fixture_finish(&f);
}

static void test_always(void **state)
{
    (void)state;
    every_moment(SPOOL_ALWAYS, 16 * 1024, 0, 0);
}

static void test_one_segment(void **state)
{
    (void)state;
    every_moment(SPOOL_ALWAYS, 1 << 20, 0, 0);
}

static void test_with_removal(void **state)
{
    (void)state;
    every_moment(SPOOL_ALWAYS, 8 * 1024, 5, 0);
}

static void test_a_sync_fails(void **state)
{
    (void)state;
    every_moment(SPOOL_ALWAYS, 16 * 1024, 0, 4);
    every_moment(SPOOL_ALWAYS, 1 << 20, 0, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_always),
        cmocka_unit_test(test_one_segment),
        cmocka_unit_test(test_with_removal),
        cmocka_unit_test(test_a_sync_fails),
    };
    const char *seed = getenv("TRIAGED_SEED");
    int r;

    dice = seed ? strtoull(seed, NULL, 10) : (uint64_t)getpid() * 2654435761u;
    print_message("TRIAGED_SEED=%llu\n", (unsigned long long)dice);
    log_set_level(LOG_ERROR_);
    r = cmocka_run_group_tests(tests, NULL, NULL);
    tape_reset();
    return r;
}
