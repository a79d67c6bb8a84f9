/* Kafka's acknowledgement tells a batch's offset; a report without one was inferred. */
#include "bus/receipt.h"

#include <stdbool.h>

/* librdkafka counts on from the offset of a batch's first record, also when that is none (-1). */
static bool
goes_on(const struct receipt *receipt, const rd_kafka_message_t *message)
{
    return receipt->topic == message->rkt && receipt->partition == message->partition &&
           receipt->next_offset == message->offset;
}

rd_kafka_resp_err_t
receipt_error(struct receipt *receipt, const rd_kafka_message_t *message)
{
    bool is_placed = message->offset >= 0 && !goes_on(receipt, message);

    *receipt = (struct receipt){0};
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR || is_placed) {
        return message->err;
    }
    *receipt = (struct receipt){message->rkt, message->partition, message->offset + 1};
    return RD_KAFKA_RESP_ERR__INCONSISTENT;
}
