/* Counters, gauges and histograms that any thread adds to and the management port prints for Prometheus. */
#pragma once

#include <stdint.h>

#include "base/slice.h"

struct metrics;
struct metric;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);

/* Registers a series, or gives the one that has this name and these labels already. name is the whole Prometheus name
 * ("trunkline_callbacks_total"); labels are given as printed (`source="yeta",outcome="accepted"`, made with
 * metrics_labels where a value is not ours) or "". All series of a name share its help and kind. Thread safe, takes a
 * lock: do it at start, keep the pointer. Never fails: when memory is out, or metrics is NULL, it gives a series that
 * nobody prints. */
struct metric *metrics_counter(struct metrics *metrics, const char *name, const char *help, const char *labels);
struct metric *metrics_gauge(struct metrics *metrics, const char *name, const char *help, const char *labels);
/* Seconds; buckets from 0.5 ms to 10 s. */
struct metric *metrics_histogram(struct metrics *metrics, const char *name, const char *help, const char *labels);

/* Writes name="value" pairs with the values escaped; pairs end with a NULL name. Cut when it does not fit. */
void metrics_labels(char *text, size_t size, const char *const *names_and_values);

/* From any thread; each thread adds to a cell of its own, so these cost a few nanoseconds. */
void metric_add(struct metric *metric, uint64_t amount);
void metric_observe_ns(struct metric *histogram, int64_t nanoseconds);
/* Gauges: set replaces what all threads added. */
void metric_set(struct metric *gauge, int64_t value);
void metric_move(struct metric *gauge, int64_t by);
uint64_t metric_read(const struct metric *metric); /* the sum over the threads; a histogram's observations */

/* The whole page in the Prometheus text format 0.0.4, malloc'd; NULL when out of memory. */
char *metrics_print(struct metrics *metrics, size_t *length);
