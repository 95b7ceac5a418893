/*
 * conf_check_net.c - listeners: do their addresses parse, do transport and TLS fit, and who could
 * reach them. What listens beyond this machine says who may use it, or is refused. And whether the
 * url of Redis and its TLS fit.
 * Never: opens a socket, resolves a name.
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "conf_check.h"
#include "triaged/base/map.h"

struct endpoint {
    char host[64]; /* numeric, without brackets */
    bool v6, loopback;
    uint64_t port;
};

static bool is_loopback_v6(const unsigned char a[16])
{
    static const unsigned char one[16] = {[15] = 1};
    static const unsigned char mapped[13] = {[10] = 0xff, [11] = 0xff, [12] = 127};
    return memcmp(a, one, 16) == 0 || memcmp(a, mapped, sizeof mapped) == 0;
}

/* "127.0.0.1:80", "[::1]:80", "localhost:80". NULL, or a sentence about what is wrong. */
static const char *parse_endpoint(struct str s, struct endpoint *out)
{
    unsigned char a[16];
    bool bracket = s.n && s.p[0] == '[';
    size_t end = bracket ? str_find_char(s, ']') : s.n;
    size_t colon = s.n;
    while (colon > 0 && s.p[colon - 1] != ':')
        colon--;
    if (colon == 0 || (bracket && colon != end + 2))
        return "needs a port, like 127.0.0.1:9193 or [::1]:9193";
    struct str host = bracket ? str_sub(s, 1, end) : str_sub(s, 0, colon - 1);
    if (!str_to_u64(str_sub(s, colon, s.n), &out->port) || out->port > 65535)
        return "needs a port from 0 to 65535 after the last colon";
    if (!bracket && str_find_char(host, ':') < host.n)
        return "an IPv6 address needs brackets, like [::1]:9193";
    if (host.n == 0 || str_eq_c(host, "*"))
        return "needs an address; write 0.0.0.0 or [::] for every interface";
    if (host.n >= sizeof out->host)
        return "is too long for a numeric address";
    if (str_eq_c(host, "localhost"))
        host = S("127.0.0.1");
    memcpy(out->host, host.p, host.n);
    out->host[host.n] = 0;
    out->v6 = bracket;
    if (inet_pton(bracket ? AF_INET6 : AF_INET, out->host, a) != 1)
        return "must be numeric, like 127.0.0.1:9193 or [::1]:9193 (names are not looked up)";
    out->loopback = bracket ? is_loopback_v6(a) : a[0] == 127;
    return NULL;
}

static void error_at(struct schema_walk *w, const struct conf_listener *l, const void *field,
                     const char *key, const char *sentence)
{
    conf_field_error(w, field, &l->place, key, "%s", sentence);
}

/* The address as an endpoint; rewritten, so that every reader may take it as numeric. */
static bool check_address(struct schema_walk *w, struct conf_listener *l, struct endpoint *e)
{
    if (!l->address.n)
        return false; /* the walk has said so */
    const char *wrong = parse_endpoint(l->address, e);
    if (wrong) {
        conf_field_error(w, &l->address, &l->place, "address", "\"%.*s\" %s",
                         l->address.n < 80 ? (int)l->address.n : 80, l->address.p, wrong);
        return false;
    }
    l->address = arena_printf(w->arena, e->v6 ? "[%s]:%u" : "%s:%u", e->host, (unsigned)e->port);
    return true;
}

/* With SO_REUSEPORT two listeners on one address would both bind, and share what comes. */
static void check_twice(struct schema_walk *w, struct map *seen, const char *family,
                        const struct conf_listener *l)
{
    struct str key = arena_printf(w->tree, "%s %.*s", family, STR_ARG(l->address));
    const struct conf_listener *other = map_put(seen, key, (void *)(uintptr_t)l);
    if (!other)
        return;
    const struct conf_place *p = &other->place;
    if (p->file)
        conf_field_error(w, &l->address, &l->place, "address",
                         "%.*s is already listened on by %s (%s:%u:%u)", STR_ARG(l->address),
                         p->path, p->file, p->line, p->column);
    else
        conf_field_error(w, &l->address, &l->place, "address",
                         "%.*s is already listened on by listen.%s, a built-in default",
                         STR_ARG(l->address), p->path);
}

static void check_http(struct conf *c, struct schema_walk *w, struct map *seen,
                       struct conf_listener *l)
{
    struct endpoint e;
    if (str_starts(l->address, S("/"))) {
        error_at(w, l, &l->address, "address",
                 "an HTTP listener takes host:port, like 127.0.0.1:9193, not a path");
        return;
    }
    if (!check_address(w, l, &e))
        return;
    if (e.port)
        check_twice(w, seen, "stream", l);
    if (!e.loopback && !c->n_tokens)
        error_at(w, l, &l->address, "address",
                 "listens beyond this machine, so it needs tokens; write for example "
                 "auth: {tokens: [{name: prometheus, role: ingest, sha256: \"...\"}]} with the "
                 "output of: printf %s TOKEN | sha256sum, or listen on 127.0.0.1");
}

static void check_unix(struct schema_walk *w, struct map *seen, struct conf_listener *l)
{
    enum { SUN_PATH_MAX = 107 };
    if (l->address.n && l->address.p[0] != '/')
        error_at(w, l, &l->address, "address",
                 "a unix listener needs the absolute path of its socket, like "
                 "/run/triaged/syslog.sock");
    else if (l->address.n > SUN_PATH_MAX)
        error_at(w, l, &l->address, "address", "a socket's path has at most 107 bytes");
    else if (l->address.n)
        check_twice(w, seen, "path", l);
}

static void check_syslog_tls(struct schema_walk *w, const struct conf_listener *l)
{
    if (l->transport == TRANSPORT_TLS && !l->tls.certificate.n)
        error_at(w, l, &l->transport, "transport",
                 "tls needs a certificate; write tls: {certificate: FILE, key: FILE}");
    if (l->transport != TRANSPORT_TLS && l->transport != TRANSPORT_RELP &&
        schema_site(w, &l->tls.certificate))
        error_at(w, l, &l->tls.certificate, "tls",
                 "a certificate is used by transport: tls and relp only; change the transport or "
                 "take tls out");
}

/* Whoever may send the header may claim to be anybody. */
static void check_proxy(struct schema_walk *w, const struct conf_listener *l,
                        const struct endpoint *e)
{
    if (!l->proxy)
        return;
    if (!e || l->transport == TRANSPORT_UDP)
        error_at(w, l, &l->proxy, "proxy",
                 "a PROXY header comes on transport: tcp, tls or relp only; take proxy out");
    else if (!e->loopback && !l->allow.n)
        error_at(w, l, &l->proxy, "proxy",
                 "a PROXY header is believed, so allow must name the load balancers; write for "
                 "example allow: [\"192.0.2.10\"]");
}

static void check_syslog(struct schema_walk *w, struct map *seen, struct conf_listener *l)
{
    struct endpoint e;
    check_syslog_tls(w, l);
    if (l->transport == TRANSPORT_UNIX || l->transport == TRANSPORT_UNIX_DGRAM) {
        check_proxy(w, l, NULL);
        check_unix(w, seen, l);
        return;
    }
    if (str_starts(l->address, S("/"))) {
        error_at(w, l, &l->transport, "transport",
                 "an address that is a path needs transport: unix or unix-dgram");
        return;
    }
    if (!check_address(w, l, &e))
        return;
    if (e.port)
        check_twice(w, seen, l->transport == TRANSPORT_UDP ? "datagram" : "stream", l);
    check_proxy(w, l, &e);
    if (!e.loopback && !l->allow.n && !l->tls.client_ca.n)
        error_at(w, l, &l->address, "address",
                 "takes syslog from beyond this machine, so it must say from whom; write for "
                 "example allow: [\"10.0.0.0/8\"], or transport: tls with tls.client_ca, or "
                 "listen on 127.0.0.1");
}

void conf_check_listeners(struct conf *c, struct schema_walk *w)
{
    struct map seen = {0};
    for (size_t i = 0; i < c->n_http; i++)
        check_http(c, w, &seen, &c->http[i]);
    for (size_t i = 0; i < c->n_syslog; i++)
        check_syslog(w, &seen, &c->syslog[i]);
    map_finish(&seen);
}

void conf_check_redis(const struct conf *c, struct schema_walk *w)
{
    const struct conf_tls_client *t = &c->redis_tls;

    /* Who writes whom to trust believes that it is used. */
    if ((t->ca.n || t->certificate.n || t->key.n || t->server_name.n) &&
        !str_starts(c->redis_url, S("rediss")))
        conf_field_error(w, &c->redis_tls, &t->place, NULL,
                         "the url of Redis does not ask for TLS; write rediss:// or "
                         "rediss+sentinel://, or take tls out");
    if (t->key.n && !t->certificate.n)
        conf_field_error(w, &t->key, &t->place, "key",
                         "a key needs the certificate that it belongs to");
}
