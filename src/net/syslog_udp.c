/*
 * syslog_udp.c - datagrams: UDP and unix.
 * Owns: the slots that recvmmsg(2) fills, the kernel's count of datagrams it had no room for.
 * Never: parses a message beyond the octet count that some senders put before it.
 *
 * Nothing tells a sender of datagrams that one was lost, so each loss that can be known is counted:
 * the kernel's (SO_RXQ_OVFL comes with a datagram, SO_MEMINFO without one), those of peers that are
 * not allowed, those that come while the owner has no room, and those cut by the limit.
 */
#include "syslog_internal.h"

#include <errno.h>
#include <event2/event.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "triaged/base/clock.h"
#include "triaged/base/mem.h"

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

struct datagrams {
    size_t slot_size; /* one byte more than a message, so that a longer one shows */
    char *slots;
    struct mmsghdr headers[SYSLOG_BATCH];
    struct iovec pieces[SYSLOG_BATCH];
    union net_sockaddr from[SYSLOG_BATCH];
    char control[SYSLOG_BATCH][CMSG_SPACE(sizeof(uint32_t))];
    /* The last sender: most bursts have one. */
    const struct syslog_listener *last_listener;
    union net_sockaddr last;
    bool last_allowed;
    char last_peer[NET_PEER_SIZE];
};

static size_t slot_size(uint64_t max_message)
{
    return (max_message < SYSLOG_MESSAGE_MAX ? (size_t)max_message : SYSLOG_MESSAGE_MAX) + 1;
}

bool datagrams_fit(const struct datagrams *d, uint64_t max_message)
{
    return d && d->slot_size >= slot_size(max_message);
}

struct datagrams *datagrams_create(uint64_t max_message)
{
    struct datagrams *d = NEW(struct datagrams);

    d->slot_size = slot_size(max_message);
    d->slots = xmalloc(d->slot_size * SYSLOG_BATCH); /* untouched pages cost nothing */
    for (size_t i = 0; i < SYSLOG_BATCH; i++) {
        d->pieces[i].iov_base = d->slots + i * d->slot_size;
        d->pieces[i].iov_len = d->slot_size;
        d->headers[i].msg_hdr.msg_iov = &d->pieces[i];
        d->headers[i].msg_hdr.msg_iovlen = 1;
        d->headers[i].msg_hdr.msg_name = &d->from[i];
        d->headers[i].msg_hdr.msg_control = d->control[i];
    }
    return d;
}

void datagrams_destroy(struct datagrams *d)
{
    if (!d)
        return;
    free(d->slots);
    free(d);
}

/* ---- drops in the kernel -------------------------------------------------------------------- */

/* now: the kernel's counter, which wraps. A datagram carries it as it was when the datagram came:
 * that may be before we asked for it. */
static void take_drops(struct syslog_listener *l, uint32_t now)
{
    int32_t more = (int32_t)(now - l->kernel_drops);

    if (more <= 0)
        return;
    l->kernel_drops = now;
    syslog_count_dropped(l, "kernel", more);
    syslog_say(&l->server->drops_rate, l, "kernel",
               "datagrams dropped, the receive buffer was full; net.core.rmem_max may be raised");
}

static void take_drops_of(struct syslog_listener *l, struct msghdr *h)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        uint32_t n;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
            continue;
        memcpy(&n, CMSG_DATA(c), sizeof(n));
        take_drops(l, n);
    }
}

void datagram_count_drops(struct syslog_listener *l)
{
    uint32_t info[SK_MEMINFO_VARS];
    socklen_t len = sizeof(info);

    if (l->sock.fd >= 0 && getsockopt(l->sock.fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0 &&
        len > SK_MEMINFO_DROPS * sizeof(uint32_t))
        take_drops(l, info[SK_MEMINFO_DROPS]);
}

/* ---- reading -------------------------------------------------------------------------------- */

static void know_sender(struct datagrams *d, const struct syslog_listener *l, size_t i)
{
    union net_sockaddr *sa = &d->from[i];

    if (d->headers[i].msg_hdr.msg_namelen == 0)
        sa->sa.sa_family = AF_UNIX; /* an unnamed unix sender */
    if (d->last_listener == l && sa->sa.sa_family == d->last.sa.sa_family) {
        /* The port does not matter; so compare less than net_address_same does. */
        if (sa->sa.sa_family == AF_UNIX ||
            (sa->sa.sa_family == AF_INET && sa->in.sin_addr.s_addr == d->last.in.sin_addr.s_addr) ||
            (sa->sa.sa_family == AF_INET6 &&
             memcmp(&sa->in6.sin6_addr, &d->last.in6.sin6_addr, 16) == 0))
            return;
    }
    d->last_listener = l;
    memcpy(&d->last, sa, sizeof(d->last.in6));
    d->last_allowed = net_set_has(&l->allow, &sa->sa);
    net_peer_text(&sa->sa, d->last_peer);
}

/* Some relays send an octet count (RFC 6587 3.4.1) in a datagram too: "123 <13>…". Its length in
 * bytes with the blank, or 0. */
static size_t count_prefix(struct str s)
{
    size_t i = 0, pri;

    if (s.n == 0 || s.p[0] < '1' || s.p[0] > '9')
        return 0;
    while (i < s.n && i < 9 && s.p[i] >= '0' && s.p[i] <= '9')
        i++;
    if (i + 1 >= s.n || s.p[i] != ' ' || s.p[i + 1] != '<')
        return 0;
    for (pri = i + 2; pri < s.n && s.p[pri] >= '0' && s.p[pri] <= '9';)
        pri++;
    return pri > i + 2 && pri <= i + 5 && pri < s.n && s.p[pri] == '>' ? i + 1 : 0;
}

static void deliver(struct syslog_listener *l, struct datagrams *d, size_t i)
{
    struct mmsghdr *h = &d->headers[i];
    struct str m = {d->pieces[i].iov_base, h->msg_len};
    size_t skip = count_prefix(m), max = (size_t)syslog_max_message(l->cl);
    unsigned flags = 0;

    if (skip) {
        m = str_sub(m, skip, m.n);
        flags |= FRAME_OCTET;
    }
    if (m.n > max || (h->msg_hdr.msg_flags & MSG_TRUNC)) {
        m = str_sub(m, 0, max);
        flags |= FRAME_TRUNCATED;
    }
    if (m.n > 0)
        syslog_deliver(l, d->last_peer, d->last.sa.sa_family == AF_UNIX, m, flags);
}

static void deliver_batch(struct syslog_listener *l, struct datagrams *d, size_t n)
{
    struct syslog_server *s = l->server;
    bool room = syslog_may_read(s);
    int64_t strangers = 0;

    if (l->cl->transport == TRANSPORT_UDP)
        take_drops_of(l, &d->headers[n - 1].msg_hdr);
    for (size_t i = 0; i < n; i++) {
        know_sender(d, l, i);
        if (!d->last_allowed) {
            strangers++;
            syslog_say(&s->refused_rate, l, d->last_peer, "not in `allow`, datagram dropped");
        } else if (room) {
            deliver(l, d, i);
        }
    }
    if (strangers)
        syslog_count_dropped(l, "not_allowed", strangers);
    if (!room && (int64_t)n > strangers)
        syslog_count_dropped(l, "backpressure", (int64_t)n - strangers);
    syslog_batch_end(s);
}

bool datagram_read(struct syslog_listener *l, unsigned batches)
{
    struct datagrams *d = l->server->datagrams;

    for (unsigned k = 0; k < batches; k++) {
        int n;

        for (size_t i = 0; i < SYSLOG_BATCH; i++) {
            d->headers[i].msg_hdr.msg_namelen = sizeof(d->from[i]);
            d->headers[i].msg_hdr.msg_controllen = sizeof(d->control[i]);
        }
        n = recvmmsg(l->sock.fd, d->headers, SYSLOG_BATCH, MSG_DONTWAIT, NULL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return true; /* nothing left; an error of the socket is reported once and gone */
        deliver_batch(l, d, (size_t)n);
        if (n < SYSLOG_BATCH)
            return true;
    }
    return false;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)datagram_read(arg, SYSLOG_BATCHES);
}

/* ---- opening -------------------------------------------------------------------------------- */

static struct metric_family receive_buffer = {
    .name = "triaged_syslog_receive_buffer_bytes",
    .help = "Size of the kernel's receive buffer of a UDP listener.",
    .type = METRIC_GAUGE,
    .labels = {"listener"},
};

/* Large enough for a burst while we are busy. The forced form may pass net.core.rmem_max. */
static void set_receive_buffer(struct syslog_listener *l)
{
    int want = SYSLOG_RECEIVE_BUFFER, got = 0, fd = l->sock.fd;
    socklen_t len = sizeof(got);
    char *label = xstrndup(l->cl->address.p, l->cl->address.n);

    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &want, sizeof(want)) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &want, sizeof(want));
    getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &len); /* twice of what counts for us */
    metric_set(metric_cell(&receive_buffer, label), got);
    if (got < want)
        log_info("net",
                 "syslog: udp %s: receive buffer is %d bytes, %d were asked for; raise "
                 "net.core.rmem_max",
                 label, got, want);
    free(label);
}

bool datagram_listen(struct syslog_listener *l)
{
    int on = 1;

    if (l->cl->transport == TRANSPORT_UDP) {
        setsockopt(l->sock.fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
        set_receive_buffer(l);
    }
    l->readable = event_new(l->server->base, l->sock.fd, EV_READ | EV_PERSIST, on_readable, l);
    return l->readable && event_add(l->readable, NULL) == 0;
}
