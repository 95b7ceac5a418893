/*
 * listen.h - sockets that the service manager opened for us (sd_listen_fds(3)).
 */
#ifndef TRIAGED_NET_LISTEN_H
#define TRIAGED_NET_LISTEN_H

#include <stddef.h>

/* Takes over the sockets of LISTEN_FDS, if LISTEN_PID is this process, and unsets the variables. To
 * be called once, before the first listener is opened and before threads start. From then on a
 * listener whose address and type is that of a passed socket uses it instead of binding. Returns
 * how many were taken. */
size_t net_adopt_passed_sockets(void);

#endif
