/*
 * net.h - what the files of the net layer share: addresses, networks, and names of limits that are
 * not configurable. Private to src/net.
 */
#ifndef TRIAGED_SRC_NET_NET_H
#define TRIAGED_SRC_NET_NET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "triaged/base/diag.h"
#include "triaged/base/str.h"
#include "triaged/conf/conf.h"

enum {
    NET_PEER_SIZE = 64,         /* INET6_ADDRSTRLEN + "%" + an interface name */
    NET_ACCEPT_PAUSE_MS = 1000, /* after EMFILE and its kin */
};

union net_sockaddr {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
    struct sockaddr_storage ss;
};

struct net_address {
    union net_sockaddr sa;
    socklen_t len;
};

/* "127.0.0.1:80", "[::1]:80", "[::]:80", ":80" and "*:80" (every IPv6 and IPv4 address),
 * "localhost:80", "unix:/path", "/path". No names are looked up. */
bool net_address_parse(struct str text, struct net_address *out);
/* The same address and port (unix: the same path). */
bool net_address_same(const struct sockaddr *a, const struct sockaddr *b);
/* "10.0.0.7"; IPv4 inside IPv6 is shown as IPv4; "unix" for unix sockets. */
void net_peer_text(const struct sockaddr *sa, char out[NET_PEER_SIZE]);

struct net_cidr {
    uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned bits;     /* 0..128 */
};

bool net_cidr_parse(struct str text, struct net_cidr *out);

/* Compiled `allow` networks. Empty = every peer. */
struct net_set {
    struct net_cidr *v;
    size_t n;
};

/* Texts that are no networks are left out: net_cidr_check has refused them before. A set that
 * would become empty by that allows nobody. */
void net_set_init(struct net_set *s, const struct conf_texts *allow);
void net_set_finish(struct net_set *s); /* accepts a zeroed set */
/* Unix peers are always in. */
bool net_set_has(const struct net_set *s, const struct sockaddr *sa);

#endif
