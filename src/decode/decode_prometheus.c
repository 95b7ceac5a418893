/*
 * decode_prometheus.c - POST /api/v2/alerts, as Prometheus, amtool and Grafana send it.
 * Owns: Alertmanager's answers to bad input (schema errors with a code, handler errors without),
 * given for each alert by itself: the good ones of a batch are kept, where Alertmanager lets one
 * schema error take the whole body. Never: trusts endsAt to be anything but a lease while it lies
 * ahead (Prometheus sends now + 4 evaluation intervals).
 * Differences from Alertmanager 0.25, meant: any UTF-8 label name is good (0.27 on); a startsAt
 * that lies ahead is taken as now; text behind the array is an error; member names are exact.
 */
#include "labelled.h"

#include <stdio.h>

/* Go's url.ParseRequestURI, as far as it tells a URL from no URL. */
static bool is_uri(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    if (s.n && s.p[0] == '/')
        return true;
    size_t colon = str_find_char(s, ':');
    if (colon == s.n || !colon)
        return false;
    for (size_t i = 0; i < colon; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(i > 0 && ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.')))
            return false;
    }
    struct str host = labelled_host(s);
    return str_find_char(host, ' ') == host.n;
}

static bool read_url(struct reading *r, const jx *v, struct alert *a)
{
    enum jx_type type = jx_type(v);
    if (type == JX_NONE || type == JX_NULL)
        return true;
    if (type != JX_STRING)
        return reading_bad(r, 400, 400, ".generatorURL",
                           "parsing alerts body from \"\" failed, because [%zu].generatorURL is of "
                           "type %s, not string",
                           r->index, jx_type_name(type));
    struct str url = jx_str(v);
    if (url.n && !is_uri(url))
        return reading_bad(r, 422, 601, ".generatorURL",
                           "%zu.generatorURL in body must be of type uri: \"%.*s\"", r->index,
                           (int)(url.n < 150 ? url.n : 150), url.p);
    a->generator_url = labelled_cut(url, r->in->limits->annotation_value);
    return true;
}

static bool read_time(struct reading *r, const jx *alert, const char *member, int64_t *out_ms)
{
    const jx *v = jx_get(alert, member);
    if (labelled_time(v, out_ms))
        return true;
    struct str text = jx_type(v) == JX_STRING ? jx_str(v) : str_c(jx_type_name(jx_type(v)));
    char path[16];
    snprintf(path, sizeof(path), ".%s", member);
    return reading_bad(r, 400, 400, path,
                       "parsing alerts body from \"\" failed, because [%zu].%s is no RFC 3339 "
                       "time: %.*s",
                       r->index, member, (int)(text.n < 60 ? text.n : 60), text.p);
}

/* Start, end and lease, from what the sender said (DESIGN: endsAt ahead is a lease). */
static bool set_times(struct reading *r, struct alert *a, int64_t starts_ms, int64_t ends_ms)
{
    int64_t now = r->in->now_ms;
    if (!starts_ms)
        starts_ms = ends_ms ? ends_ms : now;
    if (ends_ms && ends_ms < starts_ms)
        return reading_bad(r, 400, 0, "", "start time must be before end time");
    a->starts_ms = starts_ms < now ? starts_ms : now;
    a->resolved = ends_ms && ends_ms <= now;
    if (a->resolved)
        a->ends_ms = ends_ms;
    else
        a->lease_ms = ends_ms ? ends_ms : now + r->in->defaults->api_lease_ms;
    return true;
}

static bool read_alert(struct reading *r, const jx *v, struct alert *a)
{
    enum jx_type type = jx_type(v);
    if (type != JX_OBJECT && type != JX_NULL)
        return reading_bad(r, 400, 400, "",
                           "parsing alerts body from \"\" failed, because [%zu] is of type %s, not "
                           "object",
                           r->index, jx_type_name(type));
    const jx *labels = jx_get(v, "labels");
    if (!labels || jx_type(labels) == JX_NULL) /* also for the alert `null` */
        return reading_bad(r, 422, 602, ".labels", "%zu.labels in body is required", r->index);
    int64_t starts_ms, ends_ms;
    if (!labelled_labels(r, labels, &a->labels) ||
        !labelled_annotations(r, jx_get(v, "annotations"), &a->annotations) ||
        !read_time(r, v, "startsAt", &starts_ms) || !read_time(r, v, "endsAt", &ends_ms) ||
        !set_times(r, a, starts_ms, ends_ms) || !read_url(r, jx_get(v, "generatorURL"), a))
        return false;
    labels_normalise(&a->annotations);
    a->source = SOURCE_PROMETHEUS;
    a->received_ms = r->in->now_ms;
    a->fingerprint = labels_fingerprint(&a->labels);
    a->severity = labelled_severity(&a->labels);
    a->sender = labelled_sender(r, a->generator_url);
    return true;
}

void decode_prometheus(const struct decode_input *in, struct alert_batch *out,
                       struct decode_result *res)
{
    struct reading r = {.in = in, .out = out, .res = res, .list = "", .api = true};
    struct jx_error why;
    *res = (struct decode_result){.useless = ""};
    if (!str_trim(in->body).n) {
        reading_refuse(&r, 422, 602, "alerts in body is required");
        return;
    }
    const jx *doc = out->document = jx_parse(in->body, &why);
    if (!doc) {
        reading_refuse(&r, 400, 400, "parsing alerts body from \"\" failed, because %s", why.text);
        return;
    }
    if (jx_type(doc) != JX_ARRAY && jx_type(doc) != JX_NULL) {
        reading_refuse(&r, 400, 400,
                       "parsing alerts body from \"\" failed, because it is of type %s, not array",
                       jx_type_name(jx_type(doc)));
        return;
    }
    size_t n = reading_clamp(&r, jx_len(doc));
    for (r.index = 0; r.index < n; r.index++)
        if (!read_alert(&r, jx_at(doc, r.index), alert_batch_add(out)))
            out->n--;
}
