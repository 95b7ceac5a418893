/* The skeleton scanner: goldens by rule, the word lists' index, limits, and the identity made of
 * them. What hostile input costs: test_skeleton_steps.c; many messages by cause:
 * test_skeleton_causes.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "../../../src/decode/skeleton_words.h"
#include "triaged/base/mem.h"
#include "triaged/decode/skeleton.h"
#include "triaged/decode/syslog.h"

static size_t skeleton(const char *p, size_t n, char out[SKELETON_MAX])
{
    char *exact = malloc(n ? n : 1); /* so that a read past the end is seen */
    memcpy(exact, p, n);
    size_t len = skeleton_of((struct str){exact, n}, out);
    free(exact);
    assert_true(len <= SKELETON_MAX);
    return len;
}

/* These are goldens: a change of one is a new SKELETON_VERSION. */
static const struct {
    const char *text, *expect;
} rows[] = {
    {"", ""},
    {"   ", ""},
    {"link down", "link down"},
    {"link  down ", "link down"},
    /* numbers, with units and signs */
    {"took 5 ms", "took *"},
    {"took 5ms", "took *"},
    {"took 1,234.5 seconds", "took *"},
    {"1 packet, 2 packets", "* packet, * packet"},
    {"2 status of 3 classes", "* status of * classes"},
    {"at -5 or +5", "at * or *"},
    {"load 99% now", "load * now"},
    {"load 99 % now", "load * now"},
    {"step #37 done", "step * done"},
    {"waited <1 sec", "waited *"},
    {"a < b", "a < b"},
    {"0x7f3a at symbol+0x1f", "* at symbol+*"},
    {"id deadbeef gone", "id * gone"},
    {"id feed gone", "id feed gone"},
    {"sda1 eth0 ipv4 IPv6 utf-8", "* ipv4 IPv6 utf-8"},
    /* addresses, names, paths */
    {"from 10.0.0.7 port 4242", "from * port *"},
    {"from 10.0.0.7:4242 now", "from * now"},
    {"from fe80::1 now", "from * now"},
    {"from ::ffff:192.0.2.1 now", "from * now"},
    {"client ::1#953: query", "client *: query"},
    {"mac 00:1a:2b:3c:4d:5e seen", "mac * seen"},
    {"at 10:22:31 UTC done", "at * done"},
    {"at 10:22:31: done", "at *: done"},
    {"to mail.example.com. now", "to *. now"},
    {"to example.com now", "to * now"},
    {"to db.internal:5432 now", "to * now"},
    {"to example.com:443 now", "to * now"},
    {"on localhost and lo", "on * and *"},
    {"to [2001:db8::1]:443 now", "to * now"},
    {"listening on :: port", "listening on * port"},
    {"std::bad_alloc", "std::bad_alloc"},
    {"zone example.com/IN: loaded", "zone *: loaded"},
    {"key SHA256:aV9c+T/7w is", "key * is"},
    {"at @0x7f2a now", "at * now"},
    {"of com.example/.Main now", "of * now"},
    {"\"GET / HTTP/1.1\" 200", "\"GET *\" *"},
    {"in C:\\Program Files (x86)\\a\\b.exe (x)", "in * (x)"},
    {"in C:\\a b\\c", "in * b\\c"},
    {"user@host said", "* said"},
    {"com.example.Main failed", "* failed"},
    {"open /var/log/x.log: denied", "open *: denied"},
    {"open (/var/log/x.log) denied", "open (*) denied"},
    {"open C:\\a b", "open * b"},
    {"get https://example.org/a?b=c now", "get * now"},
    {"read/write error", "read/write error"},
    {"~amd64~~6.1 x~31~~6.1 y", "* y"},
    /* quotes */
    {"file 'abc' not found", "file * not found"},
    {"file \"abc\" not found", "file * not found"},
    {"open \"/a b/c\" failed", "open * failed"},
    {"is 'down' now", "is down now"},
    {"can't open don't", "can't open don't"},
    {"said \"two words\" here", "said \"two words\" here"},
    /* pairs */
    {"a=1 b=two c= d='x y' e=[1 2 3] f", "a=* b=* c=* d=* e=* f"},
    {"state=up link=Down mode=auto", "state=up link=Down mode=*"},
    {"action=\"deny\" type=USER_LOGIN, status=no-route mode=auto",
     "action=deny type=USER_LOGIN, status=no-route mode=*"},
    {"type=AVC7 status=1/FAILURE action='two words' result=<x>",
     "type=* status=* action=* result=*"},
    {"x=1, y=2; z=(a) w", "x=*, y=*; z=* w"},
    {"a == b", "a == b"},
    {"(uid=0)", "(uid=*)"},
    {"level=info msg=\"disk full\" dev=x", "level=* msg=\"disk full\" dev=*"},
    {"msg=\"started\" ok=true", "msg=\"started\" ok=true"},
    {"msg=started event=boot n=x", "msg=started event=boot n=*"},
    {"err=\"Get \\\"http://a/\\\": refused\" n=1", "err=* n=*"},
    /* JSON */
    {"{\"msg\":\"disk full\",\"n\":5,\"who\":\"x y\",\"up\":true,\"a\":{\"b\": [1, 2]}}",
     "{msg:\"disk full\",n:*,who:*,up:true,a:{b:*}}"},
    {"{\"action\":\"deny\",\"by\":\"rule\"}", "{action:deny,by:*}"},
    {"open \"a\": denied", "open *: denied"},
    /* dates */
    {"on Jun 14 at", "on * at"},
    {"on Mon Jun 14 10:22:31 at", "on * at"},
    {"you may go", "you may go"},
    /* names after words */
    {"Failed password for root from 10.0.0.7 port 4242 ssh2",
     "Failed password for * from * port *"},
    {"Failed password for invalid user admin from 10.0.0.7 port 4 ssh2",
     "Failed password for invalid user * from * port *"},
    {"check pass; user unknown", "check pass; user unknown"},
    {"session opened for user root by (uid=0)", "session opened for user * by * (uid=*)"},
    {"closed by peer", "closed by peer"},
    {"opened by root(uid=0)", "opened by *(uid=*)"},
    {"authentication failures for root [preauth]", "authentication failures for * [preauth]"},
    {"synchronized to LOCAL(0), stratum 10", "synchronized to *, stratum *"},
    {"Out of memory: Killed process 42 (httpd).", "Out of memory: Killed process *."},
    {"closed by process", "closed by process"},
    {"login of user 'x y' failed", "login of user * failed"},
    {"Account Name: alice Process Name: x", "Account Name: * Process Name: *"},
    {"user: unknown", "user: unknown"},
    {"inode 2: comm nginx: reading", "inode *: comm *: reading"},
    {"alice : TTY=pts/0 ; COMMAND=/bin/ls", "* : TTY=* ; COMMAND=*"},
    {"connect from unknown[192.0.2.7]", "connect from *[*]"},
    {"fan[2] failed", "fan[*] failed"},
    {"from 00:1a:2b:3c:4d:5e (laptop) via", "from * via"},
    {"error EIO(5)", "error EIO(*)"},
    /* devices of disks, host lists, message names */
    {"dev sda, [sdaf] xvdb vda", "dev *, [*] *"},
    {"the sdk and hdd", "the sdk and hdd"},
    {"nodes node[001-032] and n-[1-4]", "nodes * and *"},
    {"%LINK-3-UPDOWN: Interface Gi0/1", "%LINK-3-UPDOWN: Interface *"},
    {"java.io.IOException: Broken pipe", "java.io.IOException: Broken pipe"},
    {"on android.intent.action.SCREEN_ON of com.example.Main",
     "on android.intent.action.SCREEN_ON of *"},
    {"no user authentication methods", "no user authentication methods"},
    /* collapse */
    {"ports 1, 2, 3 and 4", "ports * and *"},
    {"sent 1024 bytes (1.0 KB) now", "sent * now"},
    {"main () called", "main (*) called"},
    {"irq 5 (*) x", "irq * x"},
    /* bytes */
    {"gr\xc3\xbc\xc3\x9f"
     "e an 5",
     "gr\xc3\xbc\xc3\x9f"
     "e an *"},
    {"a\tb\nc\rd", "a b c d"},
};

static void test_goldens(void **state)
{
    (void)state;
    size_t failed = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[SKELETON_MAX];
        struct str got = {out, skeleton(rows[i].text, strlen(rows[i].text), out)};
        if (!str_eq_c(got, rows[i].expect)) {
            print_error("\"%s\"\n  got    \"%.*s\"\n  expect \"%s\"\n", rows[i].text, STR_ARG(got),
                        rows[i].expect);
            failed++;
        }
        for (size_t n = 0; n < strlen(rows[i].text); n++)
            (void)skeleton(rows[i].text, n, out);
    }
    assert_int_equal(failed, 0);
    assert_int_equal(SKELETON_VERSION, 2);
}

static unsigned classes_of(const char *word, size_t n)
{
    char padded[32] = "";

    memcpy(padded, word, n);
    return skeleton_word(padded, n);
}

static void test_words(void **state)
{
    (void)state;
    const char *text, *before = "";
    unsigned want;
    size_t last = 0;

    for (size_t i = 0; (text = skeleton_word_at(i, &want)); i++) {
        char upper[SKELETON_WORD_MAX + 1] = "";
        size_t n = strlen(text);
        assert_true(n >= last && n <= SKELETON_WORD_MAX); /* by length, then by the alphabet */
        assert_true(n > last || strcmp(before, text) < 0);
        last = n;
        before = text;
        for (size_t k = 0; k < n; k++)
            upper[k] = (char)(text[k] & ~0x20);
        if (classes_of(text, n) != want || classes_of(upper, n) != want)
            fail_msg("%s is not found as it is listed (index out of step, or listed twice)", text);
    }
    assert_true(skeleton_word_is_date("Jun", 3) && skeleton_word_is_date("SAT", 3));
    assert_false(skeleton_word_is_date("for", 3) || skeleton_word_is_date("june", 4));
    assert_int_equal(classes_of("", 0), 0);
    assert_int_equal(classes_of("zz", 2), 0);
    assert_int_equal(classes_of("microsecondss", 13), 0);
    assert_int_equal(classes_of("localdomaiN", 11), WORD_TLD);
    assert_int_equal(classes_of("u\x13", 2), 0);
}

static void test_limits(void **state)
{
    (void)state;
    char in[3 * SKELETON_INPUT_MAX], out[SKELETON_MAX];

    /* input */
    memset(in, 'x', sizeof(in));
    for (size_t i = 40; i < sizeof(in); i += 40)
        in[i] = ' ';
    for (size_t n = SKELETON_INPUT_MAX - 1; n <= SKELETON_INPUT_MAX + 1; n++) {
        size_t len = skeleton(in, n, out);
        assert_true(len > 8 && memcmp(out + len - 7, "...2^", 5) == 0); /* also over SKELETON_MAX */
        assert_memory_equal(out + len - 2, n < SKELETON_INPUT_MAX ? "10" : "11", 2);
    }
    /* output: exactly SKELETON_MAX bytes still fit */
    for (size_t n = SKELETON_MAX - 1; n <= SKELETON_MAX + 1; n++) {
        memset(in, 'x', n);
        size_t len = skeleton(in, n, out);
        if (n <= SKELETON_MAX)
            assert_int_equal(len, n);
        else
            assert_true(len == SKELETON_MAX && memcmp(out + len - 10, "xx ...2^10", 10) == 0);
    }
    /* a cut breaks no UTF-8 sequence */
    for (size_t shift = 0; shift < 4; shift++) {
        memset(in, 'x', shift);
        for (size_t i = shift; i + 4 <= sizeof(in); i += 4)
            memcpy(in + i, "\xf0\x9f\x92\xa5", 4);
        size_t len = skeleton(in, SKELETON_INPUT_MAX + 100, out);
        assert_true(str_is_utf8((struct str){out, len}));
    }
    /* tokens */
    for (size_t tokens = SKELETON_TOKENS_MAX - 1; tokens <= SKELETON_TOKENS_MAX + 1; tokens++) {
        for (size_t i = 0; i < tokens; i++)
            memcpy(in + 2 * i, "x ", 2);
        size_t len = skeleton(in, 2 * tokens, out);
        bool cut = len > 8 && memcmp(out + len - 8, " ...2^09", 8) == 0;
        assert_int_equal(cut, tokens > SKELETON_TOKENS_MAX);
    }
    /* cut messages of one size class are alike, of another not */
    char other[SKELETON_MAX];
    memset(in, 'x', sizeof(in));
    for (size_t i = 10; i < sizeof(in); i += 10)
        in[i] = '5', in[i + 1 < sizeof(in) ? i + 1 : i] = ' ';
    size_t a = skeleton(in, 2100, out), b = skeleton(in, 2200, other);
    assert_true(a == b && memcmp(out, other, a) == 0);
    b = skeleton(in, 4200, other);
    assert_false(a == b && memcmp(out, other, a) == 0);
}

/* The same on every machine, after every restart, from every compiler: fixed values. A change of
 * one renames every alert and is a new SKELETON_VERSION. */
static void test_fingerprints(void **state)
{
    (void)state;
    static const struct {
        const char *app, *host, *text;
        uint64_t want;
    } known[] = {
        {"sshd", "web01", "Failed password for root from 203.0.113.7 port 4242 ssh2",
         0x6af10b2278b77a1b},
        {"kernel", "db01", "EXT4-fs error (device sda1): ext4_find_entry:1455: inode #2: comm x",
         0xb8147136e6480ec4},
        {"app", "h", "{\"level\":\"error\",\"msg\":\"disk full\",\"free\":0}", 0x2a5abd29d829a808},
        {"", "", "", 0x39b46a1275448694},
        {"\xc3\xbc", "\xff",
         "gr\xc3\xbc\xc3\x9f"
         "e 5",
         0x6fd6acb1fe582d63},
    };
    struct arena arena;

    arena_init(&arena, 0);
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        char out[SKELETON_MAX];
        struct str text = {out, skeleton(known[i].text, strlen(known[i].text), out)};
        uint64_t got = syslog_identity(str_c(known[i].app), str_c(known[i].host), text, &arena);
        if (got != known[i].want)
            fail_msg("%s: %016llx", known[i].text, (unsigned long long)got);
    }
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goldens),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_fingerprints),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
