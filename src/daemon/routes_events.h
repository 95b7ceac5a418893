/*
 * routes_events.h - those who follow the events of a worker's HTTP server.
 */
#ifndef TRIAGED_DAEMON_ROUTES_EVENTS_H
#define TRIAGED_DAEMON_ROUTES_EVENTS_H

struct listeners;
struct worker;

struct listeners *listeners_create(struct worker *w);
/* After the HTTP server, which has closed all of them. Accepts NULL. */
void listeners_destroy(struct listeners *l);

#endif
