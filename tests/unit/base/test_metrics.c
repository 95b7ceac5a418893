/* test_metrics.c - the text that Prometheus scrapes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "triaged/base/mem.h"
#include "triaged/base/metrics.h"

static struct metric_family zulu = {
    .name = "triaged_zulu_total", .help = "Last\nby \\name.", .type = METRIC_COUNTER};
static struct metric_family labelled = {.name = "triaged_labelled",
                                        .help = "A gauge.",
                                        .type = METRIC_GAUGE,
                                        .labels = {"team", "tier"}};
static const int64_t bounds[] = {5, 100, 1000};
static struct metric_family latency = {.name = "triaged_latency_seconds",
                                       .help = "Durations.",
                                       .type = METRIC_HISTOGRAM,
                                       .labels = {"path"},
                                       .scale = 1e-3,
                                       .bounds = bounds,
                                       .n_bounds = 3};
static struct metric_family crowded = {
    .name = "triaged_crowded_total", .help = "Many.", .type = METRIC_COUNTER, .labels = {"who"}};

static char *render(void)
{
    struct buf b;
    buf_init(&b, 16 << 20);
    assert_true(metrics_render(&b));
    buf_put_char(&b, 0);
    return b.p;
}

static void test_text(void **state)
{
    (void)state;
    metric_add(metric_cell(&zulu), 2);
    metric_add(metric_cell(&zulu), 1);
    metric_set(metric_cell(&labelled, "a\"b\\c\nd", "tier1"), -4);
    metric_set(metric_cell(&labelled, "\xff", "tier1"), 1);
    metric_observe(metric_cell(&latency, "/x"), 5);
    metric_observe(metric_cell(&latency, "/x"), 6);
    metric_observe(metric_cell(&latency, "/x"), 2500);
    metric_observe(metric_cell(&latency, "/x"), -9); /* a clock was set back: counts as nothing */
    char *text = render();
    static const char expected[] = "# HELP triaged_labelled A gauge.\n"
                                   "# TYPE triaged_labelled gauge\n"
                                   "triaged_labelled{team=\"a\\\"b\\\\c\\nd\",tier=\"tier1\"} -4\n"
                                   "triaged_labelled{team=\"\xEF\xBF\xBD\",tier=\"tier1\"} 1\n"
                                   "# HELP triaged_latency_seconds Durations.\n"
                                   "# TYPE triaged_latency_seconds histogram\n"
                                   "triaged_latency_seconds_bucket{path=\"/x\",le=\"0.005\"} 2\n"
                                   "triaged_latency_seconds_bucket{path=\"/x\",le=\"0.1\"} 3\n"
                                   "triaged_latency_seconds_bucket{path=\"/x\",le=\"1\"} 3\n"
                                   "triaged_latency_seconds_bucket{path=\"/x\",le=\"+Inf\"} 4\n"
                                   "triaged_latency_seconds_sum{path=\"/x\"} 2.511\n"
                                   "triaged_latency_seconds_count{path=\"/x\"} 4\n"
                                   "# HELP triaged_zulu_total Last\\nby \\\\name.\n"
                                   "# TYPE triaged_zulu_total counter\n"
                                   "triaged_zulu_total 3\n";
    assert_string_equal(text, expected);
    free(text);
}

static void test_cells_are_one(void **state)
{
    (void)state;
    struct metric_cell *c = metric_cell(&labelled, "x", "yz");
    assert_ptr_equal(c, metric_cell(&labelled, "x", "yz"));
    assert_ptr_not_equal(c, metric_cell(&labelled, "xy", "z"));
    assert_ptr_equal(c, metric_cell_v(&labelled, (const char *const[]){"x", "yz"}, 2));
    /* too few values are empty ones, not what lies behind them */
    assert_ptr_equal(metric_cell_v(&labelled, (const char *const[]){"x"}, 1),
                     metric_cell(&labelled, "x", ""));
    assert_ptr_equal(metric_cell(&zulu), metric_cell(&zulu));
}

static void test_cell_limit(void **state)
{
    (void)state;
    char name[16];
    struct metric_cell *last = NULL;
    for (int i = 0; i < METRIC_CELLS_MAX; i++) {
        snprintf(name, sizeof(name), "w%d", i);
        struct metric_cell *c = metric_cell(&crowded, name);
        assert_ptr_not_equal(c, last);
        last = c;
    }
    struct metric_cell *other = metric_cell(&crowded, "one more");
    assert_ptr_equal(other, metric_cell(&crowded, "and another"));
    assert_ptr_equal(other, metric_cell(&crowded, "other"));
    assert_ptr_equal(last, metric_cell(&crowded, name)); /* known ones keep theirs */
}

static void *count(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20000; i++)
        metric_add(metric_cell(&labelled, i % 2 ? "odd" : "even", "t"), 1);
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t t[3];
    for (size_t i = 0; i < ARRAY_LEN(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, count, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(t); i++)
        pthread_join(t[i], NULL);
    assert_int_equal(metric_get(metric_cell(&labelled, "odd", "t")), 30000);
    assert_int_equal(metric_get(metric_cell(&labelled, "even", "t")), 30000);
}

static void test_full_buffer(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_false(metrics_render(&b));
    buf_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),        cmocka_unit_test(test_cells_are_one),
        cmocka_unit_test(test_cell_limit),  cmocka_unit_test(test_threads),
        cmocka_unit_test(test_full_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
