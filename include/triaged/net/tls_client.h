/*
 * tls_client.h - TLS towards a server that has to prove who it is (src/net/tls_client.c).
 * A tls_client is what to trust and what to show: files, read again when they have changed. Threads
 * may share it.
 */
#ifndef TRIAGED_NET_TLS_CLIENT_H
#define TRIAGED_NET_TLS_CLIENT_H

#include <stddef.h>

#include "triaged/base/diag.h"
#include "triaged/conf/conf.h"

struct bufferevent;
struct event_base;
struct tls_client;

/* Copies the names of the files and reads them once, so that what is wrong with them is known now:
 * NULL with *why. */
struct tls_client *tls_client_create(const struct conf_tls_client *t, struct diag *why);
void tls_client_destroy(struct tls_client *c); /* accepts NULL */
/* The client's end of a connected socket, which begins its handshake: BEV_EVENT_CONNECTED when it
 * is through. The peer must prove to be `name`: a host name, or an address. NULL with why: fd is
 * still the caller's. Else it is closed with the bufferevent. */
struct bufferevent *tls_client_wrap(struct tls_client *c, struct event_base *base, int fd,
                                    const char *name, char *why, size_t why_size);
/* Why it failed, as a sentence; "" when TLS had no part in it. */
void tls_client_explain(struct bufferevent *bev, const char *name, char *why, size_t why_size);

#endif
