/*
 * hash.c - FNV-1a, CRC-32C, SipHash and a fast 128-bit table hash. SHA lives in hash_sha.c.
 * Owns: the CRC tables and the process' random hash key. Never: a cryptographic promise.
 */
#include "triaged/base/hash.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

static uint64_t load64(const unsigned char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

/* Up to eight bytes, little endian, the missing ones zero. */
static uint64_t load_tail(const unsigned char *p, size_t n)
{
    unsigned char b[8] = {0};
    if (n)
        memcpy(b, p, n);
    return load64(b);
}

uint64_t hash_fnv1a64(uint64_t h, const void *p, size_t n)
{
    const unsigned char *s = p;
    for (size_t i = 0; i < n; i++)
        h = (h ^ s[i]) * 1099511628211ull;
    return h;
}

/* ---- CRC-32C: reflected polynomial 0x82F63B78 ------------------------------------------------ */

typedef uint32_t crc_fn(uint32_t crc, const unsigned char *p, size_t n);

static uint32_t crc_table[4][256];

/* Four bytes a step: crc_table[k][b] is the effect of byte b followed by k zero bytes. */
static uint32_t crc_by_table(uint32_t crc, const unsigned char *p, size_t n)
{
    for (; n >= 4; p += 4, n -= 4) {
        crc ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        crc = crc_table[3][crc & 0xFF] ^ crc_table[2][crc >> 8 & 0xFF] ^
              crc_table[1][crc >> 16 & 0xFF] ^ crc_table[0][crc >> 24];
    }
    for (; n; p++, n--)
        crc = crc_table[0][(crc ^ *p) & 0xFF] ^ crc >> 8;
    return crc;
}

static crc_fn *crc_best = crc_by_table;

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_by_sse42(uint32_t crc, const unsigned char *p,
                                                               size_t n)
{
    uint64_t wide = crc;
    for (; n >= 8; p += 8, n -= 8)
        wide = __builtin_ia32_crc32di(wide, load64(p));
    crc = (uint32_t)wide;
    for (; n; p++, n--)
        crc = __builtin_ia32_crc32qi(crc, *p);
    return crc;
}
#endif

__attribute__((constructor)) static void crc_prepare(void)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t crc = b;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
        crc_table[0][b] = crc;
    }
    for (int k = 1; k < 4; k++)
        for (uint32_t b = 0; b < 256; b++) {
            uint32_t crc = crc_table[k - 1][b];
            crc_table[k][b] = crc_table[0][crc & 0xFF] ^ crc >> 8;
        }
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("sse4.2"))
        crc_best = crc_by_sse42;
#endif
}

uint32_t hash_crc32c(uint32_t crc, const void *p, size_t n)
{
    return ~crc_best(~crc, p, n);
}

uint32_t hash_crc32c_portable(uint32_t crc, const void *p, size_t n)
{
    return ~crc_by_table(~crc, p, n);
}

/* ---- fast 128-bit hash ----------------------------------------------------------------------- */

/* Odd constants with even bit counts: the fractions of the square roots of 2, 3, 5, 7. */
#define K0 0x6A09E667F3BCC909ull
#define K1 0xBB67AE8584CAA73Bull
#define K2 0x3C6EF372FE94F82Bull
#define K3 0xA54FF53A5F1D36F1ull

/* The 128-bit product folded to 64 bits: every input bit reaches every output bit. */
static uint64_t multiply_mix(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/*
 * Sixteen bytes a step go into both lanes, crossed and under different constants, so that a
 * collision has to happen in both lanes at once.
 */
struct hash128 hash_fast128(const void *p, size_t n, uint64_t seed)
{
    const unsigned char *s = p;
    uint64_t lane_a = seed ^ K0, lane_b = seed + K1;
    size_t left = n;
    for (; left > 16; s += 16, left -= 16) {
        uint64_t x = load64(s), y = load64(s + 8);
        lane_a = multiply_mix(lane_a ^ x, K2 ^ y);
        lane_b = multiply_mix(lane_b ^ y, K3 ^ (x << 32 | x >> 32));
    }
    uint64_t x = left > 8 ? load64(s) : load_tail(s, left);
    uint64_t y = left > 8 ? load_tail(s + 8, left - 8) : 0;
    lane_a = multiply_mix(lane_a ^ x, K2 ^ y);
    lane_b = multiply_mix(lane_b ^ y, K3 ^ (x << 32 | x >> 32));
    struct hash128 out;
    out.lo = multiply_mix(lane_a ^ (uint64_t)n, lane_b ^ K1);
    out.hi = multiply_mix(lane_b ^ K0 ^ (uint64_t)n, lane_a ^ K3);
    return out;
}

/* ---- SipHash (Aumasson, Bernstein: SipHash, a fast short-input PRF) ---------------------------
 */

static uint64_t rotate(uint64_t v, unsigned by)
{
    return v << by | v >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static inline uint64_t siphash(uint64_t k0, uint64_t k1, const unsigned char *p, size_t n,
                               unsigned rounds, unsigned final_rounds)
{
    uint64_t v[4] = {k0 ^ 0x736f6d6570736575ull, k1 ^ 0x646f72616e646f6dull,
                     k0 ^ 0x6c7967656e657261ull, k1 ^ 0x7465646279746573ull};
    uint64_t last = (uint64_t)n << 56;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t m = load64(p);
        v[3] ^= m;
        for (unsigned i = 0; i < rounds; i++)
            sip_round(v);
        v[0] ^= m;
    }
    last |= load_tail(p, n);
    v[3] ^= last;
    for (unsigned i = 0; i < rounds; i++)
        sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xFF;
    for (unsigned i = 0; i < final_rounds; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t hash_sip64(const uint8_t key[16], const void *p, size_t n)
{
    return siphash(load64(key), load64(key + 8), p, n, 2, 4);
}

static uint64_t process_key[2];
static pthread_once_t process_key_once = PTHREAD_ONCE_INIT;

static void make_process_key(void)
{
    hash_random(process_key, sizeof(process_key));
}

uint64_t hash_seeded(const void *p, size_t n)
{
    pthread_once(&process_key_once, make_process_key);
    return siphash(process_key[0], process_key[1], p, n, 1, 3);
}

void hash_random(void *p, size_t n)
{
    unsigned char *at = p;
    while (n) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort();
        at += got;
        n -= (size_t)got;
    }
}
