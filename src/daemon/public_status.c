/*
 * public_status.c - the two forms of the public status.
 * Owns: the page's look; it needs nothing from elsewhere. Texts are escaped.
 * Called by: incident_metrics.c.
 */
#include "public_status.h"

#include <stdio.h>

#include "incident_json.h"
#include "triaged/base/clock.h"

enum state { OPERATIONAL, DEGRADED, OUTAGE, UNKNOWN };
static const char *const names[] = {"operational", "degraded", "outage", "unknown"};

static enum state state_of(const struct public_status *s)
{
    if (s->as_of_ms == 0)
        return UNKNOWN;
    if (s->open[P1] > 0)
        return OUTAGE;
    return s->open[P2] > 0 ? DEGRADED : OPERATIONAL;
}

static bool is_stale(const struct public_status *s, int64_t now_ms)
{
    return s->as_of_ms == 0 || now_ms - s->as_of_ms > STATUS_STALE_MS;
}

void public_status_put_json(const struct public_status *s, int64_t now_ms, struct buf *b)
{
    buf_printf(b, "{\"status\":\"%s\",\"stale\":%s", names[state_of(s)],
               is_stale(s, now_ms) ? "true" : "false");
    if (s->as_of_ms)
        json_put_time(b, "as_of", s->as_of_ms);
    else
        buf_put_c(b, ",\"as_of\":null");
    buf_put_c(b, ",\"open\":{");
    for (int p = 0; p < PRIORITY_N; p++)
        buf_printf(b, "%s\"%s\":%lld", p ? "," : "", priority_name((enum priority)p),
                   (long long)s->open[p]);
    buf_put_c(b, "},\"incidents\":[");
    for (size_t i = 0; i < s->n; i++) {
        const struct status_incident *inc = &s->incidents[i];

        buf_put_c(b, i ? ",{\"id\":" : "{\"id\":");
        buf_put_json(b, inc->id);
        buf_printf(b, ",\"priority\":\"%s\",\"title\":", priority_name(inc->priority));
        buf_put_json(b, inc->title);
        json_put_text(b, "state", inc->state);
        json_put_text(b, "service", inc->service);
        json_put_time(b, "opened_at", inc->opened_ms);
        json_put_time(b, "update_at", inc->update_ms);
        json_put_text(b, "update_text", inc->update_text);
        buf_put_char(b, '}');
    }
    buf_put_c(b, "]}\n");
}

/* ---- the page ----------------------------------------------------------------------------------
 */

static const char head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta http-equiv=\"refresh\" content=\"30\">\n<title>Status</title>\n<style>\n"
    ":root{color-scheme:light dark}\n"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}\n"
    "h1{font-size:1.4rem;padding:.8rem 1rem;border-radius:.5rem;color:#fff;background:#57606a}\n"
    ".operational{background:#1a7f37}.degraded{background:#9a6700}.outage{background:#cf222e}\n"
    "article{border:1px solid #8884;border-radius:.5rem;padding:.7rem 1rem;margin:1rem 0}\n"
    "h2{font-size:1.05rem;margin:0}p{margin:.3rem 0;overflow-wrap:anywhere}\n"
    "small,footer{opacity:.75}\n.stale{border-color:#cf222e}\n</style></head><body>\n";

static void put_escaped(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        switch (s.p[i]) {
        case '<':
            buf_put_c(b, "&lt;");
            break;
        case '>':
            buf_put_c(b, "&gt;");
            break;
        case '&':
            buf_put_c(b, "&amp;");
            break;
        case '"':
            buf_put_c(b, "&quot;");
            break;
        default:
            buf_put_char(b, s.p[i]);
        }
}

static void put_time(struct buf *b, int64_t ms)
{
    char text[CLOCK_RFC3339_SIZE];
    struct str s = clock_format_ms(ms, text);

    buf_printf(b, "<time datetime=\"%.*s\">%.10s %.5s UTC</time>", STR_ARG(s), s.p, s.p + 11);
}

static void put_incident(struct buf *b, const struct status_incident *inc)
{
    buf_printf(b, "<article><h2>%s: ", priority_name(inc->priority));
    put_escaped(b, inc->title);
    buf_put_c(b, "</h2>\n<p><small>");
    put_escaped(b, inc->id);
    buf_put_c(b, ", ");
    if (inc->service.n) {
        put_escaped(b, inc->service);
        buf_put_c(b, ", ");
    }
    put_escaped(b, inc->state);
    buf_put_c(b, " since ");
    put_time(b, inc->opened_ms);
    buf_put_c(b, "</small></p>\n");
    if (inc->update_text.n) {
        buf_put_c(b, "<p>");
        put_escaped(b, inc->update_text);
        buf_put_c(b, "<br><small>");
        put_time(b, inc->update_ms);
        buf_put_c(b, "</small></p>\n");
    }
    buf_put_c(b, "</article>\n");
}

void public_status_put_html(const struct public_status *s, int64_t now_ms, struct buf *b)
{
    static const char *const sentences[] = {"All services work", "Some services are degraded",
                                            "There is an outage", "The state is not known yet"};
    enum state state = state_of(s);

    buf_put_c(b, head);
    buf_printf(b, "<h1 class=\"%s\">%s</h1>\n", names[state], sentences[state]);
    if (is_stale(s, now_ms))
        buf_put_c(b, "<article class=\"stale\"><p>This page may be out of date: the store of "
                     "incidents cannot be reached at present.</p></article>\n");
    for (size_t i = 0; i < s->n; i++)
        put_incident(b, &s->incidents[i]);
    if (s->as_of_ms) {
        buf_put_c(b, "<footer><p>As of ");
        put_time(b, s->as_of_ms);
        buf_put_c(b, "</p></footer>\n");
    }
    buf_put_c(b, "</body></html>\n");
}
