/* The plain producer: one a worker, idempotent, acks=all, murmur2. Delivery reports arrive on the worker's own loop. */
#pragma once

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/metrics.h"
#include "bus/kafka_settings.h"
#include "event/recordset.h"

struct event_base;
struct producer;

/* name tells this producer's metrics and logs apart ("worker-0"). base is the loop that publishes and gets reports; all
 * calls come from its thread. NULL with error when librdkafka refuses the settings. */
struct producer *producer_new(const struct kafka_settings *settings, const char *name, struct event_base *base,
                              struct metrics *metrics, const struct clock *clock, struct error *error);

/* The same, but it never gives up a record by time, whatever the settings say: for one that lies in a safe place until
 * Kafka has it. Other failures (a topic that is missing, one that may not be written) it reports as ever. */
struct producer *producer_new_patient(const struct kafka_settings *settings, const char *name, struct event_base *base,
                                      struct metrics *metrics, const struct clock *clock, struct error *error);

/* Fetches the topics' metadata and a producer id, so that the first callback does not pay for these. Blocks up to
 * timeout_ms; false with the reason when Kafka does not answer or a topic has no leader. Before the loop runs. */
bool producer_warm_up(struct producer *producer, const struct slice *topics, size_t count, int timeout_ms,
                      struct error *error);

/* Sends every record of the set (one at least); set->on_done is called exactly once, later, from the loop. Records
 * whose set was published first come first in their partition. After a fatal error of librdkafka's (an idempotent
 * producer that lost its place) a new producer takes over, and records without a report are sent again by it, in order.
 */
void producer_publish(struct producer *producer, struct recordset *set);

/* The partition that a record with that key goes to: -1 while that is not known, and for one without a key, which goes
 * anywhere. Never waits: the first question about a topic has it found out, a second or so after Kafka can be reached.
 * A topic that is given more partitions is noticed as late. topic is followed by a NUL. */
int32_t producer_partition(struct producer *producer, struct slice topic, struct slice key);

/* Gives up the records that are not on their way to Kafka, and those published in the next moments: they come back as
 * DELIVERY_FAILED, from the loop, in no given order. What a request that is out carries stays, until Kafka answers, or
 * for its time. Does nothing while a dead client is being replaced. */
void producer_purge_queued(struct producer *producer);

struct producer_state {
    uint64_t pending_records;     /* without a report */
    bool reachable;               /* at least one broker is connected; known to a second */
    int64_t oldest_pending_ns;    /* monotonic time of the oldest record without a report; 0: none */
    int64_t last_acknowledged_ns; /* monotonic time of the last positive report; 0: none yet */
};
struct producer_state producer_state(const struct producer *producer);

/* Ends it within timeout_ms: what has no report by then is purged and reported DELIVERY_FAILED. Calls on_done of what
 * is on its way. NULL is fine. */
void producer_free(struct producer *producer, int timeout_ms);

/* For tests: makes librdkafka declare this producer dead. */
void producer_break(struct producer *producer);
