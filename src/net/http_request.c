/*
 * http_request.c - a request as a value that outlives its connection: path, query, headers.
 * Owns: its texts, decoding of targets, and the framing checks that evhttp does not make.
 * Never: touches a socket or evhttp.
 */
#include "http_internal.h"

#include <stdlib.h>

#include "triaged/base/mem.h"

enum { REQUEST_ARENA_CHUNK = 2048 };

struct http_request *request_create(struct http_conn *c, enum http_method method)
{
    struct http_request *r = NEW(struct http_request);
    struct http_door *d = c->door;

    r->server = d->server;
    r->conn = c;
    r->door = d;
    r->conf = d->conf ? conf_ref(d->conf) : NULL;
    r->listener = d->cl;
    r->method = method;
    r->loopback = net_is_loopback(&c->sa);
    memcpy(r->peer, c->peer, sizeof(r->peer));
    arena_init(&r->arena, REQUEST_ARENA_CHUNK);
    r->path = S("/");
    list_append(&d->server->requests, &r->node);
    return r;
}

void request_destroy(struct http_request *r)
{
    r->server->held -= r->held;
    list_remove(&r->node);
    free(r->body);
    free(r->headers);
    free(r->query);
    arena_finish(&r->arena);
    conf_unref(r->conf);
    free(r);
}

/* Lists grow by doubling: at 8, 16, 32, … members. */
static void pair_add(struct http_pair **list, size_t *n, struct str name, struct str value)
{
    if (*n == 0)
        *list = xrealloc_array(NULL, 8, sizeof(**list));
    else if (*n >= 8 && (*n & (*n - 1)) == 0)
        *list = xrealloc_array(*list, *n * 2, sizeof(**list));
    (*list)[(*n)++] = (struct http_pair){name, value};
}

void request_add_header(struct http_request *r, const char *name, const char *value)
{
    pair_add(&r->headers, &r->n_headers, arena_str(&r->arena, str_c(name)),
             arena_str(&r->arena, str_c(value)));
}

/* ---- target --------------------------------------------------------------------------------- */

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decodes into the arena. False: %00, which no text of ours may hold. What is no valid
 * escape stays as it is. */
static bool decode(struct http_request *r, struct str in, bool plus, struct str *out)
{
    char *p = arena_alloc(&r->arena, in.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];

        if (c == '%' && i + 2 < in.n && hex(in.p[i + 1]) >= 0 && hex(in.p[i + 2]) >= 0) {
            c = (char)(hex(in.p[i + 1]) << 4 | hex(in.p[i + 2]));
            i += 2;
            if (c == '\0')
                return false;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        p[n++] = c;
    }
    p[n] = '\0';
    *out = (struct str){p, n};
    return true;
}

static bool decode_query(struct http_request *r, struct str query)
{
    while (query.n > 0) {
        struct str one = str_cut(query, '&', &query), value, name = str_cut(one, '=', &value);

        if (one.n == 0)
            continue;
        if (r->n_query == HTTP_QUERY_MAX || !decode(r, name, true, &name) ||
            !decode(r, value, true, &value))
            return false;
        pair_add(&r->query, &r->n_query, name, value);
    }
    return true;
}

void request_set_target(struct http_request *r, const char *path, const char *query,
                        struct http_refusal *why)
{
    static const struct http_refusal bad = {
        400, "bad_target", "the path or the query of the request cannot be read", true};
    struct str p = str_c(path ? path : "/");

    if (!decode(r, p, false, &r->path) || (query && !decode_query(r, str_c(query)))) {
        *why = bad;
        return;
    }
    while (r->path.n > 1 && r->path.p[r->path.n - 1] == '/')
        r->path.n--;
    if (r->path.n == 0)
        r->path = S("/");
}

/* ---- framing -------------------------------------------------------------------------------- */

/* RFC 9110 section 5.6.2. evhttp looks headers up by exact name: "Content-Length " would be none.
 */
static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c))
            return false;
    }
    return s.n > 0;
}

static bool all_digits(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

struct framing {
    struct str length;
    bool has_length, has_encoding;
};

static const char *check_header(const struct http_pair *h, struct framing *f)
{
    if (!is_token(h->name))
        return "a header's name is not valid";
    if (str_ieq(h->name, S("Content-Length"))) {
        if (!all_digits(h->value))
            return "Content-Length is not a number";
        if (f->has_length && !str_eq(f->length, h->value))
            return "Content-Length is given twice and differs";
        f->has_length = true;
        f->length = h->value;
    } else if (str_ieq(h->name, S("Transfer-Encoding"))) {
        if (f->has_encoding || !str_ieq(h->value, S("chunked")))
            return "the only Transfer-Encoding understood is chunked";
        f->has_encoding = true;
    }
    return NULL;
}

void request_check_framing(const struct http_request *r, struct http_refusal *why)
{
    struct framing f = {0};
    const char *bad = NULL;
    uint64_t length = 0;

    for (size_t i = 0; i < r->n_headers && !bad; i++)
        bad = check_header(&r->headers[i], &f);
    if (!bad && f.has_length && f.has_encoding)
        bad = "Content-Length and Transfer-Encoding exclude each other";
    /* evhttp reads no body of a HEAD: it would be taken for the next request. */
    if (!bad && r->method == HTTP_HEAD &&
        (f.has_encoding || (f.has_length && (!str_to_u64(f.length, &length) || length > 0))))
        bad = "HEAD has no body";
    if (bad)
        *why = (struct http_refusal){400, "bad_framing", bad, true};
}

/* ---- accessors ------------------------------------------------------------------------------ */

enum http_method http_request_method(const struct http_request *r)
{
    return r->method;
}

struct str http_request_path(const struct http_request *r)
{
    return r->path;
}

struct str http_request_query_at(const struct http_request *r, const char *name, size_t i)
{
    for (size_t k = 0; k < r->n_query; k++)
        if (str_eq_c(r->query[k].name, name) && i-- == 0)
            return r->query[k].value;
    return STR_NONE;
}

struct str http_request_query(const struct http_request *r, const char *name)
{
    return http_request_query_at(r, name, 0);
}

struct str http_request_header(const struct http_request *r, const char *name)
{
    for (size_t k = 0; k < r->n_headers; k++)
        if (str_ieq(r->headers[k].name, str_c(name)))
            return r->headers[k].value;
    return STR_NONE;
}

struct str http_request_body(const struct http_request *r)
{
    return (struct str){r->body, r->n_body};
}

struct str http_request_peer(const struct http_request *r)
{
    return str_c(r->peer);
}

bool http_request_peer_is_loopback(const struct http_request *r)
{
    return r->loopback;
}

const struct conf_listener *http_request_listener(const struct http_request *r)
{
    return r->listener;
}

void http_request_set_data(struct http_request *r, void *data)
{
    r->data = data;
}

void *http_request_data(const struct http_request *r)
{
    return r->data;
}
