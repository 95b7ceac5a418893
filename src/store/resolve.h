/*
 * resolve.h - host names to addresses without blocking the loop (evdns). Private to store.
 */
#ifndef TRIAGED_STORE_RESOLVE_H
#define TRIAGED_STORE_RESOLVE_H

struct event_base;
struct resolver;

/* address: a literal, or NULL with why. May be called before resolver_lookup returns. */
typedef void resolved_fn(void *arg, const char *address, const char *why);

struct resolver *resolver_create(struct event_base *base);
void resolver_destroy(struct resolver *r); /* accepts NULL */
/* One look-up at a time: a new one, or resolver_cancel, makes an unfinished one silent. A literal
 * address is answered as it is. */
void resolver_lookup(struct resolver *r, const char *host, resolved_fn *fn, void *arg);
void resolver_cancel(struct resolver *r);
/* The address that was given led nowhere: of a name that has several, the next one from now on. */
void resolver_try_another(struct resolver *r);

#endif
