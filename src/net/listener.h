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

struct listen_socket {
    int fd; /* the caller's to close */
    struct shared_path *shared;
};

enum {
    LISTEN_REUSEPORT = 1,   /* SO_REUSEPORT: one socket for each worker */
    LISTEN_OPEN_TO_ALL = 2, /* unix: mode 0666, as /dev/log has it */
};

/* Binds (and for SOCK_STREAM listens), non-blocking, close-on-exec; or takes a duplicate of a
 * socket that the service manager passed for this address. A unix socket's file that nobody listens
 * on is removed first. False with *why. */
bool listen_open(struct listen_socket *s, const struct conf_listener *l, int type, unsigned flags,
                 struct diag *why);
/* Gives up a path after the caller closed s->fd (or handed it on); the last one unlinks the file.
 */
void listen_release(struct listen_socket *s);
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
