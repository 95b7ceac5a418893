/*
 * http.h - an HTTP server on evhttp (the only door to it is src/net/http.c): limits, one reply per
 * request, deadlines, drain at stop. Knows requests, not alerts.
 * Facts that shape it (libevent 2.1.12): shared style notes section 2a; each is a comment in http.c.
 */
#ifndef TRIAGED_NET_HTTP_H
#define TRIAGED_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "triaged/base/diag.h"
#include "triaged/base/str.h"
#include "triaged/conf/conf.h"

struct event_base;
struct http_server;
struct http_request; /* lives until it is replied to */

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_OPTIONS, HTTP_OTHER };

struct http_callbacks {
    /* A complete request from an allowed peer. Must end in exactly one http_reply, now or later. */
    void (*on_request)(void *arg, struct http_request *req);
    void *arg;
};

struct http_server *http_server_create(struct event_base *base, const struct http_callbacks *cb);
/* Binds one more listener (SO_REUSEPORT when `reuseport`, TCP_NODELAY on accepted sockets). Takes a
 * listening fd instead of binding when fd >= 0. False with *why. Unchanged listeners keep their
 * socket over a reload: http_server_configure. */
bool http_server_listen(struct http_server *s, const struct conf_listener *l, int fd,
                        bool reuseport, struct diag *why);
/* Makes the set of listeners equal to conf's: new ones are bound first (any failure: nothing
 * changes, false), gone ones are accepted to EAGAIN and closed; limits are taken over. The server
 * keeps its own reference to conf. */
bool http_server_configure(struct http_server *s, const struct conf *conf, bool reuseport,
                           struct diag *why);
/* Stops accepting; connections that idle are closed; pending requests go on. */
void http_server_stop_accepting(struct http_server *s);
size_t http_server_pending(const struct http_server *s); /* requests without a reply, replies not yet written */
void http_server_destroy(struct http_server *s); /* pending requests must be 0 or are dropped */
/* Port actually bound by listener i (for ":0"), 0 when unknown. */
unsigned http_server_port(const struct http_server *s, size_t i);

enum http_method http_request_method(const struct http_request *r);
struct str http_request_path(const struct http_request *r);  /* decoded, without query, no trailing / */
struct str http_request_query(const struct http_request *r, const char *name); /* first value, or p NULL */
/* The i-th value of a repeated parameter (filter=…), or p NULL. */
struct str http_request_query_at(const struct http_request *r, const char *name, size_t i);
struct str http_request_header(const struct http_request *r, const char *name);
struct str http_request_body(const struct http_request *r); /* contiguous; inflated if it was gzip */
struct str http_request_peer(const struct http_request *r); /* "10.0.0.7" or "unix" */
bool http_request_peer_is_loopback(const struct http_request *r);
const struct conf_listener *http_request_listener(const struct http_request *r);
/* The client has closed its side (a request that waits is not told so: reading is off meanwhile). */
bool http_request_is_abandoned(const struct http_request *r);
/* Room for the daemon's own per-request context. */
void http_request_set_data(struct http_request *r, void *data);
void *http_request_data(const struct http_request *r);

/* Adds a header to the reply to come. */
void http_reply_header(struct http_request *r, const char *name, const char *value);
/* Answers. The body is copied. For HEAD and 204 no body is sent. content_type may be NULL. */
void http_reply(struct http_request *r, int status, const char *content_type, struct str body);
/* After limits.http_answer without a reply the server answers 503 by itself; the request stays valid
 * for its owner, whose late http_reply is ignored and ends it. */

/* A reply without an end (server-sent events), instead of http_reply: start, any number of writes,
 * exactly one end. False from start: the client has gone or was answered 503 already; end is still
 * to be called. on_closed (may be NULL) says that the client has gone; end may be called from it. */
bool http_stream_start(struct http_request *r, int status, const char *content_type,
                       void (*on_closed)(void *arg, struct http_request *r), void *arg);
/* False: the client has gone, or leaves too much unread and is dropped. Nothing of bytes is kept. */
bool http_stream_write(struct http_request *r, struct str bytes);
void http_stream_end(struct http_request *r);

/* Peer networks: "10.0.0.0/8", "::1/128", "192.0.2.7". */
bool net_cidr_check(struct str cidr);
bool net_allowed(const struct conf_texts *allow, const void *sockaddr); /* struct sockaddr */
bool net_is_loopback(const void *sockaddr);

#endif
