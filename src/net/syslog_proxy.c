/*
 * syslog_proxy.c - the beginning of a connection that comes through a load balancer: the PROXY
 * protocol header, before TLS and before the first frame.
 * Owns: what has come of the header. Never: reads a byte behind it.
 *
 * The bytes are looked at before they are taken: those behind the header belong to TLS or to the
 * framing. An unfinished header is nothing but header, so that is taken at once.
 */
#include "syslog_internal.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "triaged/base/mem.h"
#include "triaged/net/proxy_header.h"

struct syslog_proxy {
    struct event *readable;
    size_t n;
    char head[PROXY_V2_MAX];
};

static void take(struct syslog_conn *c, size_t n)
{
    /* They were just looked at, so they are there. */
    if (n > 0 && recv(c->fd, c->proxy->head + c->proxy->n, n, 0) == (ssize_t)n)
        c->proxy->n += n;
}

static void go_on(struct syslog_conn *c, const char *host)
{
    if (host[0]) /* else a health check, or a balancer that knows no sender */
        snprintf(c->peer, sizeof(c->peer), "%s", host);
    proxy_end(c);
    stream_begin(c);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct syslog_conn *c = arg;
    struct syslog_proxy *p = c->proxy;
    ssize_t got = recv(fd, p->head + p->n, sizeof(p->head) - p->n, MSG_PEEK);
    char host[PROXY_HOST_SIZE];
    size_t used = 0;

    (void)what;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) { /* many balancers probe a port so */
        stream_close(c);
        return;
    }
    switch (proxy_header_read((struct str){p->head, p->n + (size_t)got}, &used, host)) {
    case PROXY_OK:
        take(c, used - p->n);
        go_on(c, host);
        return;
    case PROXY_MORE:
        take(c, (size_t)got);
        if (p->n < sizeof(p->head))
            return;
        break;
    case PROXY_BAD:
        break;
    }
    stream_refuse(c, "proxy", "no PROXY protocol header, connection closed");
}

bool proxy_start(struct syslog_conn *c)
{
    c->proxy = NEW(struct syslog_proxy);
    c->proxy->readable =
        event_new(c->listener->server->base, c->fd, EV_READ | EV_PERSIST, on_readable, c);
    return c->proxy->readable && event_add(c->proxy->readable, NULL) == 0;
}

void proxy_end(struct syslog_conn *c)
{
    if (!c->proxy)
        return;
    if (c->proxy->readable)
        event_free(c->proxy->readable);
    free(c->proxy);
    c->proxy = NULL;
}
