/*
 * tls_client.h - certificates made for a test, and a client that speaks TLS while the loop runs.
 */
#ifndef TRIAGED_TESTS_TLS_CLIENT_H
#define TRIAGED_TESTS_TLS_CLIENT_H

#include "net_test.h"

#include <openssl/ssl.h>

/* A self-signed certificate: DIR/NAME.pem and DIR/NAME.key. */
static inline void make_certificate(const char *dir, const char *name)
{
    char *cmd = xasprintf("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 "
                          "-nodes -days 2 -subj /CN=%s -keyout %s/%s.key -out %s/%s.pem "
                          "2>/dev/null",
                          name, dir, name, dir, name);

    assert_int_equal(system(cmd), 0);
    free(cmd);
}

struct tls_client {
    struct event_base *base;
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
    struct buf in;
    bool failed, eof;
    const char *waits_for;
    int max_version;
};

/* identity: path without ".pem" of a client certificate, or NULL. */
static inline void tls_client_connect(struct tls_client *c, struct event_base *base, unsigned port,
                                      const char *identity)
{
    int max = c->max_version;

    memset(c, 0, sizeof(*c));
    c->base = base;
    c->fd = tcp_socket(port);
    fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK);
    buf_init(&c->in, 1 << 20);
    c->ctx = SSL_CTX_new(TLS_client_method());
    if (max) {
        SSL_CTX_set_security_level(c->ctx, 0);
        SSL_CTX_set_min_proto_version(c->ctx, max);
        SSL_CTX_set_max_proto_version(c->ctx, max);
    }
    if (identity) {
        char *cert = xasprintf("%s.pem", identity), *key = xasprintf("%s.key", identity);

        assert_int_equal(SSL_CTX_use_certificate_file(c->ctx, cert, SSL_FILETYPE_PEM), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(c->ctx, key, SSL_FILETYPE_PEM), 1);
        free(cert);
        free(key);
    }
    c->ssl = SSL_new(c->ctx);
    SSL_set_fd(c->ssl, c->fd);
    SSL_set_connect_state(c->ssl);
}

static inline void tls_client_close(struct tls_client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
    close(c->fd);
    buf_finish(&c->in);
}

static inline void tls_note(struct tls_client *c, int rc)
{
    int e = SSL_get_error(c->ssl, rc);

    if (e == SSL_ERROR_ZERO_RETURN)
        c->eof = true;
    else if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE)
        c->failed = true;
}

static inline void tls_client_pump(struct tls_client *c)
{
    char part[16384];
    int n;

    while ((n = SSL_read(c->ssl, part, sizeof(part))) > 0)
        buf_put(&c->in, part, (size_t)n);
    tls_note(c, n);
}

static inline bool tls_is_up(void *arg)
{
    struct tls_client *c = arg;
    int rc = SSL_do_handshake(c->ssl);

    if (rc != 1)
        tls_note(c, rc);
    return rc == 1 || c->failed;
}

/* False: the handshake failed. */
static inline bool tls_client_handshake(struct tls_client *c)
{
    loop_until(c->base, tls_is_up, c);
    return !c->failed;
}

static inline void tls_client_send(struct tls_client *c, const char *text)
{
    size_t n = strlen(text), sent = 0;
    int64_t end = clock_mono_ms() + WAIT_MS;

    while (sent < n && clock_mono_ms() < end) {
        int rc = SSL_write(c->ssl, text + sent, (int)(n - sent));

        if (rc > 0)
            sent += (size_t)rc;
        else
            event_base_loop(c->base, EVLOOP_NONBLOCK);
    }
    assert_int_equal(sent, n);
}

static inline bool tls_client_has(void *arg)
{
    struct tls_client *c = arg;

    tls_client_pump(c);
    return str_find(buf_str(&c->in), str_c(c->waits_for)) < c->in.n;
}

static inline void tls_client_wait(struct tls_client *c, const char *text)
{
    c->waits_for = text;
    loop_until(c->base, tls_client_has, c);
}

static inline bool tls_client_is_done(void *arg)
{
    struct tls_client *c = arg;

    tls_client_pump(c);
    return c->failed || c->eof;
}

#endif
