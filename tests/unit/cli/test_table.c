/*
 * Tables for a width: columns without content, columns that go, columns that are cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "table.h"

static const struct table_column columns[] = {
    {"ID", 0, 0, false}, {"WHO", 1, 0, false}, {"N", 2, 0, true}, {"TITLE", 0, 8, false}};

static char text[4096];

static const char *print(const struct table *t, size_t width, bool colour)
{
    FILE *f = tmpfile();
    struct term term = {f, width, colour, 0};
    size_t n;

    assert_non_null(f);
    table_print(t, &term, "Nothing.");
    rewind(f);
    n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    fclose(f);
    return text;
}

static void add(struct table *t, const char *id, const char *who, const char *n, const char *title)
{
    table_row(t);
    table_put(t, str_c(id));
    table_put_styled(t, RED, str_c(who));
    table_put(t, str_c(n));
    table_put(t, str_c(title));
}

static struct table *example(void)
{
    struct table *t = table_create(columns, 4);

    add(t, "NET-1", "alice", "7", "Link down on sw-1");
    add(t, "NET-22", "", "1234", "Fan");
    return t;
}

static void without_a_width(void **state)
{
    struct table *t = example();

    (void)state;
    assert_string_equal(print(t, 0, false), "ID      WHO       N  TITLE\n"
                                            "NET-1   alice     7  Link down on sw-1\n"
                                            "NET-22         1234  Fan\n");
    table_destroy(t);
}

static void fits_and_not(void **state)
{
    struct table *t = example();

    (void)state;
    /* 6 + 2 + 5 + 2 + 4 + 2 + 17 = 38 */
    assert_non_null(strstr(print(t, 38, false), "7  Link down on sw-1\n"));
    assert_non_null(strstr(print(t, 37, false), "7  Link down on sw…\n"));
    /* 29: the title at its narrowest (8); 28: N goes first, WHO stays */
    assert_non_null(strstr(print(t, 29, false), "NET-1   alice     7  Link do…\n"));
    assert_string_equal(print(t, 28, false), "ID      WHO    TITLE\n"
                                             "NET-1   alice  Link down on…\n"
                                             "NET-22         Fan\n");
    /* 6 + 2 + 5 + 2 + 8 = 23; below, WHO goes too */
    assert_non_null(strstr(print(t, 23, false), "NET-1   alice  Link do…\n"));
    assert_string_equal(print(t, 22, false), "ID      TITLE\n"
                                             "NET-1   Link down on …\n"
                                             "NET-22  Fan\n");
    /* 6 + 2 + 8 = 16; below, it is no longer comfortable; below 12, what is never cut stays */
    assert_non_null(strstr(print(t, 16, false), "NET-1   Link do…\n"));
    assert_non_null(strstr(print(t, 12, false), "NET-1   Lin…\n"));
    assert_non_null(strstr(print(t, 11, false), "NET-1   Lin…\n"));
    table_destroy(t);
}

static void every_line_fits(void **state)
{
    struct table *t = example();

    (void)state;
    add(t, "NET-333", "bob", "1", "警報 警報 警報 警報 is wide");
    for (size_t width = 13; width < 80; width++) {
        struct str rest = str_c(print(t, width, false));

        while (rest.n)
            assert_in_range(text_width(str_cut(rest, '\n', &rest)), 1, width);
    }
    table_destroy(t);
}

static void empty_columns_go(void **state)
{
    struct table *t = table_create(columns, 4);

    (void)state;
    assert_string_equal(print(t, 80, false), "Nothing.\n");
    add(t, "X-1", "", "", "y");
    assert_string_equal(print(t, 80, false), "ID   TITLE\nX-1  y\n");
    assert_int_equal(table_rows(t), 1);
    table_destroy(t);
}

static void styles_take_no_room(void **state)
{
    struct table *t = example();

    (void)state;
    assert_non_null(strstr(print(t, 0, true), "NET-1   \033[31malice\033[0m     7  Link"));
    assert_non_null(strstr(text, "\033[2mID\033[0m      \033[2mWHO\033[0m"));
    table_destroy(t);
}

static void many_rows_and_hostile_cells(void **state)
{
    struct table *t = table_create(columns, 4);

    (void)state;
    for (int i = 0; i < 100; i++)
        add(t, "\033[2J", "a", "1", "two\nlines");
    assert_null(strchr(print(t, 0, false), '\033'));
    assert_non_null(strstr(text, "two lines\n"));
    assert_int_equal(table_rows(t), 100);
    table_destroy(t);
    table_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_width),     cmocka_unit_test(fits_and_not),
        cmocka_unit_test(every_line_fits),     cmocka_unit_test(empty_columns_go),
        cmocka_unit_test(styles_take_no_room), cmocka_unit_test(many_rows_and_hostile_cells),
    };
    struct term t;

    term_init(&t, stdout, NULL); /* the character set */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
