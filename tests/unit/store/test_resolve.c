/* test_resolve.c - names to addresses, with a hosts file of our own. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include <event2/event.h>

#include "resolve.h"

static char hosts[] = "/tmp/triaged-hosts-XXXXXX", nothing[] = "/dev/null";

/* In the place of open(), which libevent reads with what it looks a name up in. (By that name it
 * would become open64() here.) */
int open_of_libevent(const char *path, int flags, ...) __asm__("open");
int open_of_libevent(const char *path, int flags, ...)
{
    va_list args;
    unsigned mode;

    va_start(args, flags);
    mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, unsigned) : 0;
    va_end(args);
    if (strcmp(path, "/etc/hosts") == 0)
        path = hosts;
    else if (strcmp(path, "/etc/resolv.conf") == 0)
        path = nothing;
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static char seen[256];

static void on_resolved(void *arg, const char *address, const char *why)
{
    (void)arg;
    snprintf(seen, sizeof(seen), "%s", address ? address : why);
}

static void look_up(struct event_base *base, struct resolver *r, const char *name, const char *want)
{
    seen[0] = '\0';
    resolver_lookup(r, name, on_resolved, NULL);
    for (int i = 0; i < 100 && !seen[0]; i++)
        event_base_loop(base, EVLOOP_ONCE);
    assert_string_equal(seen, want);
}

static void test_a_name_of_several_addresses(void **state)
{
    struct event_base *base = event_base_new();
    struct resolver *r = resolver_create(base);
    static const char text[] = "127.0.0.8 many.test\n127.0.0.9 many.test one.test\n::1 many.test\n";
    int fd = mkstemp(hosts);

    (void)state;
    assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    close(fd);
    look_up(base, r, "many.test", "127.0.0.8");
    look_up(base, r, "many.test", "127.0.0.8"); /* as long as it is of use */
    resolver_try_another(r);
    look_up(base, r, "many.test", "127.0.0.9");
    look_up(base, r, "one.test", "127.0.0.9");
    look_up(base, r, "127.0.0.3", "127.0.0.3");
    resolver_try_another(r);
    look_up(base, r, "many.test", "::1");
    resolver_try_another(r);
    look_up(base, r, "many.test", "127.0.0.8");
    resolver_destroy(r);
    event_base_loop(base, EVLOOP_NONBLOCK);
    event_base_free(base);
    unlink(hosts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_name_of_several_addresses)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
