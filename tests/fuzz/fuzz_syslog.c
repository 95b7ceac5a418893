/*
 * Any bytes as a syslog message: every part lies in the input or the arena and is valid UTF-8, and
 * what is not understood is not lost. Byte 0 picks the options.
 */
#include <stdlib.h>

#include "triaged/base/zone.h"
#include "triaged/decode/syslog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct str s)
{
    if ((s.n > 0 && !s.p) || !str_is_utf8(s) || (s.n > 0 && memchr(s.p, '\0', s.n)))
        abort();
}

static void check_message(const struct syslog_msg *m)
{
    check(m->host), check(m->app), check(m->procid), check(m->msgid), check(m->seq);
    check(m->msg), check(m->repeated);
    if (m->facility > 23 || m->severity > 7 || m->n_sd > SYSLOG_SD_MAX ||
        (m->flags >> SYSLOG_FLAGS_N) != 0)
        abort();
    for (size_t i = 0; i < m->n_sd; i++)
        check(m->sd[i].id), check(m->sd[i].name), check(m->sd[i].value);
    if (m->format == SYSLOG_RAW && (m->host.p || m->app.p || m->n_sd > 0 || m->has_timestamp))
        abort();
}

/* The short ways for ordinary messages must read them as the general reader does. */
static void check_same(const struct syslog_msg *m, const struct syslog_msg *n)
{
    const struct str a[] = {m->host, m->app, m->procid, m->msgid, m->seq, m->msg, m->repeated};
    const struct str b[] = {n->host, n->app, n->procid, n->msgid, n->seq, n->msg, n->repeated};

    for (size_t i = 0; i < ARRAY_LEN(a); i++) {
        if (!a[i].p != !b[i].p || !str_eq(a[i], b[i]))
            abort();
    }
    if (m->format != n->format || m->facility != n->facility || m->severity != n->severity ||
        m->flags != n->flags || m->repeat != n->repeat || m->n_sd != n->n_sd ||
        m->has_timestamp != n->has_timestamp ||
        (m->has_timestamp && m->timestamp_us != n->timestamp_us))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct zone *zone;
    struct arena a;
    struct syslog_msg m;
    struct alert alert = {.repeat = 1};

    if (size < 1)
        return 0;
    if (!zone)
        zone = zone_load("Europe/Berlin", NULL);
    struct syslog_options o = {
        .now_ms = 1732472070000,
        .is_unix = data[0] & 1,
        .is_datagram = data[0] & 2,
        .max_message = data[0] & 4 ? 48 : 0,
        .zone = data[0] & 8 ? zone : NULL,
        .mnemonic_severity = data[0] & 16,
        .inner_header = data[0] & 32,
    };

    static struct syslog_times times; /* kept, as a daemon keeps them */
    struct str raw = {(const char *)data + 1, size - 1};
    struct syslog_msg other;

    arena_init(&a, 0);
    syslog_parse(raw, &o, &a, &m);
    check_message(&m);
    o.times = &times;
    syslog_parse(raw, &o, &a, &other);
    check_same(&m, &other);
    syslog_to_alert(&m, S("skeleton"), S("192.0.2.1"), 1732472070000, &a, &alert);
    if (!alert.is_log || alert.repeat < 1 || labels_get(&alert.labels, S("host")).n == 0)
        abort();
    size_t before = alert.labels.n;
    syslog_body_labels(&m, &a, &alert.labels);
    if (alert.labels.n > before + SYSLOG_BODY_LABELS_MAX)
        abort();
    for (size_t i = 0; i < alert.labels.n; i++)
        check(alert.labels.v[i].name), check(alert.labels.v[i].value);
    arena_finish(&a);
    return 0;
}
