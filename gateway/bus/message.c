/* What a record of ours is as a message of librdkafka's. */
#include "bus/message.h"

#include <stdlib.h>

rd_kafka_headers_t *
message_headers(const struct record_header *headers, size_t count)
{
    rd_kafka_headers_t *made = rd_kafka_headers_new(count);

    for (size_t i = 0; i < count; i++) {
        const struct record_header *header = &headers[i];

        rd_kafka_header_add(made, header->name.data, (ssize_t)header->name.length,
                            header->value.length == 0 ? "" : header->value.data, (ssize_t)header->value.length);
    }
    return made;
}

void
header_table_free(struct header_table *table)
{
    free(table->headers);
}

static size_t
read_headers(const rd_kafka_message_t *message, struct header_table *table)
{
    rd_kafka_headers_t *headers;
    size_t count;

    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return 0;
    }
    count = rd_kafka_header_cnt(headers);
    if (count > table->capacity) {
        struct record_header *grown = realloc(table->headers, count * sizeof *grown);

        if (grown == NULL) {
            return 0;
        }
        table->headers = grown;
        table->capacity = count;
    }
    for (size_t i = 0; i < count; i++) {
        const char *name;
        const void *value;
        size_t length;

        rd_kafka_header_get_all(headers, i, &name, &value, &length);
        table->headers[i] = (struct record_header){slice_from(name), slice_make(value, length)};
    }
    return count;
}

void
message_read(const rd_kafka_message_t *message, struct header_table *table, struct consumed *record)
{
    *record = (struct consumed){
        .topic = slice_from(rd_kafka_topic_name(message->rkt)),
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
        .key = slice_make(message->key, message->key_len),
        .value = slice_make(message->payload, message->len),
        .header_count = read_headers(message, table),
    };
    record->headers = table->headers;
}

/* Which errors are the record's own fault, so that a repeat could only fail the same way. Everything else, also a topic
 * that is missing or not allowed, is the installation's: once that is put right, Kafka takes the record. So is a
 * timestamp, which says when it was sent: then this machine's clock, or Kafka's, is wrong. */
enum delivery
message_delivery(rd_kafka_resp_err_t error)
{
    switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return DELIVERY_ACKNOWLEDGED;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
        return DELIVERY_REFUSED;
    default:
        return DELIVERY_FAILED;
    }
}
