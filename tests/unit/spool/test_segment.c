/* test_segment.c - the segment format: what is written is read back, and damage costs what it hits.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "segment.h"
#include "triaged/spool/spool.h"

static const uint8_t stream[STREAM_ID_SIZE] = "0123456789abcdef";
enum { RECORDS = 4 };

static struct segment_record record(int i)
{
    static const char *const payloads[RECORDS] = {"", "one", "two two",
                                                  "\xF1TrR looks like a head"};

    return (struct segment_record){.seq = (uint64_t)i + 1,
                                   .prev = (uint64_t)i,
                                   .at_ms = 1700000000000 + i,
                                   .team = i % 2 ? S("network") : S("db"),
                                   .payload = str_c(payloads[i])};
}

/* A segment of four records; offsets[i] = where record i begins, offsets[RECORDS] = the end. */
static void build(struct buf *b, size_t offsets[RECORDS + 1])
{
    buf_init(b, 1 << 20);
    segment_begin_head(b, stream, 7, 1700000000000);
    segment_put_team(b, 41, S("db"));
    segment_put_team(b, 42, S("network"));
    segment_end_head(b, 2);
    for (int i = 0; i < RECORDS; i++) {
        struct segment_record r = record(i);

        offsets[i] = b->n;
        assert_true(segment_put_record(b, stream, &r));
    }
    offsets[RECORDS] = b->n;
}

struct seen {
    uint64_t seqs[16];
    size_t n, bad, bad_bytes, torn;
};

static void on_record(void *arg, size_t offset, size_t size, const struct segment_record *r)
{
    struct seen *s = arg;
    struct segment_record want;

    (void)offset;
    assert_in_range(r->seq, 1, RECORDS);
    want = record((int)r->seq - 1);
    assert_int_equal(r->prev, want.prev);
    assert_int_equal(r->at_ms, want.at_ms);
    assert_true(str_eq(r->team, want.team));
    assert_true(str_eq(r->payload, want.payload));
    assert_int_equal(size, segment_record_size(want.team, want.payload));
    s->seqs[s->n++] = r->seq;
}

static void on_bad(void *arg, size_t from, size_t to, bool torn)
{
    struct seen *s = arg;

    assert_true(from < to);
    s->bad_bytes += to - from;
    if (torn)
        s->torn++;
    else
        s->bad++;
}

static void count_record(void *arg, size_t offset, size_t size, const struct segment_record *r)
{
    (void)offset;
    (void)size;
    (void)r;
    ((struct seen *)arg)->n++;
}

static void count_bad(void *arg, size_t from, size_t to, bool torn)
{
    struct seen *s = arg;

    assert_true(from < to);
    s->torn += torn;
    s->bad += !torn;
}

static size_t scan(struct str bytes, size_t from, struct seen *s)
{
    struct segment_visitor v = {.on_record = on_record, .on_bad = on_bad, .arg = s};

    *s = (struct seen){.n = 0};
    return segment_scan(bytes, stream, from, &v);
}

static void test_round_trip(void **state)
{
    struct buf b;
    struct seen s;
    struct segment_head h;
    size_t off[RECORDS + 1], head;
    uint64_t last;
    struct str name;

    (void)state;
    build(&b, off);
    assert_true(segment_read_head(buf_str(&b), &h, &head));
    assert_int_equal(head, off[0]);
    assert_int_equal(h.number, 7);
    assert_int_equal(h.created_ms, 1700000000000);
    assert_memory_equal(h.stream, stream, STREAM_ID_SIZE);
    assert_true(segment_head_team(&h, &last, &name));
    assert_int_equal(last, 41);
    assert_true(str_eq(name, S("db")));
    assert_true(segment_head_team(&h, &last, &name));
    assert_int_equal(last, 42);
    assert_true(str_eq(name, S("network")));
    assert_false(segment_head_team(&h, &last, &name));
    assert_int_equal(scan(buf_str(&b), head, &s), b.n);
    assert_int_equal(s.n, RECORDS);
    assert_int_equal(s.bad + s.torn, 0);
    buf_finish(&b);
}

static void test_torn_at_every_byte(void **state)
{
    struct buf b;
    struct seen s;
    size_t off[RECORDS + 1];

    (void)state;
    build(&b, off);
    for (size_t n = off[0]; n <= b.n; n++) {
        /* A copy of exactly n bytes, so that a sanitizer sees reads beyond. */
        char *copy = malloc(n);
        size_t whole = 0;

        memcpy(copy, b.p, n);
        while (whole < RECORDS && off[whole + 1] <= n)
            whole++;
        assert_int_equal(scan((struct str){copy, n}, off[0], &s), off[whole]);
        assert_int_equal(s.n, whole);
        assert_int_equal(s.bad, 0);
        assert_int_equal(s.torn, n == off[whole] ? 0 : 1);
        free(copy);
    }
    buf_finish(&b);
}

/* What fill.c wrote ahead is no damage; nor is a write that was cut off before it. */
static void test_zeros_behind(void **state)
{
    static const char zeros[5000];
    struct buf b;
    struct seen s;
    size_t off[RECORDS + 1];

    (void)state;
    build(&b, off);
    buf_put(&b, zeros, sizeof(zeros));
    assert_int_equal(scan(buf_str(&b), off[0], &s), off[RECORDS]);
    assert_int_equal(s.n, RECORDS);
    assert_int_equal(s.bad + s.torn, 0);
    for (int i = RECORDS - 1; i >= 0; i--) { /* all of a record, or its head in part */
        for (size_t n = RECORD_HEAD; n-- > 0;) {
            memset(b.p + off[i] + n, 0, b.n - off[i] - n);
            assert_int_equal(scan(buf_str(&b), off[0], &s), off[i]);
            assert_int_equal(s.n, i);
            assert_int_equal(s.bad, 0);
            assert_int_equal(s.torn, n > 0);
        }
    }
    buf_finish(&b);
}

/* A record of many sectors, at every place within a sector, that lacks any of these. */
static void test_sectors_are_missing(void **state)
{
    enum { LONG = 4 * SECTOR };
    static char text[LONG], zeros[3 * SECTOR];

    (void)state;
    memset(text, 'x', sizeof(text));
    for (size_t shift = 0; shift < SECTOR; shift++)
        for (size_t lost = 0; lost <= 5; lost++)
            for (int follows = 0; follows < 2; follows++) {
                struct segment_record r = {.seq = 1, .team = S("db"), .payload = {text, shift + 1}};
                struct segment_visitor v = {.on_record = NULL};
                struct seen s = {.n = 0};
                size_t from, to, first, second;
                struct buf b;

                buf_init(&b, 1 << 20);
                segment_put_record(&b, stream, &r);
                first = b.n;
                r.payload.n = LONG;
                segment_put_record(&b, stream, &r);
                second = b.n;
                r.payload.n = 1;
                for (int i = 0; i < 20 * follows; i++)
                    segment_put_record(&b, stream, &r);
                buf_put(&b, zeros, sizeof(zeros));
                from = (first / SECTOR + lost) * SECTOR;
                to = from + SECTOR;
                from = from < first ? first : from;
                if (from >= second) {
                    buf_finish(&b);
                    continue;
                }
                memset(b.p + from, 0, to - from);
                v.on_bad = count_bad;
                v.on_record = count_record;
                v.arg = &s;
                segment_scan(buf_str(&b), stream, 0, &v);
                assert_in_range(s.n, 1, follows ? 21 : 1);
                assert_int_equal(s.bad, follows);
                assert_int_equal(s.torn, !follows);
                buf_finish(&b);
            }
}

/* With zeros behind and without: they make no unfinished write of a damaged record. */
static void test_flip_of_every_bit(void **state)
{
    static const char zeros[2 * SECTOR];
    struct buf b;
    struct seen s;
    size_t off[RECORDS + 1];

    (void)state;
    build(&b, off);
    for (int tail = 0; tail < 2; tail++) {
        for (size_t at = off[0]; at < off[RECORDS]; at++)
            for (int bit = 0; bit < 8; bit++) {
                size_t hit = 0;

                while (off[hit + 1] <= at)
                    hit++;
                b.p[at] = (char)(b.p[at] ^ (1 << bit));
                scan(buf_str(&b), off[0], &s);
                b.p[at] = (char)(b.p[at] ^ (1 << bit));
                assert_int_equal(s.n, RECORDS - 1);
                for (size_t i = 0; i < s.n; i++)
                    assert_int_not_equal(s.seqs[i], hit + 1);
                assert_int_equal(s.bad_bytes, off[hit + 1] - off[hit]);
                assert_int_equal(s.torn, 0);
                assert_int_equal(s.bad, 1);
            }
        buf_put(&b, zeros, sizeof(zeros));
    }
    buf_finish(&b);
}

/* A payload may end with zeros: a damaged one is not unfinished for that. */
static void test_payload_that_ends_with_zeros(void **state)
{
    static const char zeros[SECTOR], payload[40] = "x";
    struct segment_record r = {.seq = 1, .team = S("db"), .payload = {payload, sizeof(payload)}};
    struct segment_visitor v = {.on_record = count_record, .on_bad = count_bad};
    struct buf b;

    (void)state;
    buf_init(&b, 1 << 16);
    segment_put_record(&b, stream, &r);
    for (size_t at = 0; at < RECORD_HEAD + 3; at++) {
        struct seen s = {.n = 0};

        v.arg = &s;
        b.p[at] = (char)(b.p[at] ^ 1);
        segment_scan(buf_str(&b), stream, 0, &v);
        b.p[at] = (char)(b.p[at] ^ 1);
        assert_int_equal(s.bad, 1);
        assert_int_equal(s.torn + s.n, 0);
        if (b.n == segment_record_size(r.team, r.payload))
            buf_put(&b, zeros, sizeof(zeros));
    }
    buf_finish(&b);
}

static void test_flip_in_the_header(void **state)
{
    struct buf b;
    struct segment_head h;
    struct seen s;
    size_t off[RECORDS + 1], size;

    (void)state;
    build(&b, off);
    for (size_t at = 0; at < off[0]; at++) {
        b.p[at] = (char)(b.p[at] ^ 0x10);
        assert_false(segment_read_head(buf_str(&b), &h, &size));
        scan(buf_str(&b), 0, &s); /* as recovery does then */
        assert_int_equal(s.n, RECORDS);
        assert_int_equal(s.bad, 1);
        b.p[at] = (char)(b.p[at] ^ 0x10);
    }
    for (size_t n = 0; n < off[0]; n++)
        assert_false(segment_read_head((struct str){b.p, n}, &h, &size));
    buf_finish(&b);
}

static void test_records_of_another_stream_are_damage(void **state)
{
    static const uint8_t other[STREAM_ID_SIZE] = "fedcba9876543210";
    struct buf b;
    struct seen s;
    struct segment_record r = record(1);
    size_t off[RECORDS + 1], n;

    (void)state;
    build(&b, off);
    n = b.n;
    segment_put_record(&b, other, &r);
    assert_int_equal(scan(buf_str(&b), off[0], &s), n);
    assert_int_equal(s.n, RECORDS);
    assert_int_equal(s.bad, 1);
    buf_finish(&b);
}

static void test_names(void **state)
{
    static const char *const bad[] = {
        "",
        "lock",
        "0000000000000007-30313233343536373839616263646566.se",
        "000000000000000g-30313233343536373839616263646566.seg",
        "0000000000000007_30313233343536373839616263646566.seg",
        "0000000000000007-3031323334353637383961626364656F.seg",
        "0000000000000007-30313233343536373839616263646566.seg~",
    };
    char name[SEGMENT_NAME_SIZE], hex[33];
    uint8_t id[STREAM_ID_SIZE];
    uint64_t number;

    (void)state;
    segment_stream_hex(stream, hex);
    segment_name(0xfedcba9876543210u, hex, name);
    assert_string_equal(name, "fedcba9876543210-30313233343536373839616263646566.seg");
    assert_true(segment_parse_name(str_c(name), &number, id));
    assert_true(number == 0xfedcba9876543210u);
    assert_memory_equal(id, stream, STREAM_ID_SIZE);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(segment_parse_name(str_c(bad[i]), &number, id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_torn_at_every_byte),
        cmocka_unit_test(test_zeros_behind),
        cmocka_unit_test(test_sectors_are_missing),
        cmocka_unit_test(test_payload_that_ends_with_zeros),
        cmocka_unit_test(test_flip_of_every_bit),
        cmocka_unit_test(test_flip_in_the_header),
        cmocka_unit_test(test_records_of_another_stream_are_damage),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
