/* A receipt is what a delivery report proves. librdkafka also reports as delivered what Kafka has never acknowledged,
 * but what must be there because a later batch of the partition was taken: Kafka keeps each producer's batches in
 * order. It does not for a producer that it does not know in that partition (yet, or any more): there it takes any
 * batch as the first. So when one is turned away for a moment, as Kafka does whose replicas are too few or whose leader
 * has just changed, and the next one is taken, the one before is lost, and was reported as delivered. */
#pragma once

#include <librdkafka/rdkafka.h>

/* Of reports one after the other; all zero at first. */
struct receipt {
    const rd_kafka_topic_t *topic;
    int32_t partition;
    int64_t next_offset;
};

/* The report's error; RD_KAFKA_RESP_ERR__INCONSISTENT for a success without a place in the log: the record may be there
 * or not. */
rd_kafka_resp_err_t receipt_error(struct receipt *receipt, const rd_kafka_message_t *message);
