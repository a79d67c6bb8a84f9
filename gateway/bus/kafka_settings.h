/* How to reach Kafka: librdkafka's own properties as the configuration gives them, on top of Trunkline's defaults. */
#pragma once

#include "base/error.h"
#include "base/slice.h"

struct kafka_property {
    const char *name;
    const char *value;
};

struct kafka_settings {
    const struct kafka_property *properties; /* the user's, each checked by kafka_property_check */
    size_t count;
    bool embedded; /* the embedded broker: it answers a reader that is up to date only when the wait is over */
};

/* Whether librdkafka takes this property and value for a producer or consumer, and Trunkline leaves it to the user
 * (acks, idempotence and the partitioner are promises of ours). The error says which and what to do. */
bool kafka_property_check(const char *name, const char *value, struct error *error);
