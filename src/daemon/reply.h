/*
 * reply.h - the forms of answers (DESIGN section 8): one error object, and Alertmanager's own forms
 * on /api/v2.
 */
#ifndef TRIAGED_DAEMON_REPLY_H
#define TRIAGED_DAEMON_REPLY_H

#include "triaged/base/str.h"

struct http_request;

#define TYPE_JSON "application/json"
#define TYPE_TEXT "text/plain; charset=utf-8"

/* {"error": {"code": …, "message": …, "path": …}}; path may be NULL. */
void reply_error(struct http_request *req, int status, const char *code, const char *message,
                 const char *path);
/* 503 with Retry-After. */
void reply_unavailable(struct http_request *req, const char *code, const char *message);
/* /api/v2: {"code": N, "message": …}, or the bare message as a JSON string when code is 0. */
void reply_api_v2(struct http_request *req, int status, int code, const char *message);
void reply_text(struct http_request *req, int status, const char *text);

#endif
