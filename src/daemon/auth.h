/*
 * auth.h - who asks: `Authorization: Bearer TOKEN`, or Basic with name:token (what Prometheus,
 * Alertmanager and Grafana can all send; RFC 6750, RFC 7617).
 */
#ifndef TRIAGED_DAEMON_AUTH_H
#define TRIAGED_DAEMON_AUTH_H

#include <stdbool.h>

#include "routes.h"
#include "triaged/conf/conf.h"

enum auth_result { AUTH_OK, AUTH_MISSING, AUTH_WRONG, AUTH_FORBIDDEN };

/* *token: who it is, NULL when no tokens are configured (then everyone is let in: conf allows that
 * on loopback only). */
enum auth_result auth_check(const struct conf *conf, struct str authorization, enum access access,
                            const struct conf_token **token);

#endif
