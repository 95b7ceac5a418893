/* test_spool_restart.c - what a start finds: old streams, torn and damaged segments, strange files;
 * the lock, the directory, dead letters. */
#include "spool_fixture.h"

#include "triaged/spool/inspect.h"

#include <sys/wait.h>

enum { HEAD = 52 + 10 + 2 }; /* header of a segment that knows the team "db" */

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
        off_t size = 0;

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

/* Whole or not at all, whatever of it a kill let through; and what a next process says of it. */
static void test_torn_group_at_every_byte(void **state)
{
    enum { RECORD = 44 + 2 + 5 };

    (void)state;
    for (off_t less = 0; less <= 3 * RECORD; less++) {
        struct fixture f;
        struct spool_stats st;
        struct spool_place place;
        off_t size = 0;

        fixture_init(&f, SPOOL_NEVER);
        fixture_open(&f);
        append(&f, "db", "first");
        assert_int_equal(spool_begin(f.s), SPOOL_OK);
        for (int i = 0; i < 3; i++)
            append(&f, "db", "group");
        spool_group_end(f.s, &place);
        assert_int_equal(place.seq, 4);
        assert_int_equal(spool_commit(f.s), SPOOL_OK);
        fixture_close(&f);
        each_file(&f, ".seg", size_of, &size);
        size -= less;
        each_file(&f, ".seg", cut_to, &size);
        fixture_open(&f);
        spool_stats(f.s, &st);
        assert_int_equal(st.records_waiting, less ? 1 : 4);
        assert_int_equal(st.torn, less == 0 || less == 3 * RECORD ? 0 : 1);
        assert_int_equal(st.corrupt, 0);
        assert_int_equal(spool_was_written(f.s, &place), less == 0);
        expect_next(&f, "db", "first");
        for (int i = 0; i < 3 && !less; i++)
            expect_next(&f, "db", "group");
        expect_no_next(&f);
        fixture_reopen(&f);
        spool_stats(f.s, &st);
        assert_int_equal(st.torn, 0);
        assert_int_equal(st.records_waiting, less ? 1 : 4);
        assert_int_equal(spool_was_written(f.s, &place), less == 0);
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

/* Damage is no unfinished write: its neighbours were acknowledged. */
static void test_damage_in_a_group_costs_one_record(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++) {
        struct fixture f;
        struct spool_stats st;
        off_t at = 0;

        fixture_init(&f, SPOOL_NEVER);
        fixture_open(&f);
        assert_int_equal(spool_begin(f.s), SPOOL_OK);
        for (int i = 0; i < 3; i++)
            append(&f, "db", "group");
        assert_int_equal(spool_commit(f.s), SPOOL_OK);
        fixture_close(&f);
        each_file(&f, ".seg", size_of, &at);
        at -= 1 + which * (44 + 2 + 5);
        each_file(&f, ".seg", flip, &at);
        fixture_open(&f);
        spool_stats(f.s, &st);
        assert_int_equal(st.records_waiting, 2);
        assert_int_equal(st.corrupt, 1);
        assert_int_equal(st.torn, 0);
        fixture_finish(&f);
    }
}

/* And so it is when the next group is one that a kill let through in part. */
static void test_damage_before_a_torn_group(void **state)
{
    enum { RECORD = 44 + 2 + 5 };

    (void)state;
    for (int which = 0; which < 3; which++) {
        struct fixture f;
        struct spool_stats st;
        off_t size = 0, at;

        fixture_init(&f, SPOOL_NEVER);
        fixture_open(&f);
        for (int g = 0; g < 2; g++) {
            assert_int_equal(spool_begin(f.s), SPOOL_OK);
            for (int i = 0; i < 3; i++)
                append(&f, "db", g ? "next " : "group");
            assert_int_equal(spool_commit(f.s), SPOOL_OK);
        }
        fixture_close(&f);
        each_file(&f, ".seg", size_of, &size);
        at = size - 1 - (3 + which) * RECORD;
        each_file(&f, ".seg", flip, &at);
        size -= 1;
        each_file(&f, ".seg", cut_to, &size);
        fixture_open(&f);
        spool_stats(f.s, &st);
        assert_int_equal(st.records_waiting, 2);
        assert_int_equal(st.corrupt, 1);
        assert_int_equal(st.torn, 1);
        expect_next(&f, "db", "group");
        expect_next(&f, "db", "group");
        fixture_reopen(&f);
        spool_stats(f.s, &st);
        assert_int_equal(st.records_waiting, 2);
        fixture_finish(&f);
    }
}

static void test_flip_of_every_byte(void **state)
{
    struct fixture f;
    off_t size = 0;

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
    static const struct spool_inspector nobody;
    struct fixture f;
    char path[200];
    struct spool_stats st;
    struct diag why;

    (void)state;
    fixture_init(&f, SPOOL_NEVER);
    fixture_open(&f);
    append(&f, "db", "1");
    fixture_close(&f);
    snprintf(path, sizeof(path), "%s/0000000000000000-00000000000000000000000000000000.seg", f.dir);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    snprintf(path, sizeof(path), "%s/0000000000000009-00000000000000000000000000000000.seg", f.dir);
    close(open(path, O_CREAT | O_WRONLY, 0600)); /* killed between creation and header */
    snprintf(path, sizeof(path), "%s/0000000000000003-00000000000000000000000000000000.seg", f.dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/0000000000000004-00000000000000000000000000000000.seg", f.dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof(path), "%s/notes.txt", f.dir);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    fixture_open(&f);
    spool_stats(f.s, &st);
    assert_int_equal(st.segments, 1);
    expect_next(&f, "db", "1");
    append(&f, "db", "2");
    keep(&f);
    assert_int_equal(each_file(&f, "000000000000000a-", NULL, NULL), 1);
    alarm(10);
    diag_init(&why);
    assert_true(spool_inspect(f.dir, &nobody, &why));
    assert_int_equal(why.warnings, 3);
    diag_finish(&why);
    alarm(0);
    snprintf(path, sizeof(path), "%s/0000000000000003-00000000000000000000000000000000.seg", f.dir);
    assert_int_equal(rmdir(path), 0);
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
        cmocka_unit_test(test_reopen_ships_old_streams_first),
        cmocka_unit_test(test_kill),
        cmocka_unit_test(test_torn_tail_at_every_byte),
        cmocka_unit_test(test_torn_group_at_every_byte),
        cmocka_unit_test(test_damage_in_a_group_costs_one_record),
        cmocka_unit_test(test_damage_before_a_torn_group),
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
