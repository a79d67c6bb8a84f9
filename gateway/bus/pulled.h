/* What readers of topics have alike that ask for one record after the other, of many partitions, and commit nothing. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "bus/kafka_settings.h"

/* For conf_new. */
extern const struct kafka_property pulled_defaults[];
extern const struct kafka_property pulled_ours[];

/* Where the partition stands in the list; -1 when it does not. *latest is where the one before was, and mostly the next
 * one is, too. */
int pulled_index(const rd_kafka_topic_partition_list_t *list, const char *topic, int32_t partition, int *latest);
