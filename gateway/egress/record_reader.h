/* The record reader gives single records of one partition again, by offset: bodies of commands whose turn has come, and
 * old results out of the journal. It keeps the latest bytes it saw, within a bound. */
#pragma once

#include "bus/consumer.h"

struct record_reader;

/* Reads nothing, and makes no consumer, before the first fetch of what is not kept. What settings point to stays. NULL
 * when out of memory. */
struct record_reader *record_reader_new(const struct kafka_settings *settings, struct event_base *base,
                                        struct slice topic, int32_t partition, size_t kept_bytes);
/* Fetches that are going on never call back. Also from within on_record. NULL is fine. */
void record_reader_free(struct record_reader *reader);

/* Keeps a copy, at the cost of what was not asked for longest. One larger than the bound is not kept. */
void record_reader_keep(struct record_reader *reader, const struct consumed *record);
void record_reader_drop(struct record_reader *reader, int64_t offset); /* it will not be asked for again */
/* The record, when it is kept; NULL when not. Valid until the next call of any of these functions. */
const struct consumed *record_reader_kept(struct record_reader *reader, int64_t offset);
/* Reads it, and keeps it where it fits. on_record is called once, later, from the loop, before anything else can push
 * the record out; record is NULL when Kafka no longer has it, or never had: a record that is not there yet (its commit
 * is on its way) is waited for, 10 s or so with Kafka answering. Without Kafka it waits for Kafka. Fetches of nearby
 * offsets are served by one read. false: out of memory, and on_record is not called. */
bool record_reader_fetch(struct record_reader *reader, int64_t offset,
                         void (*on_record)(void *argument, int64_t offset, const struct consumed *record),
                         void *argument);
size_t record_reader_fetching(const struct record_reader *reader); /* how many have not called back */
/* Frees the consumer with its threads and memory, where nothing is being read: false when something is. A reader that
 * was not asked for a minute does so by itself; the next fetch makes another. */
bool record_reader_rest(struct record_reader *reader);
