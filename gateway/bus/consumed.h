/* A consumed record is one that a reader of ours hands over, with its place on Kafka. */
#pragma once

#include <stdint.h>

#include "event/recordset.h"

struct consumed {
    struct slice topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;
    struct slice key, value;
    const struct record_header *headers;
    size_t header_count;
};
