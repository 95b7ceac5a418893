/*
 * listener.h - listening sockets: opening and sharing them, and an accept loop that rests instead
 * of spinning when descriptors run out. Private to src/net.
 */
#ifndef TRIAGED_SRC_NET_LISTENER_H
#define TRIAGED_SRC_NET_LISTENER_H

#include <stdbool.h>

#include "net.h"
#include "triaged/base/list.h"
#include "triaged/base/log.h"

struct event;
struct event_base;
struct evconnlistener;

/* A bound unix path, shared by the workers of this process. */
struct shared_path;
/* What port 0 became. */
struct picked_port;

/* What several workers listen on, a unix path or what the service manager passed, is one descriptor
 * for all of them, in the set of each loop. With a duplicate for each, one that is closed before
 * libevent's batched deletion reached epoll would stay in the set, since the kernel forgets a
 * socket with its last descriptor only: the loop would spin for ever on a number that names
 * nothing. */
struct listen_socket {
    int fd;
    bool passed;                /* stays open, for a later reload */
    struct shared_path *shared; /* stays open until the last user is gone */
    struct picked_port *picked; /* its port is the first worker's choice */
};

enum {
    LISTEN_REUSEPORT = 1,   /* SO_REUSEPORT: one socket for each worker */
    LISTEN_OPEN_TO_ALL = 2, /* unix: mode 0666, as /dev/log has it */
};

/* Binds (and for SOCK_STREAM listens), non-blocking, close-on-exec; or takes the socket that the
 * service manager passed for this address. A unix socket's file that nobody listens on is removed
 * first. Port 0 is any, and with LISTEN_REUSEPORT the same for all workers. False with *why. */
bool listen_open(struct listen_socket *s, const struct conf_listener *l, int type, unsigned flags,
                 struct diag *why);
/* After the events on it were deleted: closes it once nobody else needs it; the last user of a path
 * unlinks the file. Accepts one that is closed. */
void listen_close(struct listen_socket *s);
/* Port bound by fd, 0 when it has none. */
unsigned listen_port(int fd);

/* An evconnlistener's pause after a failed accept. */
struct acceptor {
    struct list node; /* all acceptors of the process: found by their listener */
    struct evconnlistener *lev;
    struct event *resume;
    char *label;
    struct log_rate rate;
};

/* Watches lev, which stays the caller's. */
void acceptor_init(struct acceptor *a, struct event_base *base, struct evconnlistener *lev,
                   struct str label);
/* Before lev is freed. Accepts a zeroed one. */
void acceptor_finish(struct acceptor *a);

#endif
