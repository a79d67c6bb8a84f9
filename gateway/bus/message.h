/* What a record of ours is as a message of librdkafka's. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "bus/consumed.h"
#include "event/recordset.h"

/* Copies the headers; to be destroyed unless librdkafka took them with a message. */
rd_kafka_headers_t *message_headers(const struct record_header *headers, size_t count);

/* Room for the headers of the record at hand; grows to the most that came. All zero at first. */
struct header_table {
    struct record_header *headers;
    size_t capacity;
};
void header_table_free(struct header_table *table);

/* The other way round. Its bytes are the message's, its headers lie in the table until the next call; none when memory
 * is out. */
void message_read(const rd_kafka_message_t *message, struct header_table *table, struct consumed *record);

/* What a delivery report's error, or that of the try to send, says of the record. */
enum delivery message_delivery(rd_kafka_resp_err_t error);
