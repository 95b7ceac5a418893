/*
 * test_syslog_proxy.c - connections through a load balancer: the header in pieces, with everything
 * behind it, before TLS; what is no header; who may send one.
 */
#include "syslog_app.h"
#include "tls_client.h"

#define V1 "PROXY TCP4 192.0.2.7 198.51.100.1 40000 514\r\n"
static const char v2[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\x09\xc6\x33\x64\1\x9c\x40\2\2";

struct fixture {
    struct log_app app;
    struct client c;
    char *dir;
};

static int setup(void **state)
{
    struct fixture *f = NEW(struct fixture);

    log_app_init(&f->app, 1);
    f->app.conf->syslog[0].address = S("127.0.0.1:0");
    f->app.conf->syslog[0].transport = TRANSPORT_TCP;
    f->app.conf->syslog[0].proxy = true;
    f->dir = temp_dir();
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
    free(f);
    return 0;
}

static void start(struct fixture *f)
{
    log_app_start(&f->app);
    client_connect(&f->c, f->app.base, log_app_port(&f->app, 0));
}

static void expect_last(struct fixture *f, size_t n, const char *text, const char *host)
{
    log_app_wait(&f->app, n);
    assert_string_equal(f->app.taken[n - 1].text, text);
    assert_string_equal(f->app.taken[n - 1].host, host);
}

static double dropped(const char *reason)
{
    char series[128];

    snprintf(series, sizeof(series),
             "triaged_syslog_dropped_total{listener=\"127.0.0.1:0\",reason=\"%s\"}", reason);
    return metric_value(series);
}

static void test_v1(void **state)
{
    struct fixture *f = *state;

    start(f);
    client_send_c(&f->c, V1 "<13>one\n<13>two\n");
    expect_last(f, 2, "<13>two", "192.0.2.7");
    assert_string_equal(f->app.taken[0].host, "192.0.2.7");
    client_send_c(&f->c, V1); /* a second one is text */
    expect_last(f, 3, "PROXY TCP4 192.0.2.7 198.51.100.1 40000 514", "192.0.2.7");
}

static void test_byte_by_byte(void **state)
{
    struct fixture *f = *state;

    for (int version = 1; version <= 2; version++) {
        struct str header = version == 1 ? S(V1) : (struct str){v2, sizeof(v2) - 1};

        if (version == 1)
            start(f);
        else
            client_connect(&f->c, f->app.base, log_app_port(&f->app, 0));
        for (size_t i = 0; i < header.n; i++) {
            client_send(&f->c, str_sub(header, i, i + 1));
            event_base_loop(f->app.base, EVLOOP_NONBLOCK);
        }
        client_send_c(&f->c, "<13>behind it\n");
        expect_last(f, (size_t)version, "<13>behind it", version == 1 ? "192.0.2.7" : "192.0.2.9");
        client_close(&f->c);
        f->c.fd = -1;
    }
}

static void test_balancer_that_knows_nobody(void **state)
{
    struct fixture *f = *state;

    start(f);
    client_send_c(&f->c, "PROXY UNKNOWN\r\n<13>a check\n");
    expect_last(f, 1, "<13>a check", "127.0.0.1");
}

static void test_no_header(void **state)
{
    static const char *const cases[] = {
        "<13>straight\n",
        "PROXY TCP4 nobody 198.51.100.1 1 2\r\n<13>x\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 40000 514 and so on and so on and so on and so on and "
        "so on and so on and so on",
        "\r\n\r\n<13>x\n",
    };
    struct fixture *f = *state;
    double before = dropped("proxy");

    log_app_start(&f->app);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        client_connect(&f->c, f->app.base, log_app_port(&f->app, 0));
        client_send_c(&f->c, cases[i]);
        client_wait_eof(&f->c);
        client_close(&f->c);
    }
    client_connect(&f->c, f->app.base, log_app_port(&f->app, 0));
    client_close(&f->c); /* a probe of the port is no error */
    loop_for(f->app.base, 30);
    f->c.fd = -1;
    assert_int_equal(f->app.n, 0);
    assert_true(dropped("proxy") == before + 4);
}

static void test_stranger_is_not_believed(void **state)
{
    struct conf_text nets[] = {{.s = S("192.0.2.0/24")}};
    struct fixture *f = *state;
    double before = dropped("not_allowed");

    f->app.conf->syslog[0].allow = texts_of(nets, 1); /* the header's address is in it: no matter */
    start(f);
    client_send_c(&f->c, V1 "<13>x\n");
    client_wait_eof(&f->c);
    assert_int_equal(f->app.n, 0);
    assert_true(dropped("not_allowed") == before + 1);
}

static void test_pause_and_stop(void **state)
{
    struct fixture *f = *state;
    struct client late;

    start(f);
    client_connect(&late, f->app.base, log_app_port(&f->app, 0));
    client_send_c(&f->c, V1 "<13>one\n");
    log_app_wait(&f->app, 1);
    f->app.full = true;
    client_send_c(&f->c, "<13>two\n");
    client_send_c(&late, V1 "<13>three\n");
    loop_for(f->app.base, 30);
    assert_int_equal(f->app.n, 1);
    f->app.full = false;
    syslog_server_resume(f->app.server);
    log_app_wait(&f->app, 3);
    client_close(&late);
    client_connect(&late, f->app.base, log_app_port(&f->app, 0));
    client_send_c(&late, "PROXY ");
    loop_for(f->app.base, 20);
    syslog_server_stop(f->app.server);
    client_wait_eof(&late);
    client_close(&late);
}

static void test_before_tls(void **state)
{
    static char certificate[256], key[256];
    struct fixture *f = *state;
    struct tls_client c = {0};

    make_certificate(f->dir, "server");
    snprintf(certificate, sizeof(certificate), "%s/server.pem", f->dir);
    snprintf(key, sizeof(key), "%s/server.key", f->dir);
    f->app.conf->syslog[0].transport = TRANSPORT_TLS;
    f->app.conf->syslog[0].tls.certificate = str_c(certificate);
    f->app.conf->syslog[0].tls.key = str_c(key);
    log_app_start(&f->app);
    tls_client_connect(&c, f->app.base, log_app_port(&f->app, 0), NULL);
    assert_int_equal(send(c.fd, v2, sizeof(v2) - 1, MSG_NOSIGNAL), sizeof(v2) - 1);
    assert_true(tls_client_handshake(&c));
    tls_client_send(&c, "<13>through both\n");
    expect_last(f, 1, "<13>through both", "192.0.2.9");
    tls_client_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_v1, setup, teardown),
        cmocka_unit_test_setup_teardown(test_byte_by_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_balancer_that_knows_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_header, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stranger_is_not_believed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pause_and_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_before_tls, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
