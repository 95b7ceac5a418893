/*
 * test_http_limits.c - everything that a client can make big or slow meets its limit: at the limit
 * it passes, one beyond it is refused, with a status that says so.
 */
#include "http_app.h"

#include <sys/resource.h>
#include <zlib.h>

static int setup(void **state)
{
    struct app *a = NEW(struct app);

    app_init(a);
    *state = a; /* tests start it, after setting their limits */
    return 0;
}

static int teardown(void **state)
{
    app_finish(*state);
    free(*state);
    return 0;
}

static char *filled(size_t n)
{
    char *p = xmalloc(n + 1);

    memset(p, 'x', n);
    p[n] = '\0';
    return p;
}

/* Sends and returns the status of the answer, 0 if there was none. */
static int ask(struct app *a, struct str head, struct str body)
{
    struct client c;
    unsigned v = 0;

    app_connect(a, &c);
    client_send(&c, head);
    client_send(&c, body);
    client_wait(&c, "\r\n\r\n");
    if (c.in.n > 12)
        v = (unsigned)strtoul(c.in.p + 9, NULL, 10);
    client_close(&c);
    return (int)v;
}

static int ask_header(struct app *a, const char *front, size_t n)
{
    char *fill = filled(n), *head = xasprintf("%s%s\r\n\r\n", front, fill);
    int status = ask(a, str_c(head), STR_NONE);

    free(head);
    free(fill);
    return status;
}

/* The limit counts the bytes of the lines without their ends. */
static void test_header(void **state)
{
    static const char line[] = "GET / HTTP/1.1", name[] = "\r\nX: ";
    struct app *a = *state;
    char *front = xasprintf("%s%s", line, name);
    size_t fits = 1000 - strlen(line) - 3;

    a->conf->limits.http_header = 1000;
    app_start(a);
    assert_int_equal(ask_header(a, front, fits - 1), 200);
    assert_int_equal(ask_header(a, front, fits), 200);
    assert_int_equal(ask_header(a, front, fits + 1), 431);
    assert_int_equal(ask_header(a, front, fits + 100000), 431);
    assert_int_equal(ask_header(a, "GET /", 100000), 431);
    free(front);
}

static int ask_body(struct app *a, size_t n)
{
    char *body = filled(n);
    char *head = xasprintf("POST / HTTP/1.1\r\nContent-Length: %zu\r\n\r\n", n);
    int status = ask(a, str_c(head), (struct str){body, n});

    free(head);
    free(body);
    return status;
}

static int ask_chunked(struct app *a, size_t n, size_t chunk)
{
    struct buf b;
    char *fill = filled(chunk);
    int status;

    buf_init(&b, 64 << 20);
    while (n > 0) {
        size_t k = n < chunk ? n : chunk;

        buf_printf(&b, "%zx\r\n%.*s\r\n", k, (int)k, fill);
        n -= k;
    }
    buf_put_c(&b, "0\r\n\r\n");
    status = ask(a, S("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), buf_str(&b));
    buf_finish(&b);
    free(fill);
    return status;
}

static void test_body(void **state)
{
    struct app *a = *state;

    app_start(a);
    assert_int_equal(ask_body(a, 9999), 200);
    assert_int_equal(ask_body(a, 10000), 200);
    assert_int_equal(a->body_seen, 10000);
    assert_int_equal(ask_body(a, 10001), 413);
    assert_int_equal(ask_body(a, 3000000), 413);
    assert_int_equal(ask_chunked(a, 9999, 100), 200);
    assert_int_equal(ask_chunked(a, 10000, 4096), 200);
    assert_int_equal(a->body_seen, 10000);
    assert_int_equal(ask_chunked(a, 10001, 10001), 413);
    assert_int_equal(ask_chunked(a, 10001, 100), 413);
    assert_true(metric_value("triaged_http_refused_total{reason=\"body_too_large\"}") >= 4);
}

/* A line of a chunk's size that never ends. */
static void test_endless_chunk_size(void **state)
{
    struct app *a = *state;
    char *zeros = filled(2 << 20);

    memset(zeros, '0', 2 << 20);
    app_start(a);
    assert_int_equal(ask(a, S("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"),
                         (struct str){zeros, 2 << 20}),
                     413);
    free(zeros);
}

static void test_bodies_in_flight(void **state)
{
    struct app *a = *state;
    struct client held[3];
    char *body = filled(9000);

    a->conf->limits.http_bodies = 25000;
    a->hold = true;
    app_start(a);
    for (size_t i = 0; i < 3; i++) {
        app_connect(a, &held[i]);
        client_send_c(&held[i], "POST / HTTP/1.1\r\nContent-Length: 9000\r\n\r\n");
        client_send(&held[i], (struct str){body, 9000});
        loop_for(a->base, 20);
    }
    assert_int_equal(a->n_held, 2);
    client_wait(&held[2], "HTTP/1.1 503 ");
    client_wait(&held[2], "Retry-After: ");
    client_wait(&held[2], "\"busy\"");
    app_answer_held(a);
    loop_until(a->base, app_idle, a);
    a->hold = false;
    assert_int_equal(ask_body(a, 9000), 200); /* what was answered no longer counts */
    for (size_t i = 0; i < 3; i++)
        client_close(&held[i]);
    free(body);
}

/* They count while they are still coming in. */
static void test_unfinished_bodies_in_flight(void **state)
{
    struct app *a = *state;
    struct client c[3];
    char *part = filled(9000);

    a->conf->limits.http_bodies = 25000;
    app_start(a);
    for (size_t i = 0; i < 3; i++) {
        app_connect(a, &c[i]);
        client_send_c(&c[i], "POST / HTTP/1.1\r\nContent-Length: 9100\r\n\r\n");
        client_send(&c[i], (struct str){part, 9000});
        loop_for(a->base, 20);
    }
    client_wait(&c[2], "HTTP/1.1 503 ");
    client_wait_eof(&c[2]);
    for (size_t i = 0; i < 2; i++) {
        client_send(&c[i], (struct str){part, 100});
        client_wait(&c[i], "/ 9100");
    }
    assert_int_equal(ask_body(a, 9000), 200);
    for (size_t i = 0; i < 3; i++)
        client_close(&c[i]);
    free(part);
}

/* ---- gzip ----------------------------------------------------------------------------------- */

static struct buf gzipped(size_t n, int byte)
{
    struct buf out;
    z_stream z = {0};
    char *plain = xmalloc(n + 1);

    memset(plain, byte, n);
    buf_init(&out, n + 1000);
    assert_true(buf_reserve(&out, n + 1000));
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)plain;
    z.avail_in = (unsigned)n;
    z.next_out = (unsigned char *)out.p;
    z.avail_out = (unsigned)n + 1000;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out.n = z.total_out;
    deflateEnd(&z);
    free(plain);
    return out;
}

static int ask_encoded(struct app *a, struct str body, const char *encoding)
{
    char *head = xasprintf("POST / HTTP/1.1\r\nContent-Length: %zu\r\nContent-Encoding: %s\r\n\r\n",
                           body.n, encoding);
    int status = ask(a, str_c(head), body);

    free(head);
    return status;
}

static int ask_gzip(struct app *a, size_t n)
{
    struct buf z = gzipped(n, 'x');
    int status = ask_encoded(a, buf_str(&z), "gzip");

    buf_finish(&z);
    return status;
}

static void test_gzip(void **state)
{
    struct app *a = *state;
    struct buf one, two;
    size_t whole;

    app_start(a);
    assert_int_equal(ask_gzip(a, 0), 200);
    assert_int_equal(a->body_seen, 0);
    assert_int_equal(ask_gzip(a, 9999), 200);
    assert_int_equal(ask_gzip(a, 10000), 200);
    assert_int_equal(a->body_seen, 10000);
    assert_int_equal(ask_gzip(a, 10001), 413);
    assert_int_equal(ask_gzip(a, 5000000), 413); /* 5 KB that would be 5 MB */
    one = gzipped(10, 'a');
    two = gzipped(20, 'b');
    buf_put_str(&one, buf_str(&two));
    assert_int_equal(ask_encoded(a, buf_str(&one), "GZIP"), 200);
    assert_int_equal(a->body_seen, 30); /* two members make one body */
    whole = two.n;
    for (two.n = 1; two.n < whole; two.n++)
        assert_int_equal(ask_encoded(a, buf_str(&two), "gzip"), 400); /* cut anywhere */
    two.p[whole / 2] ^= 1;
    two.n = whole;
    assert_int_equal(ask_encoded(a, buf_str(&two), "gzip"), 400);
    assert_int_equal(ask_encoded(a, S("plain text"), "gzip"), 400);
    assert_int_equal(ask_encoded(a, S("plain text"), "identity"), 200);
    assert_int_equal(ask_encoded(a, S("plain text"), "br"), 415);
    buf_finish(&one);
    buf_finish(&two);
}

static void test_gzip_within_the_budget(void **state)
{
    struct app *a = *state;

    a->conf->limits.http_bodies = 8000;
    app_start(a);
    assert_int_equal(ask_gzip(a, 1000), 200);
    assert_int_equal(ask_gzip(a, 9000), 503);
    assert_int_equal(ask_gzip(a, 1000), 200); /* nothing is left counted */
}

/* ---- time ----------------------------------------------------------------------------------- */

static void test_answer_timeout(void **state)
{
    struct app *a = *state;
    struct client c;

    a->conf->limits.http_answer_ms = 60;
    a->hold = true;
    app_start(a);
    app_connect(a, &c);
    client_send_c(&c, "POST /slow HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody");
    client_wait(&c, "HTTP/1.1 503 ");
    client_wait(&c, "Retry-After: ");
    assert_int_equal(a->n_held, 1);
    assert_true(str_eq_c(http_request_body(a->held[0]), "body")); /* still its owner's */
    assert_int_equal(http_server_pending(a->server), 1);
    a->hold = false;
    client_send_c(&c, "GET /next HTTP/1.1\r\n\r\n");
    client_wait(&c, "/next 0");
    app_answer_held(a); /* too late: ignored */
    loop_for(a->base, 20);
    client_pump(&c);
    assert_int_equal(client_count(&c, "HTTP/1.1 "), 2);
    assert_int_equal(http_server_pending(a->server), 0);
    client_close(&c);
}

static void test_idle_connection_is_closed(void **state)
{
    struct app *a = *state;
    struct client c;

    a->conf->limits.http_idle_ms = 60;
    app_start(a);
    app_connect(a, &c);
    client_wait_eof(&c);
    assert_int_equal(c.in.n, 0);
    client_close(&c);
    app_connect(a, &c); /* also after a request */
    client_send_c(&c, "GET / HTTP/1.1\r\n\r\n");
    client_wait_eof(&c);
    assert_int_equal(client_count(&c, "200 OK"), 1);
    client_close(&c);
}

/* One byte at a time keeps a connection busy, but not for longer than one request may take. */
static void test_slow_request(void **state)
{
    static const char *const begins[] = {"GET / HTTP/1.1\r\nX: ",
                                         "POST / HTTP/1.1\r\nContent-Length: 9000\r\n\r\n"};
    struct app *a = *state;

    a->conf->limits.http_idle_ms = 200;
    app_start(a);
    for (size_t i = 0; i < ARRAY_LEN(begins); i++) {
        int64_t began = clock_mono_ms();
        struct client c;

        app_connect(a, &c);
        client_send_c(&c, begins[i]);
        while (!client_at_eof(&c) && clock_mono_ms() < began + WAIT_MS) {
            (void)send(c.fd, "x", 1, MSG_NOSIGNAL);
            loop_for(a->base, 10);
        }
        assert_true(c.eof);
        assert_true(str_starts(buf_str(&c.in), S("HTTP/1.1 408 ")));
        assert_true(clock_mono_ms() - began >= 200);
        client_close(&c);
    }
}

static void test_large_reply_takes_its_time(void **state)
{
    struct app *a = *state;
    size_t size = 32 << 20;
    char *big = filled(size);
    struct client c;

    a->conf->limits.http_idle_ms = 50;
    a->hold = true;
    app_start(a);
    app_connect(a, &c);
    client_send_c(&c, "GET / HTTP/1.1\r\n\r\n");
    loop_until(a->base, app_holds, a);
    http_reply(a->held[0], 200, NULL, (struct str){big, 300}); /* small: the kernel takes it */
    a->n_held = 0;
    loop_until(a->base, app_idle, a);
    client_close(&c);
    app_connect(a, &c);
    client_send_c(&c, "GET / HTTP/1.1\r\n\r\n");
    loop_until(a->base, app_holds, a);
    http_reply(a->held[0], 200, NULL, (struct str){big, size});
    a->n_held = 0;
    loop_for(a->base, 200);
    assert_int_equal(http_server_pending(a->server), 1); /* 32 MiB may take a while */
    client_close(&c);
    loop_until(a->base, app_idle, a);
    free(big);
}

/* ---- connections ---------------------------------------------------------------------------- */

static void test_connections(void **state)
{
    struct app *a = *state;
    struct client c[3];

    a->conf->limits.http_connections = 2;
    app_start(a);
    for (size_t i = 0; i < 3; i++) {
        app_connect(a, &c[i]);
        loop_for(a->base, 10);
    }
    client_wait_eof(&c[2]);
    client_send_c(&c[1], "GET /one HTTP/1.1\r\n\r\n");
    client_wait(&c[1], "/one 0");
    client_close(&c[0]);
    loop_for(a->base, 20);
    client_close(&c[2]);
    app_connect(a, &c[2]);
    client_send_c(&c[2], "GET /two HTTP/1.1\r\n\r\n");
    client_wait(&c[2], "/two 0");
    assert_true(metric_value("triaged_http_refused_total{reason=\"connections\"}") >= 1);
    client_close(&c[1]);
    client_close(&c[2]);
}

static void test_allow(void **state)
{
    struct conf_text nets[] = {{.s = S("192.0.2.0/24")}, {.s = S("127.0.0.2")}};
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    struct app *a = *state;
    struct client c;
    int fd;

    a->conf->http[0].allow = texts_of(nets, 2);
    app_start(a);
    app_connect(a, &c);
    client_send_c(&c, "GET / HTTP/1.1\r\n\r\n");
    client_wait_eof(&c);
    assert_int_equal(c.in.n, 0);
    client_close(&c);
    assert_true(metric_value("triaged_http_refused_total{reason=\"not_allowed\"}") >= 1);
    inet_pton(AF_INET, "127.0.0.2", &from.sin_addr);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)http_server_port(a->server, 0));
    fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    client_adopt(&c, a->base, fd);
    client_send_c(&c, "GET /in HTTP/1.1\r\n\r\n");
    client_wait(&c, "/in 0");
    client_close(&c);
}

/* No descriptors left: the listener rests, and goes on when there are some again. */
static void test_descriptors_run_out(void **state)
{
    struct app *a = *state;
    struct rlimit was, low;
    struct client c, waits;
    int64_t began;
    int fd;

    app_start(a);
    app_connect(a, &c);
    client_send_c(&c, "GET /1 HTTP/1.1\r\n\r\n");
    client_wait(&c, "/1 0");
    app_connect(a, &waits);
    client_send_c(&waits, "GET /2 HTTP/1.1\r\n\r\n");
    fd = dup(0);
    close(fd);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    low = was;
    low.rlim_cur = (rlim_t)fd; /* the next descriptor would be this one */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    began = clock_mono_ms();
    loop_for(a->base, 100);
    assert_int_equal(waits.in.n, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    client_wait(&waits, "/2 0");
    assert_true(clock_mono_ms() - began >= 900); /* it did not try again at once */
    client_close(&c);
    client_close(&waits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_header, setup, teardown),
        cmocka_unit_test_setup_teardown(test_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_endless_chunk_size, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bodies_in_flight, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unfinished_bodies_in_flight, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gzip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gzip_within_the_budget, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answer_timeout, setup, teardown),
        cmocka_unit_test_setup_teardown(test_idle_connection_is_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slow_request, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_reply_takes_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connections, setup, teardown),
        cmocka_unit_test_setup_teardown(test_allow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_descriptors_run_out, setup, teardown),
    };

    return cmocka_run_group_tests_name("http_limits", tests, NULL, NULL);
}
