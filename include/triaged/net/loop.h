/*
 * loop.h - event loops as this program wants them.
 */
#ifndef TRIAGED_NET_LOOP_H
#define TRIAGED_NET_LOOP_H

struct event_base;

/* A loop that hands changes of interest to epoll once a turn instead of one by one: an HTTP request
 * changes it six times. NULL when there are no descriptors or no memory. */
struct event_base *net_loop_create(void);
/* Routes libevent's own warnings and its last words before it ends the process into our log. For the
 * whole process; to be called once, before threads start. */
void net_loop_log(void);

#endif
