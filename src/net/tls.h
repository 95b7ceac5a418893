/*
 * tls.h - TLS for listeners: certificates, and bufferevents that speak it. OpenSSL is known to
 * tls.c and tls_client.c alone. Private to src/net.
 */
#ifndef TRIAGED_SRC_NET_TLS_H
#define TRIAGED_SRC_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "triaged/base/diag.h"
#include "triaged/conf/conf.h"

struct bufferevent;
struct event_base;
struct tls_context;

/* Reads certificate chain, key and client CAs. With client CAs, a client without a certificate of
 * theirs is refused. NULL with *why. Connections keep what they need of a destroyed context. */
struct tls_context *tls_context_create(const struct conf_tls *t, const struct conf_place *place,
                                       struct diag *why);
void tls_context_destroy(struct tls_context *c); /* accepts NULL */

/* The server's end of a connection; fd -1: set later by bufferevent_setfd. Closes its fd when
 * freed. NULL when out of memory: the caller must not go on in plain text. */
struct bufferevent *tls_bufferevent(struct tls_context *c, struct event_base *base, int fd);
/* True once application data may be sent; also for a bufferevent without TLS. */
bool tls_is_open(struct bufferevent *bev);
/* Reads what can be read at once, past the bufferevent (whose own input comes first). 0: nothing.
 */
size_t tls_read_now(struct bufferevent *bev, void *p, size_t n);
/* Why the connection failed, or "". */
void tls_error_text(struct bufferevent *bev, char *out, size_t size);

#endif
