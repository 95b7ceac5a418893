/*
 * hash_sha.c - SHA-1 and SHA-256 in hex; the only file of base that knows OpenSSL.
 * Never: hashes anything that a peer could use as a password oracle: compare digests elsewhere.
 */
#include "triaged/base/hash.h"

#include <stdlib.h>

#include <openssl/evp.h>

static void digest_hex(const EVP_MD *md, const void *p, size_t n, char *out, size_t out_size)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    if (!EVP_Digest(n ? p : "", n, raw, &len, md, NULL) || len * 2u + 1 != out_size)
        abort(); /* no memory, or a library without these digests: EVALSHA and tokens need them */
    for (unsigned int i = 0; i < len; i++) {
        out[2 * i] = hex[raw[i] >> 4];
        out[2 * i + 1] = hex[raw[i] & 15];
    }
    out[2 * len] = 0;
}

void hash_sha1_hex(const void *p, size_t n, char out[41])
{
    digest_hex(EVP_sha1(), p, n, out, 41);
}

void hash_sha256_hex(const void *p, size_t n, char out[65])
{
    digest_hex(EVP_sha256(), p, n, out, 65);
}
