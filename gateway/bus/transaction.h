/* The transactional producer: records and consumer offsets that become visible together or not at all, written by the
 * one living owner of a transactional id. One a lane.
 *
 * Its calls block for as long as Kafka takes, for minutes when it is away: they are for a committer thread of its own
 * and never for a loop. All of them come from that thread, but for transaction_producer_give_up. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "bus/kafka_settings.h"
#include "event/recordset.h"

struct transaction_producer;

/* Does not ask Kafka for anything yet. The settings stay the caller's, and stay. NULL with error when librdkafka does
 * not take them. */
struct transaction_producer *transaction_producer_new(const struct kafka_settings *settings,
                                                      const char *transactional_id, struct error *error);

/* Before the first commit: fetches the metadata of the topics that will be written to, then fences whoever had
 * the transactional id before (even in the middle of a commit) and ends its open transaction. False with error: Kafka
 * did not do it within timeout_ms; call it again, or free the producer. Once it has succeeded, calling it again only
 * fetches the metadata. */
bool transaction_producer_init(struct transaction_producer *producer, const struct slice *topics, size_t count,
                               int timeout_ms, struct error *error);

#define TRANSACTION_BY_KEY (-1) /* the partition that Java's murmur2 gives the key */

struct transaction_record {
    struct slice topic; /* followed by a NUL */
    int32_t partition;  /* or TRANSACTION_BY_KEY */
    struct slice key;
    struct slice value;
    const struct record_header *headers;
    size_t header_count;
    /* Set by the commit: */
    enum delivery delivery; /* ACKNOWLEDGED says nothing before the outcome is COMMITTED */
    int64_t offset;         /* where it stands in its partition, once acknowledged */
    int64_t timestamp_ms;   /* that of the record: the broker's append time where the topic has LogAppendTime */
};

struct transaction_offset {
    struct slice topic; /* followed by a NUL */
    int32_t partition;
    int64_t next; /* of the record that is to be read next: the last one done, plus 1 */
};

/* Everything stays the caller's; bytes are copied. One with neither records nor offsets is committed without Kafka. */
struct transaction_batch {
    struct transaction_record *records; /* one that stands before another of its partition stays before it */
    size_t record_count;
    const struct transaction_offset *offsets;
    size_t offset_count;
    const char *group; /* whose offsets they are; NULL when there are none */
};

enum transaction_outcome {
    TRANSACTION_COMMITTED, /* all of it is durable and visible */
    TRANSACTION_ABORTED,   /* none of it ever becomes visible; commit the batch again */
    /* The same, but a repeat would end the same way: Kafka takes no record like those with DELIVERY_REFUSED (and what
     * it got in one request with them), or an offset is negative. */
    TRANSACTION_REFUSED,
    /* From here on this producer is dead and may only be freed. Unless the batch was committed before its answer was
     * lost, it never becomes visible; the next init of the transactional id settles it. */
    TRANSACTION_FENCED, /* another owner has taken over, or Kafka ended a transaction that took over 15 s */
    TRANSACTION_FATAL,
    TRANSACTION_GIVEN_UP, /* Kafka had not ended it in time, or not before transaction_producer_give_up was called */
};

/* One whole transaction: begins, writes the records and the offsets, commits. A commit that times out is asked for
 * again until Kafka says yes or no, for a minute, unless another time was set. The offsets go without a member of the
 * group: the fence is the transactional id, so nothing stops a second owner that has another. error tells why, for all
 * but COMMITTED. */
enum transaction_outcome transaction_producer_commit(struct transaction_producer *producer,
                                                     const struct transaction_batch *batch, struct error *error);

/* What the lane's owner asks about a partition; both block for up to timeout_ms, which giving up shortens to some
 * seconds only for the first, and come from the committer's thread. topic is followed by a NUL. */

/* The first offset whose record was appended at that time or later; the end (of what is committed) when there is none.
 * The embedded broker knows no times: there it is the beginning. */
bool transaction_producer_offset_at(struct transaction_producer *producer, struct slice topic, int32_t partition,
                                    int64_t unix_ms, int timeout_ms, int64_t *offset, struct error *error);
/* How many partitions the topic has. */
bool transaction_producer_partitions(struct transaction_producer *producer, struct slice topic, int timeout_ms,
                                     int32_t *count, struct error *error);

/* For how long, in ms, the commits from now on ask Kafka to end a transaction. */
void transaction_producer_end_within(struct transaction_producer *producer, int timeout_ms);

/* From any thread: a commit that is waiting returns within some seconds, also when Kafka is away; it and every later
 * one end as GIVEN_UP. An init that is waiting ends too, at its timeout at the latest. */
void transaction_producer_give_up(struct transaction_producer *producer);

/* Not during a call. A transaction that was begun and not committed is aborted, when Kafka does that within half a
 * second; else it is left to the next owner's init, or to Kafka (15 s). NULL is fine. */
void transaction_producer_free(struct transaction_producer *producer);

/* "COMMITTED" and so on, for logs. */
const char *transaction_outcome_name(enum transaction_outcome outcome);
