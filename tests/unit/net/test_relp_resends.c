/*
 * test_relp_resends.c - what a broken connection, another worker or a killed process makes a RELP
 * client send again: answered, and counted once.
 */
#include <sys/stat.h>

#include "relp_session.h"

/* ---- resends --------------------------------------------------------------------------------- */

static void test_resends_are_not_delivered_again(void **state)
{
    struct fixture *f = *state;

    open_session(f);
    send_message(f, 2, "<13>a");
    send_message(f, 3, "<13>b");
    send_message(f, 4, "<13>b"); /* the same twice is two messages */
    log_app_wait(&f->app, 3);
    write_down(f, 1);
    break_off(f);
    open_session(f);
    send_message(f, 2, "<13>a");
    send_message(f, 3, "<13>b");
    send_message(f, 4, "<13>b");
    send_message(f, 5, "<13>b"); /* beyond what may come again: new */
    send_message(f, 6, "<13>a");
    log_app_wait(&f->app, 5);
    assert_string_equal(f->app.taken[3].text, "<13>b");
    assert_string_equal(f->app.taken[4].text, "<13>a");
    expect_nothing_sent(f);
    durable(f, 2);
    expect_nothing_sent(f); /* what the resends repeat is not durable yet */
    durable(f, 3);
    expect_sent(f, "2 rsp 6 200 OK\n3 rsp 6 200 OK\n4 rsp 6 200 OK\n");
}

/* What comes again may come to another worker, while the first has not written it. */
static void test_another_worker_waits_for_the_first(void **state)
{
    struct fixture *f = *state;
    struct log_app *second = NEW(struct log_app);
    struct fixture other = {.c = {.fd = -1}};

    open_session(f);
    send_message(f, 2, "<13>a");
    log_app_wait(&f->app, 1);
    break_off(f);

    log_app_init(second, 1);
    second->conf->syslog[0] = f->app.conf->syslog[0];
    log_app_start(second);
    client_connect(&other.c, second->base, log_app_port(second, 0));
    client_send_c(&other.c, OPEN "2 syslog 5 <13>a\n3 syslog 7 <13>new\n");
    log_app_wait(second, 1);
    assert_string_equal(second->taken[0].text, "<13>new");
    syslog_server_durable(second->server, 1);
    client_wait(&other.c, "1 rsp ");
    loop_for(second->base, 30);
    client_pump(&other.c);
    assert_null(memmem(other.c.in.p, other.c.in.n, "2 rsp", 5));
    durable(f, 1);
    client_wait(&other.c, "2 rsp 6 200 OK\n3 rsp 6 200 OK\n");
    client_close(&other.c);
    log_app_finish(second);
    free(second);
}

static void test_answer_that_was_not_read(void **state)
{
    struct fixture *f = *state;

    open_session(f);
    send_message(f, 2, "<13>a");
    log_app_wait(&f->app, 1);
    durable(f, 1);
    expect_sent(f, "2 rsp 6 200 OK\n"); /* by the test's client; another may have had no time */
    break_off(f);
    for (int i = 0; i < 3; i++) { /* and the answer to the resend may get lost too */
        open_session(f);
        send_message(f, 2, "<13>a");
        expect_sent(f, "2 rsp 6 200 OK\n");
        break_off(f);
    }
    assert_int_equal(f->app.n, 1);
}

static void test_only_the_first_without_a_gap(void **state)
{
    struct fixture *f = *state;

    open_session(f);
    send_message(f, 2, "<13>a");
    log_app_wait(&f->app, 1);
    break_off(f);
    open_session(f);
    send_message(f, 2, "<13>new");
    send_message(f, 3, "<13>a");
    log_app_wait(&f->app, 3);
}

static void test_after_close_everything_is_new(void **state)
{
    struct fixture *f = *state;

    open_session(f);
    send_message(f, 2, "<13>a");
    log_app_wait(&f->app, 1);
    durable(f, 1);
    client_send_c(&f->c, "3 close 0\n");
    client_wait_eof(&f->c);
    client_close(&f->c);
    open_session(f);
    send_message(f, 2, "<13>a");
    log_app_wait(&f->app, 2);
}

static void test_another_peer(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in from = {.sin_family = AF_INET},
                       to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)log_app_port(&f->app, 0))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    open_session(f);
    send_message(f, 2, "<13>a");
    log_app_wait(&f->app, 1);
    break_off(f);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    client_adopt(&f->c, f->app.base, fd);
    client_send_c(&f->c, OPEN);
    send_message(f, 2, "<13>a");
    log_app_wait(&f->app, 2);
    assert_string_equal(f->app.taken[1].host, "127.0.0.2");
}

/* The one place that was written: that of its first byte, where 0 is none. */
static bool was_written(void *arg, const struct syslog_place *place)
{
    return place->bytes[0] == *(unsigned char *)arg;
}

/* As after a kill: nothing is left of the old server but the file. */
static void start_after(struct fixture *f, unsigned char written)
{
    client_close(&f->c);
    syslog_server_destroy(f->app.server);
    log_app_start(&f->app);
    assert_true(syslog_server_remember(f->app.server, f->path, was_written, &written));
}

static void start_again(struct fixture *f)
{
    start_after(f, 0);
}

static void test_file_tells_the_next_process(void **state)
{
    static const struct syslog_place place = {{7}};
    struct fixture *f = *state;

    assert_true(syslog_server_remember(f->app.server, f->path, was_written, (unsigned char[]){0}));
    open_session(f);
    send_message(f, 2, "<13>written");
    send_message(f, 3, "<13>not written");
    log_app_wait(&f->app, 2);
    write_down(f, 1);
    syslog_server_writing(f->app.server, 2, &place); /* and then comes the kill */
    for (int i = 0; i < 2; i++) { /* the second time it is remembered as the resend that it was */
        start_again(f);
        open_session(f);
        send_message(f, 2, "<13>written");
        expect_sent(f, "2 rsp 6 200 OK\n");
        assert_int_equal(f->app.n, 2 + i);
        send_message(f, 3, "<13>not written"); /* was lost with the process, so it is new */
        log_app_wait(&f->app, 3 + i);
    }
}

/* A kill between the write and the note of it: the place tells. */
static void test_kill_during_the_write(void **state)
{
    static const struct syslog_place place = {{7}};
    static const struct {
        const char *text;
        bool gave_up;
        unsigned char written;
        bool kept;
    } cases[] = {
        {"<13>not written", false, 1, false},
        {"<13>failed, and others used the place", true, 7, false},
        {"<13>written", false, 7, true},
    };
    struct fixture *f = *state;
    size_t taken = 0;

    assert_true(syslog_server_remember(f->app.server, f->path, was_written, (unsigned char[]){0}));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        open_session(f);
        send_message(f, 2, cases[i].text);
        log_app_wait(&f->app, ++taken);
        syslog_server_writing(f->app.server, f->app.taken[taken - 1].receipt, &place);
        if (cases[i].gave_up)
            syslog_server_not_written(f->app.server);
        start_after(f, cases[i].written);
        open_session(f);
        send_message(f, 2, cases[i].text);
        if (cases[i].kept)
            expect_sent(f, "2 rsp 6 200 OK\n");
        else
            log_app_wait(&f->app, ++taken);
        assert_int_equal(f->app.n, taken);
        start_after(f, 0);
    }
}

static void test_file_of_another_boot_is_not_believed(void **state)
{
    struct fixture *f = *state;
    int fd;

    assert_true(syslog_server_remember(f->app.server, f->path, was_written, (unsigned char[]){0}));
    open_session(f);
    send_message(f, 2, "<13>written");
    log_app_wait(&f->app, 1);
    write_down(f, 1);
    client_close(&f->c);
    fd = open(f->path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "another-boot", 12, 8), 12);
    close(fd);
    start_again(f);
    open_session(f);
    send_message(f, 2, "<13>written");
    log_app_wait(&f->app, 2);
}

static void test_file_that_cannot_be(void **state)
{
    struct fixture *f = *state;

    assert_false(syslog_server_remember(f->app.server, "/nonexistent/resends", was_written,
                                        (unsigned char[]){0}));
    assert_int_equal(errno, ENOENT);
    open_session(f);
    send_message(f, 2, "<13>a");
    log_app_wait(&f->app, 1);
}

/* There is no room for a new file: what the last process left is known all the same, and not left
 * for the process after this one, which must not take what is new for what was sent before. */
static void test_file_that_cannot_be_replaced(void **state)
{
    struct fixture *f = *state;
    char *fresh = xasprintf("%s.new", f->path);

    assert_true(syslog_server_remember(f->app.server, f->path, was_written, (unsigned char[]){0}));
    open_session(f);
    send_message(f, 2, "<13>written");
    log_app_wait(&f->app, 1);
    write_down(f, 1);
    client_close(&f->c);
    syslog_server_destroy(f->app.server);
    log_app_start(&f->app);
    assert_int_equal(mkdir(fresh, 0700), 0);
    assert_false(syslog_server_remember(f->app.server, f->path, was_written, (unsigned char[]){0}));
    assert_int_equal(errno, EISDIR);
    open_session(f);
    send_message(f, 2, "<13>written");
    expect_sent(f, "2 rsp 6 200 OK\n");
    assert_int_equal(f->app.n, 1);
    assert_int_equal(access(f->path, F_OK), -1);
    assert_int_equal(rmdir(fresh), 0);
    free(fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_resends_are_not_delivered_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_worker_waits_for_the_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answer_that_was_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_the_first_without_a_gap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_after_close_everything_is_new, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_peer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_tells_the_next_process, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kill_during_the_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_of_another_boot_is_not_believed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_that_cannot_be, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_that_cannot_be_replaced, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
