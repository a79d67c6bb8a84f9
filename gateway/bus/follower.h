/* The follower: reads topics on and on, without a group, each record when it is asked for. For `tap`. */
#pragma once

#include "base/error.h"
#include "bus/consumed.h"
#include "bus/kafka_settings.h"

struct follower;

#define FOLLOWER_FROM_NOW INT64_MAX

/* Reads all partitions of the topics (names are followed by a NUL and outlive it), each from its first record of
 * from_ms (Unix milliseconds, as Kafka's records have them) or later, or from where it ends now. Partitions and topics
 * that are made later are read from their beginning. Only what is committed is read; nothing is committed, and no group
 * is joined. Holds about 16 MiB of records that nobody has asked for yet.
 *
 * Blocks for up to timeout_ms. NULL with error when Kafka does not answer, or there is none of the topics. */
struct follower *follower_new(const struct kafka_settings *settings, const struct slice *topics, size_t count,
                              int64_t from_ms, int timeout_ms, struct error *error);

enum follower_news {
    FOLLOWER_RECORD, /* record is filled in; its bytes are valid until the next call */
    FOLLOWER_NOTICE, /* notice says what a person should know: a topic is missing, Kafka does not answer, is back */
    FOLLOWER_QUIET,  /* nothing came */
    FOLLOWER_END,    /* of follower_stop_at: all is read */
};

/* Waits for up to timeout_ms, and every few seconds for up to a second more: it looks what topics there are. */
enum follower_news follower_next(struct follower *follower, int timeout_ms, struct consumed *record,
                                 struct error *notice);

/* From now on it reads to before each partition's first record of time_ms or later, and to its end as it is now where
 * there is none such. Blocks for up to timeout_ms; false with error when Kafka does not tell. */
bool follower_stop_at(struct follower *follower, int64_t time_ms, int timeout_ms, struct error *error) MUST_CHECK;

void follower_free(struct follower *follower); /* NULL is fine */
