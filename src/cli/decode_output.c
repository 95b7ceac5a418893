/*
 * decode_output.c - a decoded message as one JSON object a line.
 * Owns: the names and order of its fields. Never: decides what a message means.
 */
#include "decode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "triaged/base/clock.h"
#include "triaged/decode/skeleton.h"

static const char *const format_names[] = {"raw", "rfc3164", "rfc5424"};

static void put_text(struct buf *b, const char *key, struct str v)
{
    buf_printf(b, ", \"%s\": ", key);
    if (v.p)
        buf_put_json(b, v);
    else
        buf_put_c(b, "null");
}

static bool same_param(const struct syslog_sd *a, const struct syslog_sd *b)
{
    return str_eq(a->id, b->id) && str_eq(a->name, b->name);
}

/* Is one like v[i] there before it? */
static bool seen_before(const struct syslog_msg *m, size_t i, bool by_name)
{
    for (size_t k = 0; k < i; k++) {
        if (by_name ? same_param(&m->sd[k], &m->sd[i]) : str_eq(m->sd[k].id, m->sd[i].id))
            return true;
    }
    return false;
}

/* The value of a parameter; of a repeated one the list. */
static void put_values(struct buf *b, const struct syslog_msg *m, size_t i)
{
    size_t n = 0;

    for (size_t k = i; k < m->n_sd; k++)
        n += same_param(&m->sd[k], &m->sd[i]);
    if (n > 1)
        buf_put_char(b, '[');
    for (size_t k = i, done = 0; k < m->n_sd; k++) {
        if (!same_param(&m->sd[k], &m->sd[i]))
            continue;
        if (done++ > 0)
            buf_put_c(b, ", ");
        buf_put_json(b, m->sd[k].value);
    }
    if (n > 1)
        buf_put_char(b, ']');
}

static void put_element(struct buf *b, const struct syslog_msg *m, size_t i)
{
    bool comma = false;

    buf_put_json(b, m->sd[i].id);
    buf_put_c(b, ": {");
    for (size_t k = i; k < m->n_sd; k++) {
        if (!str_eq(m->sd[k].id, m->sd[i].id) || m->sd[k].name.n == 0 || seen_before(m, k, true))
            continue;
        if (comma)
            buf_put_c(b, ", ");
        comma = true;
        buf_put_json(b, m->sd[k].name);
        buf_put_c(b, ": ");
        put_values(b, m, k);
    }
    buf_put_char(b, '}');
}

static void put_sd(struct buf *b, const struct syslog_msg *m)
{
    bool comma = false;

    buf_put_c(b, ", \"sd\": {");
    for (size_t i = 0; i < m->n_sd; i++) {
        if (seen_before(m, i, false))
            continue;
        if (comma)
            buf_put_c(b, ", ");
        comma = true;
        put_element(b, m, i);
    }
    buf_put_char(b, '}');
}

static void put_flags(struct buf *b, unsigned flags)
{
    bool comma = false;

    buf_put_c(b, ", \"flags\": [");
    for (unsigned i = 0; i < SYSLOG_FLAGS_N; i++) {
        if (!(flags & 1u << i))
            continue;
        if (comma)
            buf_put_c(b, ", ");
        comma = true;
        buf_put_json(b, str_c(syslog_flag_name(1u << i)));
    }
    buf_put_char(b, ']');
}

static void put_message(struct buf *b, const struct syslog_msg *m)
{
    char time[CLOCK_RFC3339_SIZE];
    uint64_t seq;

    buf_printf(b, "\"format\": \"%s\", \"facility\": %u, \"severity\": %u", format_names[m->format],
               m->facility, m->severity);
    put_text(b, "timestamp", m->has_timestamp ? clock_format_us(m->timestamp_us, time) : STR_NONE);
    put_text(b, "host", m->host);
    put_text(b, "app", m->app);
    put_text(b, "procid", m->procid);
    put_text(b, "msgid", m->msgid);
    if (m->seq.p && str_to_u64(m->seq, &seq))
        buf_printf(b, ", \"seq\": %" PRIu64, seq);
    put_sd(b, m);
    put_text(b, "msg", m->msg.p ? m->msg : S(""));
    put_flags(b, m->flags);
    buf_printf(b, ", \"repeat\": %" PRIu32, m->repeat);
}

void decode_put(struct decode_run *r, struct str raw, unsigned extra_flags, const jx *id)
{
    struct syslog_msg m;
    struct alert alert = {.repeat = 1};
    char text[SKELETON_MAX];

    syslog_parse(raw, &r->options, &r->arena, &m);
    m.flags |= extra_flags;
    struct str said = m.repeated.p ? m.repeated : m.msg;
    struct str skeleton = {text, skeleton_of(said, text)};
    syslog_to_alert(&m, skeleton, r->peer, r->options.now_ms, &r->arena, &alert);
    syslog_body_labels(&m, &r->arena, &alert.labels);
    skeleton_part_labels(said, &r->arena, &alert.labels);

    buf_put_char(&r->out, '{');
    if (id) {
        char *dump = jx_dump(id);
        buf_printf(&r->out, "\"id\": %s, ", dump ? dump : "null");
        free(dump);
    }
    put_message(&r->out, &m);
    put_text(&r->out, "raw", raw.p ? raw : S(""));
    put_text(&r->out, "skeleton", skeleton);
    buf_printf(&r->out, ", \"fingerprint\": \"%016" PRIx64 "\", \"labels\": ", alert.fingerprint);
    labels_put_json(&alert.labels, &r->out);
    buf_put_char(&r->out, '}');
    decode_flush(r);
    arena_reset(&r->arena);
}

void decode_flush(struct decode_run *r)
{
    if (r->out.overflow) {
        fputs("triagectl: message left out: too large to print\n", stderr);
    } else {
        fwrite(r->out.p, 1, r->out.n, stdout);
        putchar('\n');
    }
    buf_reset(&r->out);
}
