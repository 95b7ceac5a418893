/*
 * test_net_addr.c - addresses of listeners, networks of `allow`, peers as logs show them.
 */
#include "net_test.h"

#include "../../../src/net/net.h"
#include "triaged/net/http.h"

static void test_addresses(void **state)
{
    static const struct {
        const char *text, *host; /* host NULL: refused */
        unsigned port;
    } rows[] = {
        {"127.0.0.1:9193", "127.0.0.1", 9193},
        {"0.0.0.0:0", "0.0.0.0", 0},
        {"localhost:80", "127.0.0.1", 80},
        {"[::1]:514", "::1", 514},
        {"[::]:65535", "::", 65535},
        {":80", "::", 80},
        {"*:80", "::", 80},
        {"127.0.0.1:65536", NULL, 0},
        {"127.0.0.1:", NULL, 0},
        {"127.0.0.1", NULL, 0},
        {"127.0.0.1:-1", NULL, 0},
        {"127.0.0.1:8x", NULL, 0},
        {"::1:80", NULL, 0},
        {"[::1]80", NULL, 0},
        {"[]:80", NULL, 0},
        {"256.0.0.1:80", NULL, 0},
        {"example.org:80", NULL, 0},
        {"", NULL, 0},
        {"unix:", NULL, 0},
        {"unix:relative", NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct net_address a;
        bool ok = net_address_parse(str_c(rows[i].text), &a);
        char host[NET_PEER_SIZE];
        unsigned port;

        if (ok != (rows[i].host != NULL))
            fail_msg("%s: %s", rows[i].text, ok ? "accepted" : "refused");
        if (!ok)
            continue;
        net_peer_text(&a.sa.sa, host);
        port = ntohs(a.sa.sa.sa_family == AF_INET ? a.sa.in.sin_port : a.sa.in6.sin6_port);
        if (strcmp(host, rows[i].host) != 0 || port != rows[i].port)
            fail_msg("%s: read as %s port %u", rows[i].text, host, port);
    }
}

static void test_unix_paths(void **state)
{
    struct net_address a;
    char path[sizeof(a.sa.un.sun_path) + 1];

    (void)state;
    assert_true(net_address_parse(S("unix:/run/x.sock"), &a));
    assert_string_equal(a.sa.un.sun_path, "/run/x.sock");
    assert_true(net_address_parse(S("/dev/log"), &a));
    assert_string_equal(a.sa.un.sun_path, "/dev/log");
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    assert_true(net_address_parse((struct str){path, sizeof(a.sa.un.sun_path) - 1}, &a));
    assert_false(net_address_parse((struct str){path, sizeof(a.sa.un.sun_path)}, &a));
    assert_false(net_address_parse((struct str){"/a\0b", 4}, &a));
}

static union net_sockaddr peer(const char *ip)
{
    union net_sockaddr sa = {0};

    if (inet_pton(AF_INET, ip, &sa.in.sin_addr) == 1)
        sa.sa.sa_family = AF_INET;
    else if (inet_pton(AF_INET6, ip, &sa.in6.sin6_addr) == 1)
        sa.sa.sa_family = AF_INET6;
    else
        sa.sa.sa_family = AF_UNIX;
    return sa;
}

static void test_networks(void **state)
{
    static const struct {
        const char *net, *ip;
        bool in;
    } rows[] = {
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.7", "10.0.0.7", true},
        {"10.0.0.7", "10.0.0.6", false},
        {"10.0.0.0/31", "10.0.0.1", true},
        {"10.0.0.0/31", "10.0.0.2", false},
        {"192.168.4.0/23", "192.168.5.255", true},
        {"192.168.4.0/23", "192.168.6.0", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"0.0.0.0/0", "::ffff:203.0.113.9", true}, /* IPv4 that came in by a dual-stack socket */
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"::/0", "2001:db8::1", true},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::1/128", "::1", true},
        {"::1/128", "::2", false},
        {"10.0.0.0/8", "unix", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct conf_text t = {.s = str_c(rows[i].net)};
        struct conf_texts allow = {&t, 1}, none = {0};
        union net_sockaddr sa = peer(rows[i].ip);

        if (net_allowed(&allow, &sa) != rows[i].in)
            fail_msg("%s in %s", rows[i].ip, rows[i].net);
        assert_true(net_allowed(&none, &sa));
    }
}

static void test_network_syntax(void **state)
{
    static const char *const good[] = {"10.0.0.0/8", "10.0.0.0/0", "1.2.3.4/32", "::/0", "::1/128"};
    static const char *const bad[] = {"",     "10.0.0.0/33", "10.0.0/8",    "10.0.0.0/",  "::/129",
                                      "host", "/8",          "10.0.0.0/-1", "1.2.3.4/8/8"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        if (!net_cidr_check(str_c(good[i])))
            fail_msg("%s was refused", good[i]);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct conf_text t = {.s = str_c(bad[i])};
        struct conf_texts allow = {&t, 1};
        union net_sockaddr sa = peer("127.0.0.1");

        if (net_cidr_check(str_c(bad[i])))
            fail_msg("%s was accepted", bad[i]);
        assert_false(net_allowed(&allow, &sa)); /* a list without a valid network lets nobody in */
    }
}

static void test_loopback(void **state)
{
    static const char *const yes[] = {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1",
                                      "unix"};
    static const char *const no[] = {"128.0.0.1", "0.0.0.0", "::", "::2", "::ffff:10.0.0.1"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        union net_sockaddr sa = peer(yes[i]);

        assert_true(net_is_loopback(&sa));
    }
    for (size_t i = 0; i < ARRAY_LEN(no); i++) {
        union net_sockaddr sa = peer(no[i]);

        assert_false(net_is_loopback(&sa));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_unix_paths),
        cmocka_unit_test(test_networks),  cmocka_unit_test(test_network_syntax),
        cmocka_unit_test(test_loopback),
    };

    return cmocka_run_group_tests_name("net_addr", tests, NULL, NULL);
}
