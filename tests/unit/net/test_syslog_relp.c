/*
 * test_syslog_relp.c - RELP sessions: what is answered, when and in which order. What comes again:
 * test_relp_resends.c.
 */
#include "relp_session.h"
#include "tls_client.h"

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
        cmocka_unit_test_setup_teardown(test_stop_waits_for_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_milder_and_empty_messages_are_answered, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_tls, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
