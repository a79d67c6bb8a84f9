/* The embedded broker: librdkafka's mock cluster in this process, for `dev` and for tests where Kafka is not the point.
 * It listens on 127.0.0.1, keeps everything in memory and drops old batches: nothing to keep data in. */
#pragma once

#include "base/error.h"

struct embedded_broker;

struct embedded_broker *embedded_broker_new(struct error *error);
void embedded_broker_free(struct embedded_broker *broker);
/* Topics that nobody makes here are made when somebody asks for them, with 4 partitions. */
bool embedded_broker_add_topic(struct embedded_broker *broker, const char *name, int partitions, struct error *error);
/* "127.0.0.1:PORT" */
const char *embedded_broker_address(const struct embedded_broker *broker);
