/*
 * test_listener.c - listening sockets: shared ports, both families, sockets of the service manager.
 */
#include "http_app.h"

#include "../../../src/net/listener.h"
#include "triaged/net/listen.h"

enum { PASSED_FD = 3 }; /* sd_listen_fds(3) */

static bool opens(const char *address, int type, unsigned flags, struct listen_socket *s)
{
    struct conf_listener l = {.address = str_c(address)};
    struct diag why;
    bool ok;

    diag_init(&why);
    ok = listen_open(s, &l, type, flags, &why);
    assert_int_equal(ok, why.errors == 0); /* a refusal says why */
    diag_finish(&why);
    return ok;
}

static void test_shared_port(void **state)
{
    struct listen_socket a, b, c;
    char *address;

    (void)state;
    assert_true(opens("127.0.0.1:0", SOCK_STREAM, LISTEN_REUSEPORT, &a));
    address = xasprintf("127.0.0.1:%u", listen_port(a.fd));
    assert_false(opens(address, SOCK_STREAM, 0, &b));
    assert_true(opens(address, SOCK_STREAM, LISTEN_REUSEPORT, &b));
    assert_int_equal(listen_port(b.fd), listen_port(a.fd));
    assert_true(opens(address, SOCK_DGRAM, 0, &c)); /* UDP has ports of its own */
    close(a.fd);
    close(b.fd);
    close(c.fd);
    free(address);
}

static void test_flags_of_sockets(void **state)
{
    struct listen_socket s;

    (void)state;
    assert_true(opens("[::1]:0", SOCK_DGRAM, 0, &s));
    assert_true(fcntl(s.fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(s.fd, F_GETFD) & FD_CLOEXEC);
    close(s.fd);
}

static void test_refusals(void **state)
{
    struct listen_socket s;

    (void)state;
    assert_false(opens("nonsense", SOCK_STREAM, 0, &s));
    assert_false(opens("192.0.2.1:0", SOCK_STREAM, 0, &s)); /* not an address of this host */
    assert_false(opens("unix:/nowhere/at/all.sock", SOCK_STREAM, 0, &s));
    assert_int_equal(s.fd, -1);
}

static void on_request(void *arg, struct http_request *r)
{
    (void)arg;
    http_reply(r, 200, NULL, S("passed"));
}

static void test_passed_sockets(void **state)
{
    struct http_callbacks cb = {on_request, NULL};
    struct event_base *base = net_loop_create();
    struct listen_socket bound;
    struct conf_listener l = {0};
    struct http_server *s;
    struct client c;
    struct diag why;
    char *address, pid[32];

    (void)state;
    assert_true(opens("127.0.0.1:0", SOCK_STREAM, 0, &bound));
    address = xasprintf("127.0.0.1:%u", listen_port(bound.fd));
    assert_int_equal(dup2(bound.fd, PASSED_FD), PASSED_FD);
    setenv("LISTEN_FDS", "1", 1);
    setenv("LISTEN_PID", "1", 1);
    assert_int_equal(net_adopt_passed_sockets(), 0); /* meant for another process */
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    assert_int_equal(net_adopt_passed_sockets(), 1);
    assert_null(getenv("LISTEN_FDS")); /* not for our children */
    l.address = str_c(address);
    diag_init(&why);
    s = http_server_create(base, &cb);
    assert_true(http_server_listen(s, &l, -1, false, &why));
    diag_finish(&why);
    client_connect(&c, base, listen_port(bound.fd));
    client_send_c(&c, "GET / HTTP/1.1\r\n\r\n");
    client_wait(&c, "passed");
    client_close(&c);
    http_server_destroy(s);
    event_base_free(base);
    close(bound.fd);
    free(address);
}

/* The low descriptor that passed sockets begin at must be ours to use. */
static void hold_passed_fd(void)
{
    int fd = fcntl(PASSED_FD, F_GETFD);

    if (fd >= 0)
        close(PASSED_FD);
    assert_int_equal(open("/dev/null", O_RDONLY | O_CLOEXEC), PASSED_FD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_port),
        cmocka_unit_test(test_flags_of_sockets),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_passed_sockets),
    };

    hold_passed_fd();
    return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
