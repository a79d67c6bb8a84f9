/* The manual consumer: reads given topics from where it is told, without a group. For `dev`, `tap` and the lanes. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "bus/consumed.h"
#include "bus/kafka_settings.h"

struct event_base;
struct consumer;

enum consumer_start {
    CONSUMER_FROM_BEGINNING,
    CONSUMER_FROM_END,
};

/* Reads all partitions of the topics, from the beginning or from where they end during this call, which blocks for up
 * to 20 s until Kafka has told. on_record runs on the loop and may not free the consumer; its bytes are valid during
 * the call only. */
struct consumer *consumer_new(const struct kafka_settings *settings, struct event_base *base,
                              const struct slice *topics, size_t count, enum consumer_start start,
                              void (*on_record)(const struct consumed *record, void *argument), void *argument,
                              struct error *error);
/* Reads one partition from an offset on; asks Kafka for nothing before it returns. What of it Kafka has deleted already
 * is left out, without a word: the first record's offset tells. When the offset lies behind the end (the topic was made
 * anew) it reads from the beginning. Holds about 1 MiB of records that on_record has not had yet. topic is followed by
 * a NUL; the rest is as with consumer_new. */
struct consumer *consumer_new_at(const struct kafka_settings *settings, struct event_base *base, struct slice topic,
                                 int32_t partition, int64_t offset,
                                 void (*on_record)(const struct consumed *record, void *argument), void *argument,
                                 struct error *error);
/* From the next record on, one of consumer_new_at reads on from this offset; also from within on_record. */
bool consumer_seek(struct consumer *consumer, int64_t offset, struct error *error);
/* Of one of consumer_new_at: on_end is called on the loop whenever it has read all that there is at the moment, also
 * when that is nothing. Before the loop runs; with the argument of on_record. */
void consumer_on_end(struct consumer *consumer, void (*on_end)(void *argument));
/* Within on_end: where it ended, the offset of the record to come. What stood before it has been handed over or is no
 * record that can be read: deleted, compacted, taken back, or a mark of Kafka's own. */
int64_t consumer_end(const struct consumer *consumer);
/* While paused on_record and on_end are not called; also from within them. */
void consumer_pause(struct consumer *consumer, bool paused);
void consumer_free(struct consumer *consumer); /* NULL is fine */
