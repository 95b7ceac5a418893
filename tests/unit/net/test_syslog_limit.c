/*
 * test_syslog_limit.c - the floor of severity and the rate of a peer: the pure parts by table, and
 * both through a listener.
 */
#include "syslog_app.h"
#include "syslog_internal.h"

static void test_severity(void **state)
{
    static const struct {
        const char *message;
        int severity;
    } cases[] = {
        {"<0>x", 0},         {"<13>x", 5},  {"<191>x", 7},  {"<192>x", 5},
        {"<11>", 3},         {"", 5},       {"x", 5},       {"<", 5},
        {"<>x", 5},          {"<1", 5},     {"<1234>x", 5}, {"<-1>x", 5},
        {" \t\r\n<11>x", 3}, {"<15 >x", 5}, {"x<11>", 5},   {"\xEF\xBB\xBF<11>x", 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t n = strlen(cases[i].message);
        char *exact = xmalloc(n + 1);

        memcpy(exact, cases[i].message, n);
        assert_int_equal(syslog_severity((struct str){exact, n}), cases[i].severity);
        free(exact);
    }
}

static unsigned taken(struct syslog_rates *r, const char *peer, unsigned tries, int64_t now)
{
    unsigned n = 0;

    while (tries-- > 0)
        n += syslog_rate_take(r, str_c(peer), 10, now);
    return n;
}

static void test_bucket(void **state)
{
    struct syslog_rates *r = syslog_rates_create();

    (void)state;
    assert_int_equal(taken(r, "10.0.0.1", 20, 1000), 10); /* a second's worth at once */
    assert_int_equal(taken(r, "10.0.0.2", 9, 1000), 9);   /* others have their own */
    assert_int_equal(taken(r, "10.0.0.1", 5, 1099), 0);
    assert_int_equal(taken(r, "10.0.0.1", 5, 1100), 1); /* one each 100 ms, fractions kept */
    assert_int_equal(taken(r, "10.0.0.1", 5, 1350), 2);
    assert_int_equal(taken(r, "10.0.0.1", 5, 1400), 1);
    assert_int_equal(taken(r, "10.0.0.1", 5, 1400), 0);
    assert_int_equal(taken(r, "10.0.0.1", 5, 1300), 0); /* a clock that goes back gives nothing */
    assert_int_equal(taken(r, "10.0.0.1", 50, 900000), 10);
    syslog_rates_destroy(r);
}

static void test_flood_of_peers(void **state)
{
    struct syslog_rates *r = syslog_rates_create();
    char peer[32];
    unsigned n = 0;

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        snprintf(peer, sizeof(peer), "2001:db8::%x", i);
        n += taken(r, peer, 1, 1000 + i);
    }
    assert_int_equal(n, 100000);
    syslog_rates_destroy(r);
}

static void test_through_a_listener(void **state)
{
    static const char udp[] = "127.0.0.1:0";
    struct log_app a;
    int fd;

    (void)state;
    log_app_init(&a, 1);
    a.conf->syslog[0].address = str_c(udp);
    a.conf->syslog[0].transport = TRANSPORT_UDP;
    a.conf->syslog[0].floor = 7; /* info */
    a.conf->syslog[0].rate = 3;
    log_app_start(&a);
    fd = udp_socket(log_app_port(&a, 0));
    for (int i = 0; i < 100; i++)
        datagram(fd, S("<15>debug")); /* uses up nothing of the rate */
    for (int i = 0; i < 3; i++)
        datagram(fd, S("<14>info"));
    log_app_wait(&a, 3);
    for (int i = 0; i < 50; i++)
        datagram(fd, S("<14>too many"));
    loop_for(a.base, 50);
    assert_in_range(a.n, 3, 40); /* on a slow machine some seconds may have passed */
    assert_true(metric_value("triaged_syslog_dropped_total{listener=\"127.0.0.1:0\","
                             "reason=\"severity\"}") == 100);
    assert_true(metric_value("triaged_syslog_dropped_total{listener=\"127.0.0.1:0\","
                             "reason=\"rate\"}") == 53 - (double)a.n);
    close(fd);
    log_app_finish(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_severity),
        cmocka_unit_test(test_bucket),
        cmocka_unit_test(test_flood_of_peers),
        cmocka_unit_test(test_through_a_listener),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
