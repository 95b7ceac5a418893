/*
 * test_syslog_relp.c - RELP sessions: what is answered, when and in which order; what a broken
 * connection makes a client send again.
 */
#include "syslog_app.h"
#include "tls_client.h"

#define OPEN "1 open 30 relp_version=0\ncommands=syslog\n"

struct fixture {
    struct log_app app;
    struct client c;
    char *dir, *path;
};

static int setup(void **state)
{
    struct fixture *f = NEW(struct fixture);

    log_app_init(&f->app, 1);
    f->app.conf->syslog[0].address = S("127.0.0.1:0");
    f->app.conf->syslog[0].transport = TRANSPORT_RELP;
    f->app.conf->syslog[0].max_message = 1000;
    log_app_start(&f->app);
    f->dir = temp_dir();
    f->path = xasprintf("%s/resends", f->dir);
    f->c.fd = -1;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    client_close(&f->c);
    log_app_finish(&f->app);
    temp_dir_remove(f->dir);
    free(f->path);
    free(f);
    return 0;
}

static void connect_plain(struct fixture *f)
{
    client_connect(&f->c, f->app.base, log_app_port(&f->app, 0));
}

static void open_session(struct fixture *f)
{
    connect_plain(f);
    client_send_c(&f->c, OPEN);
    client_wait(&f->c, "1 rsp ");
    buf_reset(&f->c.in);
}

static bool connections_gone(void *arg)
{
    (void)arg;
    return metric_value("triaged_syslog_connections{listener=\"127.0.0.1:0\"}") <= 0;
}

/* The client goes away without a word. */
static void break_off(struct fixture *f)
{
    client_close(&f->c);
    loop_until(f->app.base, connections_gone, NULL);
}

static void send_message(struct fixture *f, unsigned txnr, const char *text)
{
    char frame[1200];

    snprintf(frame, sizeof(frame), "%u syslog %zu %s\n", txnr, strlen(text), text);
    client_send_c(&f->c, frame);
}

static void expect_sent(struct fixture *f, const char *bytes)
{
    client_wait(&f->c, bytes);
    assert_string_equal((buf_put_char(&f->c.in, '\0'), f->c.in.p), bytes);
    buf_reset(&f->c.in);
}

static void expect_nothing_sent(struct fixture *f)
{
    loop_for(f->app.base, 30);
    client_pump(&f->c);
    assert_int_equal(f->c.in.n, 0);
    assert_false(f->c.eof);
}

static void durable(struct fixture *f, uint64_t receipt)
{
    syslog_server_durable(f->app.server, receipt);
}

static void write_down(struct fixture *f, uint64_t receipt)
{
    static const struct syslog_place place;

    syslog_server_writing(f->app.server, receipt, &place);
    syslog_server_written(f->app.server);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void test_answers_once_durable_and_in_order(void **state)
{
    struct fixture *f = *state;

    connect_plain(f);
    client_send_c(&f->c, OPEN);
    client_wait(&f->c, "commands=syslog\n");
    assert_true(str_starts(buf_str(&f->c.in), S("1 rsp 65 ")));
    assert_int_equal(client_count(&f->c, " 200 OK\nrelp_version=0\nrelp_software=triaged,"), 1);
    buf_reset(&f->c.in);
    send_message(f, 2, "<13>one");
    send_message(f, 3, "<13>two\nlines");
    client_send_c(&f->c, "4 starttls 0\n5 syslog 7 <13>end\n");
    log_app_wait(&f->app, 3);
    assert_string_equal(f->app.taken[0].text, "<13>one");
    assert_string_equal(f->app.taken[1].text, "<13>two\nlines");
    assert_int_equal(f->app.taken[0].receipt, 1);
    assert_int_equal(f->app.taken[2].receipt, 3);
    expect_nothing_sent(f);
    write_down(f, 3); /* is not enough */
    expect_nothing_sent(f);
    durable(f, 1);
    expect_sent(f, "2 rsp 6 200 OK\n");
    durable(f, 3);
    expect_sent(f, "3 rsp 6 200 OK\n4 rsp 25 500 command not supported\n5 rsp 6 200 OK\n");
    client_send_c(&f->c, "6 close 0\n");
    client_wait_eof(&f->c);
    assert_string_equal((buf_put_char(&f->c.in, '\0'), f->c.in.p), "6 rsp 0\n0 serverclose 0\n");
}

static void test_close_waits_for_answers(void **state)
{
    struct fixture *f = *state;

    open_session(f);
    client_send_c(&f->c, "2 syslog 7 <13>one\n3 close 0\n4 syslog 8 <13>late\n");
    log_app_wait(&f->app, 1);
    expect_nothing_sent(f);
    durable(f, 1);
    client_wait_eof(&f->c);
    assert_string_equal((buf_put_char(&f->c.in, '\0'), f->c.in.p),
                        "2 rsp 6 200 OK\n3 rsp 0\n0 serverclose 0\n");
    assert_int_equal(f->app.n, 1);
}

static void test_refused_opens(void **state)
{
    static const struct {
        const char *bytes, *answer;
    } cases[] = {
        {OPEN "2 open 30 relp_version=0\ncommands=syslog\n",
         "2 rsp 31 500 the session is open already\n0 serverclose 0\n"},
        {"1 syslog 5 <13>x\n", "1 rsp 27 500 the session is not open\n0 serverclose 0\n"},
        {"1 open 15 commands=syslog\n", "1 rsp 27 500 relp_version is missing\n0 serverclose 0\n"},
        {"1 open 27 relp_version=0\ncommands=eat\n",
         "1 rsp 43 500 only the command syslog is offered here\n0 serverclose 0\n"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        connect_plain(f);
        client_send_c(&f->c, cases[i].bytes);
        client_wait(&f->c, cases[i].answer);
        client_wait_eof(&f->c);
        client_close(&f->c);
    }
    f->c.fd = -1;
    assert_int_equal(f->app.n, 0);
}

static void test_bad_frames_close(void **state)
{
    static const char *const cases[] = {
        "2 open 30 relp_version=0\ncommands=syslog\n",
        OPEN "3 syslog 1 x\n",
        OPEN "1 syslog 1 x\n",
        OPEN "0 syslog 1 x\n",
        OPEN "2 syslog 1 xy\n",
        "<13>no RELP\n",
    };
    struct fixture *f = *state;
    const char *series = "triaged_syslog_dropped_total{listener=\"127.0.0.1:0\","
                         "reason=\"framing\"}";
    double before = metric_value(series);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        connect_plain(f);
        client_send_c(&f->c, cases[i]);
        client_wait_eof(&f->c);
        client_close(&f->c);
    }
    f->c.fd = -1;
    assert_int_equal(f->app.n, 0);
    assert_true(metric_value(series) == before + 6);
}

static void test_long_message_is_cut(void **state)
{
    struct fixture *f = *state;
    char text[1101];

    memset(text, 'x', 1100);
    text[1100] = '\0';
    open_session(f);
    send_message(f, 2, text);
    send_message(f, 3, "<13>in step");
    log_app_wait(&f->app, 2);
    assert_int_equal(f->app.taken[0].n, 1000);
    assert_int_equal(f->app.taken[0].flags, FRAME_TRUNCATED);
    assert_int_equal(f->app.taken[1].flags, 0);
    durable(f, 2);
    expect_sent(f, "2 rsp 6 200 OK\n3 rsp 6 200 OK\n");
}

static bool all_answered(void *arg)
{
    struct fixture *f = arg;

    if (f->app.n > 0)
        durable(f, f->app.taken[(f->app.n < TAKEN_MAX ? f->app.n : TAKEN_MAX) - 1].receipt);
    client_pump(&f->c);
    return client_count(&f->c, " rsp 6 200 OK\n") == 4000;
}

static void test_window_is_bounded(void **state)
{
    struct fixture *f = *state;
    struct buf b;
    size_t held;

    open_session(f);
    buf_init(&b, 1 << 20);
    for (unsigned i = 0; i < 4000; i++)
        buf_printf(&b, "%u syslog 96 <13>%092u\n", i + 2, i);
    client_send(&f->c, buf_str(&b));
    buf_finish(&b);
    loop_for(f->app.base, 200);
    held = f->app.n;
    assert_in_range(held, 1024, 2500); /* the window, and what one read brought beyond it */
    expect_nothing_sent(f);
    assert_int_equal(f->app.n, held);
    loop_until(f->app.base, all_answered, f);
    assert_int_equal(f->app.n, 4000);
}

static void test_paused_while_no_room(void **state)
{
    struct fixture *f = *state;

    open_session(f);
    send_message(f, 2, "<13>one");
    log_app_wait(&f->app, 1);
    f->app.full = true;
    send_message(f, 3, "<13>two");
    loop_for(f->app.base, 30);
    assert_int_equal(f->app.n, 1);
    durable(f, 1); /* answers leave nevertheless */
    expect_sent(f, "2 rsp 6 200 OK\n");
    f->app.full = false;
    syslog_server_resume(f->app.server);
    log_app_wait(&f->app, 2);
}

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

/* ---- the rest -------------------------------------------------------------------------------- */

static void test_stop_waits_for_answers(void **state)
{
    struct fixture *f = *state;

    open_session(f);
    send_message(f, 2, "<13>a");
    log_app_wait(&f->app, 1);
    syslog_server_stop(f->app.server);
    assert_int_equal(syslog_server_pending(f->app.server), 1);
    expect_nothing_sent(f);
    durable(f, 1);
    client_wait_eof(&f->c);
    assert_string_equal((buf_put_char(&f->c.in, '\0'), f->c.in.p),
                        "2 rsp 6 200 OK\n0 serverclose 0\n");
    assert_int_equal(syslog_server_pending(f->app.server), 0);
}

static void test_milder_and_empty_messages_are_answered(void **state)
{
    struct fixture *f = *state;
    struct conf *next = conf_by_hand(0, 1);

    next->syslog[0] = f->app.conf->syslog[0];
    next->syslog[0].floor = 4; /* err */
    assert_true(log_app_configure(&f->app, next));
    open_session(f);
    send_message(f, 2, "<12>warning");
    client_send_c(&f->c, "3 syslog 0\n");
    expect_sent(f, "2 rsp 6 200 OK\n3 rsp 6 200 OK\n");
    send_message(f, 4, "<11>err");
    log_app_wait(&f->app, 1);
    assert_string_equal(f->app.taken[0].text, "<11>err");
    assert_true(log_app_configure(&f->app, f->app.conf));
    break_off(f);
    conf_by_hand_free(next);
}

static void test_tls(void **state)
{
    struct fixture *f = *state;
    char certificate[256], key[256];
    struct conf *next = conf_by_hand(0, 1);
    struct tls_client c = {0};

    make_certificate(f->dir, "server");
    snprintf(certificate, sizeof(certificate), "%s/server.pem", f->dir);
    snprintf(key, sizeof(key), "%s/server.key", f->dir);
    next->syslog[0] = f->app.conf->syslog[0];
    next->syslog[0].tls.certificate = str_c(certificate);
    next->syslog[0].tls.key = str_c(key);
    assert_true(log_app_configure(&f->app, next));
    tls_client_connect(&c, f->app.base, log_app_port(&f->app, 0), NULL);
    assert_true(tls_client_handshake(&c));
    tls_client_send(&c, OPEN "2 syslog 7 <13>one\n");
    log_app_wait(&f->app, 1);
    tls_client_wait(&c, "commands=syslog\n");
    durable(f, 1);
    tls_client_wait(&c, "2 rsp 6 200 OK\n");
    tls_client_send(&c, "3 close 0\n");
    tls_client_wait(&c, "3 rsp 0\n0 serverclose 0\n");
    loop_until(f->app.base, tls_client_is_done, &c);
    tls_client_close(&c);
    assert_true(log_app_configure(&f->app, f->app.conf));
    conf_by_hand_free(next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answers_once_durable_and_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_close_waits_for_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_opens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_frames_close, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_message_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_window_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_paused_while_no_room, setup, teardown),
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
        cmocka_unit_test_setup_teardown(test_stop_waits_for_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_milder_and_empty_messages_are_answered, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_tls, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
