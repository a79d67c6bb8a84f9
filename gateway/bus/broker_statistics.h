/* librdkafka's statistics, of which Trunkline reads one number. */
#pragma once

#include "base/slice.h"

/* How many brokers the client is connected to; -1 when the text is not what librdkafka documents. */
int broker_statistics_up(struct slice json);
