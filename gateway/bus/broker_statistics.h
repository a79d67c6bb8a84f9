/* librdkafka's statistics, of which Trunkline reads what nothing else tells. */
#pragma once

#include <stdint.h>

#include "base/slice.h"

struct broker_statistics {
    int brokers_up;       /* that the client is connected to */
    bool has_producer_id; /* an idempotent producer sends nothing before */
};

/* Calls on_topic (NULL is fine) for each topic that the client has a handle of and knows the partitions of. false when
 * the text is not what librdkafka documents. */
bool broker_statistics_read(struct slice json, struct broker_statistics *statistics,
                            void (*on_topic)(void *argument, struct slice topic, int32_t partitions),
                            void *argument) MUST_CHECK;
