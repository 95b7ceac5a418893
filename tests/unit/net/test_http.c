/*
 * test_http.c - requests in, replies out, over real sockets: what a client may do to a connection.
 */
#include "http_app.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: t\r\n\r\n"

static int setup(void **state)
{
    struct app *a = NEW(struct app);

    app_init(a);
    app_start(a);
    *state = a;
    return 0;
}

static int teardown(void **state)
{
    app_finish(*state);
    free(*state);
    return 0;
}

static void test_keep_alive_and_pipelining(void **state)
{
    struct app *a = *state;
    struct client c;

    app_connect(a, &c);
    client_send_c(&c, GET("/a"));
    client_wait(&c, "/a 0");
    client_send_c(&c, GET("/b") GET("/c") GET("/d"));
    client_wait(&c, "/d 0");
    assert_int_equal(client_count(&c, "200 OK"), 4);
    assert_int_equal(client_count(&c, "X-Test: yes"), 4);
    assert_true(str_find(buf_str(&c.in), S("/b 0")) < str_find(buf_str(&c.in), S("/c 0")));
    assert_false(c.eof);
    client_close(&c);
}

/* A second request must wait while the first is with its owner: evhttp would end the process. */
static void test_pipelined_while_pending(void **state)
{
    struct app *a = *state;
    struct client c;

    a->hold = true;
    app_connect(a, &c);
    client_send_c(&c, GET("/1") GET("/2"));
    loop_until(a->base, app_holds, a);
    client_send_c(&c, GET("/3"));
    loop_for(a->base, 30);
    assert_int_equal(a->seen, 1);
    a->hold = false;
    app_answer_held(a);
    client_wait(&c, "/3 0");
    assert_int_equal(client_count(&c, "200 OK"), 3);
    client_close(&c);
}

static void test_bodies(void **state)
{
    static const struct {
        const char *name, *request, *answer;
    } rows[] = {
        {"length", "POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello", "/p 5"},
        {"no body", "POST /p HTTP/1.1\r\nHost: t\r\n\r\n", "/p 0"},
        {"chunked",
         "POST /c HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
         "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n",
         "/c 6"},
        {"chunked with trailer",
         "POST /c HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
         "5\r\nhello\r\n0\r\nX: y\r\n\r\n",
         "/c 5"},
        {"same length twice",
         "POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", "/p 2"},
    };
    struct app *a = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct client c;

        app_connect(a, &c);
        client_send_c(&c, rows[i].request);
        client_wait(&c, rows[i].answer);
        client_close(&c);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *name, *request, *status, *code;
    } rows[] = {
        {"two lengths",
         "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
         "HTTP/1.1 400 ", "bad_framing"},
        {"length and chunks",
         "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
         "0\r\n\r\n",
         "HTTP/1.1 400 ", ""}, /* newer packages of evhttp refuse it first */
        {"other encoding",
         "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
         "0\r\n\r\n",
         "HTTP/1.1 400 ", "bad_framing"},
        {"length with a sign", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: +2\r\n\r\nok",
         "HTTP/1.1 400 ", "bad_framing"},
        {"header name with blank", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length : 2\r\n\r\nok",
         "HTTP/1.1 400 ", "bad_framing"},
        {"HEAD with body", "HEAD / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nok",
         "HTTP/1.1 400 ", ""},
        {"NUL in the path", GET("/a%00b"), "HTTP/1.1 400 ", "bad_target"},
        {"no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 400 ", "bad_request"},
        {"version", "GET / HTTP/7.1\r\n\r\n", "HTTP/1.1 400 ", "bad_request"},
        {"header without colon", "GET / HTTP/1.1\r\nnonsense\r\n\r\n", "HTTP/1.1 400 ",
         "bad_request"},
        {"unknown method", "FOO / HTTP/1.1\r\nHost: t\r\n\r\n", "HTTP/1.1 501 ", "bad_method"},
        {"method not wanted", "TRACE / HTTP/1.1\r\nHost: t\r\n\r\n", "HTTP/1.1 501 ", "bad_method"},
        {"expectation", "POST / HTTP/1.1\r\nHost: t\r\nExpect: x\r\nContent-Length: 1\r\n\r\n",
         "HTTP/1.1 417 ", "bad_expectation"},
        {"bad length", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 400 ",
         "bad_request"},
        {"TLS on plain port", "\x16\x03\x01\x02\x01\x01\xfc\x03\x03\r\n\r\n", "HTTP/1.1 400 ",
         "bad_request"},
    };
    struct app *a = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct client c;

        app_connect(a, &c);
        client_send_c(&c, rows[i].request);
        shutdown(c.fd, SHUT_WR);
        client_wait_eof(&c);
        if (!str_starts(buf_str(&c.in), str_c(rows[i].status)) ||
            str_find(buf_str(&c.in), str_c(rows[i].code)) == c.in.n)
            fail_msg("%s: %.*s", rows[i].name, STR_ARG(buf_str(&c.in)));
        if (str_find(buf_str(&c.in), S("<HTML>")) < c.in.n)
            fail_msg("%s: answered in HTML", rows[i].name);
        client_close(&c);
    }
    assert_int_equal(a->seen, 0);
}

/* What stood behind a refused request must not be taken for one. */
static void test_nothing_is_smuggled(void **state)
{
    struct app *a = *state;
    struct client c;

    app_connect(a, &c);
    client_send_c(
        &c, "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\nContent-Length: 40\r\n\r\n" GET(
                "/smuggled"));
    client_wait_eof(&c);
    assert_int_equal(a->seen, 0);
    assert_int_equal(client_count(&c, "HTTP/1.1 "), 1);
    client_close(&c);
}

static void test_head_and_204(void **state)
{
    struct app *a = *state;
    struct client c;

    app_connect(a, &c);
    client_send_c(&c, "HEAD /h HTTP/1.1\r\nHost: t\r\n\r\n");
    client_wait(&c, "\r\n\r\n");
    assert_true(str_find(buf_str(&c.in), S("Content-Length: 4\r\n")) < c.in.n); /* "/h 0" */
    assert_true(str_ends(buf_str(&c.in), S("\r\n\r\n")));
    a->status = 204;
    buf_reset(&c.in);
    client_send_c(&c, GET("/n"));
    client_wait(&c, "\r\n\r\n");
    assert_true(str_starts(buf_str(&c.in), S("HTTP/1.1 204 No Content\r\n")));
    assert_int_equal(client_count(&c, "Content-Length"), 0);
    assert_true(str_ends(buf_str(&c.in), S("\r\n\r\n")));
    a->status = 0;
    client_send_c(&c, GET("/after")); /* the stream is still in step */
    client_wait(&c, "/after 0");
    client_close(&c);
}

static void test_expect_continue(void **state)
{
    struct app *a = *state;
    struct client c;

    app_connect(a, &c);
    client_send_c(&c, "POST /e HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n"
                      "Content-Length: 3\r\n\r\n");
    client_wait(&c, "HTTP/1.1 100 Continue\r\n\r\n");
    client_send_c(&c, "abc");
    client_wait(&c, "/e 3");
    buf_reset(&c.in);
    client_send_c(&c, "POST /e HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n"
                      "Content-Length: 10001\r\n\r\n");
    client_wait(&c, "body_too_large"); /* told before it sends */
    assert_int_equal(client_count(&c, "100 Continue"), 0);
    client_close(&c);
}

static void on_inspect(void *arg, struct http_request *r)
{
    *(bool *)arg = true;
    assert_int_equal(http_request_method(r), HTTP_GET);
    assert_true(str_eq_c(http_request_path(r), "/a b/c"));
    assert_true(str_eq_c(http_request_query(r, "x"), "1 2"));
    assert_true(str_eq_c(http_request_query_at(r, "filter", 0), "a=\"b\""));
    assert_true(str_eq_c(http_request_query_at(r, "filter", 1), "c%zz"));
    assert_null(http_request_query_at(r, "filter", 2).p);
    assert_true(str_eq_c(http_request_query(r, "empty"), ""));
    assert_null(http_request_query(r, "none").p);
    assert_true(str_eq_c(http_request_header(r, "x-LONG"), "value with blanks"));
    assert_null(http_request_header(r, "absent").p);
    assert_true(str_eq_c(http_request_peer(r), "127.0.0.1"));
    assert_true(http_request_peer_is_loopback(r));
    assert_true(str_eq_c(http_request_listener(r)->address, "127.0.0.1:0"));
    http_request_set_data(r, arg);
    assert_ptr_equal(http_request_data(r), arg);
    http_reply(r, 200, NULL, S("fine"));
}

static void test_request_accessors(void **state)
{
    bool seen = false;
    struct http_callbacks cb = {on_inspect, &seen};
    struct conf_listener l = {.address = S("127.0.0.1:0")};
    struct app *a = *state;
    struct http_server *s = http_server_create(a->base, &cb);
    struct diag why;
    struct client c;

    diag_init(&why);
    assert_true(http_server_listen(s, &l, -1, false, &why));
    client_connect(&c, a->base, http_server_port(s, 0));
    client_send_c(&c, "GET /a%20b/c/?x=1+2&filter=a%3D%22b%22&&filter=c%zz&empty=#f HTTP/1.1\r\n"
                      "Host: t\r\nX-Long:   value with blanks  \r\n\r\n");
    client_wait(&c, "fine");
    assert_true(seen);
    client_close(&c);
    http_server_destroy(s);
    diag_finish(&why);
}

static void test_http_1_0_closes(void **state)
{
    struct client c;

    app_connect(*state, &c);
    client_send_c(&c, "GET /old HTTP/1.0\r\n\r\n");
    client_wait_eof(&c);
    assert_int_equal(client_count(&c, "/old 0"), 1);
    client_close(&c);
}

/* A client may close its sending side as soon as it has asked. */
static void test_half_closed_client_gets_a_large_reply(void **state)
{
    struct app *a = *state;
    size_t size = 4 << 20;
    char *big = xcalloc(1, size);
    struct client c;

    a->hold = true;
    app_connect(a, &c);
    client_send_c(&c, GET("/big"));
    shutdown(c.fd, SHUT_WR);
    loop_until(a->base, app_holds, a);
    loop_for(a->base, 10);
    http_reply(a->held[0], 200, NULL, (struct str){big, size});
    a->n_held = 0;
    free(big);
    client_wait_eof(&c);
    assert_true(c.in.n > size);
    client_close(&c);
}

static void test_client_gone_before_reply(void **state)
{
    struct app *a = *state;
    struct client c;

    a->hold = true;
    app_connect(a, &c);
    client_send_c(&c, GET("/gone"));
    loop_until(a->base, app_holds, a);
    client_close(&c);
    loop_for(a->base, 20);
    assert_int_equal(http_server_pending(a->server), 1);
    app_answer_held(a);
    loop_until(a->base, app_idle, a);
}

static void test_destroy_with_pending(void **state)
{
    struct app *a = *state;
    struct client c[3];

    a->hold = true;
    for (size_t i = 0; i < 3; i++) {
        app_connect(a, &c[i]);
        client_send_c(&c[i], i == 2 ? "POST / HTTP/1.1\r\nContent-Le" : GET("/x"));
    }
    loop_until(a->base, app_holds, a);
    loop_for(a->base, 10);
    client_close(&c[0]);
    /* teardown destroys the server: the sanitizers see what is left behind */
    client_close(&c[1]);
    client_close(&c[2]);
}

static bool closed_connections(void *arg)
{
    (void)arg;
    return metric_value("triaged_http_connections{listener=\"127.0.0.1:0\"}") == 0;
}

static void test_stop_accepting(void **state)
{
    struct app *a = *state;
    struct client idle, busy;
    struct sockaddr_in to = {.sin_family = AF_INET};
    int fd;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)http_server_port(a->server, 0));
    a->hold = true;
    app_connect(a, &idle);
    app_connect(a, &busy);
    client_send_c(&busy, GET("/busy"));
    loop_until(a->base, app_holds, a);
    http_server_stop_accepting(a->server);
    client_wait_eof(&idle);
    assert_int_equal(idle.in.n, 0);
    loop_for(a->base, 20);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), -1);
    close(fd);
    app_answer_held(a);
    client_wait_eof(&busy); /* answered, then closed although it was keep-alive */
    assert_int_equal(client_count(&busy, "/busy 0"), 1);
    assert_int_equal(client_count(&busy, "Connection: close"), 1);
    loop_until(a->base, closed_connections, NULL);
    assert_int_equal(http_server_pending(a->server), 0);
    client_close(&idle);
    client_close(&busy);
}

/* ---- server-sent events ---------------------------------------------------------------------- */

static void on_stream_closed(void *arg, struct http_request *r)
{
    struct app *a = arg;

    assert_ptr_equal(r, a->held[0]);
    http_stream_end(r);
    a->n_held = 0;
}

static bool app_holds_none(void *arg)
{
    return ((struct app *)arg)->n_held == 0;
}

static void test_stream(void **state)
{
    struct app *a = *state;
    struct client c;

    a->hold = true;
    app_connect(a, &c);
    client_send_c(&c, GET("/events"));
    loop_until(a->base, app_holds, a);
    assert_true(http_stream_start(a->held[0], 200, "text/event-stream", on_stream_closed, a));
    assert_true(http_stream_write(a->held[0], S("data: one\n\n")));
    client_wait(&c, "data: one\n\n");
    assert_true(http_stream_write(a->held[0], S("data: two\n\n")));
    client_wait(&c, "data: two\n\n");
    http_stream_end(a->held[0]);
    a->n_held = 0;
    client_wait(&c, "0\r\n\r\n");
    client_send_c(&c, GET("/more")); /* the connection goes on */
    loop_until(a->base, app_holds, a);
    app_answer_held(a);
    client_wait(&c, "/more 0");
    client_close(&c);
}

static void test_stream_client_leaves(void **state)
{
    struct app *a = *state;
    struct client c;

    a->hold = true;
    app_connect(a, &c);
    client_send_c(&c, GET("/events"));
    loop_until(a->base, app_holds, a);
    assert_true(http_stream_start(a->held[0], 200, "text/event-stream", on_stream_closed, a));
    client_wait(&c, "text/event-stream");
    client_close(&c);
    loop_until(a->base, app_holds_none, a);
}

static void test_stream_slow_reader(void **state)
{
    static char block[64 * 1024];
    struct app *a = *state;
    struct client c;
    size_t written = 0;

    a->hold = true;
    app_connect(a, &c);
    client_send_c(&c, GET("/events"));
    loop_until(a->base, app_holds, a);
    assert_true(http_stream_start(a->held[0], 200, NULL, on_stream_closed, a));
    while (http_stream_write(a->held[0], (struct str){block, sizeof(block)})) {
        written += sizeof(block);
        assert_true(written < 64 << 20);
        event_base_loop(a->base, EVLOOP_NONBLOCK);
    }
    loop_until(a->base, app_holds_none, a);
    client_close(&c);
}

/* While a reply goes out, evhttp reads what comes and keeps it: not without an end. */
static void test_stream_client_sends_on(void **state)
{
    static char block[64 * 1024];
    struct app *a = *state;
    struct client c;
    size_t sent = 0;

    a->hold = true;
    app_connect(a, &c);
    client_send_c(&c, GET("/events"));
    loop_until(a->base, app_holds, a);
    assert_true(http_stream_start(a->held[0], 200, NULL, on_stream_closed, a));
    for (int idle = 0; idle < 20;) {
        ssize_t n = send(c.fd, block, sizeof(block), MSG_NOSIGNAL);

        idle = n > 0 ? 0 : idle + 1;
        sent += n > 0 ? (size_t)n : 0;
        assert_true(sent < 64 << 20);
        loop_for(a->base, 1);
    }
    assert_true(http_stream_write(a->held[0], S("data: still\n\n")));
    client_wait(&c, "data: still");
    http_stream_end(a->held[0]);
    a->n_held = 0;
    client_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keep_alive_and_pipelining, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pipelined_while_pending, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bodies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_is_smuggled, setup, teardown),
        cmocka_unit_test_setup_teardown(test_head_and_204, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expect_continue, setup, teardown),
        cmocka_unit_test_setup_teardown(test_request_accessors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_http_1_0_closes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_half_closed_client_gets_a_large_reply, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_client_gone_before_reply, setup, teardown),
        cmocka_unit_test_setup_teardown(test_destroy_with_pending, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_accepting, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stream_client_leaves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stream_slow_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stream_client_sends_on, setup, teardown),
    };

    return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
