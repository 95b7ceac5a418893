/*
 * http_internal.h - the parts of the HTTP server. Private to src/net/http*.c.
 *
 *   http.c          the evhttp room: connections, requests in, replies out
 *   http_server.c   listeners and their diff, deadlines, stop
 *   http_request.c  the request as a value: path, query, headers; the framing checks
 *   http_body.c     compressed bodies
 *
 * Ownership: a server owns its doors (one per listener), a door its connections, the server its
 * requests. A request outlives its connection if its owner has not answered yet.
 */
#ifndef TRIAGED_SRC_NET_HTTP_INTERNAL_H
#define TRIAGED_SRC_NET_HTTP_INTERNAL_H

#include "listener.h"
#include "net.h"
#include "tls.h"
#include "triaged/base/arena.h"
#include "triaged/base/list.h"
#include "triaged/base/metrics.h"
#include "triaged/net/http.h"

struct bufferevent;
struct evhttp;
struct evhttp_bound_socket;
struct evhttp_connection;
struct evhttp_request;

enum {
    HTTP_TICK_MAX_MS = 1000,
    HTTP_TICK_MIN_MS = 10,
    HTTP_CLOSING_MS = 2000,       /* to read our last words after a refusal */
    HTTP_STREAM_BUFFER = 1 << 20, /* bytes that a slow reader of a stream may leave unread */
    HTTP_EARLY_BYTES = 64 * 1024, /* taken of a next request while a reply is being written */
    HTTP_QUERY_MAX = 1000,        /* parameters of a query */
    HTTP_SLOW_READER = 16 * 1024, /* bytes a second: the least at which a reply must be read */
};

/* What a connection is doing is the list that it is on; conn_move is the only mover. */
enum http_phase {
    PHASE_FRESH,   /* accepted, not yet looked at */
    PHASE_IDLE,    /* between requests */
    PHASE_READING, /* part of a request is here */
    PHASE_PENDING, /* the request is with its owner */
    PHASE_WRITING, /* the reply is being written */
    PHASE_STREAM,  /* a reply without an end, in chunks */
    PHASE_CLOSING, /* refused: the last words are being written, or read by the peer */
    PHASE_N,
};

enum {                     /* what settling has to look at */
       MARK_CAUGHT = 1,    /* evhttp wrote a page of its own */
       MARK_TOO_LARGE = 2, /* the request is over the limit */
       MARK_BUDGET = 4,    /* all bodies together are over the limit */
       MARK_DRAIN = 8,     /* bytes that nobody wants are in the input buffer */
       MARK_KILL = 16,
};

enum { HTTP_CLASSES = 6 }; /* by first digit of the status */

struct http_door {
    struct list node; /* server->doors in the order of the configuration, or server->leaving */
    struct http_server *server;
    const struct conf *conf; /* holds `cl`; NULL when opened by http_server_listen */
    const struct conf_listener *cl;
    struct net_set allow;
    struct tls_context *tls; /* NULL: plain text */
    struct listen_socket sock;
    struct evhttp *evhttp;
    struct evhttp_bound_socket *bound; /* NULL: no longer accepting */
    struct acceptor acceptor;
    struct event *shut; /* closes the socket once the queue was accepted */
    unsigned port;
    size_t n_conns;
    bool keep;                    /* during configure */
    struct tls_context *next_tls; /* during configure */
    struct metric_cell *requests[HTTP_CLASSES];
    struct metric_cell *connections;
};

struct http_conn {
    struct list node;   /* server->phases[phase], oldest first */
    struct list marked; /* server->marked */
    enum http_phase phase;
    unsigned marks;
    int64_t deadline_ms;
    struct http_door *door;
    struct bufferevent *bev;         /* evhttp's; ours by reference while fresh */
    struct evhttp_connection *evcon; /* NULL while fresh */
    struct http_request *req;        /* while PENDING or STREAM */
    int fd;
    size_t held;  /* bytes received of the present request */
    bool ours;    /* what goes out now was written by us, not by evhttp on its own */
    bool refused; /* never serve it (TLS could not be set up) */
    union net_sockaddr sa;
    char peer[NET_PEER_SIZE];
};

struct http_pair {
    struct str name, value;
};

struct http_request {
    struct list node; /* server->requests */
    struct http_server *server;
    struct http_conn *conn;    /* NULL: gone, or answered for the owner */
    struct evhttp_request *ev; /* NULL: answered for the owner, or freed with its connection */
    struct http_door *door;    /* NULL when the door is gone */
    const struct conf *conf;   /* holds `listener` */
    const struct conf_listener *listener;
    enum http_method method;
    bool loopback;
    bool streaming;
    struct arena arena;
    struct str path;
    struct http_pair *query, *headers;
    size_t n_query, n_headers;
    char *body;
    size_t n_body;
    size_t held; /* bytes of it that count against limits.http_bodies */
    char peer[NET_PEER_SIZE];
    void *data;
    void (*on_closed)(void *arg, struct http_request *r);
    void *on_closed_arg;
};

struct http_server {
    struct event_base *base;
    struct http_callbacks cb;
    const struct conf *conf; /* NULL before configure */
    struct conf_limits limits;
    struct list doors, leaving;
    struct list phases[PHASE_N];
    struct list marked;
    struct list requests;
    struct event *tick;
    struct event *settle; /* runs after the callbacks that marked something */
    struct http_conn **by_fd;
    size_t n_by_fd;
    size_t n_conns;
    size_t held; /* bytes of all requests in flight */
    bool stopping;
    struct log_rate refused_rate;
};

/* An answer that we give ourselves. status 0: no objection. */
struct http_refusal {
    int status;
    const char *code;
    const char *message;
    bool close;
};

/* ---- http_server.c -------------------------------------------------------------------------- */
int64_t http_now(void);
void conn_move(struct http_conn *c, enum http_phase phase, int64_t deadline_ms);
/* Deadline of a phase that begins now; 0 = none. */
int64_t http_deadline(const struct http_server *s, enum http_phase phase);
void http_count_refused(struct http_server *s, const char *reason, const char *peer);
void http_count_reply(struct http_door *d, int status);
const char *http_phrase(int status); /* for the status line; never NULL */
/* {"error":{"code":…,"message":…}} into out, which must hold any of our messages. */
struct str http_error_body(const struct http_refusal *why, char *out, size_t size);
/* Answers r for its owner, or instead of showing it to the owner. */
void http_refuse_request(struct http_request *r, const struct http_refusal *why);
void http_door_destroy(struct http_door *d);

/* ---- http_conn.c ---------------------------------------------------------------------------- */
/* evhttp's hook: the bufferevent of a new connection. Never NULL. arg: the door. */
struct bufferevent *conn_create(struct event_base *base, void *arg);
void conn_closed(struct http_conn *c); /* evhttp frees it */
/* Has settling look at c. */
void conn_mark(struct http_conn *c, unsigned mark);
/* Takes the connection out of evhttp's hands, writes a refusal and closes. */
void conn_refuse(struct http_conn *c, const struct http_refusal *why);
/* Frees it now. Not from within evhttp's callbacks. */
void conn_kill(struct http_conn *c);
/* The kernel holds bytes of it. */
bool conn_has_input(const struct http_conn *c);
void http_on_settle(int fd, short what, void *server);

/* ---- http.c --------------------------------------------------------------------------------- */
void evcon_watch(struct http_conn *c); /* conn_closed will be called */
void evcon_free(struct evhttp_connection *evcon);
/* r's connection goes: evhttp has either let go of its own part of r (replying frees that), or is
 * about to free it. */
void http_orphan(struct http_request *r);
/* Makes the door's evhttp on d->sock, whose fd it then owns. False when out of memory. */
bool door_open(struct http_door *d);
void door_set_limits(struct http_door *d, const struct conf_limits *l);
/* Accepts what is queued, then closes the socket. */
void door_shut(struct http_door *d);
void door_close(struct http_door *d); /* frees evhttp and with it all connections */
/* Sends a whole reply; r->ev is evhttp's afterwards. */
void http_send(struct http_request *r, int status, const char *type, struct str body, bool close);
/* Frees what evhttp has left us of r. */
void http_drop_ev(struct http_request *r);

/* ---- http_request.c ------------------------------------------------------------------------- */
struct http_request *request_create(struct http_conn *c, enum http_method method);
void request_destroy(struct http_request *r);
void request_add_header(struct http_request *r, const char *name, const char *value);
/* Path and query from the request's target ("/a%20b/?x=1"). */
void request_set_target(struct http_request *r, const char *path, const char *query,
                        struct http_refusal *why);
/* What evhttp lets pass and we do not: ambiguous framing (RFC 9112 section 6.3). */
void request_check_framing(const struct http_request *r, struct http_refusal *why);

/* ---- http_body.c ---------------------------------------------------------------------------- */
/* Inflates r->body as its Content-Encoding says, within the limits. */
void request_decode_body(struct http_request *r, struct http_refusal *why);

#endif
