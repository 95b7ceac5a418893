/* redis_fixture.h - a redis-server of its own in a temporary directory, and a loop to wait in. */
#ifndef REDIS_FIXTURE_H
#define REDIS_FIXTURE_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <event2/event.h>

#include "triaged/base/clock.h"
#include "triaged/base/mem.h"
#include "triaged/store/store.h"

enum { WAIT_MS = 8000, REDIS_ARGS_MAX = 24 };

struct redis {
    char dir[64], socket[90];
    pid_t pid;
    char words[512]; /* arguments beyond the usual ones */
    size_t words_n;
    const char *args[REDIS_ARGS_MAX];
    size_t n_args;
};

/* Adds arguments, separated by blanks. */
static inline void redis_args(struct redis *r, const char *args)
{
    for (size_t n; *args; args += n + (args[n] == ' ')) {
        n = strcspn(args, " ");
        assert_true(r->words_n + n < sizeof(r->words) && r->n_args < REDIS_ARGS_MAX);
        r->args[r->n_args++] = r->words + r->words_n;
        memcpy(r->words + r->words_n, args, n);
        r->words_n += n + 1;
    }
}

static inline bool redis_accepts(const struct redis *r)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    char answer[8] = "";
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    bool ok;

    snprintf(a.sun_path, sizeof(a.sun_path), "%s", r->socket);
    ok = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && write(fd, "PING\r\n", 6) == 6 &&
         read(fd, answer, sizeof(answer) - 1) > 0; /* +PONG or -NOAUTH */
    close(fd);
    return ok;
}

/* Waits until it answers. */
static inline void redis_wait(const struct redis *r)
{
    for (int64_t until = clock_mono_ms() + WAIT_MS; !redis_accepts(r); poll(NULL, 0, 5))
        assert_true(clock_mono_ms() < until);
}

static inline void redis_start(struct redis *r)
{
    const char *argv[REDIS_ARGS_MAX + 16] = {
        "redis-server", "--port", "0", "--unixsocket",           r->socket, "--dir",
        r->dir,         "--save", "",  "--enable-debug-command", "local"};
    size_t n = 11;

    for (size_t i = 0; i < r->n_args; i++)
        argv[n++] = r->args[i];
    r->pid = fork();
    assert_true(r->pid >= 0);
    if (r->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(open("/dev/null", O_WRONLY), 1);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    redis_wait(r);
}

static inline void redis_end(struct redis *r, int sig)
{
    if (r->pid > 0) {
        kill(r->pid, sig);
        waitpid(r->pid, NULL, 0);
    }
    r->pid = 0;
}

static inline void redis_init(struct redis *r)
{
    const char *tmp = getenv("TMPDIR");

    memset(r, 0, sizeof(*r));
    snprintf(r->dir, sizeof(r->dir), "%.40s/store.XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(r->dir));
    snprintf(r->socket, sizeof(r->socket), "%s/r.sock", r->dir);
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)st;
    (void)type;
    (void)f;
    return remove(path);
}

static inline void remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void redis_finish(struct redis *r)
{
    redis_end(r, SIGKILL);
    remove_tree(r->dir);
}

/* redis-cli ARGS on it; the output, up to 8 KB. */
static inline const char *redis_cli(const struct redis *r, const char *args)
{
    static char out[8192];
    char command[512];
    size_t n;
    FILE *f;

    snprintf(command, sizeof(command), "redis-cli -s %s %s 2>&1", r->socket, args);
    f = popen(command, "r");
    assert_non_null(f);
    n = fread(out, 1, sizeof(out) - 1, f);
    out[n] = '\0';
    pclose(f);
    return out;
}

/* A port that was free a moment ago. */
static inline unsigned free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    close(fd);
    return ntohs(a.sin_port);
}

/* ---- a store and what it told -------------------------------------------------------------------
 */

struct told { /* what one call was answered */
    int answers;
    enum store_status status;
    char error[160], text[64];
    int64_t number;
    size_t len;
    struct store *destroy; /* from within the callback */
    bool *within;          /* true while store_call runs: an answer then is too early */
};

struct world {
    struct redis r;
    struct event_base *base;
    struct store *s;
    struct store_options o;
    char url[200];
    enum store_state state;
    char why[200];
    int entered[STORE_S_BACKOFF + 1];
    uint64_t seq;
    bool within;
};

static inline void on_state(void *arg, enum store_state state, const char *why)
{
    struct world *w = arg;

    assert_non_null(w->s); /* never within store_create */
    w->state = state;
    w->entered[state]++;
    if (*why)
        snprintf(w->why, sizeof(w->why), "%s", why);
}

static inline void on_told(void *arg, enum store_status status, const struct store_reply *reply,
                           struct str error)
{
    struct told *t = arg;

    assert_false(t->within && *t->within);
    t->answers++;
    t->status = status;
    snprintf(t->error, sizeof(t->error), "%.*s", STR_ARG(error));
    assert_int_equal(status == STORE_OK, error.n == 0);
    assert_true(status == STORE_OK || !reply);
    t->len = store_reply_len(reply);
    t->number = store_reply_int(t->len ? store_reply_at(reply, t->len - 1) : reply);
    snprintf(t->text, sizeof(t->text), "%.*s",
             STR_ARG(store_reply_str(t->len ? store_reply_at(reply, 0) : reply)));
    if (t->destroy)
        store_destroy(t->destroy);
}

static inline void world_init(struct world *w)
{
    memset(w, 0, sizeof(*w));
    redis_init(&w->r);
    w->base = event_base_new();
    assert_non_null(w->base);
    snprintf(w->url, sizeof(w->url), "unix://%s", w->r.socket);
    w->o = (struct store_options){.url = w->url, .name = "test-0", .on_state = on_state, .arg = w};
}

static inline void world_open(struct world *w)
{
    w->s = store_create(w->base, &w->o);
    assert_non_null(w->s);
    assert_int_equal(w->state, STORE_S_DOWN);
}

static inline void world_start(struct world *w)
{
    world_init(w);
    redis_start(&w->r);
    world_open(w);
}

static inline void world_finish(struct world *w)
{
    store_destroy(w->s);
    event_base_free(w->base);
    redis_finish(&w->r);
}

static inline void turn(struct world *w)
{
    struct timeval tv = {.tv_usec = 5000};

    event_base_loopexit(w->base, &tv);
    event_base_dispatch(w->base);
}

#define RUN_UNTIL(w, condition)                                                                    \
    do {                                                                                           \
        int64_t until_ = clock_mono_ms() + WAIT_MS;                                                \
        while (!(condition)) {                                                                     \
            if (clock_mono_ms() > until_)                                                          \
                fail_msg("timeout waiting for: %s (state %s, why %s)", #condition,                 \
                         store_state_name((w)->state), (w)->why);                                  \
            turn(w);                                                                               \
        }                                                                                          \
    } while (0)

static inline void run_until_ready(struct world *w)
{
    RUN_UNTIL(w, w->state == STORE_S_READY);
}

static inline void command(struct world *w, struct told *t, const char *a, const char *b,
                           const char *c)
{
    struct str args[] = {str_c(a), str_c(b), str_c(c)};

    t->within = &w->within;
    w->within = true;
    store_command(w->s, args, c ? 3 : b ? 2 : 1, on_told, t);
    w->within = false;
}

/* Script `skip` with the next number of a stream: OK n. */
static inline void call_skip(struct world *w, struct told *t)
{
    char seq[24], prev[24];
    struct str key = S("triaged:{db}:applied");
    struct str args[] = {S("1700000000000"), S("0123456789abcdef0123456789abcdef"), STR_NONE,
                         STR_NONE};

    snprintf(prev, sizeof(prev), "%llu", (unsigned long long)w->seq);
    snprintf(seq, sizeof(seq), "%llu", (unsigned long long)++w->seq);
    args[2] = str_c(seq);
    args[3] = str_c(prev);
    t->within = &w->within;
    w->within = true;
    store_call(w->s, SCRIPT_SKIP, &key, 1, args, ARRAY_LEN(args), on_told, t);
    w->within = false;
}

#endif
