/*
 * syslog_server.h - syslog listeners of a worker: UDP (recvmmsg batches), TCP, TLS, RELP, unix
 * stream and datagram. Hands frames and who sent them to the callback. Knows sockets and frames, not alerts.
 */
#ifndef TRIAGED_NET_SYSLOG_SERVER_H
#define TRIAGED_NET_SYSLOG_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "triaged/base/diag.h"
#include "triaged/base/str.h"
#include "triaged/conf/conf.h"

struct event_base;
struct syslog_server;

struct syslog_peer {
    const struct conf_listener *listener;
    struct str host;     /* numeric address of the sender, or "unix" */
    bool is_unix;
    uint64_t receipt;    /* RELP: the sender waits until the owner says that this is durable; grows
                            by one with each message of the server. 0: nobody waits */
};

struct syslog_callbacks {
    /* One message. Borrowed until it returns. flags: FRAME_* of syslog_frame.h. */
    void (*on_message)(void *arg, const struct syslog_peer *peer, struct str message, unsigned flags);
    /* Called after a batch of messages of one read, so that the owner may flush. May be NULL. */
    void (*on_batch_end)(void *arg);
    /* Asked before reading a stream: false pauses all stream connections until
     * syslog_server_resume (spool full). Datagrams are then read and counted as dropped. */
    bool (*may_read)(void *arg);
    void *arg;
};

struct syslog_server *syslog_server_create(struct event_base *base, const struct syslog_callbacks *cb);
/* As http_server_configure. */
bool syslog_server_configure(struct syslog_server *s, const struct conf *conf, bool reuseport,
                             struct diag *why);
void syslog_server_resume(struct syslog_server *s);
/* Where messages are about to be written, in the owner's own terms. */
struct syslog_place {
    unsigned char bytes[24];
};
/* Asked of a place that an earlier process named before it was killed: did the write come about? */
typedef bool syslog_was_written_fn(void *arg, const struct syslog_place *place);

/* Keeps in this file which RELP messages a client may send again, so that they are known after a
 * kill too, and takes over what an earlier process left there. Once per process, for all its
 * servers, before they run. False with errno. */
bool syslog_server_remember(struct syslog_server *s, const char *path,
                            syslog_was_written_fn *was_written, void *arg);
/* All messages up to this receipt are about to be written where a kill of this process does not
 * lose them. Then one of the others follows, unless it is killed. */
void syslog_server_writing(struct syslog_server *s, uint64_t receipt,
                           const struct syslog_place *place);
void syslog_server_written(struct syslog_server *s);
void syslog_server_not_written(struct syslog_server *s);
/* They are as durable as they shall be: their senders are answered. */
void syslog_server_durable(struct syslog_server *s, uint64_t receipt);
/* Stops accepting, reads what the kernel holds of datagrams and streams, delivers it. RELP sessions
 * end once all that they sent is durable. */
void syslog_server_stop(struct syslog_server *s);
size_t syslog_server_pending(const struct syslog_server *s); /* RELP sessions that are left */
void syslog_server_destroy(struct syslog_server *s); /* accepts NULL */
unsigned syslog_server_port(const struct syslog_server *s, size_t i); /* bound port, 0 unknown */

#endif
