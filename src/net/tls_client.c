/*
 * tls_client.c - the client's side of TLS: whom to trust, what to show, and which check failed.
 * Owns: OpenSSL for connections that go out. The policy: TLS 1.2 at least, the peer's certificate
 * is always checked against the CAs and its subjectAltName against the name; there is no way to
 *       turn that off.
 * Never: connects, falls back to plain text.
 *
 * Each connection looks whether a file has changed since it was read, so whoever renews a
 * certificate need not tell us: the next connection uses it. Reading for each would hold the loop:
 * the system's bundle of CAs takes 40 to 70 ms, one CA and a key 3.
 */
#include "triaged/net/tls_client.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "triaged/base/buf.h"
#include "triaged/base/mem.h"
#include "triaged/base/str.h"

enum { FILES = 4, WHY_MAX = 768 };

struct stamp { /* of a file as it was read; zero when it is not there */
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec changed;
};

struct tls_client {
    char *ca, *certificate, *key; /* or NULL */
    pthread_mutex_t lock;         /* of what follows */
    SSL_CTX *ctx;                 /* made of the files as they were at `stamps` */
    struct stamp stamps[FILES];
};

/* ---- the certificate that was refused: OpenSSL forgets it, and its names are worth knowing ------
 */

static int refused_index; /* of ex_data of an SSL */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void free_refused(void *parent, void *x, CRYPTO_EX_DATA *ad, int index, long l, void *p)
{
    (void)parent;
    (void)ad;
    (void)index;
    (void)l;
    (void)p;
    X509_free(x);
}

static void make_index(void)
{
    refused_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_refused);
    if (refused_index < 0)
        abort(); /* a small allocation, as NEW */
}

static int on_verify(int ok, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    X509 *x = X509_STORE_CTX_get0_cert(store);

    if (!ok && x && ssl && !SSL_get_ex_data(ssl, refused_index) && X509_up_ref(x) == 1 &&
        SSL_set_ex_data(ssl, refused_index, x) != 1)
        X509_free(x);
    return ok;
}

/* ---- the files ----------------------------------------------------------------------------------
 */

/* "FILE: what: the oldest queued error", which names the cause. */
static bool refuse(char *why, size_t size, const char *file, const char *what)
{
    unsigned long e = ERR_get_error();
    const char *reason =
        ERR_GET_LIB(e) == ERR_LIB_SYS ? strerror(ERR_GET_REASON(e)) : ERR_reason_error_string(e);

    snprintf(why, size, "%s: %s%s%s", file, what, reason ? ": " : "", reason ? reason : "");
    ERR_clear_error();
    return false;
}

static bool load_trust(SSL_CTX *ctx, const struct tls_client *c, char *why, size_t size)
{
    if (!c->ca)
        return SSL_CTX_set_default_verify_paths(ctx) == 1 ||
               refuse(why, size, "TLS", "cannot use the system's CAs");
    return SSL_CTX_load_verify_file(ctx, c->ca) == 1 ||
           refuse(why, size, c->ca, "cannot read the CAs");
}

static bool load_identity(SSL_CTX *ctx, const struct tls_client *c, char *why, size_t size)
{
    if (!c->certificate)
        return true;
    if (SSL_CTX_use_certificate_chain_file(ctx, c->certificate) != 1)
        return refuse(why, size, c->certificate, "cannot read the certificate");
    if (SSL_CTX_use_PrivateKey_file(ctx, c->key, SSL_FILETYPE_PEM) != 1)
        return refuse(why, size, c->key, "cannot read the key, or it is not the certificate's");
    return true;
}

static SSL_CTX *make_context(const struct tls_client *c, char *why, size_t size)
{
    SSL_CTX *ctx;

    pthread_once(&once, make_index);
    ERR_clear_error();
    ctx = SSL_CTX_new(TLS_client_method());
    if (!ctx) {
        refuse(why, size, "TLS", "cannot be set up");
        return NULL;
    }
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    /* An end without close_notify is an end: what is read there says itself where it ends. */
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_verify);
    if (load_trust(ctx, c, why, size) && load_identity(ctx, c, why, size))
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

static const char *system_file(const char *variable, const char *otherwise)
{
    const char *name = secure_getenv(variable);

    return name ? name : otherwise;
}

static void look(const char *file, struct stamp *out)
{
    struct stat st;

    memset(out, 0, sizeof(*out));
    if (!file || stat(file, &st) != 0)
        return;
    out->dev = st.st_dev;
    out->ino = st.st_ino;
    out->size = st.st_size;
    out->changed = st.st_ctim;
}

/* The CAs of the system are a file and a directory, of which OpenSSL reads what there is. */
static void look_at_all(const struct tls_client *c, struct stamp stamps[FILES])
{
    const char *ca =
        c->ca ? c->ca : system_file(X509_get_default_cert_file_env(), X509_get_default_cert_file());
    const char *directory =
        c->ca ? NULL : system_file(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());

    look(ca, &stamps[0]);
    look(directory, &stamps[1]);
    look(c->certificate, &stamps[2]);
    look(c->key, &stamps[3]);
}

/* A reference to the context of the files as they are. What is written while it is read has another
 * stamp afterwards, so it is read again. */
static SSL_CTX *context(struct tls_client *c, char *why, size_t size)
{
    struct stamp stamps[FILES];
    SSL_CTX *ctx;

    pthread_mutex_lock(&c->lock);
    look_at_all(c, stamps);
    if (!c->ctx || memcmp(stamps, c->stamps, sizeof(stamps)) != 0) {
        SSL_CTX_free(c->ctx);
        c->ctx = make_context(c, why, size);
        memcpy(c->stamps, stamps, sizeof(stamps));
    }
    ctx = c->ctx;
    if (ctx)
        SSL_CTX_up_ref(ctx);
    pthread_mutex_unlock(&c->lock);
    return ctx;
}

static char *copy(struct str s)
{
    return s.n ? xstrndup(s.p, s.n) : NULL;
}

struct tls_client *tls_client_create(const struct conf_tls_client *t, struct diag *why)
{
    struct tls_client *c = NEW(struct tls_client);
    char text[WHY_MAX];
    SSL_CTX *ctx;

    pthread_mutex_init(&c->lock, NULL);
    c->ca = copy(t->ca);
    c->certificate = copy(t->certificate);
    c->key = t->key.n ? copy(t->key) : copy(t->certificate); /* one file with both */
    ctx = context(c, text, sizeof(text));
    SSL_CTX_free(ctx);
    if (ctx)
        return c;
    diag_error(why, t->place.file, t->place.line, t->place.column, t->place.path, "%s", text);
    tls_client_destroy(c);
    return NULL;
}

void tls_client_destroy(struct tls_client *c)
{
    if (!c)
        return;
    SSL_CTX_free(c->ctx); /* open connections hold references of their own */
    pthread_mutex_destroy(&c->lock);
    free(c->ca);
    free(c->certificate);
    free(c->key);
    free(c);
}

/* ---- a connection -------------------------------------------------------------------------------
 */

static bool is_address(const char *name)
{
    struct in6_addr a;

    return inet_pton(AF_INET, name, &a) == 1 || inet_pton(AF_INET6, name, &a) == 1;
}

/* What the certificate must be for, and what the server is told that we look for. */
static bool expect(SSL *ssl, const char *name)
{
    if (is_address(name))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    SSL_set_hostflags(ssl,
                      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return name[0] && SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

struct bufferevent *tls_client_wrap(struct tls_client *c, struct event_base *base, int fd,
                                    const char *name, char *why, size_t why_size)
{
    SSL_CTX *ctx = context(c, why, why_size);
    SSL *ssl = ctx ? SSL_new(ctx) : NULL;
    struct bufferevent *bev = NULL;

    SSL_CTX_free(ctx); /* the connection holds a reference of its own */
    if (!ctx)
        return NULL;
    if (!ssl || !expect(ssl, name))
        refuse(why, why_size, name, "cannot be asked for by TLS");
    else if (!(bev = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_CONNECTING,
                                                    BEV_OPT_CLOSE_ON_FREE)))
        refuse(why, why_size, name, "no memory for TLS");
    if (bev)
        bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    else
        SSL_free(ssl);
    return bev;
}

/* ---- what went wrong ----------------------------------------------------------------------------
 */

static void put_name(struct buf *b, const GENERAL_NAME *n)
{
    char address[INET6_ADDRSTRLEN] = "";
    int type;
    const ASN1_STRING *s = GENERAL_NAME_get0_value(n, &type);
    const unsigned char *p = type == GEN_DNS || type == GEN_IPADD ? ASN1_STRING_get0_data(s) : NULL;
    int length = p ? ASN1_STRING_length(s) : 0;

    if (type == GEN_DNS)
        buf_printf(b, "%s%.*s", b->n ? ", " : "", length, (const char *)p);
    else if (p && inet_ntop(length == 4 ? AF_INET : AF_INET6, p, address, sizeof(address)) &&
             (length == 4 || length == 16))
        buf_printf(b, "%s%s", b->n ? ", " : "", address);
}

/* Whom the peer's certificate is for. */
static void put_names(struct buf *b, const SSL *ssl)
{
    const X509 *x = SSL_get_ex_data(ssl, refused_index);
    GENERAL_NAMES *names = x ? X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL) : NULL;

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        put_name(b, sk_GENERAL_NAME_value(names, i));
    if (b->n == 0)
        buf_put_c(b, "nobody (it has no subjectAltName)");
    GENERAL_NAMES_free(names);
}

static bool is_unknown_issuer(long result)
{
    return result == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
           result == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE ||
           result == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
           result == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT;
}

static void explain_certificate(const SSL *ssl, long result, const char *name, char *why,
                                size_t size)
{
    struct buf names;

    if (result != X509_V_ERR_HOSTNAME_MISMATCH && result != X509_V_ERR_IP_ADDRESS_MISMATCH) {
        snprintf(why, size, "its certificate is not trusted: %s%s",
                 is_unknown_issuer(result) ? "no CA that we trust has issued it: " : "",
                 X509_verify_cert_error_string(result));
        return;
    }
    buf_init(&names, 160); /* what does not fit is left out */
    put_names(&names, ssl);
    snprintf(why, size, "its certificate is not for %s but for %.*s", name, (int)names.n, names.p);
    buf_finish(&names);
}

static const struct {
    int reason;
    const char *text;
} causes[] = {
    {SSL_R_WRONG_VERSION_NUMBER, "it does not speak TLS there"},
    {SSL_R_PACKET_LENGTH_TOO_LONG, "it does not speak TLS there"},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "it wants a client certificate"},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA, "it does not trust our certificate"},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "it speaks no TLS as new as 1.2"},
    {SSL_R_UNSUPPORTED_PROTOCOL, "it speaks no TLS as new as 1.2"},
};

void tls_client_explain(struct bufferevent *bev, const char *name, char *why, size_t why_size)
{
    const SSL *ssl = bufferevent_openssl_get_ssl(bev);
    unsigned long e = bufferevent_get_openssl_error(bev);
    long result = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
    const char *text = NULL;

    why[0] = '\0';
    if (e == 0)
        return;
    if (ERR_GET_REASON(e) == SSL_R_CERTIFICATE_VERIFY_FAILED && result != X509_V_OK) {
        explain_certificate(ssl, result, name, why, why_size);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(causes) && !text; i++)
        if (causes[i].reason == ERR_GET_REASON(e))
            text = causes[i].text;
    if (text)
        snprintf(why, why_size, "TLS: %s (%s)", text, ERR_reason_error_string(e));
    else if (ERR_reason_error_string(e))
        snprintf(why, why_size, "TLS: %s", ERR_reason_error_string(e));
}
