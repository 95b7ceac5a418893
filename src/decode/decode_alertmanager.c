/*
 * decode_alertmanager.c - Alertmanager's webhook, version 4, and the envelope Grafana shares.
 * Owns: which of its fields may be believed. The top-level status may not: under max_alerts it
 * tells of the alerts that were not cut, so only each alert's own status counts. Nor may the
 * fingerprint that came along: identity is made again from the labels.
 * Never: refuses well-formed JSON, which Alertmanager would send again for as long as the group
 * lives; what is of no use is said to be so, for quarantine.
 */
#include "webhook.h"

const jx *webhook_parse(struct reading *r)
{
    struct jx_error why;
    const jx *doc = r->out->document = jx_parse(r->in->body, &why);
    if (!doc)
        reading_refuse(r, 400, 0, "the body is no JSON: %s", why.text);
    else if (jx_type(doc) != JX_OBJECT)
        reading_refuse(r, 400, 0, "the body is of type %s, not object", jx_type_name(jx_type(doc)));
    return r->res->refused ? NULL : doc;
}

/* The words of all webhook senders for "it is over". */
static bool is_over(struct str status, int64_t ends_ms, int64_t now_ms)
{
    static const char *const over[] = {"resolved", "ok", "normal"};
    for (size_t i = 0; i < ARRAY_LEN(over); i++)
        if (str_ieq(status, str_c(over[i])))
            return true;
    if (status.n)
        return false;
    return ends_ms && ends_ms <= now_ms; /* a template of the user's own may have lost the status */
}

void webhook_finish(struct reading *r, struct alert *a, enum alert_source source, int64_t starts_ms,
                    int64_t ends_ms)
{
    int64_t now = r->in->now_ms;
    labels_normalise(&a->annotations);
    a->source = source;
    a->received_ms = now;
    if (a->resolved)
        a->ends_ms = ends_ms && ends_ms < now ? ends_ms : now;
    else
        a->lease_ms = now + r->in->defaults->webhook_lease_ms;
    if (!starts_ms)
        starts_ms = a->resolved ? a->ends_ms : now;
    a->starts_ms = starts_ms < now ? starts_ms : now;
    a->fingerprint = labels_fingerprint(&a->labels);
    a->severity = labelled_severity(&a->labels);
    a->sender = labelled_sender(r, a->generator_url);
}

static bool read_alert(struct reading *r, const jx *v, enum alert_source source,
                       webhook_extra_fn *extra, struct alert *a)
{
    if (jx_type(v) != JX_OBJECT)
        return reading_bad(r, 400, 0, "", "is of type %s, not object", jx_type_name(jx_type(v)));
    if (!jx_get(v, "labels"))
        return reading_bad(r, 400, 0, ".labels", "at least one label pair required");
    if (!labelled_labels(r, jx_get(v, "labels"), &a->labels))
        return false;
    if (extra)
        extra(r, v, a);
    labelled_annotations(r, jx_get(v, "annotations"), &a->annotations);
    /* a time that cannot be read is none: status says what counts */
    int64_t starts_ms, ends_ms;
    labelled_time(jx_get(v, "startsAt"), &starts_ms);
    labelled_time(jx_get(v, "endsAt"), &ends_ms);
    struct str status = jx_str(jx_get(v, "status"));
    a->resolved = is_over(status.n ? status : jx_str(jx_get(v, "state")), ends_ms, r->in->now_ms);
    a->generator_url =
        labelled_cut(jx_str(jx_get(v, "generatorURL")), r->in->limits->annotation_value);
    webhook_finish(r, a, source, starts_ms, ends_ms);
    return true;
}

struct labels webhook_lenient_labels(struct reading *r, const jx *object)
{
    const struct conf_limits *max = r->in->limits;
    struct labels out = {0};
    struct str name;
    const jx *v;
    for (void *it = NULL; jx_next(object, &it, &name, &v);) {
        struct str value = jx_str(v);
        if (value.n && value.n <= max->label_value && name.n && name.n <= max->label_name &&
            out.n < max->labels_per_alert)
            labels_add(&out, &r->out->arena, name, value);
    }
    labels_normalise(&out);
    return out;
}

void webhook_read(struct reading *r, const jx *doc, enum alert_source source,
                  webhook_extra_fn *extra)
{
    const jx *alerts = jx_get(doc, "alerts");
    struct labels group = webhook_lenient_labels(r, jx_get(doc, "groupLabels"));
    int64_t truncated;
    if (jx_int(jx_get(doc, "truncatedAlerts"), &truncated) && truncated > 0)
        r->res->truncated = (uint64_t)truncated;
    r->list = "alerts";
    size_t n = jx_type(alerts) == JX_ARRAY ? reading_clamp(r, jx_len(alerts)) : 0;
    for (r->index = 0; r->index < n; r->index++) {
        struct alert *a = alert_batch_add(r->out);
        if (read_alert(r, jx_at(alerts, r->index), source, extra, a))
            a->group_labels = group;
        else
            r->out->n--;
    }
    if (!r->out->n)
        r->res->useless = jx_type(alerts) != JX_ARRAY ? "no list of alerts"
                          : n                         ? "no alert in it can be used"
                                                      : "its list of alerts is empty";
}

void decode_alertmanager(const struct decode_input *in, struct alert_batch *out,
                         struct decode_result *res)
{
    struct reading r = {.in = in, .out = out, .res = res, .list = ""};
    *res = (struct decode_result){.useless = ""};
    const jx *doc = webhook_parse(&r);
    if (doc)
        webhook_read(&r, doc, SOURCE_ALERTMANAGER, NULL);
}
