/*
 * http_ping.h - a GET now and then, in a thread of its own: names are looked up, proxies of the
 * environment used and certificates checked without holding up anybody. One at a time.
 */
#ifndef TRIAGED_NET_HTTP_PING_H
#define TRIAGED_NET_HTTP_PING_H

#include <stdbool.h>
#include <stdint.h>

enum { HTTP_PING_BODY_MAX = 64 * 1024, HTTP_PING_REDIRECTS_MAX = 3 };

struct http_ping;

struct http_ping_result {
    bool ok;       /* answered with 2xx */
    long status;   /* of HTTP; 0 = there was no answer */
    char why[160]; /* what went wrong; "" when ok */
};

/* Starts the thread. NULL when there are no resources. */
struct http_ping *http_ping_create(void);
/* Copies what it needs. ca: a file of certificates that are trusted in place of the system's, or
 * "". False: one is under way. */
bool http_ping_send(struct http_ping *p, const char *url, const char *ca, int64_t timeout_ms);
/* True once after each that has ended. */
bool http_ping_take(struct http_ping *p, struct http_ping_result *out);
/* Gives up what is under way. Accepts NULL. */
void http_ping_destroy(struct http_ping *p);

#endif
