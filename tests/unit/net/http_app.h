/*
 * http_app.h - a server for tests that echoes what it was asked, at once or when told.
 */
#ifndef TRIAGED_TESTS_HTTP_APP_H
#define TRIAGED_TESTS_HTTP_APP_H

#include "net_test.h"
#include "triaged/net/http.h"

enum { APP_HELD_MAX = 64 };

struct app {
    struct event_base *base;
    struct http_server *server;
    struct conf *conf;
    bool hold;        /* keep requests instead of answering */
    int status;       /* of answers; 0 = 200 */
    size_t seen;      /* requests that came to the handler */
    size_t body_seen; /* bytes of the last body */
    struct http_request *held[APP_HELD_MAX];
    size_t n_held;
};

static inline void app_answer(struct app *a, struct http_request *r)
{
    struct str body = http_request_body(r), path = http_request_path(r);
    char *text = xasprintf("%.*s %zu", STR_ARG(path), body.n);

    http_reply_header(r, "X-Test", "yes");
    http_reply(r, a->status ? a->status : 200, "text/plain", str_c(text));
    free(text);
}

static inline void app_on_request(void *arg, struct http_request *r)
{
    struct app *a = arg;

    a->seen++;
    a->body_seen = http_request_body(r).n;
    if (!a->hold) {
        app_answer(a, r);
        return;
    }
    assert_true(a->n_held < APP_HELD_MAX);
    a->held[a->n_held++] = r;
}

static inline void app_answer_held(struct app *a)
{
    for (size_t i = 0; i < a->n_held; i++)
        app_answer(a, a->held[i]);
    a->n_held = 0;
}

static inline bool app_holds(void *arg)
{
    return ((struct app *)arg)->n_held > 0;
}

static inline bool app_idle(void *arg)
{
    return http_server_pending(((struct app *)arg)->server) == 0;
}

/* One listener on a free port of 127.0.0.1; the caller may change a->conf before app_start. */
static inline void app_init(struct app *a)
{
    memset(a, 0, sizeof(*a));
    net_loop_log();
    a->base = net_loop_create();
    assert_non_null(a->base);
    a->conf = conf_by_hand(1, 0);
    a->conf->http[0].address = S("127.0.0.1:0");
    a->conf->http[0].transport = TRANSPORT_TCP;
}

static inline void app_start(struct app *a)
{
    struct http_callbacks cb = {app_on_request, a};
    struct diag why;

    diag_init(&why);
    a->server = http_server_create(a->base, &cb);
    if (!http_server_configure(a->server, a->conf, false, &why)) {
        diag_print(&why, stderr);
        fail();
    }
    diag_finish(&why);
}

static inline void app_finish(struct app *a)
{
    http_server_destroy(a->server);
    event_base_free(a->base);
    conf_by_hand_free(a->conf);
}

static inline void app_connect(struct app *a, struct client *c)
{
    client_connect(c, a->base, http_server_port(a->server, 0));
}

#endif
