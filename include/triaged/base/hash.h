/*
 * hash.h - the hashes that the product uses, each with the reason it is used.
 */
#ifndef TRIAGED_BASE_HASH_H
#define TRIAGED_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "triaged/base/str.h"

/* FNV-1a 64: Prometheus' label set fingerprint (prometheus/common model/fnv.go). */
#define FNV1A64_INIT 14695981039346656037ull
uint64_t hash_fnv1a64(uint64_t h, const void *p, size_t n);

/* CRC-32C (Castagnoli, RFC 3720 appendix B.4), as in spool records. Start with crc = 0; chainable. */
uint32_t hash_crc32c(uint32_t crc, const void *p, size_t n);
/* The same without the processor's instruction; tests hold the two together. */
uint32_t hash_crc32c_portable(uint32_t crc, const void *p, size_t n);

/* 128-bit keyless fast hash for in-process tables that a peer cannot gain by colliding
 * (seeded once per process); never stored, never compared between processes. */
struct hash128 {
    uint64_t lo, hi;
};
struct hash128 hash_fast128(const void *p, size_t n, uint64_t seed);

/* SipHash-2-4 with a fixed, documented key: stable between processes, versions and machines. */
uint64_t hash_sip64(const uint8_t key[16], const void *p, size_t n);
/* SipHash-1-3 under a random key of this process (for maps). */
uint64_t hash_seeded(const void *p, size_t n);

/* SHA-1 in lower-case hex (EVALSHA names scripts so) and SHA-256 (tokens in the configuration). */
void hash_sha1_hex(const void *p, size_t n, char out[41]);
void hash_sha256_hex(const void *p, size_t n, char out[65]);

/* Fills p with n random bytes from the kernel (getrandom); aborts if it cannot. */
void hash_random(void *p, size_t n);

#endif
