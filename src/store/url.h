/*
 * url.h - where a Redis is, as written in the configuration. Private to store.
 */
#ifndef TRIAGED_STORE_URL_H
#define TRIAGED_STORE_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "triaged/base/diag.h"

enum { STORE_HOSTS_MAX = 16 };

struct store_url {
    bool tls;      /* to the hosts, and to the master that a sentinel names */
    bool sentinel; /* the hosts are sentinels that know `master` */
    char *path;    /* unix socket, or NULL */
    struct store_host {
        char *name;
        unsigned port;
    } hosts[STORE_HOSTS_MAX];
    size_t n_hosts;
    char *master;
    char *user, *password;                   /* or NULL */
    char *sentinel_user, *sentinel_password; /* or NULL */
    unsigned db;
    char *display; /* for the log: without the password */
};

bool store_url_parse(const char *url, struct store_url *out, struct diag *why);
void store_url_finish(struct store_url *u);

#endif
