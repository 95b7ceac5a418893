/*
 * test_fold.c - equals become one with a count, order of states is kept, records hold what they
 * must.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "fold.h"
#include "teams.h"
#include "triaged/alert/observation.h"
#include "triaged/base/mem.h"

enum { SEEN_MAX = 2000 };

struct item {
    char team[16], fingerprint[17], state[16], message[64], meta[64];
    long long count, first_ms, last_ms;
};

struct seen {
    struct item items[SEEN_MAX];
    size_t n, records;
    size_t fail_at; /* the record that is refused, 1-based; 0 = none */
};

static long long number(struct str s)
{
    int64_t v = -1;

    assert_true(str_to_i64(s, &v));
    return v;
}

static void copy(char *out, size_t size, struct str s)
{
    snprintf(out, size, "%.*s", STR_ARG(s));
}

static bool on_record(void *arg, struct str team, struct str payload)
{
    struct seen *seen = arg;
    struct record_header h;
    struct record_reader r;

    if (++seen->records == seen->fail_at)
        return false;
    assert_true(record_read(payload, &h, &r));
    assert_int_equal(h.script, RECORD_OBSERVE);
    assert_int_equal(h.n_fields, OBSERVE_N);
    assert_true(h.n_items >= 1 && h.n_items <= RECORD_ITEMS_MAX);
    for (uint32_t i = 0; i < h.n_items; i++) {
        struct item *it = &seen->items[seen->n++];
        struct str f[OBSERVE_N];

        for (int k = 0; k < OBSERVE_N; k++)
            assert_true(record_next(&r, &f[k]));
        copy(it->team, sizeof(it->team), team);
        copy(it->fingerprint, sizeof(it->fingerprint), f[OBSERVE_fingerprint]);
        copy(it->state, sizeof(it->state), f[OBSERVE_state]);
        copy(it->message, sizeof(it->message), f[OBSERVE_alert]);
        copy(it->meta, sizeof(it->meta), f[OBSERVE_meta]);
        it->count = number(f[OBSERVE_count]);
        it->first_ms = number(f[OBSERVE_first_ms]);
        it->last_ms = number(f[OBSERVE_last_ms]);
    }
    return true;
}

static const struct team teams[] = {{.name = {"a", 1}}, {.name = {"b", 1}}};

static struct prepared *make(uint64_t fp, const char *team, bool is_log, bool pairs)
{
    struct prepared *p = xcalloc(1, sizeof(*p) + 17);

    p->refs = 1;
    p->fp = fp;
    snprintf(p->text, 17, "%016llx", (unsigned long long)fp);
    p->fingerprint = (struct str){p->text, 16};
    p->team = str_c(team);
    p->group_key = S("g{}");
    p->rule = S("g");
    p->is_log = is_log;
    p->pairs = pairs;
    p->impact = p->urgency = "low";
    p->meta = S("{}");
    p->alert = is_log ? S("\"labels\":{") : S("\"labels\":{}");
    return p;
}

static struct alert fired(int64_t at, bool resolved, const char *sender)
{
    return (struct alert){.source = SOURCE_PROMETHEUS,
                          .resolved = resolved,
                          .received_ms = at,
                          .starts_ms = 5000,
                          .sender = str_c(sender),
                          .repeat = 1};
}

static void add(struct fold *f, struct prepared *p, int64_t at, bool resolved, const char *sender)
{
    struct alert a = fired(at, resolved, sender);

    fold_add(f, p, &a);
}

static void flush(struct fold *f, struct seen *seen)
{
    assert_true(fold_write(f, teams, 2, 0, on_record, seen));
    fold_empty(f, 1000);
    assert_true(fold_is_empty(f));
}

static void test_equals_become_one(void **state)
{
    struct seen seen = {0};
    struct prepared *p = make(7, "a", false, false);
    struct fold f;

    (void)state;
    fold_init(&f, 0, 100, 1 << 20);
    for (int i = 0; i < 5; i++)
        add(&f, p, 100 + i, false, "x");
    flush(&f, &seen);
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.items[0].count, 5);
    assert_int_equal(seen.items[0].first_ms, 100);
    assert_int_equal(seen.items[0].last_ms, 104);
    assert_int_equal(p->refs, 1);
    prepared_unref(p);
    fold_finish(&f);
}

static void test_last_state_received_is_last(void **state)
{
    static const char *const want[] = {"firing", "resolved", "firing"};
    struct seen seen = {0};
    struct prepared *p = make(7, "a", false, false);
    struct fold f;

    (void)state;
    fold_init(&f, 0, 100, 1 << 20);
    add(&f, p, 1, false, "x");
    add(&f, p, 2, true, "x");
    add(&f, p, 3, false, "x");
    add(&f, p, 4, false, "x");
    flush(&f, &seen);
    assert_int_equal(seen.n, 3);
    for (int i = 0; i < 3; i++)
        assert_string_equal(seen.items[i].state, want[i]);
    assert_int_equal(seen.items[2].count, 2);
    prepared_unref(p);
    fold_finish(&f);
}

static void test_pairs_of_senders_stay_apart(void **state)
{
    struct seen seen = {0};
    struct prepared *pair = make(7, "a", false, true), *alone = make(8, "a", false, false);
    struct fold f;

    (void)state;
    fold_init(&f, 0, 100, 1 << 20);
    add(&f, pair, 1, false, "prometheus-0");
    add(&f, pair, 2, false, "prometheus-1");
    add(&f, alone, 1, false, "x");
    add(&f, alone, 2, false, "y");
    flush(&f, &seen);
    assert_int_equal(seen.n, 3);
    prepared_unref(pair);
    prepared_unref(alone);
    fold_finish(&f);
}

static void test_logs_keep_the_last_text(void **state)
{
    struct seen seen = {0};
    struct prepared *p = make(9, "b", true, false);
    struct fold f;

    (void)state;
    fold_init(&f, 0, 100, 1 << 20);
    fold_add_log(&f, p, S("first"), 1, 10, 10, S("h"));
    fold_add_log(&f, p, S("la\"st"), 3, 20, 20, S("h"));
    assert_non_null(p->pending[0]);
    flush(&f, &seen);
    assert_null(p->pending[0]);
    assert_int_equal(seen.items[0].count, 4);
    assert_string_equal(seen.items[0].message, "\"labels\":{\"message\":\"la\\\"st\"}");
    prepared_unref(p);
    fold_finish(&f);
}

static void test_a_verdict_may_stand_in_two_folds(void **state)
{
    struct seen seen = {0};
    struct prepared *p = make(9, "b", true, false);
    struct fold now, later;

    (void)state;
    fold_init(&now, 0, 100, 1 << 20);
    fold_init(&later, 1, 100, 1 << 20);
    assert_int_equal(fold_oldest_ms(&later), 0);
    fold_add_log(&later, p, S("a"), 1, 10, 10, S("h"));
    fold_add_log(&later, p, S("b"), 1, 11, 11, S("h"));
    fold_add_log(&now, p, S("c"), 1, 12, 12, S("h"));
    assert_int_equal(fold_oldest_ms(&later), 10);
    flush(&now, &seen);
    assert_int_equal(p->written_ms, 1000);
    assert_null(p->pending[0]);
    assert_non_null(p->pending[1]);
    fold_add_log(&later, p, S("d"), 1, 13, 13, S("h"));
    flush(&later, &seen);
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.items[0].count, 1);
    assert_int_equal(seen.items[1].count, 3);
    prepared_unref(p);
    fold_finish(&now);
    fold_finish(&later);
}

/* Each longer than the one before: what they hold is bounded by what they count. */
static void test_growing_messages_are_counted(void **state)
{
    char text[2 * FOLD_MESSAGE_MAX];
    struct prepared *p = make(9, "b", true, false);
    struct fold f;

    (void)state;
    memset(text, 'x', sizeof(text));
    fold_init(&f, 0, 100, 1 << 20);
    for (size_t n = 0; n <= sizeof(text); n += 7)
        fold_add_log(&f, p, (struct str){text, n}, 1, 10, 10, S("h"));
    assert_int_equal(f.first->message_n, FOLD_MESSAGE_MAX);
    assert_true(f.bytes >= 2 * FOLD_MESSAGE_MAX && f.bytes < 4 * FOLD_MESSAGE_MAX);
    assert_true(arena_used(&f.arena) < 4 * FOLD_MESSAGE_MAX);
    prepared_unref(p);
    fold_finish(&f);
}

static void test_records_of_a_team_hold_at_most_256(void **state)
{
    static const size_t counts[] = {RECORD_ITEMS_MAX - 1, RECORD_ITEMS_MAX, RECORD_ITEMS_MAX + 1};
    static const size_t records[] = {1, 1, 2};

    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(counts); c++) {
        struct seen *seen = NEW(struct seen);
        struct fold f;

        fold_init(&f, 0, 10000, 1 << 20);
        for (size_t i = 0; i < counts[c]; i++) {
            struct prepared *p = make(1000 + i, "a", false, false);

            add(&f, p, 1, false, "x");
            prepared_unref(p);
        }
        flush(&f, seen);
        assert_int_equal(seen->n, counts[c]);
        assert_int_equal(seen->records, records[c]);
        fold_finish(&f);
        free(seen);
    }
}

/* Written once for neighbours of a team's record; never referred to across records. */
static void test_meta_as_before(void **state)
{
    static const char *const metas[] = {"{1}", "{1}", "{2}", "{2}", "{1}"};
    static const char *const want[] = {"{1}", "=", "{2}", "=", "{1}"};
    struct seen seen = {0};
    struct prepared *p[ARRAY_LEN(metas) + 2];
    struct fold f;

    (void)state;
    fold_init(&f, 0, 100, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(p); i++) {
        p[i] = make(i + 1, i < ARRAY_LEN(metas) ? "a" : "b", i == ARRAY_LEN(metas) + 1, false);
        p[i]->meta = i < ARRAY_LEN(metas) ? str_c(metas[i]) : S("{1}");
    }
    p[ARRAY_LEN(metas) + 1]->summary_is_message = true;
    for (size_t i = 0; i < ARRAY_LEN(metas); i++)
        add(&f, p[i], 100, false, "x");
    flush(&f, &seen);
    assert_int_equal(seen.n, ARRAY_LEN(metas));
    for (size_t i = 0; i < ARRAY_LEN(metas); i++)
        assert_string_equal(seen.items[i].meta, want[i]);
    seen = (struct seen){0};
    add(&f, p[0], 100, false, "x");
    add(&f, p[ARRAY_LEN(metas)], 100, false, "x"); /* another team */
    fold_add_log(&f, p[ARRAY_LEN(metas) + 1], S("text"), 1, 100, 100, S("x"));
    flush(&f, &seen);
    assert_int_equal(seen.n, 3);
    assert_string_equal(seen.items[0].meta, "{1}");
    assert_string_equal(seen.items[1].meta, "{1}");
    assert_string_equal(seen.items[2].meta, "{\"summary\":\"text\",1}");
    for (size_t i = 0; i < ARRAY_LEN(p); i++)
        prepared_unref(p[i]);
    fold_finish(&f);
}

static void test_old_resolve_goes_to_other_teams_too(void **state)
{
    struct seen seen = {0};
    struct prepared *p = make(7, "a", false, false);
    struct fold f;

    (void)state;
    fold_init(&f, 0, 100, 1 << 20);
    add(&f, p, 1, true, "x"); /* started at 5000 */
    assert_true(fold_write(&f, teams, 2, 5000, on_record, &seen));
    fold_empty(&f, 1000);
    assert_int_equal(seen.n, 1);
    add(&f, p, 1, true, "x");
    assert_true(fold_write(&f, teams, 2, 5001, on_record, &seen));
    fold_empty(&f, 1000);
    assert_int_equal(seen.n, 3);
    assert_string_equal(seen.items[1].state, "resolved");
    assert_string_equal(seen.items[2].state, "elsewhere");
    assert_string_equal(seen.items[2].team, "b");
    assert_string_equal(seen.items[1].message, "\"labels\":{}");
    assert_string_equal(seen.items[2].message, ""); /* it opens nothing, and tells nothing */
    assert_string_equal(seen.items[2].meta, "{}");
    prepared_unref(p);
    fold_finish(&f);
}

static void test_failure_keeps_all(void **state)
{
    struct prepared *p = make(9, "b", true, false);
    struct fold f;

    (void)state;
    fold_init(&f, 0, 2, 1 << 20);
    for (int keep = 0; keep < 2; keep++) {
        struct seen seen = {.fail_at = 1};

        fold_add_log(&f, p, S("text"), 1, 10, 10, S("h"));
        assert_false(fold_write(&f, teams, 2, 0, on_record, &seen));
        assert_false(fold_is_empty(&f));
        if (!keep)
            fold_empty(&f, 1000);
    }
    struct seen seen = {0};

    fold_add_log(&f, p, S("text"), 1, 10, 10, S("h"));
    flush(&f, &seen);
    assert_int_equal(seen.items[0].count, 2);
    prepared_unref(p);
    fold_finish(&f);
}

static void test_full(void **state)
{
    struct fold f;

    (void)state;
    fold_init(&f, 0, 2, 1 << 20);
    for (uint64_t i = 0; i < 2; i++) {
        struct prepared *p = make(i, "a", false, false);

        assert_false(fold_is_full(&f));
        add(&f, p, 1, false, "x");
        prepared_unref(p);
    }
    assert_true(fold_is_full(&f));
    fold_finish(&f);
}

static void test_full_by_bytes(void **state)
{
    struct fold f;
    struct seen seen = {0};

    (void)state;
    fold_init(&f, 0, 100, 8 * 1024);
    for (uint64_t i = 0; i < 100 && !fold_is_full(&f); i++) {
        struct prepared *p = make(i, "a", true, false);

        p->bytes = 2000;
        fold_add_log(&f, p, S("text"), 1, 10, 10, S("h"));
        prepared_unref(p);
    }
    assert_true(fold_is_full(&f));
    assert_in_range(f.n, 1, 4);
    flush(&f, &seen);
    assert_false(fold_is_full(&f));
    fold_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_become_one),
        cmocka_unit_test(test_last_state_received_is_last),
        cmocka_unit_test(test_pairs_of_senders_stay_apart),
        cmocka_unit_test(test_logs_keep_the_last_text),
        cmocka_unit_test(test_a_verdict_may_stand_in_two_folds),
        cmocka_unit_test(test_growing_messages_are_counted),
        cmocka_unit_test(test_records_of_a_team_hold_at_most_256),
        cmocka_unit_test(test_meta_as_before),
        cmocka_unit_test(test_old_resolve_goes_to_other_teams_too),
        cmocka_unit_test(test_full_by_bytes),
        cmocka_unit_test(test_failure_keeps_all),
        cmocka_unit_test(test_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
