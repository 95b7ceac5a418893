/*
 * Server-sent events, in whole and in pieces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "sse.h"

static char seen[4096];
static int stop_after;

static bool on_event(void *arg, struct str type, struct str id, struct str data)
{
    size_t n = strlen(seen);

    (void)arg;
    snprintf(seen + n, sizeof(seen) - n, "[%.*s|%.*s|%.*s]", STR_ARG(type), STR_ARG(id),
             STR_ARG(data));
    return stop_after == 0 || --stop_after > 0;
}

/* Reads the text, so many bytes at a time. */
static bool read_in(const char *text, size_t piece)
{
    struct str rest = str_c(text);
    struct sse s;
    bool ok = true;

    *seen = '\0';
    sse_init(&s, on_event, NULL);
    while (ok && rest.n) {
        ok = sse_feed(&s, str_sub(rest, 0, piece));
        rest = str_sub(rest, piece, rest.n);
    }
    sse_finish(&s);
    return ok;
}

static void streams(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"data: a\n\n", "[message||a]"},
        {"data:a\n\ndata: b\n\n", "[message||a][message||b]"},
        {"id: 7\ndata: a\n\ndata: b\n\n", "[message|7|a][message|7|b]"},
        {"event: x\ndata: a\n\ndata: b\n\n", "[x||a][message||b]"},
        {"data: a\ndata: b\n\n", "[message||a\nb]"},
        {"data\n\n", "[message||]"},
        {": a comment\n\n:\n\n", ""},
        {"id: 9\n\n", ""},
        {"data: a\r\n\r\ndata: b\r\r", "[message||a][message||b]"},
        {"data:  two blanks\n\n", "[message|| two blanks]"},
        {"retry: 5\nfuture: x\ndata: a\n\n", "[message||a]"},
        {"data: not ended", ""},
    };

    (void)state;
    stop_after = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t piece = 1; piece < 30; piece++) {
            assert_true(read_in(rows[i].text, piece));
            assert_string_equal(seen, rows[i].want);
        }
}

static void stops_when_told(void **state)
{
    (void)state;
    stop_after = 1;
    assert_false(read_in("data: a\n\ndata: b\n\n", 4));
    assert_string_equal(seen, "[message||a]");
    stop_after = 0;
}

static void long_lines(void **state)
{
    struct sse s;
    char *block = malloc(65536);

    (void)state;
    assert_non_null(block);
    memset(block, 'x', 65536);
    sse_init(&s, on_event, NULL);
    for (size_t i = 0; i < SSE_MAX / 65536; i++)
        assert_true(sse_feed(&s, (struct str){block, 65536}));
    assert_false(sse_feed(&s, S("x")));
    sse_finish(&s);
    free(block);
}

static void a_new_connection_keeps_the_id(void **state)
{
    struct sse s;

    (void)state;
    *seen = '\0';
    sse_init(&s, on_event, NULL);
    assert_true(sse_feed(&s, S("id: 3\ndata: a\n\ndata: half")));
    sse_reset(&s);
    assert_true(str_eq(buf_str(&s.id), S("3")));
    assert_true(sse_feed(&s, S("data: b\n\n")));
    assert_string_equal(seen, "[message|3|a][message|3|b]");
    sse_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams),
        cmocka_unit_test(stops_when_told),
        cmocka_unit_test(long_lines),
        cmocka_unit_test(a_new_connection_keeps_the_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
