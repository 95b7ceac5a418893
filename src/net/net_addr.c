/*
 * net_addr.c - addresses as people write them, as the kernel has them, and as logs show them.
 * Owns: the syntax of a listener's address and of an `allow` network.
 * Never: looks up a name (that would block), opens a socket.
 *
 * Networks are compared as 128 bits, IPv4 as ::ffff:a.b.c.d, so that a dual-stack socket's peers
 * match the IPv4 networks of a configuration.
 */
#include "net.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "triaged/base/mem.h"
#include "triaged/net/http.h"

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

enum { V4_PREFIX_BITS = 96, ADDRESS_TEXT_MAX = 64 };

static bool parse_ip(struct str text, uint8_t out[16], bool *is_v4)
{
    char z[ADDRESS_TEXT_MAX];

    if (text.n == 0 || text.n >= sizeof(z))
        return false;
    memcpy(z, text.p, text.n);
    z[text.n] = '\0';
    *is_v4 = inet_pton(AF_INET, z, out + sizeof(v4_mapped)) == 1;
    if (*is_v4) {
        memcpy(out, v4_mapped, sizeof(v4_mapped));
        return true;
    }
    return inet_pton(AF_INET6, z, out) == 1;
}

bool net_cidr_parse(struct str text, struct net_cidr *out)
{
    struct str bits, ip = str_cut(text, '/', &bits);
    bool is_v4, has_bits = ip.n < text.n;
    uint64_t n;

    if (!parse_ip(ip, out->bytes, &is_v4))
        return false;
    if (!has_bits)
        n = is_v4 ? 32 : 128;
    else if (!str_to_u64(bits, &n) || n > (is_v4 ? 32 : 128))
        return false;
    out->bits = (unsigned)n + (is_v4 ? V4_PREFIX_BITS : 0);
    return true;
}

bool net_cidr_check(struct str cidr)
{
    struct net_cidr unused;

    return net_cidr_parse(cidr, &unused);
}

void net_set_init(struct net_set *s, const struct conf_texts *allow)
{
    s->n = 0;
    s->v = NULL;
    if (allow->n == 0)
        return;
    s->v = NEW_ARRAY(struct net_cidr, allow->n);
    for (size_t i = 0; i < allow->n; i++)
        if (net_cidr_parse(allow->v[i].s, &s->v[s->n]))
            s->n++;
}

void net_set_finish(struct net_set *s)
{
    free(s->v);
    s->v = NULL;
    s->n = 0;
}

/* False for families that have no networks. */
static bool address_bytes(const struct sockaddr *sa, uint8_t out[16])
{
    const union net_sockaddr *a = (const union net_sockaddr *)sa;

    if (sa->sa_family == AF_INET) {
        memcpy(out, v4_mapped, sizeof(v4_mapped));
        memcpy(out + sizeof(v4_mapped), &a->in.sin_addr, 4);
        return true;
    }
    if (sa->sa_family == AF_INET6) {
        memcpy(out, &a->in6.sin6_addr, 16);
        return true;
    }
    return false;
}

static bool cidr_has(const struct net_cidr *c, const uint8_t ip[16])
{
    size_t whole = c->bits / 8;
    unsigned rest = c->bits % 8;

    if (memcmp(c->bytes, ip, whole) != 0)
        return false;
    return rest == 0 || ((c->bytes[whole] ^ ip[whole]) >> (8 - rest)) == 0;
}

bool net_set_has(const struct net_set *s, const struct sockaddr *sa)
{
    uint8_t ip[16];

    if (!s->v || sa->sa_family == AF_UNIX)
        return true;
    if (!address_bytes(sa, ip))
        return false;
    for (size_t i = 0; i < s->n; i++)
        if (cidr_has(&s->v[i], ip))
            return true;
    return false;
}

bool net_allowed(const struct conf_texts *allow, const void *sockaddr)
{
    struct net_set s;
    bool in;

    net_set_init(&s, allow);
    in = net_set_has(&s, sockaddr);
    net_set_finish(&s);
    return in;
}

bool net_is_loopback(const void *sockaddr)
{
    static const struct net_cidr v4 = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127}, 104};
    static const struct net_cidr v6 = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128};
    const struct sockaddr *sa = sockaddr;
    uint8_t ip[16];

    if (sa->sa_family == AF_UNIX)
        return true;
    return address_bytes(sa, ip) && (cidr_has(&v4, ip) || cidr_has(&v6, ip));
}

void net_peer_text(const struct sockaddr *sa, char out[NET_PEER_SIZE])
{
    uint8_t ip[16];
    bool ok;

    if (!address_bytes(sa, ip)) {
        snprintf(out, NET_PEER_SIZE, "%s", sa->sa_family == AF_UNIX ? "unix" : "unknown");
        return;
    }
    if (memcmp(ip, v4_mapped, sizeof(v4_mapped)) == 0)
        ok = inet_ntop(AF_INET, ip + sizeof(v4_mapped), out, NET_PEER_SIZE);
    else
        ok = inet_ntop(AF_INET6, ip, out, NET_PEER_SIZE);
    if (!ok)
        snprintf(out, NET_PEER_SIZE, "unknown");
}

static bool parse_unix(struct str path, struct net_address *out)
{
    struct sockaddr_un *un = &out->sa.un;

    if (path.n == 0 || path.n >= sizeof(un->sun_path) || path.p[0] != '/' ||
        memchr(path.p, '\0', path.n))
        return false;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path.p, path.n);
    out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n + 1);
    return true;
}

static bool split_port(struct str text, struct str *host, uint64_t *port)
{
    size_t colon = text.n;

    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return false;
    *host = str_sub(text, 0, colon - 1);
    return str_to_u64(str_sub(text, colon, text.n), port) && *port <= 65535;
}

bool net_address_parse(struct str text, struct net_address *out)
{
    struct str host;
    uint64_t port;
    uint8_t ip[16];
    bool is_v4;

    memset(out, 0, sizeof(*out));
    if (str_starts(text, S("unix:")))
        return parse_unix(str_sub(text, 5, text.n), out);
    if (str_starts(text, S("/")))
        return parse_unix(text, out);
    if (!split_port(text, &host, &port))
        return false;
    if (host.n == 0 || str_eq(host, S("*")))
        host = S("::");
    else if (str_eq(host, S("localhost")))
        host = S("127.0.0.1");
    else if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = str_sub(host, 1, host.n - 1);
    else if (str_find_char(host, ':') < host.n)
        return false; /* IPv6 wants its brackets: ::1:80 would be ambiguous */
    if (!parse_ip(host, ip, &is_v4))
        return false;
    if (is_v4) {
        out->sa.in.sin_family = AF_INET;
        out->sa.in.sin_port = htons((uint16_t)port);
        memcpy(&out->sa.in.sin_addr, ip + sizeof(v4_mapped), 4);
        out->len = sizeof(out->sa.in);
    } else {
        out->sa.in6.sin6_family = AF_INET6;
        out->sa.in6.sin6_port = htons((uint16_t)port);
        memcpy(&out->sa.in6.sin6_addr, ip, 16);
        out->len = sizeof(out->sa.in6);
    }
    return true;
}

bool net_address_same(const struct sockaddr *a, const struct sockaddr *b)
{
    const union net_sockaddr *x = (const union net_sockaddr *)a;
    const union net_sockaddr *y = (const union net_sockaddr *)b;

    if (a->sa_family != b->sa_family)
        return false;
    switch (a->sa_family) {
    case AF_INET:
        return x->in.sin_port == y->in.sin_port && x->in.sin_addr.s_addr == y->in.sin_addr.s_addr;
    case AF_INET6:
        return x->in6.sin6_port == y->in6.sin6_port &&
               memcmp(&x->in6.sin6_addr, &y->in6.sin6_addr, 16) == 0;
    case AF_UNIX:
        return strcmp(x->un.sun_path, y->un.sun_path) == 0;
    default:
        return false;
    }
}
