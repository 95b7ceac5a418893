/*
 * resolve.c - look-ups by evdns: /etc/hosts and /etc/resolv.conf, read again for every look-up, so
 *             that a machine whose network changes needs no restart.
 * Owns: the evdns base, made at the first name that is not a literal address.
 */
#include "resolve.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>

#include "triaged/base/mem.h"

struct lookup {         /* lives until evdns has answered */
    struct resolver *r; /* NULL = nobody waits any more */
    resolved_fn *fn;
    void *arg;
};

struct resolver {
    struct event_base *base;
    struct evdns_base *dns;
    struct lookup *current;
    unsigned turn; /* which of several addresses */
};

struct resolver *resolver_create(struct event_base *base)
{
    struct resolver *r = NEW(struct resolver);

    r->base = base;
    return r;
}

void resolver_cancel(struct resolver *r)
{
    if (r->current)
        r->current->r = NULL;
    r->current = NULL;
}

static void drop_dns(struct resolver *r)
{
    if (r->dns)
        evdns_base_free(r->dns, 1);
    r->dns = NULL;
}

void resolver_destroy(struct resolver *r)
{
    if (!r)
        return;
    resolver_cancel(r);
    drop_dns(r);
    free(r);
}

void resolver_try_another(struct resolver *r)
{
    r->turn++;
}

/* The address as inet_ntop takes it; NULL when it is of a kind that is not dialled. */
static const void *bytes_of(const struct evutil_addrinfo *a)
{
    if (a->ai_family == AF_INET)
        return &((const struct sockaddr_in *)(const void *)a->ai_addr)->sin_addr;
    if (a->ai_family == AF_INET6)
        return &((const struct sockaddr_in6 *)(const void *)a->ai_addr)->sin6_addr;
    return NULL;
}

/* One of the addresses as text, another for each turn; NULL when there is none. */
static const char *pick(const struct evutil_addrinfo *all, unsigned turn,
                        char text[INET6_ADDRSTRLEN])
{
    unsigned n = 0;

    for (const struct evutil_addrinfo *a = all; a; a = a->ai_next)
        n += bytes_of(a) != NULL;
    turn = n ? turn % n : 0;
    for (const struct evutil_addrinfo *a = all; a; a = a->ai_next)
        if (bytes_of(a) && turn-- == 0)
            return inet_ntop(a->ai_family, bytes_of(a), text, INET6_ADDRSTRLEN);
    return NULL;
}

static void on_answer(int result, struct evutil_addrinfo *res, void *arg)
{
    struct lookup *l = arg;
    char text[INET6_ADDRSTRLEN];
    const char *address = pick(res, l->r ? l->r->turn : 0, text);

    if (res)
        evutil_freeaddrinfo(res);
    if (l->r) {
        l->r->current = NULL;
        l->fn(l->arg, address,
              address  ? NULL
              : result ? evutil_gai_strerror(result)
                       : "no address of this name");
    }
    free(l);
}

static bool is_literal(const char *host)
{
    struct in6_addr a;

    return inet_pton(AF_INET, host, &a) == 1 || inet_pton(AF_INET6, host, &a) == 1;
}

/* False when there is no memory for it. Files that are missing only mean fewer answers. */
static bool make_dns(struct resolver *r)
{
    drop_dns(r);
    r->dns = evdns_base_new(r->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (!r->dns)
        return false;
    if (evdns_base_resolv_conf_parse(r->dns, DNS_OPTIONS_ALL, "/etc/resolv.conf") != 0)
        evdns_base_load_hosts(r->dns, "/etc/hosts");
    evdns_base_set_option(r->dns, "timeout", "2");
    evdns_base_set_option(r->dns, "attempts", "2");
    return true;
}

void resolver_lookup(struct resolver *r, const char *host, resolved_fn *fn, void *arg)
{
    struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct lookup *l;

    resolver_cancel(r);
    if (is_literal(host)) {
        fn(arg, host, NULL);
        return;
    }
    if (!make_dns(r)) {
        fn(arg, NULL, "no memory for a name look-up");
        return;
    }
    l = NEW(struct lookup);
    *l = (struct lookup){.r = r, .fn = fn, .arg = arg};
    r->current = l;
    evdns_getaddrinfo(r->dns, host, NULL, &hints, on_answer, l); /* always answers */
}
