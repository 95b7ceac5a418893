/* Framing: tables of streams, each fed whole, byte by byte and in every split into two. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "triaged/net/proxy_header.h"
#include "triaged/net/syslog_frame.h"

#define LIMIT 32

/* Frames joined as "text" or "text{FLAGS}" with "|" between. */
static void on_frame(void *arg, struct str frame, unsigned flags)
{
    struct buf *b = arg;

    if (b->n > 0)
        assert_true(buf_put_char(b, '|'));
    assert_true(frame.n > 0 && frame.n <= LIMIT);
    assert_true(buf_put_str(b, frame));
    if (flags)
        assert_true(buf_printf(b, "{%s%s%s}", flags & FRAME_OCTET ? "o" : "",
                               flags & FRAME_TRUNCATED ? "t" : "",
                               flags & FRAME_BAD_COUNT ? "b" : ""));
}

static bool feed(struct syslog_framer *f, const char *p, size_t n, struct buf *out)
{
    char *exact = malloc(n ? n : 1); /* so that a read past the end is seen */
    memcpy(exact, p, n);
    bool ok = syslog_framer_feed(f, (struct str){exact, n}, on_frame, out);
    free(exact);
    return ok;
}

static bool run(struct str in, size_t split, size_t step, struct buf *out)
{
    struct syslog_framer f;
    bool ok = true;

    syslog_framer_init(&f, LIMIT);
    if (step > 0) {
        for (size_t i = 0; i < in.n && ok; i += step)
            ok = feed(&f, in.p + i, in.n - i < step ? in.n - i : step, out);
    } else {
        ok = feed(&f, in.p, split, out) && feed(&f, in.p + split, in.n - split, out);
    }
    assert_true(f.pending.cap <= 4096);
    syslog_framer_close(&f, on_frame, out);
    syslog_framer_finish(&f);
    return ok;
}

#define HEAD32 "<13>abcdefghijklmnopqrstuvwxyz01"

static void test_streams(void **state)
{
    (void)state;
    const struct {
        const char *name;
        struct str in;
        const char *expect;
        bool close;
    } rows[] = {
        {"lf", S("<13>one\n<14>two\n"), "<13>one|<14>two", false},
        {"crlf", S("<13>one\r\n<14>two\r\n"), "<13>one|<14>two", false},
        {"nul", S("<13>one\0<14>two\0"), "<13>one|<14>two", false},
        {"empty lines", S("\n\r\n<13>one\n\n\0\n<14>two\n"), "<13>one|<14>two", false},
        {"no lf at close", S("<13>one"), "<13>one", false},
        {"no pri", S("one\ntwo\n"), "one|two", false},
        {"octets", S("7 <13>one7 <14>two"), "<13>one{o}|<14>two{o}", false},
        {"octets hold lf", S("9 <13>o\nnee8 <14>two\n"), "<13>o\nnee{o}|<14>two{o}", false},
        {"octets and lf mixed", S("7 <13>one<14>two\n8 <15>four"), "<13>one{o}|<14>two|<15>four{o}",
         false},
        {"counts the lf", S("8 <13>one\n8 <14>two\n"), "<13>one{o}|<14>two{o}", false},
        {"lf after octets", S("7 <13>one\n7 <14>two\n"), "<13>one{o}|<14>two{o}", false},
        {"blank between", S("7 <13>one 7 <14>two <15>x\n"), "<13>one{o}|<14>two{o}|<15>x", false},
        {"two blanks stay", S("  at x\n"), "  at x", false},
        {"blank line", S(" \n<13>a\n"), "<13>a", false},
        {"date is no count", S("2019-02-19T12:02 a\n"), "2019-02-19T12:02 a", false},
        {"year is no count", S("2019 Mar 11 a\n"), "2019 Mar 11 a", false},
        {"54 <1 minute", S("54 <1 minute\nnext\n"), "54 <1 minute|next", false},
        {"<> is no pri", S("5 <>abc\n"), "5 <>abc", false},
        {"four digits are no pri", S("9 <1234>ab\n"), "9 <1234>ab", false},
        {"no leading zero", S("07 <13>one\n"), "07 <13>one", false},
        {"zero", S("0 <13>one\n"), "0 <13>one", false},
        {"ten digits", S("1234567890 <13>a\n"), "1234567890 <13>a", false},
        {"two blanks after count", S("7  <13>one\n"), "7  <13>one", false},
        {"count below its pri", S("3 <13>one\n"), "3 <13>one{b}", false},
        {"count of the pri only", S("4 <13>4 <14>"), "<13>{o}|<14>{o}", false},
        {"largest pri prefix", S("8 <999>abc<1>d\n"), "<999>abc{o}|<1>d", false},
        {"digits at close", S("54"), "54", false},
        {"prefix at close", S("54 <13"), "54 <13", false},
        {"octets cut by close", S("20 <13>part"), "<13>part{ot}", false},
        {"line of the limit", S(HEAD32 "\nx\n"), HEAD32 "|x", false},
        {"line of the limit, crlf", S(HEAD32 "\r\nx\n"), HEAD32 "|x", false},
        {"line one over", S(HEAD32 "2\nx\n"), HEAD32 "{t}|x", false},
        {"line far over", S(HEAD32 HEAD32 HEAD32 "\nx\n"), HEAD32 "{t}|x", false},
        {"line over at close", S(HEAD32 HEAD32), HEAD32 "{t}", false},
        {"count of the limit", S("32 " HEAD32 "<1>x\n"), HEAD32 "{o}|<1>x", false},
        {"count one over", S("33 " HEAD32 "2<1>x\n"), HEAD32 "{ot}|<1>x", false},
        {"count one over, lf", S("33 " HEAD32 "\n<1>x\n"), HEAD32 "{o}|<1>x", false},
        {"count over keeps step", S("64 " HEAD32 HEAD32 "6 <1>abc"), HEAD32 "{ot}|<1>abc{o}",
         false},
        {"beyond belief", S("513 <13>one\n<1>x\n"), "513 <13>one{b}|<1>x", false},
        {"believed, cut by close", S("512 <13>one"), "<13>one{ot}", false},
        {"tls", S("\x16\x03\x01\x02\x00\x01\x00"), "", true},
        {"tls later is text", S("<13>a\n\x16\x03\x01\n"), "<13>a|\x16\x03\x01", false},
        {"0x16 alone", S("\x16"), "\x16", false},
        {"0x16 and text",
         S("\x16"
           "a\n"),
         "\x16"
         "a",
         false},
        {"nothing", S(""), "", false},
        {"separators only", S("\n\n\r\0\n"), "", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t split = 0; split <= rows[i].in.n + 2; split++) {
            struct buf out;
            buf_init(&out, 4096);
            size_t step = split > rows[i].in.n ? split - rows[i].in.n : 0;
            bool ok = run(rows[i].in, split, step, &out);
            if (out.n != strlen(rows[i].expect) ||
                (out.n > 0 && memcmp(out.p, rows[i].expect, out.n) != 0))
                fail_msg("%s (split %zu): %.*s", rows[i].name, split, STR_ARG(buf_str(&out)));
            if (ok == rows[i].close)
                fail_msg("%s (split %zu): connection kept = %d", rows[i].name, split, ok);
            buf_finish(&out);
        }
    }
}

static void test_default_limit(void **state)
{
    (void)state;
    struct syslog_framer f;

    syslog_framer_init(&f, 0);
    assert_int_equal(f.max_message, 64 * 1024);
    syslog_framer_finish(&f);
    syslog_framer_init(&f, 1); /* below the size of a prefix */
    struct buf out;
    buf_init(&out, 4096);
    assert_true(syslog_framer_feed(&f, S("123456789 <1"), on_frame, &out));
    assert_true(syslog_framer_feed(&f, S("x\nyz\n8 <13>abcd"), on_frame, &out));
    syslog_framer_close(&f, on_frame, &out);
    assert_string_equal((assert_true(buf_put_char(&out, '\0')), out.p), "1{t}|y{t}|<{ot}");
    buf_finish(&out);
    syslog_framer_finish(&f);
}

static void test_proxy(void **state)
{
    (void)state;
#define V2 "\r\n\r\n\0\r\nQUIT\n"
    const struct {
        struct str in;
        enum proxy_result result;
        size_t used;
        const char *host;
    } rows[] = {
        {S("PROXY TCP4 192.0.2.7 198.51.100.1 40000 514\r\n<13>x"), PROXY_OK, 45, "192.0.2.7"},
        {S("PROXY TCP4 192.0.2.7 198.51.100.1 40000 514\n<13>x"), PROXY_OK, 44, "192.0.2.7"},
        {S("PROXY TCP4 192.0.2.7 198.51.100.1 40000 514\r"), PROXY_MORE, 0, ""},
        {S("PROXY TCP6 2001:db8::1 ::1 40000 514\r\n"), PROXY_OK, 38, "2001:db8::1"},
        {S("PROXY UNKNOWN\r\n"), PROXY_OK, 15, ""},
        {S("PROXY UNKNOWN ffff::1 whatever\r\n"), PROXY_OK, 32, ""},
        {S("PROXY TCP4 192.0.2.7 198.51.100.1 40000 51"), PROXY_MORE, 0, ""},
        {S("PROX"), PROXY_MORE, 0, ""},
        {S(""), PROXY_MORE, 0, ""},
        {S("<13>x"), PROXY_BAD, 0, ""},
        {S("PROXY TCP5 192.0.2.7 198.51.100.1 40000 514\r\n"), PROXY_BAD, 0, ""},
        {S("PROXY TCP4 192.0.2.777 198.51.100.1 40000 514\r\n"), PROXY_BAD, 0, ""},
        {S("PROXY TCP4 192.0.2.7 198.51.100.1 40000 65536\r\n"), PROXY_BAD, 0, ""},
        {S("PROXY TCP4 192.0.2.7 198.51.100.1 40000\r\n"), PROXY_BAD, 0, ""},
        {S("PROXY TCP6 192.0.2.7 198.51.100.1 40000 514\r\n"), PROXY_BAD, 0, ""},
        {S("PROXY TCP4 0000000000000000000000000000000000000000000000000000000000000000000000000"
           "00000000000000000000000000000000000000000000000\r\n"),
         PROXY_BAD, 0, ""},
        {S(V2 "\x21\x11\0\x0c\xc0\0\2\7\xc6\x33\x64\1\x9c\x40\2\2<13>"), PROXY_OK, 28, "192.0.2.7"},
        {S(V2 "\x21\x11\0\x0c\xc0\0\2\7\xc6\x33\x64\1\x9c\x40\2"), PROXY_MORE, 0, ""},
        {S(V2 "\x20\0\0\0"), PROXY_OK, 16, ""},
        {S(V2 "\x21\x11\0\x0b\xc0\0\2\7\xc6\x33\x64\1\x9c\x40\2"), PROXY_BAD, 0, ""},
        {S(V2 "\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
              "\x9c\x40\2\2"),
         PROXY_OK, 52, "2001:db8::1"},
        {S(V2 "\x31\x11\0\x0c"), PROXY_BAD, 0, ""},
        {S(V2 "\x22\x11\0\x0c"), PROXY_BAD, 0, ""},
        {S(V2 "\x21\x11\x08\x01"), PROXY_BAD, 0, ""},
        {S(V2 "\x21\x11\x08\0"), PROXY_MORE, 0, ""},
        {S("\r\n\r\nx"), PROXY_BAD, 0, ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char host[PROXY_HOST_SIZE];
        size_t used = 0;
        enum proxy_result r = proxy_header_read(rows[i].in, &used, host);
        if (r != rows[i].result || used != rows[i].used || strcmp(host, rows[i].host) != 0)
            fail_msg("row %zu: result %d, used %zu, host \"%s\"", i, r, used, host);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_default_limit),
        cmocka_unit_test(test_proxy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
