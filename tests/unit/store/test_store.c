/* test_store.c - the connection machine and the calls, against a real redis-server that is killed,
 * stopped, locked, filled and demoted. */
#include "redis_fixture.h"

#include "triaged/base/log.h"

static void start(struct world *w)
{
    world_init(w);
    redis_start(&w->r);
    world_open(w);
}

static void test_connect_and_call(void **state)
{
    struct world w;
    struct store_health h;
    struct told t = {0}, u = {0}, v = {0};

    (void)state;
    start(&w);
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

static void test_refused_and_errors(void **state)
{
    struct world w;
    struct told t = {0}, u = {0};
    struct str key = S("triaged:{db}:applied"), arg = S("x");

    (void)state;
    start(&w);
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
    start(&w);
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
    start(&w);
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

static void test_kill_in_the_pipeline(void **state)
{
    enum { N = 500 };
    struct world w;
    struct store_health h;
    struct told *t = NEW_ARRAY(struct told, N), u = {0};
    char run_id[41];

    (void)state;
    start(&w);
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
    start(&w);
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
    start(&w);
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
    start(&w);
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
    start(&w);
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
    start(&w);
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
    start(&w);
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

static void test_sentinel(void **state)
{
    struct world w;
    struct redis sentinel;
    char port[8], s_port[8], path[128], text[512];
    int fd, n;
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
    redis_finish(&sentinel);
    world_finish(&w);
}

static void test_scripts(void **state)
{
    static const char *const names[SCRIPT_N] = {"observe", "verb",     "tick", "adopt",
                                                "skip",    "settings", "audit"};

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
        cmocka_unit_test(test_down_is_answered_later),
        cmocka_unit_test(test_refused_and_errors),
        cmocka_unit_test(test_login),
        cmocka_unit_test(test_few_rights),
        cmocka_unit_test(test_database),
        cmocka_unit_test(test_noscript),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_eviction_is_told),
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
