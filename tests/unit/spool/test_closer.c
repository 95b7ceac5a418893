/* test_closer.c - descriptors are closed beside the caller. What takes long to close is a TCP
 * socket that lingers: close waits until the other end has read what was sent, or is gone. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "spool_internal.h"

struct pair {
    int lingering, other;
};

static struct pair lingering_pair(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct linger linger = {.l_onoff = 1, .l_linger = 600};
    socklen_t n = sizeof(a);
    struct pair p;
    char bytes[65536] = "";
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &n), 0);
    p.lingering = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(p.lingering, (struct sockaddr *)&a, sizeof(a)), 0);
    p.other = accept(listener, NULL, NULL);
    assert_true(p.other >= 0);
    close(listener);
    assert_int_equal(setsockopt(p.lingering, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
    while (send(p.lingering, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        ;
    return p;
}

/* A reset: what waits to be sent is given up. */
static void let_go(const struct pair *p)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};

    setsockopt(p->other, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(p->other);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void test_the_caller_does_not_wait(void **state)
{
    struct closer c = {.started = false};
    struct pair slow = lingering_pair();
    int fds[CLOSER_MAX];

    (void)state;
    assert_true(closer_has_room(&c));
    closer_close(&c, slow.lingering); /* returns, or this test ends after its time */
    for (size_t i = 0; i < CLOSER_MAX - 1; i++) {
        assert_true(closer_has_room(&c));
        fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        closer_close(&c, fds[i]);
    }
    assert_false(closer_has_room(&c));
    for (size_t i = 0; i < CLOSER_MAX - 1; i++)
        assert_true(is_open(fds[i])); /* in turn, behind the slow one */
    let_go(&slow);
    closer_wait(&c, 0);
    assert_true(closer_has_room(&c));
    for (size_t i = 0; i < CLOSER_MAX - 1; i++)
        assert_false(is_open(fds[i]));
    closer_stop(&c);
}

static void test_stop_closes_what_is_left(void **state)
{
    struct closer c = {.started = false};
    int fds[3 * CLOSER_MAX]; /* also: more than there is room for */

    (void)state;
    closer_close(&c, -1);
    closer_stop(&c);
    for (size_t i = 0; i < 3 * CLOSER_MAX; i++)
        fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (size_t i = 0; i < 3 * CLOSER_MAX; i++)
        closer_close(&c, fds[i]);
    closer_stop(&c);
    for (size_t i = 0; i < 3 * CLOSER_MAX; i++)
        assert_false(is_open(fds[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_caller_does_not_wait),
        cmocka_unit_test(test_stop_closes_what_is_left),
    };

    return cmocka_run_group_tests_name("closer", tests, NULL, NULL);
}
