/*
 * proxy_header.h - the header that a load balancer puts in front of a connection's bytes so that
 * the real sender is known (PROXY protocol, versions 1 and 2). Pure.
 */
#ifndef TRIAGED_NET_PROXY_HEADER_H
#define TRIAGED_NET_PROXY_HEADER_H

#include <stddef.h>

#include "triaged/base/str.h"

enum {
    PROXY_HOST_SIZE = 46,     /* INET6_ADDRSTRLEN */
    PROXY_V1_MAX = 107,       /* bytes of a version 1 line, by the protocol */
    PROXY_V2_MAX = 16 + 2048, /* of a version 2 header with its extras; ours */
};

enum proxy_result {
    PROXY_MORE, /* cannot be told yet: ask again with more bytes (at most PROXY_V2_MAX) */
    PROXY_OK,   /* *out_used bytes are the header */
    PROXY_BAD,  /* is none: close the connection */
};

/* Reads the header at the front of bytes. `host` becomes the sender's address as text, or "" when
 * the header names none (health checks of the balancer: UNKNOWN, LOCAL). */
enum proxy_result proxy_header_read(struct str bytes, size_t *out_used, char host[PROXY_HOST_SIZE]);

#endif
