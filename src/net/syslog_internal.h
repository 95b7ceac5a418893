/*
 * syslog_internal.h - the parts of the syslog server. Private to src/net/syslog_*.c.
 *
 *   syslog_server.c  the set of listeners and its diff, pausing, stopping, the tick
 *   syslog_udp.c     datagrams, UDP and unix
 *   syslog_stream.c  connections: TCP, unix, TLS
 *   syslog_proxy.c   the PROXY protocol header in front of one
 *   syslog_frame.c   messages out of a stream's bytes (pure)
 *   syslog_relp.c    RELP sessions; their frames: relp.c (pure); resends: relp_memory.c
 *   syslog_limit.c   the floor of severity, the rate of a peer
 *
 * Ownership: a server owns its listeners and connections. A listener that left the configuration
 * stays until its last connection has ended.
 */
#ifndef TRIAGED_SRC_NET_SYSLOG_INTERNAL_H
#define TRIAGED_SRC_NET_SYSLOG_INTERNAL_H

#include "listener.h"
#include "net.h"
#include "tls.h"
#include "triaged/base/list.h"
#include "triaged/base/log.h"
#include "triaged/base/metrics.h"
#include "triaged/net/syslog_frame.h"
#include "triaged/net/syslog_server.h"

struct bufferevent;
struct datagrams;
struct event;
struct relp_memory;
struct relp_session;
struct syslog_proxy;
struct syslog_rates;

enum {
    SYSLOG_MESSAGE_MAX = 64 * 1024,  /* of a datagram */
    SYSLOG_BATCH = 64,               /* datagrams of one recvmmsg(2) */
    SYSLOG_BATCHES = 16,             /* of one wake-up: then others get their turn */
    SYSLOG_READ_BUFFER = 256 * 1024, /* bytes of one read(2) of a stream; shared by all */
    SYSLOG_READS = 4,                /* of one connection in one wake-up */
    SYSLOG_RECEIVE_BUFFER = 8 << 20, /* bytes asked of the kernel for a UDP socket */
    SYSLOG_HANDSHAKE_MS = 30000,     /* for TLS, and for a PROXY header */
    SYSLOG_STOP_MS = 1000,           /* for reading what the kernel holds */
    SYSLOG_TICK_MAX_MS = 1000,
    SYSLOG_TICK_MIN_MS = 20,
};

struct syslog_listener {
    struct list node; /* server->listeners in the order of the configuration, or server->leaving */
    struct syslog_server *server;
    const struct conf *conf; /* holds `cl` */
    const struct conf_listener *cl;
    struct net_set allow;
    struct tls_context *tls; /* NULL: plain */
    struct listen_socket sock;
    int type;                   /* SOCK_STREAM, SOCK_DGRAM */
    struct event *readable;     /* datagrams */
    struct evconnlistener *lev; /* streams */
    struct acceptor acceptor;
    unsigned port;
    size_t n_conns;
    uint32_t kernel_drops;        /* the kernel's counter, as last seen */
    bool keep;                    /* during configure */
    struct tls_context *next_tls; /* during configure */
    struct syslog_rates *rates;   /* NULL until a message needs them */
    struct metric_cell *messages, *truncated, *connections, *too_mild, *resends;
};

struct syslog_conn {
    struct list node; /* server->conns, longest silent first */
    struct syslog_listener *listener;
    struct event *readable;     /* plain */
    struct bufferevent *bev;    /* TLS, RELP */
    struct relp_session *relp;  /* RELP: instead of the framer */
    struct syslog_proxy *proxy; /* while the PROXY header is awaited: instead of both above */
    int fd;
    bool ended;      /* bev: the peer has closed */
    int64_t last_ms; /* of the last byte */
    int64_t opened_ms;
    struct syslog_framer framer;
    union net_sockaddr sa;
    char peer[NET_PEER_SIZE];
};

struct syslog_server {
    struct event_base *base;
    struct syslog_callbacks cb;
    const struct conf *conf; /* NULL before configure */
    struct conf_limits limits;
    struct list listeners, leaving;
    struct list conns;
    size_t n_conns;
    bool paused;
    struct event *tick;
    struct datagrams *datagrams; /* slots; NULL until a datagram listener is there */
    char *read_buffer;           /* NULL until a stream listener is there */
    struct list relp;            /* sessions to which answers are due */
    struct relp_memory *relp_memory;
    unsigned relp_writer;
    uint64_t relp_receipt, relp_durable; /* last given, last that the owner said is durable */
    struct log_rate refused_rate, framing_rate, drops_rate, truncated_rate, limit_rate;
};

/* Tests and hand-made configurations may leave it 0. */
static inline uint64_t syslog_max_message(const struct conf_listener *cl)
{
    return cl->max_message ? cl->max_message : SYSLOG_MESSAGE_MAX;
}

/* ---- syslog_server.c ------------------------------------------------------------------------ */
bool syslog_may_read(struct syslog_server *s);
void syslog_batch_end(struct syslog_server *s);
void syslog_pause(struct syslog_server *s);
/* reason: kernel, backpressure, not_allowed, connections, framing, tls, proxy, rate, severity. */
void syslog_count_dropped(struct syslog_listener *l, const char *reason, int64_t n);
/* One line per kind and interval; says how many were held back. */
void syslog_say(struct log_rate *rate, const struct syslog_listener *l, const char *peer,
                const char *what);
/* To the owner, if it is wanted. */
void syslog_deliver(struct syslog_listener *l, const char *peer, bool is_unix, struct str message,
                    unsigned flags);
/* The same without asking. receipt: see syslog_server.h; 0: none. */
void syslog_hand_over(struct syslog_listener *l, const char *peer, bool is_unix, struct str message,
                      unsigned flags, uint64_t receipt);

/* ---- syslog_limit.c ------------------------------------------------------------------------- */
/* False: counted as dropped. */
bool syslog_wanted(struct syslog_listener *l, const char *peer, struct str message);
struct syslog_rates *syslog_rates_create(void);
void syslog_rates_destroy(struct syslog_rates *r); /* accepts NULL */
bool syslog_rate_take(struct syslog_rates *r, struct str peer, uint64_t rate, int64_t now_ms);
int syslog_severity(struct str message); /* 0 to 7 */

/* ---- syslog_udp.c --------------------------------------------------------------------------- */
struct datagrams *datagrams_create(uint64_t max_message);
void datagrams_destroy(struct datagrams *d);
bool datagrams_fit(const struct datagrams *d, uint64_t max_message);
/* Options of a socket, and its read event. False when out of memory. */
bool datagram_listen(struct syslog_listener *l);
/* Reads until there are no more, at most this many batches. False: there may be more. */
bool datagram_read(struct syslog_listener *l, unsigned batches);
/* Asks the kernel how many datagrams it dropped. */
void datagram_count_drops(struct syslog_listener *l);

/* ---- syslog_stream.c ------------------------------------------------------------------------ */
bool stream_listen(struct syslog_listener *l); /* false when out of memory */
void stream_accept_queued(struct syslog_listener *l);
void stream_set_reading(struct syslog_conn *c, bool on);
/* Reads what the kernel holds until deadline_ms, delivers it, and what is unfinished; then closes.
 */
void stream_drain_close(struct syslog_conn *c, int64_t deadline_ms);
void stream_close(struct syslog_conn *c);
/* Counts, says, closes. */
void stream_refuse(struct syslog_conn *c, const char *reason, const char *what);
/* From here on TLS or frames: after a PROXY header, or at once. May close. */
void stream_begin(struct syslog_conn *c);
void stream_check(struct syslog_conn *c, int64_t now); /* idle, and TLS not yet up */

/* ---- syslog_proxy.c -------------------------------------------------------------------------- */
bool proxy_start(struct syslog_conn *c); /* false when out of memory */
void proxy_end(struct syslog_conn *c);   /* of the header, or of the connection */

/* ---- syslog_relp.c --------------------------------------------------------------------------- */
void relp_begin(struct syslog_conn *c);
/* False: the connection is gone. */
bool relp_feed(struct syslog_conn *c, struct str bytes);
/* Too much is unanswered, or unread by the client: do not feed it now. It will be triggered. */
bool relp_must_wait(struct syslog_conn *c);
void relp_written(struct syslog_conn *c); /* the output is empty; may close */
/* Takes no more, and closes once everything is answered. */
void relp_stop(struct syslog_conn *c);
bool relp_check(struct syslog_conn *c, int64_t now); /* now and then; false: the end is overdue */
void relp_end(struct syslog_conn *c);                /* accepts a connection without */
void relp_set_metrics(struct syslog_listener *l, const char *label);

#endif
