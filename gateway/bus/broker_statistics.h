/* librdkafka's statistics, of which Trunkline reads what nothing else tells. */
#pragma once

#include "base/slice.h"

struct broker_statistics {
    int brokers_up;       /* that the client is connected to */
    bool has_producer_id; /* an idempotent producer sends nothing before */
};

/* false when the text is not what librdkafka documents. */
bool broker_statistics_read(struct slice json, struct broker_statistics *statistics) MUST_CHECK;
