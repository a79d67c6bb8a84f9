/* Metrics of the ingress, in tables by source and outcome. */
#include "ingress/counters.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const accepted[] = {"accepted", "unmapped", "dead_letter", "repeated", "handshake"};
#define ACCEPTED_COUNT (sizeof accepted / sizeof *accepted)
#define OUTCOME_COUNT  (REFUSAL_COUNT + ACCEPTED_COUNT)
#define NAME_BYTES     256

static const char *
outcome_label(size_t outcome)
{
    return outcome < REFUSAL_COUNT ? refusal_kind((enum refusal)outcome)->label : accepted[outcome - REFUSAL_COUNT];
}

static void
register_source(struct counters *counters, struct metrics *metrics, size_t row, struct slice source)
{
    char name[NAME_BYTES];
    char labels[2 * NAME_BYTES];

    snprintf(name, sizeof name, "%.*s", SLICE_ARGS(source));
    for (size_t outcome = REFUSAL_NONE + 1; outcome < OUTCOME_COUNT; outcome++) {
        const char *const pairs[] = {"source", name, "outcome", outcome_label(outcome), NULL};

        metrics_labels(labels, sizeof labels, pairs);
        counters->callbacks[row * OUTCOME_COUNT + outcome] =
            metrics_counter(metrics, "trunkline_callbacks_total", "Requests answered, by source and outcome.", labels);
    }
    metrics_labels(labels, sizeof labels, (const char *const[]){"source", name, NULL});
    counters->answer_seconds[row] =
        metrics_histogram(metrics, "trunkline_answer_seconds", "From a request's complete head to its answer.", labels);
    if (row < counters->source_count) {
        counters->buffered_bytes[row] =
            metrics_gauge(metrics, "trunkline_buffered_bytes",
                          "Bytes in memory, by source: of bodies, of requests that wait for the rest of theirs, and of "
                          "callbacks that still wait for Kafka after their answer.",
                          labels);
    }
}

struct counters *
counters_new(const struct config *config, struct metrics *metrics)
{
    size_t rows = config->source_count + 1;
    struct counters *counters = calloc(1, sizeof *counters);

    if (counters == NULL) {
        return NULL;
    }
    counters->callbacks = calloc(rows * OUTCOME_COUNT, sizeof(struct metric *));
    counters->answer_seconds = calloc(rows, sizeof(struct metric *));
    counters->buffered_bytes = calloc(rows, sizeof(struct metric *));
    if (counters->callbacks == NULL || counters->answer_seconds == NULL || counters->buffered_bytes == NULL) {
        counters_free(counters);
        return NULL;
    }
    counters->source_count = config->source_count;
    counters->connections = metrics_gauge(metrics, "trunkline_connections", "Open client connections.", "");
    counters->connections_total =
        metrics_counter(metrics, "trunkline_connections_total", "Client connections accepted.", "");
    counters->handshakes_failed = metrics_counter(metrics, "trunkline_tls_handshakes_failed_total",
                                                  "Client connections whose TLS handshake came to nothing.", "");
    counters->evictions = metrics_counter(metrics, "trunkline_connections_evicted_total",
                                          "Client connections closed to make room for new ones.", "");
    for (size_t i = 0; i < config->source_count; i++) {
        register_source(counters, metrics, i, config->sources[i].name);
    }
    register_source(counters, metrics, config->source_count, (struct slice){NULL, 0});
    return counters;
}

void
counters_free(struct counters *counters)
{
    if (counters == NULL) {
        return;
    }
    free(counters->callbacks);
    free(counters->answer_seconds);
    free(counters->buffered_bytes);
    free(counters);
}

static void
count(const struct counters *counters, const struct source *source, size_t outcome, int64_t took_ns)
{
    size_t row = source == NULL ? counters->source_count : source->index;

    metric_add(counters->callbacks[row * OUTCOME_COUNT + outcome], 1);
    metric_observe_ns(counters->answer_seconds[row], took_ns);
}

struct metric *
counters_buffered(const struct counters *counters, const struct source *source)
{
    return counters->buffered_bytes[source->index];
}

void
counters_refused(const struct counters *counters, const struct source *source, enum refusal refusal, int64_t took_ns)
{
    count(counters, source, refusal, took_ns);
}

void
counters_accepted(const struct counters *counters, const struct source *source, const char *outcome, int64_t took_ns)
{
    size_t found = 0;

    for (size_t i = 0; outcome != NULL && i < ACCEPTED_COUNT; i++) {
        if (strcmp(outcome, accepted[i]) == 0) {
            found = i;
        }
    }
    count(counters, source, REFUSAL_COUNT + found, took_ns);
}
