/*
 * prime.c - what is asked between "connected" and "ready": a table of steps sent in one go, then
 *           the scripts, and whether they may do what they do. Answers come in the order of the
 *           table, so the first failure is the cause.
 * Checks: login, database, version >= 7 (scripts begin with #!lua), not loading, not a cluster, a
 *         master, the rights of our user.
 * Takes over: run_id, AOF, eviction policy, clock offset, the scripts.
 */
#include <stdio.h>
#include <string.h>

#include "store_internal.h"
#include "triaged/base/clock.h"
#include "triaged/base/mem.h"

enum { CLOCK_TOLERANCE_MS = 5000, MAJOR_MIN = 7 };

struct step {
    const char *words[4]; /* a word may be filled in by `fill` */
    void (*fill)(const struct store *s, const char *words[5], char text[16]);
    bool (*wanted)(const struct store *s);
    /* Looks at an answer that is no error. False with why. NULL = any will do. */
    bool (*take)(struct store *s, const struct store_reply *r, char why[ERROR_MAX]);
    bool may_fail; /* an error is no obstacle */
};

/* ---- filling in ---------------------------------------------------------------------------------
 */

static void fill_auth(const struct store *s, const char *words[5], char text[16])
{
    size_t n = 1;

    (void)text;
    if (s->url.user)
        words[n++] = s->url.user;
    words[n] = s->url.password;
}

static void fill_select(const struct store *s, const char *words[5], char text[16])
{
    snprintf(text, 16, "%u", s->url.db);
    words[1] = text;
}

static void fill_name(const struct store *s, const char *words[5], char text[16])
{
    (void)text;
    words[2] = s->name;
}

static bool has_password(const struct store *s)
{
    return s->url.password != NULL;
}

static bool has_db(const struct store *s)
{
    return s->url.db != 0;
}

/* ---- INFO ---------------------------------------------------------------------------------------
 */

/* The value of a line "name:value". */
static struct str info(struct str all, const char *name)
{
    struct str want = str_c(name);

    while (all.n) {
        struct str line = str_trim(str_cut(all, '\n', &all));

        if (line.n > want.n && line.p[want.n] == ':' && str_starts(line, want))
            return str_sub(line, want.n + 1, line.n);
    }
    return STR_NONE;
}

static void copy(char *to, size_t size, struct str from)
{
    snprintf(to, size, "%.*s", STR_ARG(from));
}

static bool take_info(struct store *s, const struct store_reply *r, char why[ERROR_MAX])
{
    struct prime *p = &s->prime;
    struct str all = store_reply_str(r), version = info(all, "redis_version"), rest;
    uint64_t major = 0;

    copy(p->version, sizeof(p->version), version);
    copy(p->run_id, sizeof(p->run_id), info(all, "run_id"));
    copy(p->role, sizeof(p->role), info(all, "role"));
    p->aof = str_eq(info(all, "aof_enabled"), S("1"));
    p->noeviction = str_eq(info(all, "maxmemory_policy"), S("noeviction"));
    /* Rewriting once in the life of a Redis is enough to be rid of a torn tail that it loaded. */
    p->rewrite_wanted = p->aof && str_eq(info(all, "aof_last_rewrite_time_sec"), S("-1")) &&
                        !str_eq(info(all, "aof_rewrite_in_progress"), S("1")) &&
                        !str_eq(info(all, "aof_rewrite_scheduled"), S("1"));
    if (!str_to_u64(str_cut(version, '.', &rest), &major) || major < MAJOR_MIN) {
        snprintf(why, ERROR_MAX, "Redis 7.0 or newer is needed, this is %s",
                 *p->version ? p->version : "of an unknown version");
        return false;
    }
    if (str_eq(info(all, "loading"), S("1"))) {
        snprintf(why, ERROR_MAX, "it is loading its data set");
        return false;
    }
    if (str_eq(info(all, "cluster_enabled"), S("1"))) {
        snprintf(why, ERROR_MAX, "it is a node of a Redis Cluster, which is not supported yet");
        return false;
    }
    return true;
}

static bool check_role(const char *role, char why[ERROR_MAX])
{
    if (strcmp(role, "master") == 0)
        return true;
    snprintf(why, ERROR_MAX, "it is no master (role %s)", role);
    return false;
}

static bool take_role(struct store *s, const struct store_reply *r, char why[ERROR_MAX])
{
    copy(s->prime.role, sizeof(s->prime.role), store_reply_str(store_reply_at(r, 0)));
    return check_role(s->prime.role, why);
}

/* ---- TIME ---------------------------------------------------------------------------------------
 */

/* Their clock stood at T half a round trip ago. */
static bool take_time(struct store *s, const struct store_reply *r, char why[ERROR_MAX])
{
    int64_t now = clock_wall_ms(), before = s->health.clock_offset_ms;
    int64_t theirs =
        store_reply_int(store_reply_at(r, 0)) * 1000 + store_reply_int(store_reply_at(r, 1)) / 1000;
    int64_t offset = theirs - (s->prime.time_sent_ms + (now - s->prime.time_sent_ms) / 2);

    (void)why;
    if (offset <= CLOCK_TOLERANCE_MS && offset >= -CLOCK_TOLERANCE_MS)
        offset = 0;
    if ((offset == 0) != (before == 0))
        log_warn("store", "%s: our clock %s that of redis offset_ms=%lld%s", s->name,
                 offset ? "is off" : "agrees again with", (long long)offset,
                 offset ? ", correcting our times by it" : "");
    s->health.clock_offset_ms = offset;
    return true;
}

static void on_time(void *arg, const struct store_reply *reply)
{
    char why[ERROR_MAX];

    if (store_reply_type(reply) == REPLY_ARRAY)
        take_time(arg, reply, why);
}

void store_ask_time(struct store *s)
{
    static const char *const words[] = {"TIME", NULL};

    s->prime.time_sent_ms = clock_wall_ms();
    store_send_words(s, on_time, s, words);
}

/* ---- scripts ------------------------------------------------------------------------------------
 */

static bool send_script(struct store *s, enum store_script script, redis_reply_fn *fn, void *arg)
{
    if (!s->conn)
        return false;
    redis_conn_begin(s->conn, 3);
    redis_conn_put(s->conn, S("SCRIPT"));
    redis_conn_put(s->conn, S("LOAD"));
    redis_conn_put(s->conn, store_script_source(script));
    return redis_conn_send(s->conn, fn, arg);
}

static void on_reloaded(void *arg, const struct store_reply *reply)
{
    struct store *s = arg;
    struct str error = store_reply_str(reply);

    s->reloading = false;
    if (store_reply_type(reply) == REPLY_ERROR)
        log_error("store", "%s: redis does not take a script: %.*s", s->name, STR_ARG(error));
}

void store_reload_scripts(struct store *s)
{
    if (s->reloading)
        return;
    log_warn("store", "%s: redis has forgotten our scripts, loading them again", s->name);
    for (int i = 0; i < SCRIPT_N; i++)
        s->reloading = send_script(s, (enum store_script)i, on_reloaded, s);
}

/* ---- the table ----------------------------------------------------------------------------------
 */

static const struct step steps[PRIME_STEPS] = {
    {.words = {"AUTH"}, .fill = fill_auth, .wanted = has_password},
    {.words = {"SELECT"}, .fill = fill_select, .wanted = has_db},
    {.words = {"CLIENT", "SETNAME"}, .fill = fill_name, .may_fail = true},
    {.words = {"INFO"}, .take = take_info},
    {.words = {"ROLE"}, .take = take_role, .may_fail = true}, /* INFO says it too */
    {.words = {"TIME"}, .take = take_time, .may_fail = true},
};

static void on_rewritten(void *arg, const struct store_reply *reply)
{
    struct store *s = arg;
    struct str text = store_reply_str(reply);

    if (store_reply_type(reply) == REPLY_ERROR && str_find(text, S("in progress")) == text.n)
        log_warn("store", "%s: redis does not rewrite its AOF: %.*s", s->name, STR_ARG(text));
    store_ready(s);
}

static void fail(struct store *s, const char *what, struct str error)
{
    char why[ERROR_MAX];

    if (error.n > 120)
        error.n = 120;
    snprintf(why, sizeof(why), "%s%s%.*s", what, *what ? ": " : "", STR_ARG(error));
    s->prime.failed = true;
    store_fail(s, why);
}

static void finish(struct store *s)
{
    static const char *const words[] = {"BGREWRITEAOF", NULL};

    if (!s->prime.rewrite_wanted || strcmp(s->run_id, s->prime.run_id) == 0)
        store_ready(s);
    else if (!store_send_words(s, on_rewritten, s, words))
        store_fail(s, "cannot send");
}

/* The commands that the user may not use. */
static void on_rights(void *arg, const struct store_reply *reply)
{
    struct store *s = arg;
    char names[120];
    size_t n = 0;

    if (store_reply_type(reply) == REPLY_ERROR) {
        fail(s, "EVALSHA", store_reply_str(reply));
        return;
    }
    for (size_t i = 0; i < store_reply_len(reply) && n < sizeof(names); i++)
        n += (size_t)snprintf(names + n, sizeof(names) - n, " %.*s",
                              STR_ARG(store_reply_str(store_reply_at(reply, i))));
    if (n > 0)
        fail(s, "our user may not use all that the scripts need there; missing", str_c(names + 1));
    else
        finish(s);
}

/* The scripts are loaded. */
static void ask_rights(struct store *s)
{
    const char *const words[] = {"EVALSHA", store_script_sha1(SCRIPT_RIGHTS), "1", s->key, NULL};

    if (!s->key)
        finish(s);
    else if (!store_send_words(s, on_rights, s, words))
        store_fail(s, "cannot send");
}

static void on_script(void *arg, const struct store_reply *reply)
{
    struct store *s = arg;

    if (s->prime.failed)
        return;
    if (store_reply_type(reply) == REPLY_ERROR)
        fail(s, "SCRIPT LOAD", store_reply_str(reply));
    else if (--s->prime.waiting == 0)
        ask_rights(s);
}

/* All steps are answered. The scripts go last: a client that is not logged in is cut off by Redis,
 * without a reason, when it sends a word of more than 16 KB. */
static void load_scripts(struct store *s)
{
    char why[ERROR_MAX];

    if (!check_role(s->prime.role, why)) {
        fail(s, "", str_c(why));
        return;
    }
    for (int i = 0; i < SCRIPT_N; i++) {
        if (!send_script(s, (enum store_script)i, on_script, s)) {
            store_fail(s, "cannot send");
            return;
        }
        s->prime.waiting++;
    }
}

static void on_step(void *arg, const struct store_reply *reply)
{
    const struct prime_slot *slot = arg;
    struct store *s = slot->s;
    const struct step *step = &steps[slot->step];
    char why[ERROR_MAX] = "";

    if (s->prime.failed)
        return;
    if (store_reply_type(reply) == REPLY_ERROR) {
        if (!step->may_fail) {
            fail(s, step->words[0], store_reply_str(reply));
            return;
        }
    } else if (step->take && !step->take(s, reply, why)) {
        fail(s, "", str_c(why));
        return;
    }
    if (--s->prime.waiting == 0)
        load_scripts(s);
}

/* Sends one step. */
static bool send_step(struct store *s, unsigned i)
{
    const struct step *step = &steps[i];
    const char *words[5] = {NULL};
    char text[16];

    for (size_t k = 0; k < ARRAY_LEN(step->words); k++)
        words[k] = step->words[k];
    if (step->fill)
        step->fill(s, words, text);
    s->slots[i] = (struct prime_slot){.s = s, .step = i};
    return store_send_words(s, on_step, &s->slots[i], words);
}

void store_prime(struct store *s)
{
    memset(&s->prime, 0, sizeof(s->prime));
    s->prime.time_sent_ms = clock_wall_ms();
    for (unsigned i = 0; i < PRIME_STEPS; i++) {
        if (steps[i].wanted && !steps[i].wanted(s))
            continue;
        if (!send_step(s, i)) {
            store_fail(s, "cannot send");
            return;
        }
        s->prime.waiting++;
    }
}
