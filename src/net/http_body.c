/*
 * http_body.c - bodies with Content-Encoding: gzip, inflated within the limits of a plain body.
 * Owns: zlib in this layer. Never: inflates a byte more than limits.http_body, or than all bodies
 * together may take.
 */
#include "http_internal.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "triaged/base/mem.h"

enum {
    GZIP_ONLY = 16 + MAX_WBITS, /* zlib's window bits for "gzip header expected" */
    FIRST_GUESS = 4,            /* JSON shrinks to a quarter at the least */
    GROWTH_MIN = 4096,
};

static const struct http_refusal not_gzip = {400, "bad_encoding", "the body is not valid gzip",
                                             false};
static const struct http_refusal too_large = {
    413, "body_too_large", "the inflated body is over the limit (limits.http_body)", false};
static const struct http_refusal no_room = {
    503, "busy", "too many bodies are in flight (limits.http_bodies)", false};

struct inflated {
    char *p;
    size_t n, cap;
};

/* Room for more output, counted against the budget, or a refusal. One byte over the limit is
 * allowed here, so that a body of exactly the limit can be told from a longer one. */
static bool grow(struct http_request *r, struct inflated *out, struct http_refusal *why)
{
    const struct conf_limits *l = &r->server->limits;
    size_t want = out->cap ? out->cap * 2 : r->n_body * FIRST_GUESS + GROWTH_MIN, more;

    if (want > l->http_body + 1)
        want = (size_t)l->http_body + 1;
    if (out->n > l->http_body || want <= out->cap) {
        *why = too_large;
        return false;
    }
    more = want - out->cap;
    if (r->server->held + more > l->http_bodies) {
        *why = no_room;
        return false;
    }
    r->held += more;
    r->server->held += more;
    out->p = xrealloc_array(out->p, want, 1);
    out->cap = want;
    return true;
}

/* A gzip body may have several members, one after the other (RFC 1952 section 2.2). */
static bool inflate_all(struct http_request *r, z_stream *z, struct inflated *out,
                        struct http_refusal *why)
{
    for (;;) {
        size_t room;
        int rc;

        if (out->n == out->cap && !grow(r, out, why))
            return false;
        room = out->cap - out->n;
        if (room > INT_MAX)
            room = INT_MAX;
        z->next_out = (unsigned char *)out->p + out->n;
        z->avail_out = (unsigned)room;
        rc = inflate(z, Z_NO_FLUSH);
        out->n += room - z->avail_out;
        if (rc == Z_STREAM_END && z->avail_in == 0)
            return true;
        if (rc == Z_STREAM_END)
            rc = inflateReset(z);
        /* Z_BUF_ERROR with output left over: the input ends in the middle. */
        if (rc != Z_OK && !(rc == Z_BUF_ERROR && z->avail_out == 0)) {
            *why = not_gzip;
            return false;
        }
    }
}

static void gunzip(struct http_request *r, struct http_refusal *why)
{
    struct inflated out = {0};
    z_stream z = {0};
    bool ok;

    if (r->n_body == 0 || r->n_body > UINT_MAX) {
        *why = not_gzip;
        return;
    }
    if (inflateInit2(&z, GZIP_ONLY) != Z_OK) {
        *why = no_room;
        return;
    }
    z.next_in = (unsigned char *)r->body;
    z.avail_in = (unsigned)r->n_body;
    ok = inflate_all(r, &z, &out, why);
    inflateEnd(&z);
    if (ok && out.n > r->server->limits.http_body) {
        *why = too_large;
        ok = false;
    }
    if (!ok) {
        free(out.p);
        return;
    }
    free(r->body);
    r->body = out.p;
    r->n_body = out.n;
}

void request_decode_body(struct http_request *r, struct http_refusal *why)
{
    struct str encoding = http_request_header(r, "Content-Encoding");

    if (encoding.n == 0 || str_ieq(encoding, S("identity")))
        return;
    if (str_ieq(encoding, S("gzip")) || str_ieq(encoding, S("x-gzip")))
        gunzip(r, why);
    else
        *why = (struct http_refusal){415, "unsupported_encoding",
                                     "Content-Encoding must be gzip or identity", false};
}
