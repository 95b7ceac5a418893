/*
 * Texts made safe for a terminal, cut and wrapped by the columns that they take.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <stdlib.h>

#include "term.h"

static struct buf out;

static const char *put(struct str s, size_t width, size_t *columns)
{
    buf_reset(&out);
    *columns = text_put(&out, s, width);
    buf_put_char(&out, '\0');
    return out.p;
}

static void widths(void **state)
{
    (void)state;
    assert_int_equal(text_width(S("")), 0);
    assert_int_equal(text_width(S("abc")), 3);
    assert_int_equal(text_width(S("Füße")), 4);
    assert_int_equal(text_width(S("警報")), 4);      /* wide */
    assert_int_equal(text_width(S("e\xcc\x81")), 1); /* combining */
    assert_int_equal(text_width(S("\xff\xfe")), 2);  /* no UTF-8 */
}

static void cutting(void **state)
{
    static const struct {
        const char *text;
        size_t width;
        const char *want;
        size_t columns;
    } rows[] = {
        {"abcdef", 0, "abcdef", 6},         {"abcdef", 7, "abcdef", 6}, {"abcdef", 6, "abcdef", 6},
        {"abcdef", 5, "abcd…", 5},          {"abcdef", 1, "…", 1},      {"警報警報", 5, "警報…", 5},
        {"警報警報", 4, "警…", 3}, /* a wide one that does not fit is left out whole */
        {"e\xcc\x81x", 2, "e\xcc\x81x", 2},
    };
    size_t columns;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(put(str_c(rows[i].text), rows[i].width, &columns), rows[i].want);
        assert_int_equal(columns, rows[i].columns);
    }
}

/* What a sender of alerts could try on who looks at them. */
static void hostile_texts(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"\033[2J\033]0;title\a", " [2J ]0;title "},
        {"a\nb\rc\td", "a b c d"},
        {"x\xc2\x9b"
         "31m",
         "x 31m"}, /* C1: CSI in one character */
        {"\x7f", " "},
        {"\xe2\x80\xaegpj.exe", "\xef\xbf\xbdgpj.exe"},           /* right-to-left override */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate */
        {"\xe2\x80\xa8", " "},                                    /* line separator */
    };
    size_t columns;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(put(str_c(rows[i].text), 0, &columns), rows[i].want);
}

static const char *wrap(const char *text, size_t indent, size_t width)
{
    buf_reset(&out);
    text_wrap(&out, str_c(text), indent, width);
    buf_put_char(&out, '\0');
    return out.p;
}

static void wrapping(void **state)
{
    (void)state;
    assert_string_equal(wrap("one two three four", 2, 16), "one two three\n  four");
    assert_string_equal(wrap("one two three four", 2, 15), "one two three\n  four");
    assert_string_equal(wrap("one two three four", 2, 14), "one two\n  three four");
    assert_string_equal(wrap("one two", 2, 0), "one two"); /* no terminal: never */
    assert_string_equal(wrap("a\nb", 2, 40), "a\n  b");
    assert_string_equal(wrap("averyveryverylongword x", 0, 12), "averyveryverylongword\nx");
    assert_string_equal(wrap("x\033[1my", 0, 40), "x [1my");
}

static void colours(void **state)
{
    struct term t;

    (void)state;
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    term_init(&t, stdout, "always");
    assert_string_equal(style_on(&t, BOLD_RED), "\033[1;31m");
    assert_string_equal(style_off(&t, BOLD_RED), "\033[0m");
    assert_string_equal(style_off(&t, PLAIN), "");
    term_init(&t, stdout, "never");
    assert_string_equal(style_on(&t, RED), "");
    FILE *f = tmpfile(); /* no terminal */
    assert_non_null(f);
    term_init(&t, f, NULL);
    assert_false(t.colour);
    assert_int_equal(t.width, 0);
    fclose(f);
}

static int set_up(void **state)
{
    struct term t;

    (void)state;
    buf_init(&out, 1 << 20);
    term_init(&t, stdout, NULL); /* the character set */
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_finish(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(widths),   cmocka_unit_test(cutting), cmocka_unit_test(hostile_texts),
        cmocka_unit_test(wrapping), cmocka_unit_test(colours),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
