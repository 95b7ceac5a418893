/*
 * auth.c - tokens, compared as SHA-256 in constant time.
 * Owns nothing. Never: logs a token. Called by: routes.c.
 */
#include "auth.h"

#include <string.h>

#include "triaged/base/hash.h"
#include "triaged/base/mem.h"

enum { CREDENTIALS_MAX = 1024 };

/* RFC 4648 section 4; padding may be missing. Returns the length, or -1. */
static int base64_decode(struct str in, char out[CREDENTIALS_MAX])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0, n_bits = 0;
    int n = 0;

    while (in.n && in.p[in.n - 1] == '=')
        in.n--;
    for (size_t i = 0; i < in.n; i++) {
        const char *at = in.p[i] ? strchr(alphabet, in.p[i]) : NULL;

        if (!at || n >= CREDENTIALS_MAX - 1)
            return -1;
        bits = bits << 6 | (unsigned)(at - alphabet);
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            out[n++] = (char)(bits >> n_bits & 0xff);
        }
    }
    return n;
}

/* The secret of the header, and the name if it came with one; false when there is none. */
static bool credentials(struct str header, char text[CREDENTIALS_MAX], struct str *name,
                        struct str *secret)
{
    struct str rest, scheme = str_cut(str_trim(header), ' ', &rest);
    int n;

    rest = str_trim(rest);
    *name = STR_NONE;
    if (str_ieq(scheme, S("Bearer")) && rest.n) {
        *secret = rest;
        return true;
    }
    if (!str_ieq(scheme, S("Basic")) || (n = base64_decode(rest, text)) < 0)
        return false;
    *name = str_cut((struct str){text, (size_t)n}, ':', secret);
    return secret->n > 0;
}

/* Without an early exit, so that the time tells nothing of where they differ. */
static bool equal_hex(struct str a, const char *b)
{
    unsigned char diff = a.n == 64 ? 0 : 1;

    for (size_t i = 0; i < 64 && i < a.n; i++)
        diff |= (unsigned char)(a.p[i] ^ b[i]);
    return diff == 0;
}

static bool allows(enum role role, enum access access)
{
    static const enum role least[] = {
        [ACCESS_VIEWER] = ROLE_VIEWER,
        [ACCESS_RESPONDER] = ROLE_RESPONDER,
        [ACCESS_MANAGER] = ROLE_MANAGER,
        [ACCESS_ADMIN] = ROLE_ADMIN,
    };

    switch (access) {
    case ACCESS_ANYONE:
    case ACCESS_METRICS:
        return true;
    case ACCESS_INGEST:
        return role == ROLE_INGEST || role >= ROLE_MANAGER;
    case ACCESS_VIEWER:
    case ACCESS_RESPONDER:
    case ACCESS_MANAGER:
    case ACCESS_ADMIN:
        break;
    }
    return role != ROLE_INGEST && role >= least[access];
}

enum auth_result auth_check(const struct conf *conf, struct str authorization, enum access access,
                            const struct conf_token **token)
{
    char text[CREDENTIALS_MAX], hex[65];
    struct str name, secret;

    *token = NULL;
    if (access == ACCESS_ANYONE || conf->n_tokens == 0)
        return AUTH_OK;
    if (!credentials(authorization, text, &name, &secret))
        return AUTH_MISSING;
    hash_sha256_hex(secret.p, secret.n, hex);
    for (size_t i = 0; i < conf->n_tokens; i++) {
        const struct conf_token *t = &conf->tokens[i];

        if (equal_hex(t->sha256, hex) && (name.p == NULL || str_eq(name, t->name)))
            *token = t;
    }
    if (!*token)
        return AUTH_WRONG;
    return allows((*token)->role, access) ? AUTH_OK : AUTH_FORBIDDEN;
}
