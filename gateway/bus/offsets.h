/* Offsets for times: where in its topics a reader begins and where it is done. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "base/error.h"

/* Asks for each partition of the list what stands in its offset: the first record of a time (Unix milliseconds) or
 * later, or RD_KAFKA_OFFSET_BEGINNING, or RD_KAFKA_OFFSET_END (of what is committed), and puts the answer there: -1
 * when no record is that young. Asks again until Kafka has told all of them or timeout_ms is over. An empty list is
 * fine. */
bool offsets_ask(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list, int timeout_ms, struct error *error);
