/*
 * alert.c - the value that flows, and the batch that holds the alerts of one request.
 * Owns: the batch's arena, its array of alerts and its document.
 * Never: I/O, a clock, a decision.
 */
#include "triaged/alert/alert.h"

#include <stdlib.h>

#include "triaged/alert/jx.h"
#include "triaged/base/mem.h"

enum { FIRST_CAP = 64, KEPT_CAP = 1024 };

static const char *const source_names[SOURCE_N] = {
    [SOURCE_ALERTMANAGER] = "alertmanager",
    [SOURCE_PROMETHEUS] = "prometheus",
    [SOURCE_GRAFANA] = "grafana",
    [SOURCE_JSON] = "json",
    [SOURCE_SYSLOG] = "syslog",
};

const char *alert_source_name(enum alert_source s)
{
    return (size_t)s < SOURCE_N ? source_names[s] : "";
}

bool alert_source_from_name(struct str name, enum alert_source *out)
{
    for (size_t i = 0; i < SOURCE_N; i++)
        if (str_eq_c(name, source_names[i])) {
            *out = (enum alert_source)i;
            return true;
        }
    return false;
}

void alert_batch_init(struct alert_batch *b)
{
    *b = (struct alert_batch){.n = 0};
    arena_init(&b->arena, 0);
}

void alert_batch_reset(struct alert_batch *b)
{
    jx_free(b->document);
    b->document = NULL;
    b->n = 0;
    if (b->cap > KEPT_CAP) { /* one huge request should not pin its size for ever */
        free(b->alerts);
        b->alerts = NULL;
        b->cap = 0;
    }
    arena_reset(&b->arena);
}

void alert_batch_finish(struct alert_batch *b)
{
    jx_free(b->document);
    free(b->alerts);
    arena_finish(&b->arena);
    *b = (struct alert_batch){.n = 0};
}

struct alert *alert_batch_add(struct alert_batch *b)
{
    if (b->n == b->cap) {
        b->cap = b->cap ? b->cap * 2 : FIRST_CAP;
        b->alerts = xrealloc_array(b->alerts, b->cap, sizeof(*b->alerts));
    }
    struct alert *a = &b->alerts[b->n++];
    *a = (struct alert){.repeat = 1, .severity = SEVERITY_NONE};
    return a;
}

struct str alert_field(const struct alert *a, struct str name)
{
    static const struct str label = {"label.", 6}, annotation = {"annotation.", 11};
    if (str_eq(name, S("source")))
        return str_c(alert_source_name(a->source));
    if (str_eq(name, S("severity"))) {
        struct str own = labels_get(&a->labels, name);
        return own.n ? own : str_c(severity_name(a->severity));
    }
    if (str_starts(name, label))
        return labels_get(&a->labels, str_sub(name, label.n, name.n));
    if (str_starts(name, annotation))
        return labels_get(&a->annotations, str_sub(name, annotation.n, name.n));
    return labels_get(&a->labels, name);
}

/* "db1:9100" -> "db1", "[2001:db8::1]:9100" -> "2001:db8::1"; what is no host:port stays whole. */
static struct str without_port(struct str instance)
{
    struct str rest, host = str_cut(instance, ':', &rest);
    if (instance.n && instance.p[0] == '[') {
        host = str_cut(str_sub(instance, 1, instance.n), ']', &rest);
        return host.n + 2 <= instance.n ? host : instance;
    }
    uint64_t port;
    return host.n && str_to_u64(rest, &port) && port <= 65535 ? host : instance;
}

struct str alert_system(const struct alert *a)
{
    struct str host = labels_get(&a->labels, S("host"));
    if (host.n)
        return host;
    struct str instance = labels_get(&a->labels, S("instance"));
    if (instance.n)
        return without_port(instance);
    return labels_get(&a->labels, S("node"));
}

bool alert_label_is_body(struct str name)
{
    return str_starts(name, S("json.")) || str_starts(name, S("cef.")) ||
           str_starts(name, S("leef."));
}

bool alert_label_is_part(struct str name)
{
    return str_starts(name, S("part."));
}

bool alert_label_is_payload(struct str name)
{
    return str_starts(name, S("sd.")) || alert_label_is_part(name) || alert_label_is_body(name);
}
