/* Waiting for topics to be there, each partition with a leader. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "base/error.h"
#include "base/slice.h"

/* Topic names are followed by a NUL. Asks again until all topics are whole or timeout_ms is over; a broker that makes
 * topics when asked for them does so. brokers is for the message. partitions (may be NULL) gets a number for each. */
bool metadata_await(rd_kafka_t *rk, const char *brokers, const struct slice *topics, size_t count, int timeout_ms,
                    int *partitions, struct error *error);

enum metadata_found {
    METADATA_WHOLE,
    METADATA_LATER, /* it may come yet; error says what is missing, and stays as it was when Kafka did not answer */
    METADATA_NEVER,
};

/* Asks once. partitions gets the number that there are, also while some are without a leader; it stays as it was when
 * Kafka did not answer. */
enum metadata_found metadata_look(rd_kafka_t *rk, const char *name, int timeout_ms, int *partitions,
                                  struct error *error);

/* "cannot reach Kafka at ... within N s; ...". Returns false. */
bool metadata_unreachable(const char *brokers, int timeout_ms, struct error *error);
