/*
 * http_ping.c - one HTTP request at a time by libcurl, off the loops.
 * Owns: a thread and what it is asked to do, under a lock. The daemon's only door to libcurl.
 * Never: logs; decides what an answer means.
 */
#include "triaged/net/http_ping.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "triaged/base/mem.h"
#include "triaged/base/thread.h"

enum { POLL_MS = 1000 };

struct request {
    char *url, *ca;
    int64_t timeout_ms;
};

struct http_ping {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t asked;
    CURLM *multi;
    bool stopping;           /* the rest under the lock */
    struct request *waiting; /* owns, or NULL */
    bool busy, done;
    struct http_ping_result result;
};

static bool is_stopping(struct http_ping *p)
{
    bool stopping;

    pthread_mutex_lock(&p->lock);
    stopping = p->stopping;
    pthread_mutex_unlock(&p->lock);
    return stopping;
}

/* What is answered is of no interest; an endless answer is no answer. */
static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    size_t *seen = arg;

    (void)data;
    *seen += size * n;
    return *seen > HTTP_PING_BODY_MAX ? 0 : size * n;
}

static void set_up(CURL *c, const struct request *r, size_t *seen, char *error)
{
    curl_easy_setopt(c, CURLOPT_URL, r->url);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, seen);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)HTTP_PING_REDIRECTS_MAX);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(c, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    curl_easy_setopt(c, CURLOPT_USERAGENT, "triaged/" TRIAGED_VERSION);
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (*r->ca) {
        curl_easy_setopt(c, CURLOPT_CAINFO, r->ca);
        curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
    }
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L); /* a stop waits for no look-up of a name */
#endif
}

/* Drives the transfer until it ends or a stop is asked for. */
static CURLcode drive(struct http_ping *p, CURL *c)
{
    CURLcode code = CURLE_ABORTED_BY_CALLBACK;
    int running = 1, left;
    CURLMsg *m;

    if (curl_multi_add_handle(p->multi, c) != CURLM_OK)
        return CURLE_FAILED_INIT;
    while (running && !is_stopping(p)) {
        if (curl_multi_perform(p->multi, &running) != CURLM_OK)
            break;
        if (running)
            curl_multi_poll(p->multi, NULL, 0, POLL_MS, NULL);
    }
    while ((m = curl_multi_info_read(p->multi, &left)))
        if (m->msg == CURLMSG_DONE)
            code = m->data.result;
    curl_multi_remove_handle(p->multi, c);
    return code;
}

static void run_one(struct http_ping *p, const struct request *r, struct http_ping_result *out)
{
    char error[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = curl_slist_append(NULL, "Cache-Control: no-cache");
    CURL *c = curl_easy_init();
    size_t seen = 0;
    CURLcode code;

    *out = (struct http_ping_result){0};
    if (c) {
        set_up(c, r, &seen, error);
        curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
        code = drive(p, c);
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &out->status);
        out->ok = code == CURLE_OK && out->status >= 200 && out->status < 300;
        if (code != CURLE_OK)
            snprintf(out->why, sizeof(out->why), "%s", *error ? error : curl_easy_strerror(code));
        else if (!out->ok)
            snprintf(out->why, sizeof(out->why), "answered with status %ld", out->status);
        curl_easy_cleanup(c);
    } else {
        snprintf(out->why, sizeof(out->why), "out of memory");
    }
    curl_slist_free_all(headers);
}

static void request_free(struct request *r)
{
    if (!r)
        return;
    free(r->url);
    free(r->ca);
    free(r);
}

static void *run(void *arg)
{
    struct http_ping *p = arg;

    pthread_mutex_lock(&p->lock);
    while (!p->stopping) {
        struct request *r = p->waiting;
        struct http_ping_result result;

        if (!r) {
            pthread_cond_wait(&p->asked, &p->lock);
            continue;
        }
        p->waiting = NULL;
        pthread_mutex_unlock(&p->lock);
        run_one(p, r, &result);
        request_free(r);
        pthread_mutex_lock(&p->lock);
        p->result = result;
        p->busy = false;
        p->done = true;
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static void finish(struct http_ping *p)
{
    request_free(p->waiting);
    curl_multi_cleanup(p->multi);
    pthread_cond_destroy(&p->asked);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

struct http_ping *http_ping_create(void)
{
    struct http_ping *p;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return NULL;
    p = NEW(struct http_ping);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->asked, NULL);
    p->multi = curl_multi_init();
    if (p->multi && thread_start(&p->thread, "http-ping", run, p))
        return p;
    finish(p);
    return NULL;
}

bool http_ping_send(struct http_ping *p, const char *url, const char *ca, int64_t timeout_ms)
{
    struct request *r;
    bool sent;

    pthread_mutex_lock(&p->lock);
    sent = !p->busy;
    if (sent) {
        r = NEW(struct request);
        *r = (struct request){xstrdup(url), xstrdup(ca), timeout_ms};
        p->waiting = r;
        p->busy = true;
        p->done = false;
        pthread_cond_signal(&p->asked);
    }
    pthread_mutex_unlock(&p->lock);
    return sent;
}

bool http_ping_take(struct http_ping *p, struct http_ping_result *out)
{
    bool done;

    pthread_mutex_lock(&p->lock);
    done = p->done;
    if (done)
        *out = p->result;
    p->done = false;
    pthread_mutex_unlock(&p->lock);
    return done;
}

void http_ping_destroy(struct http_ping *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_signal(&p->asked);
    pthread_mutex_unlock(&p->lock);
    curl_multi_wakeup(p->multi);
    pthread_join(p->thread, NULL);
    finish(p);
}
