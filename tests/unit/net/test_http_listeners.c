/*
 * test_http_listeners.c - the set of listeners: TLS, unix sockets, and what a reload may not
 * disturb.
 */
#include "http_app.h"
#include "tls_client.h"

#include <sys/stat.h>

struct fixture {
    struct app app;
    char *dir;
    struct conf *next;        /* of the next reload */
    struct conf *all_next[4]; /* freed after the server */
    size_t n_next;
};

static int setup(void **state)
{
    struct fixture *f = NEW(struct fixture);

    app_init(&f->app);
    f->dir = temp_dir();
    make_certificate(f->dir, "server");
    make_certificate(f->dir, "client");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    app_finish(&f->app);
    for (size_t i = 0; i < f->n_next; i++)
        conf_by_hand_free(f->all_next[i]);
    temp_dir_remove(f->dir);
    free(f);
    return 0;
}

static void new_conf(struct fixture *f, size_t n_http)
{
    assert_true(f->n_next < ARRAY_LEN(f->all_next));
    f->next = f->all_next[f->n_next++] = conf_by_hand(n_http, 0);
}

/* Kept until the process ends: configurations want texts that live long. */
static struct str in_dir(struct fixture *f, const char *name)
{
    static char *kept[64];
    static size_t n;

    assert_true(n < ARRAY_LEN(kept));
    kept[n] = xasprintf("%s/%s", f->dir, name);
    return str_c(kept[n++]);
}

static void use_tls(struct fixture *f, struct conf_listener *l, bool client_ca)
{
    l->tls.certificate = in_dir(f, "server.pem");
    l->tls.key = in_dir(f, "server.key");
    if (client_ca)
        l->tls.client_ca = in_dir(f, "client.pem");
}

static unsigned port_of(struct fixture *f, size_t i)
{
    return http_server_port(f->app.server, i);
}

/* ---- TLS ------------------------------------------------------------------------------------ */

static void test_tls(void **state)
{
    struct fixture *f = *state;
    struct tls_client c = {0};

    use_tls(f, &f->app.conf->http[0], false);
    app_start(&f->app);
    tls_client_connect(&c, f->app.base, port_of(f, 0), NULL);
    assert_true(tls_client_handshake(&c));
    tls_client_send(&c, "GET /a HTTP/1.1\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
                        "GET /c HTTP/1.1\r\n\r\n");
    tls_client_wait(&c, "/c 0");
    assert_true(str_find(buf_str(&c.in), S("/b 3")) < c.in.n);
    tls_client_send(&c, "GET /d HTTP/1.1\r\n\r\n");
    tls_client_wait(&c, "/d 0");
    tls_client_close(&c);
}

static void test_tls_own_pages_are_json(void **state)
{
    struct fixture *f = *state;
    struct tls_client c = {0};

    use_tls(f, &f->app.conf->http[0], false);
    app_start(&f->app);
    tls_client_connect(&c, f->app.base, port_of(f, 0), NULL);
    assert_true(tls_client_handshake(&c));
    tls_client_send(&c, "GET /a HTTP/1.1\r\n\r\n");
    tls_client_wait(&c, "/a 0");
    tls_client_send(&c, "POST /b HTTP/1.1\r\nContent-Length: 99999\r\n\r\nabc");
    tls_client_wait(&c, "body_too_large");
    loop_until(f->app.base, tls_client_is_done, &c);
    assert_int_equal(str_find(buf_str(&c.in), S("<HTML>")), c.in.n);
    tls_client_close(&c);
}

static void test_tls_floor(void **state)
{
    struct fixture *f = *state;
    struct tls_client c = {.max_version = TLS1_1_VERSION};

    use_tls(f, &f->app.conf->http[0], false);
    app_start(&f->app);
    tls_client_connect(&c, f->app.base, port_of(f, 0), NULL);
    assert_false(tls_client_handshake(&c));
    tls_client_close(&c);
    c.max_version = TLS1_2_VERSION;
    tls_client_connect(&c, f->app.base, port_of(f, 0), NULL);
    assert_true(tls_client_handshake(&c));
    tls_client_close(&c);
}

static void test_plain_bytes_on_tls_port(void **state)
{
    struct fixture *f = *state;
    struct client c;

    use_tls(f, &f->app.conf->http[0], false);
    app_start(&f->app);
    client_connect(&c, f->app.base, port_of(f, 0));
    client_send_c(&c, "GET /secret HTTP/1.1\r\n\r\n");
    client_wait_eof(&c);
    assert_int_equal(f->app.seen, 0); /* never served in plain text */
    assert_int_equal(client_count(&c, "HTTP/1.1"), 0);
    client_close(&c);
}

static void test_client_certificate(void **state)
{
    static const char ask[] = "GET /in HTTP/1.1\r\n\r\n";
    struct fixture *f = *state;
    struct tls_client c = {0};

    use_tls(f, &f->app.conf->http[0], true);
    app_start(&f->app);
    tls_client_connect(&c, f->app.base, port_of(f, 0), NULL);
    (void)tls_client_handshake(&c); /* TLS 1.3: the refusal comes afterwards */
    (void)SSL_write(c.ssl, ask, (int)strlen(ask));
    loop_until(f->app.base, tls_client_is_done, &c);
    assert_int_equal(f->app.seen, 0);
    tls_client_close(&c);
    tls_client_connect(&c, f->app.base, port_of(f, 0), in_dir(f, "server").p); /* not its CA */
    (void)tls_client_handshake(&c);
    (void)SSL_write(c.ssl, ask, (int)strlen(ask));
    loop_until(f->app.base, tls_client_is_done, &c);
    assert_int_equal(f->app.seen, 0);
    tls_client_close(&c);
    tls_client_connect(&c, f->app.base, port_of(f, 0), in_dir(f, "client").p);
    assert_true(tls_client_handshake(&c));
    tls_client_send(&c, ask);
    tls_client_wait(&c, "/in 0");
    tls_client_close(&c);
}

static bool configure(struct fixture *f, char *said, size_t size)
{
    struct diag why;
    bool ok;

    diag_init(&why);
    ok = http_server_configure(f->app.server, f->next, false, &why);
    if (said) {
        char *line = why.n ? diag_item_render(&why.items[0]) : xstrdup("");

        snprintf(said, size, "%s", line);
        free(line);
    }
    diag_finish(&why);
    return ok;
}

static void test_bad_certificates(void **state)
{
    struct fixture *f = *state;
    struct conf_listener *l;
    char said[512];

    app_start(&f->app);
    new_conf(f, 1);
    l = &f->next->http[0];
    l->address = S("127.0.0.1:0");
    l->tls.certificate = in_dir(f, "absent.pem");
    assert_false(configure(f, said, sizeof(said)));
    assert_non_null(strstr(said, "absent.pem: cannot read the certificate"));
    l->tls.certificate = in_dir(f, "server.pem");
    l->tls.key = in_dir(f, "client.key");
    assert_false(configure(f, said, sizeof(said)));
    assert_non_null(strstr(said, "client.key"));
    l->tls.key = in_dir(f, "server.key");
    l->tls.client_ca = in_dir(f, "server.key");
    assert_false(configure(f, said, sizeof(said)));
    assert_non_null(strstr(said, "cannot read the client CAs"));
}

/* ---- reload --------------------------------------------------------------------------------- */

static void get(struct client *c, const char *path)
{
    char *text = xasprintf("GET %s HTTP/1.1\r\n\r\n", path), *answer = xasprintf("%s 0", path);

    client_send_c(c, text);
    client_wait(c, answer);
    free(text);
    free(answer);
}

static void test_reload_keeps_connections(void **state)
{
    struct fixture *f = *state;
    struct client c, pending;
    unsigned port;

    app_start(&f->app);
    port = port_of(f, 0);
    client_connect(&c, f->app.base, port);
    get(&c, "/before");
    f->app.hold = true;
    client_connect(&pending, f->app.base, port);
    client_send_c(&pending, "GET /p HTTP/1.1\r\n\r\n");
    loop_until(f->app.base, app_holds, &f->app);
    new_conf(f, 2);
    f->next->http[0].address = S("[::1]:0"); /* a new one, in front */
    f->next->http[1].address = S("127.0.0.1:0");
    f->next->limits.http_body = 5;
    assert_true(configure(f, NULL, 0));
    assert_int_equal(port_of(f, 1), port);
    assert_true(port_of(f, 0) != 0 && port_of(f, 0) != port);
    assert_int_equal(port_of(f, 2), 0);
    assert_true(str_eq_c(http_request_listener(f->app.held[0])->address, "127.0.0.1:0"));
    f->app.hold = false;
    app_answer_held(&f->app);
    client_wait(&pending, "/p 0");
    get(&c, "/after");
    assert_int_equal(f->app.seen, 3);
    client_close(&c);
    client_close(&pending);
    client_connect(&c, f->app.base, port); /* the new limit */
    client_send_c(&c, "POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nabcdef");
    client_wait(&c, "413");
    client_close(&c);
}

static void test_failed_reload_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct client c;
    char said[512], *busy;
    unsigned port;

    app_start(&f->app);
    port = port_of(f, 0);
    busy = xasprintf("127.0.0.1:%u", port);
    new_conf(f, 3);
    f->next->http[0].address = S("127.0.0.1:0");
    f->next->http[1].address = S("[::1]:0");
    f->next->http[2].address = str_c(busy); /* taken, by ourselves under another name */
    assert_false(configure(f, said, sizeof(said)));
    assert_non_null(strstr(said, "cannot listen: Address already in use"));
    f->next->http[2].address = S("example.org:80");
    assert_false(configure(f, said, sizeof(said)));
    assert_non_null(strstr(said, "not an address"));
    assert_int_equal(port_of(f, 0), port);
    assert_int_equal(port_of(f, 1), 0);
    client_connect(&c, f->app.base, port);
    get(&c, "/still");
    client_close(&c);
    free(busy);
}

static void test_gone_listener(void **state)
{
    struct fixture *f = *state;
    struct client old, queued;
    struct sockaddr_in to = {.sin_family = AF_INET};
    unsigned port;
    int fd;

    app_start(&f->app);
    port = port_of(f, 0);
    f->app.hold = true;
    client_connect(&old, f->app.base, port);
    client_send_c(&old, "GET /old HTTP/1.1\r\n\r\n");
    loop_until(f->app.base, app_holds, &f->app);
    client_connect(&queued, f->app.base, port); /* in the kernel's queue, not yet accepted */
    client_send_c(&queued, "GET /queued HTTP/1.1\r\n\r\n");
    new_conf(f, 0);
    assert_true(configure(f, NULL, 0));
    f->app.hold = false;
    client_wait(&queued, "/queued 0");
    app_answer_held(&f->app);
    client_wait(&old, "/old 0");
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)port);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), -1);
    assert_int_equal(errno, ECONNREFUSED);
    close(fd);
    client_close(&old);
    client_close(&queued);
    loop_for(f->app.base, 20);
}

static void test_reload_switches_tls_and_certificates(void **state)
{
    struct fixture *f = *state;
    struct client plain;
    struct tls_client c = {0};
    X509 *first, *second;
    unsigned port;

    app_start(&f->app);
    port = port_of(f, 0);
    client_connect(&plain, f->app.base, port);
    get(&plain, "/plain");
    new_conf(f, 1);
    f->next->http[0].address = S("127.0.0.1:0");
    use_tls(f, &f->next->http[0], false);
    assert_true(configure(f, NULL, 0));
    assert_int_equal(port_of(f, 0), port);
    get(&plain, "/still"); /* opened before */
    client_close(&plain);
    tls_client_connect(&c, f->app.base, port, NULL);
    assert_true(tls_client_handshake(&c));
    first = SSL_get1_peer_certificate(c.ssl);
    make_certificate(f->dir, "server"); /* renewed, same file */
    assert_true(configure(f, NULL, 0));
    tls_client_send(&c, "GET /old HTTP/1.1\r\n\r\n");
    tls_client_wait(&c, "/old 0");
    tls_client_close(&c);
    tls_client_connect(&c, f->app.base, port, NULL);
    assert_true(tls_client_handshake(&c));
    second = SSL_get1_peer_certificate(c.ssl);
    assert_int_not_equal(X509_cmp(first, second), 0);
    X509_free(first);
    X509_free(second);
    tls_client_close(&c);
}

static void test_reload_narrows_allow(void **state)
{
    struct conf_text nets[] = {{.s = S("192.0.2.0/24")}};
    struct fixture *f = *state;
    struct client c;

    app_start(&f->app);
    client_connect(&c, f->app.base, port_of(f, 0));
    get(&c, "/in");
    new_conf(f, 1);
    f->next->http[0].address = S("127.0.0.1:0");
    f->next->http[0].allow = texts_of(nets, 1);
    assert_true(configure(f, NULL, 0));
    client_send_c(&c, "GET /out HTTP/1.1\r\n\r\n");
    client_wait(&c, "403");
    client_wait_eof(&c);
    client_close(&c);
}

/* ---- unix sockets --------------------------------------------------------------------------- */

static void test_unix_socket(void **state)
{
    struct fixture *f = *state;
    struct str path = in_dir(f, "http.sock");
    struct client c;
    struct stat st;

    f->app.conf->http[0].address = path;
    app_start(&f->app);
    client_adopt(&c, f->app.base, unix_socket(path.p, SOCK_STREAM));
    get(&c, "/u");
    client_close(&c);
    http_server_stop_accepting(f->app.server);
    loop_for(f->app.base, 20);
    assert_int_equal(stat(path.p, &st), -1);
}

static void test_unix_socket_left_behind(void **state)
{
    struct fixture *f = *state;
    struct str path = in_dir(f, "stale.sock");
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct client c;
    char said[512], *url = xasprintf("unix:%s", path.p);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), file;

    snprintf(un.sun_path, sizeof(un.sun_path), "%s", path.p);
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    assert_int_equal(listen(fd, 1), 0);
    app_start(&f->app);
    new_conf(f, 1);
    f->next->http[0].address = str_c(url);
    assert_false(configure(f, said, sizeof(said))); /* somebody listens */
    assert_non_null(strstr(said, "another process listens there"));
    close(fd); /* killed: the file stays */
    assert_true(configure(f, NULL, 0));
    client_adopt(&c, f->app.base, unix_socket(path.p, SOCK_STREAM));
    get(&c, "/new");
    client_close(&c);
    new_conf(f, 1);
    f->next->http[0].address = in_dir(f, "a-file");
    file = open(f->next->http[0].address.p, O_CREAT | O_WRONLY, 0600);
    close(file);
    assert_false(configure(f, said, sizeof(said))); /* never removes what is no socket */
    assert_int_equal(access(f->next->http[0].address.p, F_OK), 0);
    free(url);
}

/* Two servers of one process, as workers are, share a path. */
static void test_unix_socket_of_two_workers(void **state)
{
    struct fixture *f = *state;
    struct http_callbacks cb = {app_on_request, &f->app};
    struct str path = in_dir(f, "two.sock");
    struct http_server *other;
    struct client c;
    struct diag why;

    f->app.conf->http[0].address = path;
    app_start(&f->app);
    other = http_server_create(f->app.base, &cb);
    diag_init(&why);
    assert_true(http_server_configure(other, f->app.conf, true, &why));
    diag_finish(&why);
    http_server_stop_accepting(f->app.server);
    loop_for(f->app.base, 20);
    client_adopt(&c, f->app.base, unix_socket(path.p, SOCK_STREAM)); /* the other still listens */
    get(&c, "/other");
    client_close(&c);
    http_server_destroy(other);
    assert_int_equal(access(path.p, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tls_own_pages_are_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tls_floor, setup, teardown),
        cmocka_unit_test_setup_teardown(test_plain_bytes_on_tls_port, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_certificate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_certificates, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload_keeps_connections, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed_reload_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gone_listener, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload_switches_tls_and_certificates, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload_narrows_allow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unix_socket, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unix_socket_left_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unix_socket_of_two_workers, setup, teardown),
    };

    return cmocka_run_group_tests_name("http_listeners", tests, NULL, NULL);
}
