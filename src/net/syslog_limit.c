/*
 * syslog_limit.c - what a listener does not want: messages milder than its floor, and those of a
 * peer that sends more than its rate.
 * Owns: a token bucket for each of the peers seen last; the metrics' reasons `severity` and `rate`.
 * Never: looks into a message beyond its PRI.
 *
 * A bucket holds a second's worth. Peers are found by hash in sets of a few buckets, of which the
 * one that was idle longest is given to a new peer, full: so a flood of forged addresses cannot
 * grow memory, and makes others' limits milder at worst.
 */
#include "syslog_internal.h"

#include <stdlib.h>

#include "triaged/base/clock.h"
#include "triaged/base/hash.h"
#include "triaged/base/mem.h"

enum { SETS = 1024, WAYS = 4, TOKEN = 1000 /* a message, so that a ms may bring a part of one */ };
enum { SEVERITY_DEFAULT = 5 /* of PRI 13 */, PRI_MAX = 191 };

struct bucket {
    uint64_t peer; /* hash; 0: unused */
    int64_t seen_ms;
    uint64_t tokens;
};

struct syslog_rates {
    struct bucket v[SETS][WAYS];
};

static struct bucket *bucket_of(struct syslog_rates *r, uint64_t peer, uint64_t full)
{
    struct bucket *set = r->v[peer % SETS], *oldest = &set[0];

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].peer == peer)
            return &set[i];
        if (set[i].seen_ms < oldest->seen_ms)
            oldest = &set[i];
    }
    *oldest = (struct bucket){.peer = peer, .tokens = full};
    return oldest;
}

bool syslog_rate_take(struct syslog_rates *r, struct str peer, uint64_t rate, int64_t now_ms)
{
    uint64_t full = rate * TOKEN, gained;
    struct bucket *b = bucket_of(r, hash_seeded(peer.p, peer.n) | 1, full);
    int64_t idle = now_ms - b->seen_ms;

    gained = idle > 0 ? (uint64_t)(idle < TOKEN ? idle : TOKEN) * rate : 0;
    b->tokens = b->tokens + gained < full ? b->tokens + gained : full;
    b->seen_ms = now_ms;
    if (b->tokens < TOKEN)
        return false;
    b->tokens -= TOKEN;
    return true;
}

struct syslog_rates *syslog_rates_create(void)
{
    return NEW(struct syslog_rates);
}

void syslog_rates_destroy(struct syslog_rates *r)
{
    free(r);
}

/* As decode/syslog.c reads it: without a PRI, or with one that cannot be, a message is a notice. */
int syslog_severity(struct str m)
{
    unsigned pri = 0;
    size_t i = 0, digits;

    if (str_starts(m, S("\xEF\xBB\xBF")))
        i = 3;
    while (i < m.n && (m.p[i] == ' ' || (m.p[i] >= '\t' && m.p[i] <= '\r')))
        i++;
    if (i == m.n || m.p[i] != '<')
        return SEVERITY_DEFAULT;
    digits = ++i;
    for (; i < m.n && i < digits + 3 && m.p[i] >= '0' && m.p[i] <= '9'; i++)
        pri = pri * 10 + (unsigned)(m.p[i] - '0');
    if (i == digits || i == m.n || m.p[i] != '>' || pri > PRI_MAX)
        return SEVERITY_DEFAULT;
    return (int)(pri % 8);
}

bool syslog_wanted(struct syslog_listener *l, const char *peer, struct str message)
{
    if (l->cl->floor > 0 && syslog_severity(message) >= l->cl->floor) {
        metric_add(l->too_mild, 1);
        return false;
    }
    if (l->cl->rate == 0)
        return true;
    if (!l->rates)
        l->rates = syslog_rates_create();
    if (syslog_rate_take(l->rates, str_c(peer), l->cl->rate, clock_mono_ms()))
        return true;
    syslog_count_dropped(l, "rate", 1);
    syslog_say(&l->server->limit_rate, l, peer, "sends more than `rate`, messages dropped");
    return false;
}
