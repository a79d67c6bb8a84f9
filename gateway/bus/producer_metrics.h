/* What a producer tells the management port about itself. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "base/metrics.h"
#include "event/recordset.h"

#define PRODUCER_METRICS_TOPICS 64 /* the last of them stands for all that did not fit */

struct producer_metrics {
    struct metrics *registry;
    struct metric *queue_messages, *queue_bytes;
    struct metric *round_trip;
    struct metric *brokers_up;
    struct metric *replaced;
    struct {
        char name[250];            /* Kafka allows 249 */
        struct metric *results[3]; /* acknowledged, failed, refused */
    } topics[PRODUCER_METRICS_TOPICS];
    size_t topic_count;
};

void producer_metrics_init(struct producer_metrics *metrics, struct metrics *registry, const char *producer);
void producer_metrics_published(struct producer_metrics *metrics, const struct record *record);
void producer_metrics_finished(struct producer_metrics *metrics, const struct record *record, enum delivery delivery);
void producer_metrics_error(struct producer_metrics *metrics, rd_kafka_resp_err_t error);
