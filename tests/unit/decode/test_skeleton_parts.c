/* The named parts of a message: a table, what is no part, limits; every row cut at each byte. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "triaged/base/buf.h"
#include "triaged/base/mem.h"
#include "triaged/decode/skeleton.h"

static const struct {
    const char *text, *expect; /* "ip=… user=…", sorted by name */
} rows[] = {
    {"", ""},
    /* addresses */
    {"from 10.0.0.7 port 4242", "ip=10.0.0.7"},
    {"from 10.0.0.7:4242 to /192.0.2.1:80", "ip=10.0.0.7 ip.2=192.0.2.1"},
    {"src outside:203.0.113.9/4242 dst inside:10.0.0.5/22", "ip=203.0.113.9 ip.2=10.0.0.5"},
    {"10.0.0.1, 10.0.0.1, 10.0.0.2 and 10.0.0.3", "ip=10.0.0.1 ip.2=10.0.0.2"},
    {"client ::1#953 and 2001:db8::1", "ip=::1 ip.2=2001:db8::1"},
    {"on [2001:db8::1]:443 of unknown[192.0.2.7]", "ip=2001:db8::1 ip.2=192.0.2.7"},
    {"::ffff:192.0.2.1 FE80:0000:0000:0000:D8A5:90FF:FEF5:7FFF",
     "ip=::ffff:192.0.2.1 ip.2=FE80:0000:0000:0000:D8A5:90FF:FEF5:7FFF"},
    {"rhost=192.0.2.7 x='192.0.2.8'", "ip=192.0.2.7 ip.2=192.0.2.8"},
    {"at 10:22:31 version 6.1.7601.2 1.2.3.4.5 300.1.1.1 1.2.3.4-rc1 10.0.0", ""},
    {"listening on :: port 22", ""},
    {"00:1a:2b:3c:4d:5e and 00-1A-2B-3C-4D-5F or 001a.2b3c.4d60",
     "mac=00:1a:2b:3c:4d:5e mac.2=00-1A-2B-3C-4D-5F"},
    {"MAC address 001a.2b3c.4d60 on", "mac=001a.2b3c.4d60"},
    /* users */
    {"Failed password for root from 10.0.0.7", "ip=10.0.0.7 user=root"},
    {"Failed password for invalid user x1 from 10.0.0.7", "ip=10.0.0.7 user=x1"},
    {"check pass; user unknown", ""},
    {"Started User Manager for UID 5, no user authentication", ""},
    {"session opened for user bob(uid=1) by root(uid=0)", "user=bob user.2=root"},
    {"logname= uid=0 user=root", "user=root"},
    {"imap-login: user=<bob>, method=PLAIN", "user=bob"},
    {"acct=\"bob\" user: alice", "user=bob user.2=alice"},
    {"login of user 'x y' failed", "user=x y"},
    {"alice : TTY=pts/0 ; USER=root ; COMMAND=/bin/ls", "user=alice"},
    {"user 10.0.0.1 comm nginx: x", "ip=10.0.0.1"},
    /* devices */
    {"dev sda, sector 5 of sda1", "device=sda device.2=sda1"},
    {"nvme0n1p2 dm-3 of /dev/mapper/vg-root", "device=nvme0n1p2 device.2=dm-3"},
    {"/dev/mapper/vg-root full", "device=/dev/mapper/vg-root"},
    {"md5 of sdk hdd vdso32 da39a3ee5e6b", ""},
    /* interfaces */
    {"eno1: link down, eth0.100 up", "interface=eno1 interface.2=eth0.100"},
    {"Interface GigabitEthernet0/1, changed", "interface=GigabitEthernet0/1"},
    {"ifName ge-0/0/1.0 and ae12cd34 em5x", "interface=ge-0/0/1.0"},
    {"IN=eth0 OUT= SRC=192.0.2.1", "interface=eth0 ip=192.0.2.1"},
    {"veth12ab34 left, br-0123456789ab up", "interface=veth12ab34 interface.2=br-0123456789ab"},
    /* units */
    {"nginx.service: Failed", "unit=nginx.service"},
    {"x@15-main.service: y dev-sdb1.device/start", "unit=x@15-main.service unit.2=dev-sdb1.device"},
    {".service a.path of service", ""},
};

static struct str parts_of(struct str text, struct arena *a)
{
    char *exact = malloc(text.n ? text.n : 1); /* so that a read past the end is seen */
    struct labels l = {0};
    struct str out = S("");

    if (text.n)
        memcpy(exact, text.p, text.n);
    skeleton_part_labels((struct str){exact, text.n}, a, &l);
    for (uint32_t i = 0; i < l.n; i++) {
        assert_true(str_starts(l.v[i].name, S("part.")));
        assert_true(l.v[i].value.n > 0 && l.v[i].value.n <= SKELETON_PART_VALUE_MAX);
        out = arena_printf(a, "%.*s%s%.*s=%.*s", STR_ARG(out), i ? " " : "",
                           STR_ARG(str_sub(l.v[i].name, 5, l.v[i].name.n)), STR_ARG(l.v[i].value));
    }
    free(exact);
    return out;
}

static void test_rows(void **state)
{
    (void)state;
    struct arena a;
    size_t failed = 0;

    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str text = str_c(rows[i].text), got = parts_of(text, &a);
        if (!str_eq_c(got, rows[i].expect)) {
            print_error("\"%s\"\n  got    \"%.*s\"\n  expect \"%s\"\n", rows[i].text, STR_ARG(got),
                        rows[i].expect);
            failed++;
        }
        for (size_t n = 0; n < text.n; n++)
            (void)parts_of(str_sub(text, 0, n), &a);
        arena_reset(&a);
    }
    arena_finish(&a);
    assert_int_equal(failed, 0);
}

/* Labels that are there already stay, and the set is in order afterwards. */
static void test_added(void **state)
{
    (void)state;
    struct arena a;
    struct labels l = {0};

    arena_init(&a, 0);
    labels_add(&l, &a, S("app"), S("sshd"));
    labels_add(&l, &a, S("severity"), S("info"));
    skeleton_part_labels(S("user bob at 192.0.2.1"), &a, &l);
    assert_int_equal(l.n, 4);
    assert_true(str_eq(labels_get(&l, S("part.ip")), S("192.0.2.1")));
    assert_true(str_eq(labels_get(&l, S("part.user")), S("bob")));
    assert_true(str_eq(labels_get(&l, S("app")), S("sshd")));
    arena_finish(&a);
}

static void test_limits(void **state)
{
    (void)state;
    struct arena a;
    char text[3 * SKELETON_INPUT_MAX];

    arena_init(&a, 0);
    memset(text, 'x', sizeof(text));
    memcpy(text, "user ", 5);
    assert_int_equal(parts_of((struct str){text, 5 + SKELETON_PART_VALUE_MAX}, &a).n,
                     5 + SKELETON_PART_VALUE_MAX);
    assert_int_equal(parts_of((struct str){text, 6 + SKELETON_PART_VALUE_MAX}, &a).n, 0);
    memset(text, ' ', sizeof(text));
    memcpy(text + SKELETON_INPUT_MAX, "192.0.2.1", 9); /* what the scanner does not read */
    assert_int_equal(parts_of((struct str){text, sizeof(text)}, &a).n, 0);
    arena_finish(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_added),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
