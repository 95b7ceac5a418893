/*
 * reply.c - renders answers. Owns nothing. Called by: routes, answers.c.
 */
#include "reply.h"

#include "triaged/base/buf.h"
#include "triaged/net/http.h"

enum { REPLY_MAX = 16 * 1024 };

void reply_error(struct http_request *req, int status, const char *code, const char *message,
                 const char *path)
{
    struct buf b;

    buf_init(&b, REPLY_MAX);
    buf_put_c(&b, "{\"error\":{\"code\":");
    buf_put_json(&b, str_c(code));
    buf_put_c(&b, ",\"message\":");
    buf_put_json(&b, str_c(message));
    if (path && *path) {
        buf_put_c(&b, ",\"path\":");
        buf_put_json(&b, str_c(path));
    }
    buf_put_c(&b, "}}\n");
    http_reply(req, status, TYPE_JSON, buf_str(&b));
    buf_finish(&b);
}

void reply_unavailable(struct http_request *req, const char *code, const char *message)
{
    http_reply_header(req, "Retry-After", "5");
    reply_error(req, 503, code, message, NULL);
}

void reply_api_v2(struct http_request *req, int status, int code, const char *message)
{
    struct buf b;

    buf_init(&b, REPLY_MAX);
    if (code)
        buf_printf(&b, "{\"code\":%d,\"message\":", code);
    buf_put_json(&b, str_c(message));
    buf_put_c(&b, code ? "}\n" : "\n");
    http_reply(req, status, TYPE_JSON, buf_str(&b));
    buf_finish(&b);
}

void reply_text(struct http_request *req, int status, const char *text)
{
    http_reply(req, status, TYPE_TEXT, str_c(text));
}
