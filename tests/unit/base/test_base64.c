/* test_base64.c - the vectors of RFC 4648, every length, and what is no base64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "triaged/base/base64.h"

static void test_vectors(void **state)
{
    static const struct {
        const char *bytes, *text;
    } rows[] = {{"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"},
                {"\xff\xfe\xfd", "//79"},
                {"\xfb\xef", "++8="}};
    struct buf b;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        buf_init(&b, 100);
        assert_true(base64_put(&b, str_c(rows[i].bytes)));
        assert_true(str_eq_c(buf_str(&b), rows[i].text));
        buf_reset(&b);
        assert_true(base64_take(&b, str_c(rows[i].text)));
        assert_true(str_eq_c(buf_str(&b), rows[i].bytes));
        buf_finish(&b);
    }
}

static void test_there_and_back(void **state)
{
    char bytes[260];
    struct buf text, back;

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 7);
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        struct str in = {bytes, n};

        buf_init(&text, 1000);
        buf_init(&back, 1000);
        assert_true(base64_put(&text, in));
        assert_true(base64_take(&back, buf_str(&text)));
        assert_true(str_eq(buf_str(&back), in));
        while (text.n && text.p[text.n - 1] == '=') /* padding may be missing */
            text.n--;
        buf_reset(&back);
        assert_true(base64_take(&back, buf_str(&text)));
        assert_true(str_eq(buf_str(&back), in));
        buf_finish(&text);
        buf_finish(&back);
    }
}

static void test_refused(void **state)
{
    static const char *const rows[] = {
        "Z", "Zm9vY", "Zm9v Yg==", "Zm9v\n", "=Zg=", "Zg=a", "Zm-_", "Zg===", "\x80\x80\x80\x80"};
    struct buf b;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        buf_init(&b, 100);
        if (base64_take(&b, str_c(rows[i])))
            fail_msg("taken: %s", rows[i]);
        buf_finish(&b);
    }
    buf_init(&b, 2);
    assert_false(base64_take(&b, S("Zm9v")));
    buf_finish(&b);
    buf_init(&b, 3);
    assert_false(base64_put(&b, S("f")));
    buf_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
