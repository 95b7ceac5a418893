/*
 * routes_ops.c - operations: healthy, ready, metrics, reload, and what stands at /.
 * Called by: routes.c.
 */
#include <stdio.h>

#include "reply.h"
#include "routes.h"
#include "supervisor.h"
#include "worker.h"
#include "triaged/base/clock.h"
#include "triaged/base/metrics.h"

enum { METRICS_MAX = 16 * 1024 * 1024, READY_MAX = 64 * 1024 };

void route_index(const struct route_call *call)
{
    reply_text(call->req, 200,
               "triaged " TRIAGED_VERSION "\n\n"
               "POST /webhook/alertmanager   Alertmanager webhook (version 4)\n"
               "POST /webhook/grafana        Grafana alerting webhook\n"
               "POST /api/v2/alerts          Prometheus, amtool: as to an Alertmanager\n"
               "GET  /-/healthy /-/ready /metrics, POST /-/reload\n");
}

void route_healthy(const struct route_call *call)
{
    reply_text(call->req, 200, "OK\n");
}

/*
 * Ready = alerts are taken in and reach Redis. 503 with the reason when they are not taken in; with
 * Redis away they still are, so that is said but is no 503 (a load balancer must not turn senders
 * away from a spool that has room).
 */
void route_ready(const struct route_call *call)
{
    struct supervisor *sup = call->w->supervisor;
    bool ready = true;
    struct buf b;

    buf_init(&b, READY_MAX);
    for (unsigned i = 0; i < sup->n_workers; i++) {
        struct worker_status *st = &sup->workers[i]->status;
        enum store_state state = (enum store_state)atomic_load(&st->store_state);
        int64_t oldest = atomic_load(&st->oldest_waiting_ms);
        bool full = atomic_load(&st->spool_full);

        buf_printf(&b, "worker %u: redis %s", i, store_state_name(state));
        pthread_mutex_lock(&st->why_lock);
        if (st->redis_why[0])
            buf_printf(&b, " (%s)", st->redis_why);
        pthread_mutex_unlock(&st->why_lock);
        buf_printf(&b, ", %lld records wait", (long long)atomic_load(&st->records_waiting));
        if (oldest)
            buf_printf(&b, " (oldest %lld s)", (long long)(clock_wall_ms() - oldest) / 1000);
        if (full)
            buf_put_c(&b, ", SPOOL FULL: alerts are refused");
        if (atomic_load(&st->eviction_unsafe))
            buf_put_c(&b, ", Redis may evict keys: set maxmemory-policy noeviction");
        if (atomic_load(&st->rewound))
            buf_put_c(&b, ", Redis had lost records that were no longer kept (see the log)");
        buf_put_char(&b, '\n');
        ready = ready && !full;
    }
    if (call->w->stopping)
        ready = false;
    if (!ready)
        http_reply_header(call->req, "Retry-After", "5");
    buf_put_c(&b, ready ? "ready\n" : "not ready\n");
    http_reply(call->req, ready ? 200 : 503, TYPE_TEXT, buf_str(&b));
    buf_finish(&b);
}

void route_metrics(const struct route_call *call)
{
    struct buf b;

    buf_init(&b, METRICS_MAX);
    metrics_render(&b);
    http_reply(call->req, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&b));
    buf_finish(&b);
}

void route_reload(const struct route_call *call)
{
    mailbox_post(call->w->supervisor->mailbox, SUPERVISOR_RELOAD, call->w, call->req, 0);
}
