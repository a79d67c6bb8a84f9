/* What a record of ours is as a message of librdkafka's. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "event/recordset.h"

/* Copies the headers; to be destroyed unless librdkafka took them with a message. */
rd_kafka_headers_t *message_headers(const struct record_header *headers, size_t count);

/* What a delivery report's error, or that of the try to send, says of the record. */
enum delivery message_delivery(rd_kafka_resp_err_t error);
