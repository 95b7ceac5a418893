/*
 * syslog_alert.c - a syslog message as an alert.
 * Owns: the labels that rules see, and the identity before the rules complete it.
 */
#include "triaged/base/hash.h"
#include "triaged/decode/skeleton.h"
#include "triaged/decode/syslog.h"

/* Fixed for ever: identities are compared between machines and versions. Not a secret. The bytes
 * are the ASCII text below. */
static const uint8_t identity_key[16] = "triaged.syslog.1";

static char *put(char *p, struct str s)
{
    for (unsigned i = 0; i < 4; i++) /* length first, so that no two triples read the same */
        *p++ = (char)((uint64_t)s.n >> (8 * i));
    if (s.n)
        memcpy(p, s.p, s.n);
    return p + s.n;
}

uint64_t syslog_identity(struct str app, struct str host, struct str skeleton, struct arena *arena)
{
    char *start = arena_alloc(arena, 1 + 3 * 4 + app.n + host.n + skeleton.n), *p = start;

    *p++ = SKELETON_VERSION;
    p = put(p, app);
    p = put(p, host);
    p = put(p, skeleton);
    return hash_sip64(identity_key, start, (size_t)(p - start));
}

static void add_structured_data(const struct syslog_msg *m, struct arena *arena, struct labels *l)
{
    for (size_t i = 0; i < m->n_sd; i++) {
        const struct syslog_sd *sd = &m->sd[i];
        if (sd->name.n == 0)
            continue;
        struct str name = arena_printf(arena, "sd.%.*s.%.*s", STR_ARG(sd->id), STR_ARG(sd->name));
        labels_add(l, arena, name, sd->value);
    }
}

static int64_t floor_ms(int64_t us)
{
    return us / 1000 - (us % 1000 < 0);
}

void syslog_to_alert(const struct syslog_msg *m, struct str skeleton, struct str host_if_none,
                     int64_t received_ms, struct arena *arena, struct alert *a)
{
    struct str host = m->host.n > 0 ? m->host : host_if_none;
    struct labels *l = &a->labels;

    a->source = SOURCE_SYSLOG;
    a->severity = (enum severity)m->severity;
    a->resolved = false;
    a->is_log = true;
    a->starts_ms = m->has_timestamp ? floor_ms(m->timestamp_us) : received_ms;
    a->received_ms = received_ms;
    a->sender = host_if_none;
    a->repeat = m->repeat > 0 ? m->repeat : 1;

    /* In the order of names, so that there is little to sort. */
    labels_add(l, arena, S("app"), m->app);
    labels_add(l, arena, S("facility"), str_c(syslog_facility_name(m->facility)));
    labels_add(l, arena, S("host"), host);
    labels_add(l, arena, S("message"), m->msg);
    labels_add(l, arena, S("msgid"), m->msgid);
    labels_add(l, arena, S("procid"), m->procid);
    add_structured_data(m, arena, l);
    labels_add(l, arena, S("severity"), str_c(severity_name(a->severity)));
    labels_add(l, arena, S("skeleton"), skeleton);
    labels_normalise(l);
    a->fingerprint = syslog_identity(m->app, host, skeleton, arena);
}
