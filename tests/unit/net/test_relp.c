/* RELP frames: tables of streams, each fed whole, byte by byte and in every split into two. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "triaged/net/relp.h"

#define LIMIT 16

static bool on_frame(void *arg, const struct relp_frame *f)
{
    struct buf *b = arg;

    assert_true(buf_printf(b, "%u,%.*s,%.*s%s|", f->txnr, STR_ARG(f->command), STR_ARG(f->data),
                           f->cut ? "{cut}" : ""));
    return !str_eq_c(f->command, "stop");
}

static bool feed(struct relp_scanner *s, const char *p, size_t n, struct buf *out)
{
    char *exact = malloc(n ? n : 1); /* so that a read past the end is seen */
    memcpy(exact, p, n);
    bool ok = relp_scanner_feed(s, (struct str){exact, n}, on_frame, out);
    free(exact);
    return ok;
}

/* What was framed, then "!" and the error, or "." when it was stopped. */
static void run(struct str in, size_t split, size_t step, struct buf *out)
{
    struct relp_scanner s;
    bool ok = true;

    relp_scanner_init(&s, LIMIT);
    if (step > 0) {
        for (size_t i = 0; i < in.n && ok; i += step)
            ok = feed(&s, in.p + i, in.n - i < step ? in.n - i : step, out);
    } else {
        ok = feed(&s, in.p, split, out) && feed(&s, in.p + split, in.n - split, out);
    }
    assert_true(s.data.cap <= 4096);
    if (!ok)
        assert_true(buf_put_c(out, s.error ? "!" : ".") && buf_put_c(out, s.error ? s.error : ""));
    relp_scanner_finish(&s);
}

#define HEAD16 "<13>abcdefghijkl"
static const struct {
    const char *in, *out;
} streams[] = {
    {"1 close 0\n", "1,close,|"},
    {"1 close 0 \n", "1,close,|"},
    {"1 syslog 5 hello\n2 syslog 5 world\n", "1,syslog,hello|2,syslog,world|"},
    {"1 syslog 7 a\nb\n c \n999999999 close 0\n", "1,syslog,a\nb\n c |999999999,close,|"},
    {"0 serverclose 0\n", "0,serverclose,|"},
    /* the limit: n-1, n, n+1, far more */
    {"1 syslog 15 <13>abcdefghijk\n", "1,syslog,<13>abcdefghijk|"},
    {"1 syslog 16 " HEAD16 "\n", "1,syslog," HEAD16 "|"},
    {"1 syslog 17 " HEAD16 "m\n2 close 0\n", "1,syslog," HEAD16 "{cut}|2,close,|"},
    {"1 syslog 40 " HEAD16 "mnopqrstuvwxyz0123456789\n2 close 0\n",
     "1,syslog," HEAD16 "{cut}|2,close,|"},
    /* commands of 32 letters, and of 33 */
    {"1 abcdefghijklmnopqrstuvwxyzabcdef 0\n", "1,abcdefghijklmnopqrstuvwxyzabcdef,|"},
    {"1 abcdefghijklmnopqrstuvwxyzabcdefg 0\n", "!a command of more than 32 letters"},
    {"1 sys1og 0\n", "!a command that is no word"},
    {"1234567890 close 0\n", "!a number of more than nine digits"},
    {"1 syslog 1234567890 x", "!a number of more than nine digits"},
    {" 1 close 0\n", "!an empty field"},
    {"1  close 0\n", "!an empty field"},
    {"1 close  0\n", "!an empty field"},
    {"1 close \n", "!no data length"},
    {"1 syslog 5\nhello\n", "!no data length"},
    {"1 syslog -1 \n", "!no data length"},
    {"<13>plain syslog\n", "!no transaction number"},
    {"\n", "!no transaction number"},
    {"1 syslog 3 abcd\n", "!data that does not end where its length says"},
    {"1 close 0 x", "!data that does not end where its length says"},
    {"1 syslog 2 a", ""},
    {"1 stop 0\n2 close 0\n", "1,stop,|."},
    {"1 stop 2 ab\nxx", "1,stop,ab|."},
};

static void test_streams(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        struct str in = str_c(streams[i].in);

        for (size_t way = 0; way <= in.n + 1; way++) {
            buf_reset(&out);
            run(in, way, way == in.n + 1 ? 1 : 0, &out);
            assert_true(buf_put_char(&out, '\0'));
            assert_string_equal(out.p, streams[i].out);
        }
    }
    buf_finish(&out);
}

static void test_offers(void **state)
{
    struct str data = S("relp_version=0\nrelp_software=x,1\nempty=\nbare\ncommands=a,syslog");

    (void)state;
    assert_true(str_eq_c(relp_offer(data, "relp_version"), "0"));
    assert_true(str_eq_c(relp_offer(data, "empty"), "") && relp_offer(data, "empty").p);
    assert_true(relp_offer(data, "bare").p);
    assert_null(relp_offer(data, "missing").p);
    assert_null(relp_offer(S(""), "commands").p);
    assert_true(relp_offers(relp_offer(data, "commands"), S("syslog")));
    assert_false(relp_offers(S("a,syslog2"), S("syslog")));
    assert_false(relp_offers(S(""), S("syslog")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_offers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
