/* test_store.c - addresses, login, scripts and calls, against a real redis-server that is locked
 * and filled. What breaks: test_store_broken.c. */
#include "redis_fixture.h"

#include "triaged/base/log.h"

static void test_connect_and_call(void **state)
{
    struct world w;
    struct store_health h;
    struct told t = {0}, u = {0}, v = {0};

    (void)state;
    world_start(&w);
    run_until_ready(&w);
    assert_int_equal(w.entered[STORE_S_CONNECTING], 1);
    assert_int_equal(w.entered[STORE_S_PRIMING], 1);
    assert_int_equal(w.entered[STORE_S_BACKOFF], 0);
    store_health(w.s, &h);
    assert_int_equal(h.state, STORE_S_READY);
    assert_int_equal(strlen(h.run_id), 40);
    assert_false(h.run_id_changed);
    assert_false(h.aof);
    assert_true(h.noeviction);
    assert_int_equal(h.clock_offset_ms, 0);
    call_skip(&w, &t);
    command(&w, &u, "GET", "nothing", NULL);
    command(&w, &v, "CLIENT", "GETNAME", NULL);
    assert_int_equal(store_in_flight(w.s), 3);
    RUN_UNTIL(&w, v.answers);
    assert_int_equal(t.answers, 1);
    assert_int_equal(t.status, STORE_OK);
    assert_string_equal(t.text, "OK");
    assert_int_equal(t.number, 1);
    assert_int_equal(u.status, STORE_OK);
    assert_string_equal(v.text, "test-0");
    assert_int_equal(store_in_flight(w.s), 0);
    world_finish(&w);
}

static void test_refused_and_errors(void **state)
{
    struct world w;
    struct told t = {0}, u = {0};
    struct str key = S("triaged:{db}:applied"), arg = S("x");

    (void)state;
    world_start(&w);
    run_until_ready(&w);
    store_call(w.s, SCRIPT_SKIP, &key, 1, &arg, 1, on_told, &t);
    command(&w, &u, "NOSUCHCOMMAND", NULL, NULL);
    RUN_UNTIL(&w, u.answers);
    assert_int_equal(t.status, STORE_REFUSED);
    assert_non_null(strstr(t.error, "BADARG"));
    assert_int_equal(u.status, STORE_REFUSED);
    assert_int_equal(w.state, STORE_S_READY);
    world_finish(&w);
}

static void test_login(void **state)
{
    static const struct {
        const char *login, *why; /* why NULL: it is let in */
    } rows[] = {
        {":secret@", NULL},
        {"default:secret@", NULL},
        {"bob:b%40b@", NULL},
        {":wrong@", "AUTH: WRONGPASS"},
        {"bob:wrong@", "AUTH: WRONGPASS"},
        {"", "NOAUTH"},
    };
    struct world w;

    (void)state;
    world_init(&w);
    redis_args(&w.r, "--requirepass secret");
    redis_args(&w.r, "--user bob on >b@b ~* &* +@all");
    redis_start(&w.r);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        snprintf(w.url, sizeof(w.url), "unix://%s%s", rows[i].login, w.r.socket);
        w.state = STORE_S_DOWN;
        world_open(&w);
        RUN_UNTIL(&w, w.state == (rows[i].why ? STORE_S_BACKOFF : STORE_S_READY));
        if (rows[i].why && !strstr(w.why, rows[i].why))
            fail_msg("%s: %s", rows[i].login, w.why);
        store_destroy(w.s);
        w.s = NULL;
    }
    world_finish(&w);
}

/* The rights that the manual tells an operator to give, and one less. */
static void test_few_rights(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    redis_args(&w.r, "--user t on >p ~triaged:* -@all +info +select +script|load +evalsha");
    redis_start(&w.r);
    snprintf(w.url, sizeof(w.url), "unix://t:p@%s", w.r.socket);
    world_open(&w);
    run_until_ready(&w); /* ROLE, TIME and CLIENT may be missing */
    redis_cli(&w.r, "ACL SETUSER t -info");
    redis_cli(&w.r, "CLIENT KILL TYPE normal SKIPME yes");
    RUN_UNTIL(&w, strstr(w.why, "INFO: NOPERM"));
    world_finish(&w);
}

static void test_database(void **state)
{
    struct world w;
    struct told t = {0};

    (void)state;
    world_init(&w);
    redis_start(&w.r);
    snprintf(w.url, sizeof(w.url), "unix://%s?db=99", w.r.socket);
    world_open(&w);
    RUN_UNTIL(&w, w.state == STORE_S_BACKOFF);
    assert_non_null(strstr(w.why, "SELECT: ERR DB index is out of range"));
    store_destroy(w.s);
    w.s = NULL;
    w.state = STORE_S_DOWN;
    snprintf(w.url, sizeof(w.url), "unix://%s?db=3", w.r.socket);
    world_open(&w);
    run_until_ready(&w);
    command(&w, &t, "SET", "here", "1");
    RUN_UNTIL(&w, t.answers);
    assert_string_equal(redis_cli(&w.r, "-n 3 GET here"), "1\n");
    world_finish(&w);
}

static void test_noscript(void **state)
{
    struct world w;
    struct told t = {0}, u = {0}, v = {0};

    (void)state;
    world_start(&w);
    run_until_ready(&w);
    redis_cli(&w.r, "SCRIPT FLUSH");
    call_skip(&w, &t);
    w.seq--;
    call_skip(&w, &u);
    w.seq--;
    RUN_UNTIL(&w, u.answers);
    assert_int_equal(t.status, STORE_WAIT);
    assert_int_equal(u.status, STORE_WAIT);
    call_skip(&w, &v); /* behind the loading */
    RUN_UNTIL(&w, v.answers);
    assert_int_equal(v.status, STORE_OK);
    assert_int_equal(w.entered[STORE_S_BACKOFF], 0);
    world_finish(&w);
}

static void test_out_of_memory(void **state)
{
    struct world w;
    struct told t = {0}, u = {0};

    (void)state;
    world_start(&w);
    run_until_ready(&w);
    redis_cli(&w.r, "CONFIG SET maxmemory 1");
    call_skip(&w, &t);
    RUN_UNTIL(&w, t.answers);
    assert_int_equal(t.status, STORE_WAIT);
    assert_true(strncmp(t.error, "OOM ", 4) == 0);
    redis_cli(&w.r, "CONFIG SET maxmemory 0");
    w.seq--;
    call_skip(&w, &u);
    RUN_UNTIL(&w, u.answers);
    assert_int_equal(u.status, STORE_OK);
    world_finish(&w);
}

static void test_eviction_is_told(void **state)
{
    struct world w;
    struct store_health h;

    (void)state;
    world_init(&w);
    redis_args(&w.r, "--maxmemory-policy allkeys-lru");
    redis_start(&w.r);
    world_open(&w);
    run_until_ready(&w);
    store_health(w.s, &h);
    assert_false(h.noeviction);
    world_finish(&w);
}

static void test_tcp_and_names(void **state)
{
    struct world w;
    char port[8];

    (void)state;
    world_init(&w);
    snprintf(port, sizeof(port), "%u", free_port());
    redis_args(&w.r, "--port");
    redis_args(&w.r, port);
    redis_start(&w.r);
    for (int i = 0; i < 2; i++) {
        snprintf(w.url, sizeof(w.url), "redis://%s:%s/0", i ? "localhost" : "127.0.0.1", port);
        w.state = STORE_S_DOWN;
        world_open(&w);
        run_until_ready(&w);
        store_destroy(w.s);
        w.s = NULL;
    }
    w.o.connect_timeout_ms = 500;
    snprintf(w.url, sizeof(w.url), "redis://no-such-host.invalid:%s/0", port);
    w.state = STORE_S_DOWN;
    world_open(&w);
    RUN_UNTIL(&w, w.state == STORE_S_BACKOFF);
    assert_true(strstr(w.why, "look its name up") || strstr(w.why, "not connected within"));
    turn(&w);
    store_destroy(w.s);
    turn(&w);
    w.s = NULL;
    w.state = STORE_S_DOWN;
    redis_end(&w.r, SIGKILL);
    snprintf(w.url, sizeof(w.url), "redis://127.0.0.1:%s/0", port);
    world_open(&w);
    RUN_UNTIL(&w, w.state == STORE_S_BACKOFF);
    assert_string_equal(w.why, "Connection refused");
    world_finish(&w);
}

static void test_wrong_url(void **state)
{
    struct world w;
    struct told t = {0};
    struct store_health h;

    (void)state;
    world_init(&w);
    snprintf(w.url, sizeof(w.url), "rediss://h");
    world_open(&w);
    call_skip(&w, &t);
    RUN_UNTIL(&w, t.answers);
    assert_int_equal(t.status, STORE_DOWN);
    store_health(w.s, &h);
    assert_int_equal(h.state, STORE_S_DOWN);
    assert_non_null(strstr(h.why, "TLS"));
    world_finish(&w);
}

static void test_large_call(void **state)
{
    enum { N = 5000 };
    struct world w;
    struct str *args = NEW_ARRAY(struct str, N + 1);
    struct told t = {0};
    int64_t ns = INT64_MAX;

    (void)state;
    world_start(&w);
    run_until_ready(&w);
    args[0] = S("ECHO");
    args[1] = S("bytes\0and\r\nlines");
    store_command(w.s, args, 2, on_told, &t);
    RUN_UNTIL(&w, t.answers);
    assert_string_equal(t.text, "bytes");
    args[0] = S("RPUSH");
    args[1] = S("list");
    for (int i = 2; i <= N; i++)
        args[i] = S("fifty bytes of an alert's text, or about that many");
    for (int i = 0; i < 20; i++) { /* sent one by one, so that memory is warm */
        int64_t from = clock_mono_ns();

        store_command(w.s, args, N + 1, on_told, &t);
        from = clock_mono_ns() - from;
        ns = from < ns ? from : ns;
        RUN_UNTIL(&w, t.answers == 2 + i);
    }
    assert_int_equal(t.number, 20 * (N - 1));
    print_message("a call of %d arguments takes %lld us\n", N, (long long)ns / 1000);
    free(args);
    world_finish(&w);
}

/* The sentinel wants one; its answers say what is wrong. */
static void ask_with_a_login(struct world *w, const struct redis *sentinel, const char *port)
{
    static const struct {
        const char *query, *says; /* NULL: ready */
    } tries[] = {
        {"", "the sentinel refused to answer: NOAUTH"},
        {"?sentinel_password=wrong", "the sentinel refused to answer: WRONGPASS"},
        {"?sentinel_user=us&sentinel_password=secret", "the sentinel refused to answer: WRONGPASS"},
        {"?sentinel_password=secret", NULL},
        {"?sentinel_user=me&sentinel_password=mine", NULL},
    };

    redis_cli(sentinel, "ACL SETUSER me on '>mine' +@all");
    redis_cli(sentinel, "ACL SETUSER default '>secret'");
    for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
        snprintf(w->url, sizeof(w->url), "redis+sentinel://127.0.0.1:%s/main%s", port,
                 tries[i].query);
        world_open(w);
        if (tries[i].says)
            RUN_UNTIL(w, strstr(w->why, tries[i].says));
        else
            run_until_ready(w);
        store_destroy(w->s);
        w->s = NULL;
        w->state = STORE_S_DOWN;
    }
}

static void test_sentinel(void **state)
{
    struct world w;
    struct redis sentinel;
    char port[8], s_port[8], path[128], text[512];
    int fd, n;
    unsigned dead;
    int64_t began;
    struct told t = {0};

    (void)state;
    world_init(&w);
    snprintf(port, sizeof(port), "%u", free_port());
    redis_args(&w.r, "--port");
    redis_args(&w.r, port);
    redis_start(&w.r);
    redis_init(&sentinel);
    snprintf(s_port, sizeof(s_port), "%u", free_port());
    snprintf(path, sizeof(path), "%s/sentinel.conf", sentinel.dir);
    n = snprintf(text, sizeof(text),
                 "port %s\nbind 127.0.0.1\nunixsocket %s\ndir %s\n"
                 "sentinel monitor main 127.0.0.1 %s 1\n",
                 s_port, sentinel.socket, sentinel.dir, port);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(fd, text, (size_t)n), n);
    close(fd);
    sentinel.pid = fork();
    if (sentinel.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(open("/dev/null", O_WRONLY), 1);
        execlp("redis-server", "redis-server", path, "--sentinel", (char *)NULL);
        _exit(127);
    }
    redis_wait(&sentinel);
    /* The first of the sentinels is not there: the next attempt asks the other. */
    snprintf(w.url, sizeof(w.url), "redis+sentinel://127.0.0.1:%u,127.0.0.1:%s/main", free_port(),
             s_port);
    world_open(&w);
    run_until_ready(&w);
    call_skip(&w, &t);
    RUN_UNTIL(&w, t.answers);
    assert_int_equal(t.status, STORE_OK);
    store_destroy(w.s);
    w.s = NULL;
    w.state = STORE_S_DOWN;
    snprintf(w.url, sizeof(w.url), "redis+sentinel://127.0.0.1:%s/other", s_port);
    world_open(&w);
    RUN_UNTIL(&w, strstr(w.why, "knows no master \"other\""));
    store_destroy(w.s);
    w.s = NULL;
    w.state = STORE_S_DOWN;
    /* However many are not there: it is found in the first round, before any waiting gets long. */
    dead = free_port();
    snprintf(w.url, sizeof(w.url),
             "redis+sentinel://127.0.0.1:%u,127.0.0.1:%u,127.0.0.1:%u,127.0.0.1:%u,127.0.0.1:%u,"
             "127.0.0.1:%u,127.0.0.1:%u,127.0.0.1:%s/main",
             dead, dead, dead, dead, dead, dead, dead, s_port);
    began = clock_mono_ms();
    world_open(&w);
    run_until_ready(&w);
    if (clock_mono_ms() - began > 5000) /* of doubled waits, 7 would take 6350 ms at least */
        fail_msg("it took %lld ms", (long long)(clock_mono_ms() - began));
    store_destroy(w.s);
    w.s = NULL;
    w.state = STORE_S_DOWN;
    ask_with_a_login(&w, &sentinel, s_port);
    redis_finish(&sentinel);
    world_finish(&w);
}

static void test_scripts(void **state)
{
    static const char *const names[SCRIPT_N] = {"observe", "verb",     "tick",  "adopt",
                                                "skip",    "settings", "audit", "rights"};

    (void)state;
    for (int i = 0; i < SCRIPT_N; i++) {
        struct str source = store_script_source((enum store_script)i);

        assert_true(str_starts(source, S("#!lua")));
        assert_int_equal(str_find(source, S("\n--@include")), source.n);
        assert_string_equal(store_script_name((enum store_script)i), names[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scripts),
        cmocka_unit_test(test_wrong_url),
        cmocka_unit_test(test_connect_and_call),
        cmocka_unit_test(test_refused_and_errors),
        cmocka_unit_test(test_login),
        cmocka_unit_test(test_few_rights),
        cmocka_unit_test(test_database),
        cmocka_unit_test(test_noscript),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_eviction_is_told),
        cmocka_unit_test(test_tcp_and_names),
        cmocka_unit_test(test_large_call),
        cmocka_unit_test(test_sentinel),
    };

    signal(SIGPIPE, SIG_IGN);
    if (system("redis-server --version >/dev/null 2>&1") != 0) {
        print_message("skipped: redis-server is not installed\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
