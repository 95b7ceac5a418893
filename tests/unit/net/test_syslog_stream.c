/*
 * test_syslog_stream.c - connections that carry syslog: framing over real sockets, pausing, limits,
 * TLS, stop and reload.
 */
#include "syslog_app.h"
#include "tls_client.h"

struct fixture {
    struct log_app app;
    char *dir, *path;
    struct conf *next[4];
    size_t n_next;
};

static int setup(void **state)
{
    struct fixture *f = NEW(struct fixture);

    log_app_init(&f->app, 1);
    f->app.conf->syslog[0].address = S("127.0.0.1:0");
    f->app.conf->syslog[0].transport = TRANSPORT_TCP;
    f->app.conf->syslog[0].max_message = 1000;
    f->dir = temp_dir();
    f->path = xasprintf("%s/stream", f->dir);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    log_app_finish(&f->app);
    for (size_t i = 0; i < f->n_next; i++)
        conf_by_hand_free(f->next[i]);
    temp_dir_remove(f->dir);
    free(f->path);
    free(f);
    return 0;
}

/* A configuration like the present one, to be changed and loaded. */
static struct conf *next_conf(struct fixture *f, size_t n)
{
    struct conf *c = conf_by_hand(0, n);

    for (size_t i = 0; i < n; i++)
        c->syslog[i] = f->app.conf->syslog[0];
    f->next[f->n_next++] = c;
    return c;
}

static void connect_to(struct fixture *f, struct client *c)
{
    client_connect(c, f->app.base, log_app_port(&f->app, 0));
}

static void test_framing_byte_by_byte(void **state)
{
    static const char stream[] = "<13>first line\n20 <14>counted, with\n\n!<15>third\r\n<16>end";
    struct fixture *f = *state;
    struct client c;

    log_app_start(&f->app);
    connect_to(f, &c);
    for (size_t i = 0; stream[i]; i++) {
        client_send(&c, (struct str){stream + i, 1});
        event_base_loop(f->app.base, EVLOOP_NONBLOCK);
    }
    log_app_wait(&f->app, 3);
    client_close(&c); /* what has no end is a message too */
    log_app_wait(&f->app, 4);
    assert_string_equal(f->app.taken[0].text, "<13>first line");
    assert_string_equal(f->app.taken[1].text, "<14>counted, with\n\n!");
    assert_int_equal(f->app.taken[1].flags, FRAME_OCTET);
    assert_string_equal(f->app.taken[2].text, "<15>third");
    assert_string_equal(f->app.taken[3].text, "<16>end");
    assert_string_equal(f->app.taken[0].host, "127.0.0.1");
}

static void test_cut_frame_at_close(void **state)
{
    struct fixture *f = *state;
    struct client c;

    log_app_start(&f->app);
    connect_to(f, &c);
    client_send_c(&c, "100 <13>only this came");
    client_close(&c);
    log_app_wait(&f->app, 1);
    assert_string_equal(f->app.taken[0].text, "<13>only this came");
    assert_int_equal(f->app.taken[0].flags, FRAME_OCTET | FRAME_TRUNCATED);
}

static void test_long_line(void **state)
{
    struct fixture *f = *state;
    char *line = xmalloc(300000);
    struct client c;

    log_app_start(&f->app);
    connect_to(f, &c);
    memset(line, 'x', 300000);
    line[299999] = '\n';
    client_send(&c, (struct str){line, 300000});
    client_send_c(&c, "<13>in step\n");
    log_app_wait(&f->app, 2);
    assert_int_equal(f->app.taken[0].n, 1000);
    assert_int_equal(f->app.taken[0].flags, FRAME_TRUNCATED);
    assert_string_equal(f->app.taken[1].text, "<13>in step");
    client_close(&c);
    free(line);
}

static void test_tls_bytes_on_plain_port(void **state)
{
    struct fixture *f = *state;
    struct tls_client t = {0};
    struct client c;

    log_app_start(&f->app);
    tls_client_connect(&t, f->app.base, log_app_port(&f->app, 0), NULL);
    assert_false(tls_client_handshake(&t));
    assert_int_equal(f->app.n, 0);
    assert_true(metric_value("triaged_syslog_dropped_total{listener=\"127.0.0.1:0\","
                             "reason=\"tls\"}") >= 1);
    tls_client_close(&t);
    connect_to(f, &c);
    client_send_c(&c, "<13>others go on\n");
    log_app_wait(&f->app, 1);
    client_close(&c);
}

static void test_pause_and_resume(void **state)
{
    struct fixture *f = *state;
    struct client c, late;
    char line[32];

    log_app_start(&f->app);
    connect_to(f, &c);
    client_send_c(&c, "<13>0\n");
    log_app_wait(&f->app, 1);
    f->app.full = true;
    for (int i = 1; i < 500; i++) {
        snprintf(line, sizeof(line), "<13>%d\n", i);
        client_send_c(&c, line);
    }
    connect_to(f, &late); /* accepted, but not read */
    client_send_c(&late, "<13>late\n");
    loop_for(f->app.base, 50);
    assert_int_equal(f->app.n, 1);
    f->app.full = false;
    syslog_server_resume(f->app.server);
    log_app_wait(&f->app, 501);
    assert_string_equal(f->app.taken[0].text, "<13>0");
    client_close(&c);
    client_close(&late);
}

/* A sender that is not read is held by its own socket, not by our memory. */
static void test_paused_sender_blocks(void **state)
{
    static char block[65536];
    struct fixture *f = *state;
    struct client c;
    size_t sent = 0;

    log_app_start(&f->app);
    connect_to(f, &c);
    f->app.full = true;
    loop_for(f->app.base, 20);
    for (int idle = 0; idle < 20;) {
        ssize_t n = send(c.fd, block, sizeof(block), MSG_NOSIGNAL);

        idle = n > 0 ? 0 : idle + 1;
        sent += n > 0 ? (size_t)n : 0;
        assert_true(sent < 256 << 20);
        loop_for(f->app.base, 2);
    }
    assert_int_equal(f->app.n, 0);
    client_close(&c);
}

static void test_connections(void **state)
{
    struct fixture *f = *state;
    struct client c[3];

    f->app.conf->limits.syslog_connections = 2;
    log_app_start(&f->app);
    for (size_t i = 0; i < 3; i++) {
        connect_to(f, &c[i]);
        loop_for(f->app.base, 10);
    }
    client_wait_eof(&c[2]);
    assert_true(metric_value("triaged_syslog_connections{listener=\"127.0.0.1:0\"}") == 2);
    client_close(&c[0]);
    loop_for(f->app.base, 10);
    client_close(&c[2]);
    connect_to(f, &c[2]);
    client_send_c(&c[2], "<13>now there is room\n");
    log_app_wait(&f->app, 1);
    client_close(&c[1]);
    client_close(&c[2]);
}

static void test_idle(void **state)
{
    struct fixture *f = *state;
    struct client c;
    int64_t began;

    f->app.conf->limits.syslog_idle_ms = 100;
    log_app_start(&f->app);
    connect_to(f, &c);
    client_send_c(&c, "<13>without an end");
    began = clock_mono_ms();
    client_wait_eof(&c);
    assert_true(clock_mono_ms() - began >= 90);
    log_app_wait(&f->app, 1); /* and it is not lost */
    client_close(&c);
}

static void test_allow(void **state)
{
    struct conf_text nets[] = {{.s = S("192.0.2.0/24")}};
    struct fixture *f = *state;
    struct client c;

    f->app.conf->syslog[0].allow = texts_of(nets, 1);
    log_app_start(&f->app);
    connect_to(f, &c);
    client_wait_eof(&c);
    assert_true(metric_value("triaged_syslog_dropped_total{listener=\"127.0.0.1:0\","
                             "reason=\"not_allowed\"}") >= 1);
    client_close(&c);
}

static void test_unix_stream(void **state)
{
    struct fixture *f = *state;
    struct client c;

    f->app.conf->syslog[0].address = str_c(f->path);
    f->app.conf->syslog[0].transport = TRANSPORT_UNIX;
    log_app_start(&f->app);
    client_adopt(&c, f->app.base, unix_socket(f->path, SOCK_STREAM));
    client_send_c(&c, "<13>local\n");
    log_app_wait(&f->app, 1);
    assert_true(f->app.taken[0].is_unix);
    assert_string_equal(f->app.taken[0].host, "unix");
    client_close(&c);
}

/* ---- TLS ------------------------------------------------------------------------------------ */

static void use_tls(struct fixture *f, struct conf_listener *l, bool client_ca)
{
    static char certificate[256], key[256], ca[256];

    make_certificate(f->dir, "server");
    make_certificate(f->dir, "client");
    snprintf(certificate, sizeof(certificate), "%s/server.pem", f->dir);
    snprintf(key, sizeof(key), "%s/server.key", f->dir);
    snprintf(ca, sizeof(ca), "%s/client.pem", f->dir);
    l->transport = TRANSPORT_TLS;
    l->tls.certificate = str_c(certificate);
    l->tls.key = str_c(key);
    if (client_ca)
        l->tls.client_ca = str_c(ca);
}

static void test_tls(void **state)
{
    struct fixture *f = *state;
    struct tls_client c = {0};
    struct buf big;

    use_tls(f, &f->app.conf->syslog[0], false);
    log_app_start(&f->app);
    tls_client_connect(&c, f->app.base, log_app_port(&f->app, 0), NULL);
    assert_true(tls_client_handshake(&c));
    tls_client_send(&c, "<13>over TLS\n15 <13>and counted");
    log_app_wait(&f->app, 2);
    assert_string_equal(f->app.taken[0].text, "<13>over TLS");
    assert_string_equal(f->app.taken[1].text, "<13>and counted");
    buf_init(&big, 1 << 20);
    for (int i = 0; i < 20000; i++)
        buf_printf(&big, "<13>line %d\n", i);
    buf_put_char(&big, '\0');
    tls_client_send(&c, big.p);
    log_app_wait(&f->app, 20002);
    f->app.full = true;
    tls_client_send(&c, "<13>held back\n<13>unfinished");
    loop_for(f->app.base, 30);
    assert_int_equal(f->app.n, 20002);
    tls_client_pump(&c); /* the session tickets: unread, they would make it a reset */
    SSL_shutdown(c.ssl);
    tls_client_close(&c);
    loop_for(f->app.base, 30);
    f->app.full = false;
    syslog_server_resume(f->app.server);
    log_app_wait(&f->app, 20004);
    buf_finish(&big);
}

/* Bytes, close_notify and FIN that come together: the end must not overtake the bytes. */
static void test_tls_last_words(void **state)
{
    struct fixture *f = *state;

    use_tls(f, &f->app.conf->syslog[0], false);
    log_app_start(&f->app);
    for (size_t i = 0; i < 10; i++) {
        struct tls_client c = {0};

        tls_client_connect(&c, f->app.base, log_app_port(&f->app, 0), NULL);
        assert_true(tls_client_handshake(&c));
        loop_for(f->app.base, 5);
        tls_client_pump(&c);
        assert_int_equal(SSL_write(c.ssl, "<13>one\n<13>last words", 22), 22);
        SSL_shutdown(c.ssl);
        tls_client_close(&c);
        log_app_wait(&f->app, 2 * i + 2);
        assert_string_equal(f->app.taken[2 * i + 1].text, "<13>last words");
    }
}

static void test_tls_client_certificate(void **state)
{
    struct fixture *f = *state;
    struct tls_client c = {0};
    char *identity = xasprintf("%s/client", f->dir);

    use_tls(f, &f->app.conf->syslog[0], true);
    log_app_start(&f->app);
    tls_client_connect(&c, f->app.base, log_app_port(&f->app, 0), NULL);
    (void)tls_client_handshake(&c);
    (void)SSL_write(c.ssl, "<13>no\n", 7);
    loop_until(f->app.base, tls_client_is_done, &c);
    assert_int_equal(f->app.n, 0);
    tls_client_close(&c);
    tls_client_connect(&c, f->app.base, log_app_port(&f->app, 0), identity);
    assert_true(tls_client_handshake(&c));
    tls_client_send(&c, "<13>yes\n");
    log_app_wait(&f->app, 1);
    tls_client_close(&c);
    free(identity);
}

static void test_plain_bytes_on_tls_port(void **state)
{
    struct fixture *f = *state;
    struct client c;

    use_tls(f, &f->app.conf->syslog[0], false);
    log_app_start(&f->app);
    connect_to(f, &c);
    client_send_c(&c, "<13>not encrypted\n");
    client_wait_eof(&c);
    assert_int_equal(f->app.n, 0);
    client_close(&c);
}

/* ---- stop, destroy, reload ------------------------------------------------------------------ */

static void test_stop_reads_what_is_there(void **state)
{
    struct fixture *f = *state;
    struct client c, queued;

    log_app_start(&f->app);
    connect_to(f, &c);
    client_send_c(&c, "<13>one\n");
    log_app_wait(&f->app, 1);
    client_send_c(&c, "<13>two\n<13>thr");
    connect_to(f, &queued); /* not even accepted */
    client_send_c(&queued, "<13>queued\n");
    syslog_server_stop(f->app.server);
    assert_int_equal(f->app.n, 4);
    client_wait_eof(&c);
    client_close(&c);
    client_close(&queued);
}

static void test_stop_reads_tls(void **state)
{
    struct fixture *f = *state;
    struct tls_client c = {0};

    use_tls(f, &f->app.conf->syslog[0], false);
    log_app_start(&f->app);
    tls_client_connect(&c, f->app.base, log_app_port(&f->app, 0), NULL);
    assert_true(tls_client_handshake(&c));
    tls_client_send(&c, "<13>one\n");
    log_app_wait(&f->app, 1);
    tls_client_send(&c, "<13>two\n<13>three");
    syslog_server_stop(f->app.server);
    assert_int_equal(f->app.n, 3);
    tls_client_close(&c);
}

static void test_destroy_with_connections(void **state)
{
    struct fixture *f = *state;
    struct client c;

    log_app_start(&f->app);
    connect_to(f, &c);
    client_send_c(&c, "<13>one\n<13>half");
    log_app_wait(&f->app, 1);
    client_close(&c); /* the rest is the sanitizers' */
}

static void test_reload(void **state)
{
    struct fixture *f = *state;
    struct conf *n = next_conf(f, 3);
    struct client c;
    unsigned port;
    int fd;

    log_app_start(&f->app);
    port = log_app_port(&f->app, 0);
    connect_to(f, &c);
    client_send_c(&c, "<13>before\n<13>ha");
    log_app_wait(&f->app, 1);
    n->syslog[0].transport = TRANSPORT_UDP; /* the same address, another kind of socket */
    n->syslog[2].address = str_c(f->path);
    n->syslog[2].transport = TRANSPORT_UNIX_DGRAM;
    assert_true(log_app_configure(&f->app, n));
    assert_int_equal(syslog_server_port(f->app.server, 1), port);
    client_send_c(&c, "lf\n");
    log_app_wait(&f->app, 2);
    assert_string_equal(f->app.taken[1].text, "<13>half");
    fd = udp_socket(syslog_server_port(f->app.server, 0));
    datagram(fd, S("<13>by UDP"));
    log_app_wait(&f->app, 3);
    assert_true(log_app_configure(&f->app, next_conf(f, 0))); /* no listener is left */
    client_send_c(&c, "<13>still connected\n");
    log_app_wait(&f->app, 4);
    client_close(&c);
    close(fd);
    loop_for(f->app.base, 20);
}

static void test_failed_reload(void **state)
{
    struct fixture *f = *state;
    struct conf *n = next_conf(f, 2);
    struct client c;
    char *busy;

    log_app_start(&f->app);
    busy = xasprintf("127.0.0.1:%u", log_app_port(&f->app, 0));
    n->syslog[1].address = str_c(busy);
    n->syslog[0].address = str_c(f->path);
    n->syslog[0].transport = TRANSPORT_UNIX;
    assert_false(log_app_configure(&f->app, n));
    assert_int_equal(access(f->path, F_OK), -1); /* what was opened is closed again */
    n->syslog[0] = n->syslog[1] = f->app.conf->syslog[0];
    n->syslog[0].transport = TRANSPORT_TLS;
    n->syslog[0].tls.certificate = S("/nowhere.pem");
    assert_false(log_app_configure(&f->app, n));
    connect_to(f, &c);
    client_send_c(&c, "<13>as before\n");
    log_app_wait(&f->app, 1);
    client_close(&c);
    free(busy);
}

static void test_reload_to_tls_and_narrower(void **state)
{
    struct conf_text nets[] = {{.s = S("192.0.2.0/24")}};
    struct fixture *f = *state;
    struct conf *n = next_conf(f, 1);
    struct tls_client t = {0};
    struct client c;
    unsigned port;

    log_app_start(&f->app);
    port = log_app_port(&f->app, 0);
    connect_to(f, &c);
    client_send_c(&c, "<13>accepted\n");
    log_app_wait(&f->app, 1);
    use_tls(f, &n->syslog[0], false);
    assert_true(log_app_configure(&f->app, n));
    client_send_c(&c, "<13>plain, opened before\n");
    log_app_wait(&f->app, 2);
    tls_client_connect(&t, f->app.base, port, NULL);
    assert_true(tls_client_handshake(&t));
    tls_client_send(&t, "<13>TLS\n");
    log_app_wait(&f->app, 3);
    n = next_conf(f, 1);
    n->syslog[0].allow = texts_of(nets, 1);
    assert_true(log_app_configure(&f->app, n));
    client_wait_eof(&c);
    loop_until(f->app.base, tls_client_is_done, &t);
    client_close(&c);
    tls_client_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_framing_byte_by_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_frame_at_close, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tls_bytes_on_plain_port, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pause_and_resume, setup, teardown),
        cmocka_unit_test_setup_teardown(test_paused_sender_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connections, setup, teardown),
        cmocka_unit_test_setup_teardown(test_idle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_allow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unix_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tls_last_words, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tls_client_certificate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_plain_bytes_on_tls_port, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_reads_what_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_reads_tls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_destroy_with_connections, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed_reload, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload_to_tls_and_narrower, setup, teardown),
    };

    return cmocka_run_group_tests_name("syslog_stream", tests, NULL, NULL);
}
