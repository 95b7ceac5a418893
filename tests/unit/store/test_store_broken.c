/* test_store_broken.c - every call is answered once though the redis-server is killed, stopped,
 * demoted or none at all, and though the store is destroyed. */
#include "redis_fixture.h"

#include "triaged/base/log.h"

static void test_down_is_answered_later(void **state)
{
    struct world w;
    struct told t = {0}, u = {0};
    struct str ping = S("PING");

    (void)state;
    world_init(&w); /* no redis there */
    world_open(&w);
    call_skip(&w, &t);
    command(&w, &u, "PING", NULL, NULL);
    store_command(w.s, &ping, 1, NULL, NULL); /* nobody waits */
    assert_int_equal(t.answers, 0);
    RUN_UNTIL(&w, u.answers);
    assert_int_equal(t.answers, 1);
    assert_int_equal(t.status, STORE_DOWN);
    assert_int_equal(u.status, STORE_DOWN);
    RUN_UNTIL(&w, w.entered[STORE_S_BACKOFF] >= 3);
    assert_string_equal(w.why, "No such file or directory");
    redis_start(&w.r);
    run_until_ready(&w);
    world_finish(&w);
}

static void test_kill_in_the_pipeline(void **state)
{
    enum { N = 500 };
    struct world w;
    struct store_health h;
    struct told *t = NEW_ARRAY(struct told, N), u = {0};
    char run_id[41];

    (void)state;
    world_start(&w);
    run_until_ready(&w);
    store_health(w.s, &h);
    memcpy(run_id, h.run_id, sizeof(run_id));
    redis_cli(&w.r, "CLIENT PAUSE 60000 WRITE");
    for (int i = 0; i < N; i++)
        call_skip(&w, &t[i]);
    for (int i = 0; i < 5; i++)
        turn(&w);
    assert_int_equal(store_in_flight(w.s), N);
    redis_end(&w.r, SIGKILL);
    RUN_UNTIL(&w, w.state == STORE_S_BACKOFF);
    for (int i = 0; i < N; i++) {
        assert_int_equal(t[i].answers, 1);
        assert_int_equal(t[i].status, STORE_LOST);
    }
    assert_int_equal(store_in_flight(w.s), 0);
    redis_start(&w.r);
    run_until_ready(&w);
    store_health(w.s, &h);
    assert_true(h.run_id_changed);
    assert_string_not_equal(h.run_id, run_id);
    w.seq = 0;
    call_skip(&w, &u);
    RUN_UNTIL(&w, u.answers);
    assert_int_equal(u.status, STORE_OK);
    for (int i = 0; i < N; i++)
        assert_int_equal(t[i].answers, 1);
    free(t);
    world_finish(&w);
}

static void test_same_run_after_a_cut(void **state)
{
    struct world w;
    struct store_health h;

    (void)state;
    world_start(&w);
    run_until_ready(&w);
    redis_cli(&w.r, "CLIENT KILL TYPE normal SKIPME yes");
    RUN_UNTIL(&w, w.state == STORE_S_BACKOFF);
    run_until_ready(&w);
    store_health(w.s, &h);
    assert_false(h.run_id_changed);
    world_finish(&w);
}

static void test_call_timeout(void **state)
{
    struct world w;
    struct told t[3] = {{0}};

    (void)state;
    world_init(&w);
    w.o.call_timeout_ms = 200;
    redis_start(&w.r);
    world_open(&w);
    run_until_ready(&w);
    kill(w.r.pid, SIGSTOP);
    for (int i = 0; i < 3; i++)
        call_skip(&w, &t[i]);
    RUN_UNTIL(&w, w.state == STORE_S_BACKOFF);
    assert_string_equal(w.why, "no answer within 200 ms");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(t[i].answers, 1);
        assert_int_equal(t[i].status, STORE_LOST);
    }
    kill(w.r.pid, SIGCONT);
    run_until_ready(&w);
    for (int i = 0; i < 3; i++)
        assert_int_equal(t[i].answers, 1);
    world_finish(&w);
}

/* The deadline is that of the oldest call, not of the last. */
static void test_call_timeout_under_traffic(void **state)
{
    struct world w;
    struct told t[200] = {{0}};
    int n = 0;
    int64_t from;

    (void)state;
    world_init(&w);
    w.o.call_timeout_ms = 300;
    redis_start(&w.r);
    world_open(&w);
    run_until_ready(&w);
    kill(w.r.pid, SIGSTOP);
    from = clock_mono_ms();
    while (w.state == STORE_S_READY && n < 200) {
        call_skip(&w, &t[n++]);
        turn(&w);
    }
    assert_int_equal(w.state, STORE_S_BACKOFF);
    assert_true(clock_mono_ms() - from >= 290);
    kill(w.r.pid, SIGCONT);
    world_finish(&w);
    for (int i = 0; i < n; i++)
        assert_int_equal(t[i].answers, 1);
}

static void test_silent_while_priming(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    w.o.connect_timeout_ms = 200;
    redis_start(&w.r);
    kill(w.r.pid, SIGSTOP); /* the kernel still accepts */
    world_open(&w);
    RUN_UNTIL(&w, w.state == STORE_S_BACKOFF);
    assert_string_equal(w.why, "not answering within 200 ms");
    kill(w.r.pid, SIGCONT);
    run_until_ready(&w);
    world_finish(&w);
}

/* Something that is no Redis. It accepts, says this, and waits. */
static pid_t speak(const struct world *w, const char *words)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    pid_t pid;

    snprintf(a.sun_path, sizeof(a.sun_path), "%s", w->r.socket);
    assert_int_equal(bind(server, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(server, 16), 0);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (int fd; (fd = accept(server, NULL, NULL)) >= 0;)
            if (write(fd, words, strlen(words)) < 0)
                close(fd);
        _exit(0);
    }
    close(server);
    return pid;
}

static void test_peers_that_are_none(void **state)
{
    static const struct {
        const char *words, *says;
    } peers[] = {
        {"HTTP/1.1 400 Bad Request\r\n\r\n", "it does not speak the protocol of Redis: "},
        {"+OK\r\n$-1\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n", "is needed, this is of"},
        {"-ERR max number of clients reached\r\n-ERR max number of clients reached\r\n",
         "INFO: ERR max number of clients"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(peers); i++) {
        struct world w;
        pid_t pid;

        world_init(&w);
        pid = speak(&w, peers[i].words);
        world_open(&w);
        RUN_UNTIL(&w, w.state == STORE_S_BACKOFF);
        if (!strstr(w.why, peers[i].says))
            fail_msg("\"%s\" is not in: %s", peers[i].says, w.why);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        world_finish(&w);
    }
}

/* An answer that belongs to no command ends the connection: else all later ones would be taken for
 * those of the command before theirs. */
static void test_one_answer_too_many(void **state)
{
    struct world w;
    struct told t = {0};

    (void)state;
    world_start(&w);
    run_until_ready(&w);
    command(&w, &t, "SUBSCRIBE", "channel", NULL);
    RUN_UNTIL(&w, t.answers);
    redis_cli(&w.r, "PUBLISH channel hello");
    RUN_UNTIL(&w, w.state == STORE_S_BACKOFF);
    assert_string_equal(w.why, "an answer that nobody asked for: ");
    run_until_ready(&w);
    world_finish(&w);
}

static void test_readonly(void **state)
{
    struct world w;
    struct told t = {0}, u = {0};

    (void)state;
    world_start(&w);
    run_until_ready(&w);
    redis_cli(&w.r, "REPLICAOF 127.0.0.1 1");
    command(&w, &t, "SET", "k", "v");
    command(&w, &u, "SET", "k", "v");
    RUN_UNTIL(&w, w.state == STORE_S_BACKOFF);
    RUN_UNTIL(&w, u.answers);
    assert_int_equal(t.status, STORE_WAIT);
    assert_int_equal(t.answers, 1);
    assert_true(u.status == STORE_LOST || u.status == STORE_WAIT);
    RUN_UNTIL(&w, strstr(w.why, "no master"));
    redis_cli(&w.r, "REPLICAOF NO ONE");
    run_until_ready(&w);
    world_finish(&w);
}

static void test_aof_is_rewritten_once(void **state)
{
    struct world w;
    struct store_health h;

    (void)state;
    world_init(&w);
    redis_args(&w.r, "--appendonly yes");
    redis_start(&w.r);
    world_open(&w);
    run_until_ready(&w);
    store_health(w.s, &h);
    assert_true(h.aof);
    RUN_UNTIL(&w, !strstr(redis_cli(&w.r, "INFO persistence"), "aof_last_rewrite_time_sec:-1"));
    redis_cli(&w.r, "CONFIG RESETSTAT");
    redis_cli(&w.r, "CLIENT KILL TYPE normal SKIPME yes");
    RUN_UNTIL(&w, w.entered[STORE_S_READY] == 2);
    assert_non_null(strstr(redis_cli(&w.r, "INFO commandstats"), "cmdstat_info"));
    assert_null(strstr(redis_cli(&w.r, "INFO commandstats"), "cmdstat_bgrewriteaof"));
    redis_end(&w.r, SIGKILL);
    redis_start(&w.r);
    RUN_UNTIL(&w, w.entered[STORE_S_READY] == 3);
    store_health(w.s, &h);
    assert_true(h.run_id_changed);
    assert_non_null(strstr(redis_cli(&w.r, "INFO commandstats"), "cmdstat_bgrewriteaof"));
    world_finish(&w);
}

static void test_destroy_with_pending(void **state)
{
    struct world w;
    struct told t[4] = {{0}};

    (void)state;
    world_start(&w);
    run_until_ready(&w);
    for (int i = 0; i < 3; i++)
        call_skip(&w, &t[i]);
    store_destroy(w.s);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(t[i].answers, 1);
        assert_int_equal(t[i].status, STORE_LOST);
    }
    w.state = STORE_S_DOWN;
    world_open(&w);
    call_skip(&w, &t[3]);
    store_destroy(w.s); /* before it ever connected */
    w.s = NULL;
    assert_int_equal(t[3].answers, 1);
    assert_int_equal(t[3].status, STORE_DOWN);
    world_finish(&w);
}

static void test_destroy_within_a_callback(void **state)
{
    struct world w;
    struct told t[3] = {{0}};

    (void)state;
    world_start(&w);
    run_until_ready(&w);
    t[0].destroy = w.s; /* an answer */
    for (int i = 0; i < 3; i++)
        call_skip(&w, &t[i]);
    RUN_UNTIL(&w, t[2].answers);
    assert_int_equal(t[0].status, STORE_OK);
    assert_int_equal(t[1].status, STORE_LOST);
    turn(&w);
    w.state = STORE_S_DOWN;
    world_open(&w);
    run_until_ready(&w);
    memset(t, 0, sizeof(t));
    kill(w.r.pid, SIGSTOP);
    t[1].destroy = w.s; /* a loss */
    for (int i = 0; i < 3; i++)
        call_skip(&w, &t[i]);
    turn(&w);
    redis_end(&w.r, SIGKILL);
    RUN_UNTIL(&w, t[2].answers);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(t[i].answers, 1);
        assert_int_equal(t[i].status, STORE_LOST);
    }
    turn(&w);
    w.state = STORE_S_DOWN;
    world_open(&w); /* a call that was not sent */
    memset(t, 0, sizeof(t));
    t[0].destroy = w.s;
    call_skip(&w, &t[0]);
    call_skip(&w, &t[1]);
    RUN_UNTIL(&w, t[1].answers);
    assert_int_equal(t[0].answers + t[1].answers, 2);
    w.s = NULL;
    turn(&w);
    world_finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_down_is_answered_later),
        cmocka_unit_test(test_kill_in_the_pipeline),
        cmocka_unit_test(test_same_run_after_a_cut),
        cmocka_unit_test(test_call_timeout),
        cmocka_unit_test(test_call_timeout_under_traffic),
        cmocka_unit_test(test_silent_while_priming),
        cmocka_unit_test(test_peers_that_are_none),
        cmocka_unit_test(test_one_answer_too_many),
        cmocka_unit_test(test_readonly),
        cmocka_unit_test(test_aof_is_rewritten_once),
        cmocka_unit_test(test_destroy_with_pending),
        cmocka_unit_test(test_destroy_within_a_callback),
    };

    signal(SIGPIPE, SIG_IGN);
    if (system("redis-server --version >/dev/null 2>&1") != 0) {
        print_message("skipped: redis-server is not installed\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
