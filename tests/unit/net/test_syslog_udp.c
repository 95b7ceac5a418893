/*
 * test_syslog_udp.c - datagrams: what is delivered, what is cut, and that every loss is counted.
 */
#include "syslog_app.h"
#include "syslog_internal.h"

static int setup(void **state)
{
    struct log_app *a = NEW(struct log_app);

    log_app_init(a, 1);
    a->conf->syslog[0].address = S("127.0.0.1:0");
    a->conf->syslog[0].transport = TRANSPORT_UDP;
    a->conf->syslog[0].max_message = 100;
    *state = a;
    return 0;
}

static int teardown(void **state)
{
    log_app_finish(*state);
    free(*state);
    return 0;
}

static double dropped(const char *reason)
{
    char *series =
        xasprintf("triaged_syslog_dropped_total{listener=\"127.0.0.1:0\",reason=\"%s\"}", reason);
    double v = metric_value(series);

    free(series);
    return v;
}

static void test_messages(void **state)
{
    struct log_app *a = *state;
    double before =
        metric_value("triaged_syslog_messages_total{listener=\"127.0.0.1:0\",transport=\"udp\"}");
    int fd;

    log_app_start(a);
    fd = udp_socket(log_app_port(a, 0));
    datagram(fd, S("<13>one"));
    datagram(fd, S(""));
    datagram(fd, S("<13>two\nstill two\n"));
    datagram(fd, S("17 <13>with a count\n"));
    datagram(fd, S("17 no priority"));
    log_app_wait(a, 4);
    assert_string_equal(a->taken[0].text, "<13>one");
    assert_string_equal(a->taken[0].host, "127.0.0.1");
    assert_false(a->taken[0].is_unix);
    assert_int_equal(a->taken[0].flags, 0);
    assert_string_equal(a->taken[1].text, "<13>two\nstill two\n"); /* one datagram, one message */
    assert_string_equal(a->taken[2].text, "<13>with a count\n");
    assert_int_equal(a->taken[2].flags, FRAME_OCTET);
    assert_string_equal(a->taken[3].text, "17 no priority");
    assert_true(a->batches > 0);
    assert_true(
        metric_value("triaged_syslog_messages_total{listener=\"127.0.0.1:0\",transport=\"udp\"}") ==
        before + 4);
    assert_true(metric_value("triaged_syslog_receive_buffer_bytes{listener=\"127.0.0.1:0\"}") >
                4096);
    close(fd);
}

static void test_length_limit(void **state)
{
    static char text[70000];
    struct log_app *a = *state;
    double before = metric_value("triaged_syslog_truncated_total{listener=\"127.0.0.1:0\"}");
    int fd;

    memset(text, 'x', sizeof(text));
    log_app_start(a);
    fd = udp_socket(log_app_port(a, 0));
    datagram(fd, (struct str){text, 99});
    datagram(fd, (struct str){text, 100});
    datagram(fd, (struct str){text, 101});
    datagram(fd, (struct str){text, 65507});
    log_app_wait(a, 4);
    assert_int_equal(a->taken[0].n, 99);
    assert_int_equal(a->taken[0].flags, 0);
    assert_int_equal(a->taken[1].n, 100);
    assert_int_equal(a->taken[1].flags, 0);
    assert_int_equal(a->taken[2].n, 100);
    assert_int_equal(a->taken[2].flags, FRAME_TRUNCATED);
    assert_int_equal(a->taken[3].n, 100);
    assert_int_equal(a->taken[3].flags, FRAME_TRUNCATED);
    assert_true(metric_value("triaged_syslog_truncated_total{listener=\"127.0.0.1:0\"}") ==
                before + 2);
    close(fd);
}

static void test_largest_datagram(void **state)
{
    static char text[65507];
    struct log_app *a = *state;
    int fd;

    memset(text, 'y', sizeof(text));
    a->conf->syslog[0].max_message = 1 << 20; /* more than a datagram can have */
    log_app_start(a);
    fd = udp_socket(log_app_port(a, 0));
    datagram(fd, (struct str){text, sizeof(text)});
    log_app_wait(a, 1);
    assert_int_equal(a->taken[0].n, sizeof(text));
    assert_int_equal(a->taken[0].flags, 0);
    close(fd);
}

static void test_many(void **state)
{
    struct log_app *a = *state;
    char line[32];
    int fd;

    log_app_start(a);
    fd = udp_socket(log_app_port(a, 0));
    for (int i = 0; i < 300; i++) { /* more than one batch */
        snprintf(line, sizeof(line), "<13>n %d", i);
        datagram(fd, str_c(line));
    }
    log_app_wait(a, 300);
    assert_string_equal(a->taken[299].text, "<13>n 299");
    assert_true(a->batches >= 5);
    close(fd);
}

static bool all_dropped(void *arg)
{
    return dropped("backpressure") >= *(double *)arg;
}

static void test_no_room(void **state)
{
    struct log_app *a = *state;
    double want = dropped("backpressure") + 3;
    int fd;

    log_app_start(a);
    fd = udp_socket(log_app_port(a, 0));
    a->full = true;
    for (int i = 0; i < 3; i++)
        datagram(fd, S("<13>lost"));
    loop_until(a->base, all_dropped, &want);
    assert_int_equal(a->n, 0);
    a->full = false;
    datagram(fd, S("<13>kept"));
    log_app_wait(a, 1);
    assert_string_equal(a->taken[0].text, "<13>kept");
    close(fd);
}

static void test_allow(void **state)
{
    struct conf_text nets[] = {{.s = S("127.0.0.2/32")}};
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    struct log_app *a = *state;
    double before = dropped("not_allowed");
    int fd, other;

    a->conf->syslog[0].allow = texts_of(nets, 1);
    log_app_start(a);
    fd = udp_socket(log_app_port(a, 0));
    datagram(fd, S("<13>no"));
    inet_pton(AF_INET, "127.0.0.2", &from.sin_addr);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)log_app_port(a, 0));
    other = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(other, (struct sockaddr *)&from, sizeof(from)), 0);
    assert_int_equal(connect(other, (struct sockaddr *)&to, sizeof(to)), 0);
    datagram(other, S("<13>yes"));
    datagram(fd, S("<13>no"));
    datagram(other, S("<13>yes"));
    log_app_wait(a, 2);
    assert_string_equal(a->taken[0].text, "<13>yes");
    assert_string_equal(a->taken[1].host, "127.0.0.2");
    assert_true(dropped("not_allowed") == before + 2);
    close(fd);
    close(other);
}

static bool kernel_dropped(void *arg)
{
    return dropped("kernel") > *(double *)arg;
}

/* The loop stands still while more comes than the receive buffer holds. Then the kernel is asked
 * for its count before those are read that came between two losses: they tell of the first only. */
static void test_kernel_drops(void **state)
{
    static char text[60000];
    struct log_app *a = *state;
    double before = dropped("kernel");
    struct syslog_listener *l;
    size_t sent = 0;
    int fd;

    log_app_start(a);
    l = LIST_FIRST(&a->server->listeners, struct syslog_listener, node);
    fd = udp_socket(log_app_port(a, 0));
    for (int twice = 0; twice < 2; twice++) {
        for (int i = 0; i < 2000; i++, sent++)
            datagram(fd, (struct str){text, sizeof(text)});
        if (!twice)
            datagram_read(l, 3); /* room for some more */
    }
    datagram_count_drops(l);
    assert_true(kernel_dropped(&before));
    loop_for(a->base, 50);
    assert_true((double)a->n + dropped("kernel") - before == (double)sent); /* nothing uncounted */
    close(fd);
}

static void test_stop_reads_what_is_there(void **state)
{
    struct log_app *a = *state;
    int fd;

    log_app_start(a);
    fd = udp_socket(log_app_port(a, 0));
    for (int i = 0; i < 200; i++)
        datagram(fd, S("<13>last words"));
    syslog_server_stop(a->server); /* without a turn of the loop */
    assert_int_equal(a->n, 200);
    assert_int_equal(syslog_server_port(a->server, 0), 0);
    close(fd);
}

static void test_unix_datagram(void **state)
{
    struct log_app *a = *state;
    char *dir = temp_dir(), *path = xasprintf("%s/log", dir);
    int fd;

    a->conf->syslog[0].address = str_c(path);
    a->conf->syslog[0].transport = TRANSPORT_UNIX_DGRAM;
    log_app_start(a);
    fd = unix_socket(path, SOCK_DGRAM);
    datagram(fd, S("<13>Nov 24 18:00:00 app: text"));
    log_app_wait(a, 1);
    assert_true(a->taken[0].is_unix);
    assert_string_equal(a->taken[0].host, "unix");
    close(fd);
    syslog_server_stop(a->server);
    assert_int_equal(access(path, F_OK), -1);
    free(path);
    temp_dir_remove(dir);
}

static void test_both_families(void **state)
{
    struct sockaddr_in6 to = {.sin6_family = AF_INET6};
    struct log_app *a = *state;
    int fd, v4;

    a->conf->syslog[0].address = S("[::]:0");
    log_app_start(a);
    v4 = udp_socket(log_app_port(a, 0));
    to.sin6_addr = in6addr_loopback;
    to.sin6_port = htons((uint16_t)log_app_port(a, 0));
    fd = socket(AF_INET6, SOCK_DGRAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    datagram(fd, S("<13>six"));
    log_app_wait(a, 1);
    datagram(v4, S("<13>four"));
    log_app_wait(a, 2);
    assert_string_equal(a->taken[0].host, "::1");
    assert_string_equal(a->taken[1].host, "127.0.0.1");
    close(fd);
    close(v4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_length_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_largest_datagram, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_allow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kernel_drops, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_reads_what_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unix_datagram, setup, teardown),
        cmocka_unit_test_setup_teardown(test_both_families, setup, teardown),
    };

    return cmocka_run_group_tests_name("syslog_udp", tests, NULL, NULL);
}
