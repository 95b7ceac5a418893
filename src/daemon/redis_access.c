/*
 * redis_access.c - joins the store, which knows no TLS, and the net layer, which knows no Redis.
 * Owns: the url, the TLS client of it. Called by: supervisor.c (life); worker.c, ticker.c and
 * incident_metrics.c open connections.
 */
#include "redis_access.h"

#include <stdlib.h>
#include <string.h>

#include "triaged/base/mem.h"
#include "triaged/net/tls_client.h"

struct redis_access {
    char *url, *server_name, *key;
    struct tls_client *client; /* NULL: the url asks for none */
    struct store_tls tls;
};

static struct bufferevent *wrap(void *arg, struct event_base *base, int fd, const char *name,
                                char *why, size_t why_size)
{
    const struct redis_access *a = arg;

    return tls_client_wrap(a->client, base, fd, name, why, why_size);
}

static void explain(void *arg, struct bufferevent *bev, const char *name, char *why,
                    size_t why_size)
{
    (void)arg;
    tls_client_explain(bev, name, why, why_size);
}

struct redis_access *redis_access_create(const struct conf *conf, struct diag *why)
{
    struct redis_access *a = NEW(struct redis_access);

    a->url = xstrndup(conf->redis_url.p, conf->redis_url.n);
    a->server_name = xstrndup(conf->redis_tls.server_name.n ? conf->redis_tls.server_name.p : "",
                              conf->redis_tls.server_name.n);
    a->key = xasprintf("%.*s:{triaged}:applied", STR_ARG(conf->prefix));
    a->tls = (struct store_tls){
        .wrap = wrap, .explain = explain, .server_name = a->server_name, .arg = a};
    if (store_url_check(a->url, why) &&
        (!str_starts(conf->redis_url, S("rediss")) ||
         (a->client = tls_client_create(&conf->redis_tls, why)) != NULL))
        return a;
    redis_access_destroy(a);
    return NULL;
}

void redis_access_destroy(struct redis_access *a)
{
    if (!a)
        return;
    tls_client_destroy(a->client);
    explicit_bzero(a->url, strlen(a->url)); /* it may hold a password */
    free(a->url);
    free(a->server_name);
    free(a->key);
    free(a);
}

bool redis_access_check(const struct conf *conf, struct diag *why)
{
    struct redis_access *a = redis_access_create(conf, why);

    redis_access_destroy(a);
    return a != NULL;
}

struct store *
redis_access_open(const struct redis_access *a, struct event_base *base, const char *name,
                  void (*on_state)(void *arg, enum store_state state, const char *why), void *arg)
{
    struct store_options o = {.url = a->url,
                              .tls = a->client ? &a->tls : NULL,
                              .name = name,
                              .key = a->key,
                              .on_state = on_state,
                              .arg = arg};

    return store_create(base, &o);
}
