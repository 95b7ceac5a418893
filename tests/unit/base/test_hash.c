/* test_hash.c - published test vectors, and what the table hashes promise. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "triaged/base/hash.h"
#include "triaged/base/mem.h"

static void test_fnv(void **state)
{
    (void)state;
    assert_true(hash_fnv1a64(FNV1A64_INIT, "", 0) == 0xcbf29ce484222325);
    assert_true(hash_fnv1a64(FNV1A64_INIT, "a", 1) == 0xaf63dc4c8601ec8c);
    assert_true(hash_fnv1a64(FNV1A64_INIT, "foobar", 6) == 0x85944171f73967e8);
}

/* RFC 3720 appendix B.4, and the usual check value. */
static void test_crc32c(void **state)
{
    (void)state;
    unsigned char zeroes[32] = {0}, ones[32], up[32], down[32];
    memset(ones, 0xff, sizeof(ones));
    for (unsigned i = 0; i < 32; i++) {
        up[i] = (unsigned char)i;
        down[i] = (unsigned char)(31 - i);
    }
    assert_int_equal(hash_crc32c(0, "123456789", 9), 0xE3069283);
    assert_int_equal(hash_crc32c(0, zeroes, 32), 0x8A9136AA);
    assert_int_equal(hash_crc32c(0, ones, 32), 0x62A8AB43);
    assert_int_equal(hash_crc32c(0, up, 32), 0x46DD794E);
    assert_int_equal(hash_crc32c(0, down, 32), 0x113FDB5C);
    assert_int_equal(hash_crc32c(0, "", 0), 0);
    assert_int_equal(hash_crc32c(hash_crc32c(0, "1234", 4), "56789", 5), 0xE3069283);
    unsigned char noise[300];
    hash_random(noise, sizeof(noise));
    for (size_t n = 0; n < sizeof(noise); n++)
        assert_int_equal(hash_crc32c(5, noise, n), hash_crc32c_portable(5, noise, n));
}

/* The reference implementation's vectors: key 00..0f, messages 00..(n-1). */
static void test_siphash(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        uint64_t hash;
    } rows[] = {
        {0, 0x726fdb47dd0e0e31}, {1, 0x74f839c593dc67fd},  {7, 0xab0200f58b01d137},
        {8, 0x93f5f5799a932462}, {15, 0xa129ca6149be45e5},
    };
    uint8_t key[16], message[16];
    for (uint8_t i = 0; i < 16; i++)
        key[i] = message[i] = i;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_true(hash_sip64(key, message, rows[i].n) == rows[i].hash);
    assert_true(hash_seeded("a", 1) == hash_seeded("a", 1));
    assert_true(hash_seeded("a", 1) != hash_seeded("b", 1));
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Neither half may repeat over inputs that differ in a digit or only in length. */
static void test_fast128(void **state)
{
    (void)state;
    enum { N = 100000 };
    uint64_t *lo = NEW_ARRAY(uint64_t, N), *hi = NEW_ARRAY(uint64_t, N);
    for (size_t i = 0; i < N; i++) {
        char text[64];
        int n = snprintf(text, sizeof(text), "host-%zu instance down %zu", i % 1000, i);
        struct hash128 h = hash_fast128(text, (size_t)n, 42);
        lo[i] = h.lo;
        hi[i] = h.hi;
    }
    qsort(lo, N, sizeof(*lo), compare_u64);
    qsort(hi, N, sizeof(*hi), compare_u64);
    for (size_t i = 1; i < N; i++) {
        assert_true(lo[i] != lo[i - 1]);
        assert_true(hi[i] != hi[i - 1]);
    }
    free(lo);
    free(hi);
    static const char zeroes[64];
    for (size_t n = 1; n <= 64; n++) {
        struct hash128 a = hash_fast128(zeroes, n, 0), b = hash_fast128(zeroes, n - 1, 0);
        assert_true(a.lo != b.lo && a.hi != b.hi);
    }
    struct hash128 a = hash_fast128("x", 1, 1), b = hash_fast128("x", 1, 2);
    assert_true(a.lo != b.lo && a.hi != b.hi);
}

/* One flipped input bit flips about half of the output's: 64 of 128, far from any is a defect. */
static void test_fast128_avalanche(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 48; n++) {
        unsigned char m[48] = {0};
        struct hash128 base = hash_fast128(m, n, 7);
        long flipped = 0;
        for (size_t bit = 0; bit < n * 8; bit++) {
            m[bit / 8] ^= (unsigned char)(1u << bit % 8);
            struct hash128 h = hash_fast128(m, n, 7);
            m[bit / 8] ^= (unsigned char)(1u << bit % 8);
            int changed =
                __builtin_popcountll(h.lo ^ base.lo) + __builtin_popcountll(h.hi ^ base.hi);
            if (changed < 30 || changed > 98)
                fail_msg("length %zu, bit %zu: %d", n, bit, changed);
            flipped += changed;
        }
        double mean = (double)flipped / (double)(n * 8);
        if (mean < 56 || mean > 72)
            fail_msg("length %zu: %f", n, mean);
    }
}

static void test_sha(void **state)
{
    (void)state;
    char sha1[41], sha256[65];
    hash_sha1_hex("abc", 3, sha1);
    assert_string_equal(sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
    hash_sha256_hex("abc", 3, sha256);
    assert_string_equal(sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_sha256_hex(NULL, 0, sha256);
    assert_string_equal(sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fnv),
        cmocka_unit_test(test_crc32c),
        cmocka_unit_test(test_siphash),
        cmocka_unit_test(test_fast128),
        cmocka_unit_test(test_fast128_avalanche),
        cmocka_unit_test(test_sha),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
