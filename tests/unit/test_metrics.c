/* Metrics: what threads add is summed, and the page is what Prometheus reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"

static void
assert_page(struct metrics *metrics, const char *expected)
{
    size_t length = 0;
    char *page = metrics_print(metrics, &length);

    assert_non_null(page);
    assert_string_equal(page, expected);
    assert_int_equal(length, strlen(expected));
    free(page);
}

static void
counters_and_gauges_are_printed_by_name(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    struct metric *refused, *accepted, *connections, *info;

    assert_page(metrics, "");
    refused = metrics_counter(metrics, "t_callbacks_total", "Callbacks.", "source=\"yeta\",outcome=\"refused\"");
    connections = metrics_gauge(metrics, "t_connections", "Open connections.", "");
    accepted = metrics_counter(metrics, "t_callbacks_total", "Callbacks.", "source=\"a\",outcome=\"accepted\"");
    info = metrics_gauge(metrics, "t_build_info", "Build.", "version=\"1\"");
    assert_ptr_equal(accepted, metrics_counter(metrics, "t_callbacks_total", "", "source=\"a\",outcome=\"accepted\""));
    assert_ptr_not_equal(accepted, refused);

    metric_add(refused, 1);
    metric_add(accepted, 5);
    metric_add(accepted, 2);
    metric_move(connections, 2);
    metric_move(connections, -5);
    metric_set(info, 1);
    assert_int_equal(metric_read(accepted), 7);
    assert_page(metrics, "# HELP t_build_info Build.\n"
                         "# TYPE t_build_info gauge\n"
                         "t_build_info{version=\"1\"} 1\n"
                         "# HELP t_callbacks_total Callbacks.\n"
                         "# TYPE t_callbacks_total counter\n"
                         "t_callbacks_total{source=\"a\",outcome=\"accepted\"} 7\n"
                         "t_callbacks_total{source=\"yeta\",outcome=\"refused\"} 1\n"
                         "# HELP t_connections Open connections.\n"
                         "# TYPE t_connections gauge\n"
                         "t_connections -3\n");
    metric_set(connections, 9);
    assert_int_equal(metric_read(connections), 9);
    metrics_free(metrics);
}

static void
a_histogram(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    struct metric *plain = metrics_histogram(metrics, "t_seconds", "Time.", "");

    metric_observe_ns(plain, -7);
    metric_observe_ns(plain, 500000);     /* on a bound: inside */
    metric_observe_ns(plain, 500001);     /* just above it */
    metric_observe_ns(plain, 3000000000); /* 3 s */
    metric_observe_ns(plain, 10000000001);
    assert_int_equal(metric_read(plain), 5);
    assert_page(metrics, "# HELP t_seconds Time.\n"
                         "# TYPE t_seconds histogram\n"
                         "t_seconds_bucket{le=\"0.0005\"} 2\n"
                         "t_seconds_bucket{le=\"0.001\"} 3\n"
                         "t_seconds_bucket{le=\"0.0025\"} 3\n"
                         "t_seconds_bucket{le=\"0.005\"} 3\n"
                         "t_seconds_bucket{le=\"0.01\"} 3\n"
                         "t_seconds_bucket{le=\"0.025\"} 3\n"
                         "t_seconds_bucket{le=\"0.05\"} 3\n"
                         "t_seconds_bucket{le=\"0.1\"} 3\n"
                         "t_seconds_bucket{le=\"0.25\"} 3\n"
                         "t_seconds_bucket{le=\"0.5\"} 3\n"
                         "t_seconds_bucket{le=\"1\"} 3\n"
                         "t_seconds_bucket{le=\"2.5\"} 3\n"
                         "t_seconds_bucket{le=\"5\"} 4\n"
                         "t_seconds_bucket{le=\"10\"} 4\n"
                         "t_seconds_bucket{le=\"+Inf\"} 5\n"
                         "t_seconds_sum 13.001000002\n"
                         "t_seconds_count 5\n");
    metrics_free(metrics);
}

static void
a_histogram_with_labels(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    size_t length = 0;

    metric_observe_ns(metrics_histogram(metrics, "t_seconds", "Time.", "source=\"yeta\""), 20000000);
    char *page = metrics_print(metrics, &length);
    assert_non_null(page);
    assert_non_null(strstr(page, "\nt_seconds_bucket{source=\"yeta\",le=\"0.01\"} 0\n"
                                 "t_seconds_bucket{source=\"yeta\",le=\"0.025\"} 1\n"));
    assert_non_null(strstr(page, "\nt_seconds_sum{source=\"yeta\"} 0.020000000\nt_seconds_count{source=\"yeta\"} 1\n"));
    free(page);
    metrics_free(metrics);
}

static void
labels_are_escaped_and_cut(void **state)
{
    (void)state;
    char text[64];

    metrics_labels(text, sizeof text, (const char *const[]){NULL});
    assert_string_equal(text, "");
    metrics_labels(text, sizeof text, (const char *const[]){"source", "ye\"ta", "why", "a\\b\nc", NULL});
    assert_string_equal(text, "source=\"ye\\\"ta\",why=\"a\\\\b\\nc\"");
    metrics_labels(text, sizeof text, (const char *const[]){"a", "\xff电\xc3", NULL});
    assert_string_equal(text, "a=\"?电?\"");
    /* Room for the first pair and the head of the second. */
    metrics_labels(text, 14, (const char *const[]){"a", "12", "b", "345678", NULL});
    assert_string_equal(text, "a=\"12\",b=\"34\"");
    metrics_labels(text, 11, (const char *const[]){"a", "12", "b", "345678", NULL});
    assert_string_equal(text, "a=\"12\"");
    /* Neither an escape nor a character is cut in two. */
    metrics_labels(text, 6, (const char *const[]){"a", "\"\"", NULL});
    assert_string_equal(text, "a=\"\"");
    metrics_labels(text, 7, (const char *const[]){"a", "电", NULL});
    assert_string_equal(text, "a=\"\"");
    metrics_labels(text, 8, (const char *const[]){"a", "电", NULL});
    assert_string_equal(text, "a=\"电\"");
    metrics_labels(text, 1, (const char *const[]){"a", "b", NULL});
    assert_string_equal(text, "");
}

struct shared {
    struct metrics *metrics;
    struct metric *counter, *gauge, *histogram;
};

static void *
add_much(void *argument)
{
    struct shared *shared = argument;

    for (int i = 0; i < 10000; i++) {
        metric_add(shared->counter, 3);
        metric_move(shared->gauge, i % 2 == 0 ? 1 : -1);
        metric_observe_ns(shared->histogram, 1000000);
        if (i % 1000 == 0) {
            metric_add(metrics_counter(shared->metrics, "t_other_total", "Other.", i % 2000 == 0 ? "" : "a=\"b\""), 1);
        }
    }
    return NULL;
}

static void
threads_lose_nothing(void **state)
{
    (void)state;
    enum { THREADS = 20 }; /* more than there are cells */
    pthread_t threads[THREADS];
    struct shared shared = {.metrics = metrics_new()};

    shared.counter = metrics_counter(shared.metrics, "t_total", "All.", "");
    shared.gauge = metrics_gauge(shared.metrics, "t_gauge", "Level.", "");
    shared.histogram = metrics_histogram(shared.metrics, "t_seconds", "Time.", "");
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, add_much, &shared), 0);
    }
    for (int i = 0; i < 20; i++) {
        size_t length = 0;
        char *page = metrics_print(shared.metrics, &length);
        assert_non_null(page);
        free(page);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(metric_read(shared.counter), 3 * 10000 * THREADS);
    assert_int_equal(metric_read(shared.gauge), 0);
    assert_int_equal(metric_read(shared.histogram), 10000 * THREADS);
    assert_int_equal(metric_read(metrics_counter(shared.metrics, "t_other_total", "", "")), 5 * THREADS);
    metrics_free(shared.metrics);
}

static void
without_a_registry_nothing_is_printed_and_nothing_fails(void **state)
{
    (void)state;
    struct metric *metric = metrics_counter(NULL, "t_total", "All.", "");

    metric_add(metric, 1);
    metric_observe_ns(metrics_histogram(NULL, "t_seconds", "Time.", ""), 20000000000);
    assert_non_null(metric);
    metrics_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_and_gauges_are_printed_by_name),
        cmocka_unit_test(a_histogram),
        cmocka_unit_test(a_histogram_with_labels),
        cmocka_unit_test(labels_are_escaped_and_cut),
        cmocka_unit_test(threads_lose_nothing),
        cmocka_unit_test(without_a_registry_nothing_is_printed_and_nothing_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
