/* A producer's metrics: queue, round trip, results by topic, errors by name. */
#include "bus/producer_metrics.h"

#include <stdio.h>

static const char *const result_names[] = {"acknowledged", "failed", "refused"};

void
producer_metrics_init(struct producer_metrics *metrics, struct metrics *registry, const char *producer)
{
    char labels[128];

    metrics_labels(labels, sizeof labels, (const char *const[]){"producer", producer, NULL});
    *metrics = (struct producer_metrics){.registry = registry};
    metrics->queue_messages = metrics_gauge(registry, "trunkline_kafka_queue_messages",
                                            "Records handed to Kafka's client and not reported yet.", labels);
    metrics->queue_bytes = metrics_gauge(registry, "trunkline_kafka_queue_bytes",
                                         "Bytes (keys and values) of the records that are not reported yet.", labels);
    metrics->round_trip = metrics_histogram(registry, "trunkline_kafka_round_trip_seconds",
                                            "From publishing a record to Kafka's acknowledgement of it.", "");
    metrics->brokers_up =
        metrics_gauge(registry, "trunkline_kafka_brokers_up", "Brokers that the producer is connected to.", labels);
    metrics->replaced = metrics_counter(registry, "trunkline_kafka_producers_replaced_total",
                                        "Producers that a fatal error ended and a new one took over from.", labels);
}

static void
register_topic(struct producer_metrics *metrics, size_t index)
{
    char labels[320];

    for (size_t i = 0; i < sizeof result_names / sizeof *result_names; i++) {
        metrics_labels(labels, sizeof labels,
                       (const char *const[]){"topic", metrics->topics[index].name, "result", result_names[i], NULL});
        metrics->topics[index].results[i] = metrics_counter(metrics->registry, "trunkline_records_total",
                                                            "Records by topic and by what became of them.", labels);
    }
}

static size_t
topic_index(struct producer_metrics *metrics, struct slice topic)
{
    size_t i;

    for (i = 0; i < metrics->topic_count; i++) {
        if (slice_is(topic, metrics->topics[i].name)) {
            return i;
        }
    }
    if (i == PRODUCER_METRICS_TOPICS) {
        return i - 1;
    }
    if (i == PRODUCER_METRICS_TOPICS - 1) {
        topic = slice_from("other");
    }
    snprintf(metrics->topics[i].name, sizeof metrics->topics[i].name, "%.*s", SLICE_ARGS(topic));
    register_topic(metrics, i);
    metrics->topic_count++;
    return i;
}

static size_t
record_bytes(const struct record *record)
{
    return record->key.length + record->value.length;
}

void
producer_metrics_published(struct producer_metrics *metrics, const struct record *record)
{
    metric_move(metrics->queue_messages, 1);
    metric_move(metrics->queue_bytes, (int64_t)record_bytes(record));
}

void
producer_metrics_finished(struct producer_metrics *metrics, const struct record *record, enum delivery delivery)
{
    metric_move(metrics->queue_messages, -1);
    metric_move(metrics->queue_bytes, -(int64_t)record_bytes(record));
    metric_add(metrics->topics[topic_index(metrics, record->topic)].results[delivery - DELIVERY_ACKNOWLEDGED], 1);
}

void
producer_metrics_error(struct producer_metrics *metrics, rd_kafka_resp_err_t error)
{
    char labels[96];

    metrics_labels(labels, sizeof labels, (const char *const[]){"error", rd_kafka_err2name(error), NULL});
    metric_add(metrics_counter(metrics->registry, "trunkline_kafka_errors_total",
                               "Errors that Kafka's client told, by name.", labels),
               1);
}
