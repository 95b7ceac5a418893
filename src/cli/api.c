/*
 * api.c - HTTP by libcurl: one connection, kept between the requests of a command.
 * Owns: the curl handle. Never: follows a redirection (the token would go along), prints.
 */
#include "api.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "triaged/base/mem.h"

struct api {
    CURL *curl;
    char *base;          /* URL without a slash at its end */
    char *authorization; /* a header, or NULL */
    char *no_proxy;
    char error[CURL_ERROR_SIZE];
    long timeout_ms; /* of a call */
};

/* Where the bytes of one answer go. */
struct sink {
    struct api *api;
    struct buf *body;
    api_bytes_fn *fn; /* or NULL */
    void *arg;
    bool ended, too_long;
};

/* ---- life ------------------------------------------------------------------------------------ */

/* The loopback is never behind a proxy. */
static char *no_proxy_list(void)
{
    const char *given = getenv("no_proxy");

    if (!given || !*given)
        given = getenv("NO_PROXY");
    if (given && strcmp(given, "*") == 0)
        return xstrdup("*");
    return xasprintf("%s%slocalhost,127.0.0.1,::1", given ? given : "", given && *given ? "," : "");
}

static bool is_http(const char *url)
{
    struct str s = str_c(url);

    return (str_starts(s, S("http://")) && s.n > 7) || (str_starts(s, S("https://")) && s.n > 8);
}

struct api *api_create(const struct api_options *options, char why[API_WHY])
{
    struct api *a;
    size_t n = strlen(options->url);

    if (!is_http(options->url)) {
        snprintf(why, API_WHY, "\"%s\" is no http:// or https:// address", options->url);
        return NULL;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        snprintf(why, API_WHY, "libcurl does not start");
        return NULL;
    }
    a = NEW(struct api);
    a->curl = curl_easy_init();
    a->timeout_ms = API_TIMEOUT_MS;
    while (n > 0 && options->url[n - 1] == '/')
        n--;
    a->base = xstrndup(options->url, n);
    a->no_proxy = no_proxy_list();
    if (options->token)
        a->authorization = xasprintf("Authorization: Bearer %s", options->token);
    if (!a->curl) {
        snprintf(why, API_WHY, "libcurl does not start");
        api_destroy(a);
        return NULL;
    }
    curl_easy_setopt(a->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(a->curl, CURLOPT_ERRORBUFFER, a->error);
    curl_easy_setopt(a->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)API_CONNECT_MS);
    curl_easy_setopt(a->curl, CURLOPT_USERAGENT, "triagectl/" TRIAGED_VERSION);
    curl_easy_setopt(a->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(a->curl, CURLOPT_NOPROXY, a->no_proxy);
    if (options->ca_file)
        curl_easy_setopt(a->curl, CURLOPT_CAINFO, options->ca_file);
    return a;
}

void api_give_up_after(struct api *a, int ms)
{
    a->timeout_ms = ms;
    curl_easy_setopt(a->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)ms);
}

void api_destroy(struct api *a)
{
    if (!a)
        return;
    if (a->curl)
        curl_easy_cleanup(a->curl);
    curl_global_cleanup();
    free(a->base);
    free(a->authorization);
    free(a->no_proxy);
    free(a);
}

/* ---- one exchange ---------------------------------------------------------------------------- */

static size_t on_bytes(char *p, size_t size, size_t n, void *arg)
{
    struct sink *sink = arg;
    struct str bytes = {p, size * n};
    long status = 0;

    curl_easy_getinfo(sink->api->curl, CURLINFO_RESPONSE_CODE, &status);
    if (sink->fn && status == 200) {
        if (!sink->fn(sink->arg, bytes))
            sink->ended = true;
        return sink->ended ? 0 : bytes.n;
    }
    if (!buf_put_str(sink->body, bytes))
        sink->too_long = true;
    return sink->too_long ? 0 : bytes.n;
}

static bool add_header(struct curl_slist **list, const char *header)
{
    struct curl_slist *longer = header ? curl_slist_append(*list, header) : *list;

    if (header && !longer)
        return false;
    *list = longer;
    return true;
}

static bool exchange(struct api *a, const char *path, struct str body, struct curl_slist *headers,
                     struct sink *sink, long *status, char why[API_WHY])
{
    char *url = xasprintf("%s%s", a->base, path);
    CURLcode code;

    *a->error = '\0';
    curl_easy_setopt(a->curl, CURLOPT_URL, url);
    curl_easy_setopt(a->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(a->curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(a->curl, CURLOPT_WRITEDATA, sink);
    if (body.p) {
        curl_easy_setopt(a->curl, CURLOPT_POST, 1L);
        curl_easy_setopt(a->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
        curl_easy_setopt(a->curl, CURLOPT_POSTFIELDS, body.p);
    } else {
        curl_easy_setopt(a->curl, CURLOPT_HTTPGET, 1L);
    }
    code = curl_easy_perform(a->curl);
    curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, status);
    free(url);
    if (code == CURLE_OK || sink->ended)
        return true;
    snprintf(why, API_WHY, "%s",
             sink->too_long ? "the answer is longer than 64 MiB"
             : *a->error    ? a->error
                            : curl_easy_strerror(code));
    return false;
}

bool api_call(struct api *a, const char *path, struct str body, const char *accept,
              struct api_answer *out, char why[API_WHY])
{
    struct sink sink = {.api = a, .body = &out->body};
    struct curl_slist *headers = NULL;
    char line[128];
    bool ok;

    snprintf(line, sizeof(line), "Accept: %s", accept ? accept : "application/json");
    buf_reset(&out->body);
    snprintf(why, API_WHY, "out of memory");
    ok = add_header(&headers, line) && add_header(&headers, a->authorization) &&
         /* no round trip to ask whether the body is welcome */
         add_header(&headers, "Expect:") &&
         add_header(&headers, body.p ? "Content-Type: application/json" : NULL);
    curl_easy_setopt(a->curl, CURLOPT_TIMEOUT_MS, a->timeout_ms);
    curl_easy_setopt(a->curl, CURLOPT_LOW_SPEED_LIMIT, 0L);
    ok = ok && exchange(a, path, body, headers, &sink, &out->status, why);
    curl_slist_free_all(headers);
    return ok;
}

bool api_stream(struct api *a, const char *path, const char *last_id, api_bytes_fn *fn, void *arg,
                struct api_answer *out, char why[API_WHY])
{
    struct sink sink = {.api = a, .body = &out->body, .fn = fn, .arg = arg};
    struct curl_slist *headers = NULL;
    char *resume = *last_id ? xasprintf("Last-Event-ID: %s", last_id) : NULL;
    bool ok;

    buf_reset(&out->body);
    snprintf(why, API_WHY, "out of memory");
    ok = add_header(&headers, "Accept: text/event-stream") &&
         add_header(&headers, a->authorization) && add_header(&headers, resume);
    curl_easy_setopt(a->curl, CURLOPT_TIMEOUT_MS, 0L);
    curl_easy_setopt(a->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(a->curl, CURLOPT_LOW_SPEED_TIME, (long)API_QUIET_S);
    ok = ok && exchange(a, path, STR_NONE, headers, &sink, &out->status, why);
    curl_slist_free_all(headers);
    free(resume);
    return ok;
}

/* ---- addresses ------------------------------------------------------------------------------- */

static void put_escaped(struct buf *b, struct str s)
{
    static const char hex[] = "0123456789ABCDEF";
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c && strchr(plain, c)) {
            buf_put_char(b, (char)c);
        } else {
            buf_put_char(b, '%');
            buf_put_char(b, hex[c >> 4]);
            buf_put_char(b, hex[c & 15]);
        }
    }
}

void api_put_query(struct buf *path, const char *name, struct str value)
{
    buf_put_char(path, str_find_char(buf_str(path), '?') < path->n ? '&' : '?');
    buf_put_c(path, name);
    buf_put_char(path, '=');
    put_escaped(path, value);
}

void api_put_segment(struct buf *path, struct str segment)
{
    buf_put_char(path, '/');
    put_escaped(path, segment);
}
