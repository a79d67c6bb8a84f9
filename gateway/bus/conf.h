/* How a librdkafka client of ours is made: Trunkline's defaults, the user's properties on top, then what is ours alone.
 */
#pragma once

#include <librdkafka/rdkafka.h>

#include "bus/kafka_settings.h"

/* defaults (what a user may change) and ours (what nobody may) end with a NULL name. NULL with error when librdkafka
 * does not take one, or no broker is named. Destroy it unless it was handed to conf_client. */
rd_kafka_conf_t *conf_new(const struct kafka_settings *settings, const struct kafka_property *defaults,
                          const struct kafka_property *ours, struct error *error);

/* Makes the client; conf is gone afterwards in either case. */
rd_kafka_t *conf_client(rd_kafka_conf_t *conf, rd_kafka_type_t type, struct error *error);

/* bootstrap.servers as configured, for messages. */
const char *conf_brokers(const struct kafka_settings *settings);

/* For rd_kafka_conf_set_log_cb: librdkafka's lines into our log, a level lower than it thinks them worth: what it calls
 * an error is a connection that it makes again by itself. */
void conf_log(const rd_kafka_t *rk, int level, const char *facility, const char *text);
