/*
 * test_listener.c - listening sockets: shared ports, both families, sockets of the service manager.
 */
#include "http_app.h"

#include <sys/stat.h>

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
    listen_close(&a);
    listen_close(&b);
    listen_close(&c);
    free(address);
}

/* Several workers are at one port, also when the system picks it; another listener has its own. */
static void test_any_port(void **state)
{
    struct conf_listener l = {.address = S("127.0.0.1:0"), .place = {.line = 1}}, other = l;
    struct listen_socket a, b, c, d, again;
    unsigned port;
    struct diag why;

    (void)state;
    diag_init(&why);
    other.place.line = 2;
    assert_true(listen_open(&a, &l, SOCK_STREAM, LISTEN_REUSEPORT, &why));
    assert_true(listen_open(&b, &l, SOCK_STREAM, LISTEN_REUSEPORT, &why));
    assert_true(listen_open(&c, &other, SOCK_STREAM, LISTEN_REUSEPORT, &why));
    assert_true(listen_open(&d, &l, SOCK_STREAM, 0, &why)); /* the only worker */
    port = listen_port(a.fd);
    assert_int_equal(listen_port(b.fd), port);
    assert_int_not_equal(listen_port(c.fd), port);
    assert_int_not_equal(listen_port(d.fd), port);
    listen_close(&a);
    assert_true(listen_open(&again, &l, SOCK_STREAM, LISTEN_REUSEPORT, &why));
    assert_int_equal(listen_port(again.fd), port); /* b is still there */
    listen_close(&b);
    listen_close(&c);
    listen_close(&d);
    listen_close(&again);
    diag_finish(&why);
}

static void test_flags_of_sockets(void **state)
{
    struct listen_socket s;

    (void)state;
    assert_true(opens("[::1]:0", SOCK_DGRAM, 0, &s));
    assert_true(fcntl(s.fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(s.fd, F_GETFD) & FD_CLOEXEC);
    listen_close(&s);
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

/* Whether one of this process's epoll sets holds the socket `fd`, under whatever number. */
static bool in_an_epoll_set(int fd)
{
    char path[64], line[256], target[64] = "", ino[32];
    struct stat st;
    bool found = false;

    assert_int_equal(fstat(fd, &st), 0);
    snprintf(ino, sizeof(ino), " ino:%lx ", (unsigned long)st.st_ino);
    for (int i = 0; i < 64; i++) {
        ssize_t n;
        FILE *f;

        snprintf(path, sizeof(path), "/proc/self/fd/%d", i);
        n = readlink(path, target, sizeof(target) - 1);
        if (n < 0 || strncmp(target, "anon_inode:[eventpoll]", (size_t)n) != 0)
            continue;
        snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", i);
        f = fopen(path, "r");
        assert_non_null(f);
        while (fgets(line, sizeof(line), f))
            found = found || strstr(line, ino);
        fclose(f);
    }
    return found;
}

static void turn(struct event_base *base)
{
    struct timeval at_once = {0, 0};

    event_base_loopexit(base, &at_once); /* by an event, without which a loop makes no turn */
    event_base_dispatch(base);
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
    assert_true(in_an_epoll_set(PASSED_FD));
    http_server_destroy(s);
    turn(base);
    assert_false(in_an_epoll_set(PASSED_FD)); /* it stays open for a later reload */
    event_base_free(base);
    listen_close(&bound);
    free(address);
}

/* The socket that stays open for others must not wake a loop that no longer listens on it. */
static void test_a_loop_forgets_a_socket_that_stays_open(void **state)
{
    struct http_callbacks cb = {on_request, NULL};
    struct event_base *bases[2] = {net_loop_create(), net_loop_create()};
    char *dir = temp_dir(), *path = xasprintf("%s/sock", dir), *at = xasprintf("unix:%s", path);
    struct conf_listener l = {.address = str_c(at)};
    struct http_server *s[2];
    struct listen_socket own;
    struct diag why;

    (void)state;
    diag_init(&why);
    for (int i = 0; i < 2; i++) {
        s[i] = http_server_create(bases[i], &cb);
        assert_true(http_server_listen(s[i], &l, -1, false, &why));
        turn(bases[i]);
    }
    assert_true(listen_open(&own, &l, SOCK_STREAM, 0, &why));
    diag_finish(&why);
    assert_true(in_an_epoll_set(own.fd));
    for (int i = 0; i < 2; i++) {
        http_server_destroy(s[i]);
        turn(bases[i]);
    }
    assert_true(fcntl(own.fd, F_GETFD) >= 0); /* we still use it */
    assert_false(in_an_epoll_set(own.fd));
    listen_close(&own);
    assert_int_equal(access(path, F_OK), -1);
    for (int i = 0; i < 2; i++)
        event_base_free(bases[i]);
    free(at);
    free(path);
    temp_dir_remove(dir);
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
        cmocka_unit_test(test_any_port),
        cmocka_unit_test(test_flags_of_sockets),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_passed_sockets),
        cmocka_unit_test(test_a_loop_forgets_a_socket_that_stays_open),
    };

    hold_passed_fd();
    return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
