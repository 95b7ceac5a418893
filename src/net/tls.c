/*
 * tls.c - certificates in, bufferevents out: the server's side (tls_client.c is the other).
 * Owns: OpenSSL for listeners; the protocol floor (TLS 1.2) and the demand for client certificates.
 * Never: falls back to plain text; reads a configuration.
 */
#include "tls.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

#include "triaged/base/mem.h"

struct tls_context {
    SSL_CTX *ctx;
};

/* Of the oldest queued error, which names the cause; later ones name who passed it on. */
static void refuse(const struct conf_place *at, struct diag *why, struct str file, const char *what)
{
    char text[256] = "unknown error";
    unsigned long e = ERR_get_error();

    if (e)
        ERR_error_string_n(e, text, sizeof(text));
    ERR_clear_error();
    diag_error(why, at->file, at->line, at->column, at->path, "%.*s: %s: %s", STR_ARG(file), what,
               text);
}

static bool load_identity(SSL_CTX *ctx, const struct conf_tls *t, const struct conf_place *at,
                          struct diag *why)
{
    char *certificate = xstrndup(t->certificate.p, t->certificate.n);
    struct str key_name = t->key.n ? t->key : t->certificate; /* one file with both */
    char *key = xstrndup(key_name.p, key_name.n);
    bool ok = false;

    if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
        refuse(at, why, t->certificate, "cannot read the certificate");
    else if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        refuse(at, why, key_name, "cannot read the key, or it is not the certificate's");
    else if (SSL_CTX_check_private_key(ctx) != 1)
        refuse(at, why, key_name, "the key is not the certificate's");
    else
        ok = true;
    free(certificate);
    free(key);
    return ok;
}

static bool load_client_ca(SSL_CTX *ctx, const struct conf_tls *t, const struct conf_place *at,
                           struct diag *why)
{
    char *file = xstrndup(t->client_ca.p, t->client_ca.n);
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(file);
    bool ok = names && SSL_CTX_load_verify_file(ctx, file) == 1;

    if (ok) {
        SSL_CTX_set_client_CA_list(ctx, names); /* takes names */
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    } else {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        refuse(at, why, t->client_ca, "cannot read the client CAs");
    }
    free(file);
    return ok;
}

static void set_policy(SSL_CTX *ctx)
{
    static const unsigned char session_context[] = "triaged";

    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* Without it a resumed session fails where client certificates are asked for. */
    SSL_CTX_set_session_id_context(ctx, session_context, sizeof(session_context) - 1);
}

struct tls_context *tls_context_create(const struct conf_tls *t, const struct conf_place *place,
                                       struct diag *why)
{
    SSL_CTX *ctx;
    struct tls_context *c;

    ERR_clear_error();
    ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx) {
        refuse(place, why, t->certificate, "cannot set up TLS");
        return NULL;
    }
    set_policy(ctx);
    if (!load_identity(ctx, t, place, why) ||
        (t->client_ca.n && !load_client_ca(ctx, t, place, why))) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    c = NEW(struct tls_context);
    c->ctx = ctx;
    return c;
}

void tls_context_destroy(struct tls_context *c)
{
    if (!c)
        return;
    SSL_CTX_free(c->ctx); /* open connections hold references of their own */
    free(c);
}

struct bufferevent *tls_bufferevent(struct tls_context *c, struct event_base *base, int fd)
{
    SSL *ssl = SSL_new(c->ctx);
    struct bufferevent *bev;

    if (!ssl)
        return NULL;
    bev = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                         BEV_OPT_CLOSE_ON_FREE);
    if (!bev) {
        SSL_free(ssl);
        return NULL;
    }
    /* Many clients close without close_notify. Frames and Content-Length tell us what is whole. */
    bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    return bev;
}

bool tls_is_open(struct bufferevent *bev)
{
    SSL *ssl = bufferevent_openssl_get_ssl(bev);

    return !ssl || SSL_is_init_finished(ssl);
}

void tls_error_text(struct bufferevent *bev, char *out, size_t size)
{
    unsigned long e = bufferevent_get_openssl_error(bev);

    out[0] = '\0';
    if (e && ERR_reason_error_string(e))
        snprintf(out, size, "%s", ERR_reason_error_string(e));
}

size_t tls_read_now(struct bufferevent *bev, void *p, size_t n)
{
    SSL *ssl = bufferevent_openssl_get_ssl(bev);
    size_t got = 0;

    if (!ssl || !SSL_is_init_finished(ssl))
        return 0;
    ERR_clear_error();
    return SSL_read_ex(ssl, p, n, &got) == 1 ? got : 0;
}
