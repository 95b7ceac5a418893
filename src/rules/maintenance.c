/*
 * maintenance.c - windows of maintenance: is one open now, and until when.
 * Weekly windows begin and end at wall-clock times of their zone, so one may be an hour longer or
 * shorter on the day the clocks change. What the script does with them is not decided here.
 */
#include "verdict.h"

#include "triaged/base/buf.h"

enum { DAY_S = 86400, SUPPRESS_MAX = 4096 };

static int64_t local_to_utc_s(const struct zone *z, int64_t local_s)
{
    return local_s - zone_offset_of_local(z, local_s);
}

/* Days since 1970-01-01 (a Thursday) to 0 = Monday ... 6 = Sunday. */
static unsigned weekday(int64_t day)
{
    return (unsigned)(((day + 3) % 7 + 7) % 7);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t weekly_open_until(const struct conf_maintenance *c, const struct zone *z,
                                 int64_t now_ms)
{
    int64_t now_s = floor_div(now_ms, 1000);
    int64_t today = floor_div(now_s + zone_offset_at_utc(z, now_s), DAY_S);
    int64_t until = 0;
    for (int64_t day = today - 1; day <= today; day++) {
        if (!(c->days >> weekday(day) & 1))
            continue;
        int64_t end_day = c->to_minute <= c->from_minute ? day + 1 : day;
        int64_t from = local_to_utc_s(z, day * DAY_S + (int64_t)c->from_minute * 60);
        int64_t to = local_to_utc_s(z, end_day * DAY_S + (int64_t)c->to_minute * 60);
        if (from <= now_s && now_s < to && to * 1000 > until)
            until = to * 1000;
    }
    return until;
}

int64_t window_open_until(const struct cwindow *w, int64_t now_ms)
{
    const struct conf_maintenance *c = w->conf;
    if (c->days)
        return weekly_open_until(c, w->zone, now_ms);
    return c->from_ms <= now_ms && now_ms < c->to_ms ? c->to_ms : 0;
}

void maintenance_fill(const struct ruleset *rs, struct rules_scratch *s, int64_t now_ms,
                      struct arena *arena, struct verdict *out)
{
    struct buf b = {0};
    size_t n = 0, failed;
    for (size_t i = 0; i < rs->conf->n_maintenance; i++) {
        const struct cwindow *w = &rs->windows[i];
        if (!eval_clause(s, &w->match, &failed))
            continue;
        int64_t until = window_open_until(w, now_ms);
        if (!until)
            continue;
        if (n == 0)
            buf_init(&b, SUPPRESS_MAX);
        size_t before = b.n;
        buf_put_c(&b, n ? ",{\"name\":" : "[{\"name\":");
        buf_put_json(&b, w->conf->name);
        buf_put_c(&b, ",\"until_ms\":");
        buf_put_i64(&b, until);
        if (!buf_put_c(&b, "}") || b.n + 2 > SUPPRESS_MAX) {
            b.n = before; /* more windows than fit: those before say enough */
            break;
        }
        n++;
    }
    if (n)
        out->suppress = arena_printf(arena, "%.*s]", (int)b.n, b.p);
    buf_finish(&b);
}
