/*
 * decode_cases.c - messages given as JSON, with what is known of how they came:
 *   {"id": …, "raw": "<13>…", "enc": "bytes", "kind": "frames",
 *    "ctx": {"now": …, "tz": …, "transport": …, "max_message": …, "peer": …, "proxy": true}}
 * With enc "bytes" each code point up to U+00FF of raw is one byte. Kind "frames": raw is what a
 * TCP connection carried until the peer closed it; the answer lists the messages in it.
 */
#include "decode.h"

#include <stdio.h>
#include <stdlib.h>

#include "triaged/base/clock.h"
#include "triaged/base/zone.h"
#include "triaged/net/proxy_header.h"
#include "triaged/net/syslog_frame.h"

static bool fail(struct jx_error *why, const char *path, const char *text)
{
    snprintf(why->path, sizeof(why->path), "%s", path);
    snprintf(why->text, sizeof(why->text), "%s", text);
    return false;
}

/* False when a code point is over U+00FF. */
static bool to_bytes(struct str s, struct arena *a, struct str *out)
{
    char *p = arena_alloc(a, s.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0xC4)
            return false;
        p[n++] = (char)(c < 0x80 ? c : (c & 3) << 6 | (s.p[++i] & 0x3F));
    }
    *out = (struct str){p, n};
    return true;
}

struct frames {
    struct buf *out;
    size_t n;
};

static void on_frame(void *arg, struct str frame, unsigned flags)
{
    struct frames *f = arg;

    (void)flags;
    if (f->n++ > 0)
        buf_put_c(f->out, ", ");
    buf_put_json(f->out, frame);
}

static void put_frames(struct decode_run *r, struct str raw, bool proxy, const jx *id)
{
    struct syslog_framer framer;
    struct frames f = {&r->out, 0};
    char *dump = jx_dump(id), host[PROXY_HOST_SIZE] = "";
    size_t header = 0;
    bool keep = true;

    buf_printf(&r->out, "{\"id\": %s, \"frames\": [", dump ? dump : "null");
    free(dump);
    if (proxy)
        keep = proxy_header_read(raw, &header, host) == PROXY_OK;
    if (keep) {
        syslog_framer_init(&framer, r->options.max_message);
        keep = syslog_framer_feed(&framer, str_sub(raw, header, raw.n), on_frame, &f);
        syslog_framer_close(&framer, on_frame, &f);
        syslog_framer_finish(&framer);
    }
    buf_printf(&r->out, "], \"close\": %s", keep ? "false" : "true");
    if (proxy) {
        buf_put_c(&r->out, ", \"peer\": ");
        buf_put_json(&r->out, *host ? str_c(host) : r->peer);
    }
    buf_put_char(&r->out, '}');
    decode_flush(r);
    arena_reset(&r->arena);
}

/* The case's own circumstances over those of the command line. */
static bool apply_context(struct decode_run *r, const jx *ctx, struct zone **zone,
                          struct jx_error *why)
{
    struct str now = jx_str(jx_get(ctx, "now")), tz = jx_str(jx_get(ctx, "tz"));
    struct str transport = jx_str(jx_get(ctx, "transport"));
    int64_t us, max;

    if (now.p) {
        if (!clock_parse_rfc3339_us(now, &us))
            return fail(why, "ctx.now", "not an RFC 3339 time");
        r->options.now_ms = us / 1000;
    }
    if (tz.p) {
        *zone = zone_load(tz.p, NULL);
        if (!*zone)
            return fail(why, "ctx.tz", "no such time zone");
        r->options.zone = *zone;
    }
    if (jx_int(jx_get(ctx, "max_message"), &max) && max > 0)
        r->options.max_message = (uint64_t)max;
    if (transport.p) {
        r->options.is_datagram = str_eq(transport, S("udp"));
        r->options.is_unix = str_starts(transport, S("unix"));
    }
    if (jx_str(jx_get(ctx, "peer")).p)
        r->peer = jx_str(jx_get(ctx, "peer"));
    return true;
}

bool decode_case(struct decode_run *r, struct str line, struct jx_error *why)
{
    const struct syslog_options options = r->options;
    const struct str peer = r->peer;
    struct zone *zone = NULL;
    jx *doc = jx_parse(line, why);

    if (!doc)
        return false;
    const jx *ctx = jx_get(doc, "ctx"), *id = jx_get(doc, "id");
    struct str raw = jx_str(jx_get(doc, "raw"));
    bool ok = raw.p || fail(why, "raw", "not a string");
    ok = ok && apply_context(r, ctx, &zone, why);
    if (ok && str_eq(jx_str(jx_get(doc, "enc")), S("bytes")) && !to_bytes(raw, &r->arena, &raw))
        ok = fail(why, "raw", "has a code point over U+00FF");
    if (ok && str_eq(jx_str(jx_get(doc, "kind")), S("frames")))
        put_frames(r, raw, jx_bool(jx_get(ctx, "proxy"), false), id);
    else if (ok)
        decode_put(r, raw, 0, id);
    if (zone) /* times are known by their zone's address */
        memset(&r->times, 0, sizeof(r->times));
    zone_free(zone);
    jx_free(doc);
    r->options = options;
    r->peer = peer;
    return ok;
}
