/*
 * url.c - parses the url of the Redis. Pure.
 *   redis://[user[:password]@]host[:port][/db]     redis://:password@host
 *   unix:///path[?db=n]
 *   redis+sentinel://[user[:password]@]host[:port],host[:port].../master[/db]
 *       [?[sentinel_user=...&]sentinel_password=...]   in front the login of the master
 *   rediss://, rediss+sentinel://                  the same over TLS
 *   redis+cluster://, rediss+cluster://            refused with the reason
 */
#include "url.h"

#include <stdlib.h>
#include <string.h>

#include "triaged/base/mem.h"
#include "triaged/base/str.h"
#include "triaged/store/store.h"

enum { REDIS_PORT = 6379, SENTINEL_PORT = 26379, DB_MAX = 1 << 20, UNIX_PATH_MAX_ = 107 };

static bool refuse(struct diag *why, const char *text, struct str what)
{
    diag_error(why, NULL, 0, 0, NULL, "%s%s%.*s%s", text, what.n ? " \"" : "", STR_ARG(what),
               what.n ? "\"" : "");
    return false;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A copy with %XX decoded; NULL when malformed. */
static char *decode(struct str s)
{
    char *out = xmalloc(s.n + 1), *to = out;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '%') {
            *to++ = s.p[i];
            continue;
        }
        if (i + 2 >= s.n || hex(s.p[i + 1]) < 0 || hex(s.p[i + 2]) < 0 ||
            (s.p[i + 1] == '0' && s.p[i + 2] == '0')) {
            free(out);
            return NULL;
        }
        *to++ = (char)(hex(s.p[i + 1]) << 4 | hex(s.p[i + 2]));
        i += 2;
    }
    *to = '\0';
    return out;
}

static bool parse_db(struct str s, struct store_url *out, struct diag *why)
{
    uint64_t db;

    if (s.n == 0)
        return true;
    if (!str_to_u64(s, &db) || db > DB_MAX)
        return refuse(why, "the number of the Redis database is not one:", s);
    out->db = (unsigned)db;
    return true;
}

/* [user[:password]@] in front of *rest. A lone word without a colon is a user. */
static bool parse_login(struct str *rest, struct store_url *out, struct diag *why)
{
    size_t at = rest->n;
    struct str login, password;
    bool has_password;

    while (at > 0 && rest->p[at - 1] != '@')
        at--;
    if (at == 0)
        return true;
    login = (struct str){rest->p, at - 1};
    *rest = (struct str){rest->p + at, rest->n - at};
    has_password = str_find_char(login, ':') < login.n;
    login = str_cut(login, ':', &password);
    if (login.n && !(out->user = decode(login)))
        return refuse(why, "a % in the user of the Redis url must be written %25", STR_NONE);
    if (has_password && !(out->password = decode(password)))
        return refuse(why, "a % in the password of the Redis url must be written %25", STR_NONE);
    if (out->user && !has_password)
        return refuse(why, "the Redis url names a user but no password: write user:password@",
                      STR_NONE);
    return true;
}

/* host, host:port, [v6], [v6]:port */
static bool parse_host(struct str s, unsigned port, struct store_url *out, struct diag *why)
{
    struct str host = s, text = STR_NONE;
    uint64_t n = port;

    if (out->n_hosts == STORE_HOSTS_MAX)
        return refuse(why, "the Redis url names more than 16 hosts", STR_NONE);
    if (s.n && s.p[0] == '[') {
        size_t end = str_find_char(s, ']');

        if (end == s.n)
            return refuse(why, "no ] after the IPv6 address in the Redis url:", s);
        host = str_sub(s, 1, end);
        text = str_sub(s, end + 1, s.n);
        if (text.n && text.p[0] != ':')
            return refuse(why, "unexpected text after ] in the Redis url:", text);
        text = str_sub(text, 1, text.n);
    } else {
        host = str_cut(s, ':', &text);
        if (str_find_char(text, ':') < text.n)
            return refuse(why, "an IPv6 address in the Redis url needs brackets:", s);
    }
    if (host.n == 0)
        return refuse(why, "the Redis url has no host", STR_NONE);
    if (text.n && (!str_to_u64(text, &n) || n == 0 || n > 65535))
        return refuse(why, "the port in the Redis url is not one:", text);
    out->hosts[out->n_hosts].name = xstrndup(host.p, host.n);
    out->hosts[out->n_hosts++].port = (unsigned)n;
    return true;
}

/* ---- one function a scheme ----------------------------------------------------------------------
 */

static bool parse_redis(struct str rest, struct store_url *out, struct diag *why)
{
    struct str db, host = str_cut(rest, '/', &db);

    if (!parse_login(&host, out, why) || !parse_host(host, REDIS_PORT, out, why) ||
        !parse_db(db, out, why))
        return false;
    out->display = xasprintf("redis%s://%s:%u/%u", out->tls ? "s" : "", out->hosts[0].name,
                             out->hosts[0].port, out->db);
    return true;
}

static bool parse_unix(struct str rest, struct store_url *out, struct diag *why)
{
    struct str query, path;

    if (!parse_login(&rest, out, why))
        return false;
    path = str_cut(rest, '?', &query);
    if (path.n < 2 || path.p[0] != '/' || path.n > UNIX_PATH_MAX_)
        return refuse(why, "write unix:///absolute/path/of/the.sock, at most 107 bytes, not", path);
    if (query.n && !str_starts(query, S("db=")))
        return refuse(why, "after ? in a unix: url only db=NUMBER is known, not", query);
    out->path = xstrndup(path.p, path.n);
    if (!parse_db(str_sub(query, 3, query.n), out, why))
        return false;
    out->display = xasprintf("unix://%s?db=%u", out->path, out->db);
    return true;
}

/* The login that the sentinels ask for. What is written is not shown: it may be a password. */
static bool parse_sentinel_login(struct str query, struct store_url *out, struct diag *why)
{
    while (query.n) {
        struct str value, key = str_cut(str_cut(query, '&', &query), '=', &value);
        char **to = str_eq(key, S("sentinel_user"))       ? &out->sentinel_user
                    : str_eq(key, S("sentinel_password")) ? &out->sentinel_password
                                                          : NULL;

        if (!to || *to || value.n == 0)
            return refuse(why,
                          "after ? in a sentinel url only sentinel_user=NAME and "
                          "sentinel_password=PASSWORD are known, once each",
                          STR_NONE);
        if (!(*to = decode(value)))
            return refuse(why, "a % in the login of the sentinels must be written %25", STR_NONE);
    }
    if (out->sentinel_user && !out->sentinel_password)
        return refuse(why, "the Redis url has a sentinel_user but no sentinel_password", STR_NONE);
    return true;
}

static bool parse_sentinel(struct str rest, struct store_url *out, struct diag *why)
{
    struct str path, query, db, hosts = str_cut(rest, '/', &path);
    struct str master = str_cut(str_cut(path, '?', &query), '/', &db);

    if (!parse_login(&hosts, out, why))
        return false;
    while (hosts.n) {
        struct str host = str_cut(hosts, ',', &hosts);

        if (!parse_host(host, SENTINEL_PORT, out, why))
            return false;
    }
    if (out->n_hosts == 0 || master.n == 0)
        return refuse(why, "write redis+sentinel://host:port,host:port/MASTER[/db]", STR_NONE);
    out->sentinel = true;
    out->master = xstrndup(master.p, master.n);
    if (!parse_db(db, out, why) || !parse_sentinel_login(query, out, why))
        return false;
    out->display = xasprintf("redis%s+sentinel://%s:%u,.../%s/%u", out->tls ? "s" : "",
                             out->hosts[0].name, out->hosts[0].port, out->master, out->db);
    return true;
}

static bool parse_cluster(struct str rest, struct store_url *out, struct diag *why)
{
    (void)rest;
    (void)out;
    return refuse(why, "Redis Cluster (redis+cluster://) is not supported yet", STR_NONE);
}

static const struct {
    const char *prefix;
    bool (*parse)(struct str rest, struct store_url *out, struct diag *why);
    bool tls;
} schemes[] = {
    {"redis://", parse_redis, false},
    {"rediss://", parse_redis, true},
    {"unix://", parse_unix, false},
    {"redis+sentinel://", parse_sentinel, false},
    {"rediss+sentinel://", parse_sentinel, true},
    {"redis+cluster://", parse_cluster, false},
    {"rediss+cluster://", parse_cluster, true},
};

bool store_url_parse(const char *url, struct store_url *out, struct diag *why)
{
    struct str s = str_c(url);

    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        struct str prefix = str_c(schemes[i].prefix);

        if (!str_starts(s, prefix))
            continue;
        out->tls = schemes[i].tls;
        if (schemes[i].parse(str_sub(s, prefix.n, s.n), out, why))
            return true;
        store_url_finish(out);
        return false;
    }
    return refuse(why, "a Redis url begins with redis://, rediss://, unix:// or redis+sentinel://",
                  STR_NONE); /* not shown: it may hold a password */
}

static void forget_password(char *p)
{
    if (p)
        explicit_bzero(p, strlen(p));
    free(p);
}

void store_url_finish(struct store_url *u)
{
    for (size_t i = 0; i < u->n_hosts; i++)
        free(u->hosts[i].name);
    free(u->path);
    free(u->master);
    free(u->user);
    free(u->sentinel_user);
    forget_password(u->password);
    forget_password(u->sentinel_password);
    free(u->display);
    memset(u, 0, sizeof(*u));
}

bool store_url_check(const char *url, struct diag *why)
{
    struct store_url u;
    bool ok = store_url_parse(url, &u, why);

    if (ok)
        store_url_finish(&u);
    return ok;
}
