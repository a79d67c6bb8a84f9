/* The range reader: what topics hold between two times, read once, without a group. For tools that look back. */
#pragma once

#include "base/error.h"
#include "bus/consumed.h"
#include "bus/kafka_settings.h"

struct event_base;
struct range_reader;

/* Times are Unix milliseconds, as Kafka's records have them: those of their producers, or of the broker's clock where
 * the topic has LogAppendTime. */
struct time_range {
    int64_t from_ms; /* 0: from the beginning */
    int64_t to_ms;   /* this time is outside; INT64_MAX: to where the topics end during the call */
    bool follow;     /* reads on after on_end; to_ms must be INT64_MAX */
};

/* Reads all partitions of the topics (names are followed by a NUL): in each from the first record of from_ms or later
 * to before the first of to_ms or later, and to its end as it is now where there is none such. What is between those
 * two is handed over whatever its own time is; producers' clocks may differ. Kafka is asked during the call, which
 * blocks for up to timeout_ms. The embedded broker knows no times: there each record's own decides.
 *
 * on_record runs on the loop, a partition's records in order, for none that is deleted, compacted or taken back; its
 * bytes are valid during the call only. on_end is called once, from the loop, when all of them are read, also when that
 * is nothing. Neither may free the reader. While Kafka does not answer, and when a topic is deleted meanwhile, nothing
 * comes: who must come to an end has patience of his own. NULL with error. */
struct range_reader *range_reader_new(const struct kafka_settings *settings, struct event_base *base,
                                      const struct slice *topics, size_t count, const struct time_range *range,
                                      int timeout_ms, void (*on_record)(const struct consumed *record, void *argument),
                                      void (*on_end)(void *argument), void *argument, struct error *error);

/* The same for the one record at this place. NULL with error also when the topic has no such partition, or that no such
 * offset at present. on_end comes without a record when what stands there is none: deleted, compacted, taken back, or a
 * mark of Kafka's own. */
struct range_reader *range_reader_new_at(const struct kafka_settings *settings, struct event_base *base,
                                         struct slice topic, int32_t partition, int64_t offset, int timeout_ms,
                                         void (*on_record)(const struct consumed *record, void *argument),
                                         void (*on_end)(void *argument), void *argument, struct error *error);

/* While paused on_record and on_end are not called; also from within them. */
void range_reader_pause(struct range_reader *reader, bool paused);

/* How far it is: records' places (offsets) that are read, of all that there are. From the loop's thread. */
struct range_progress {
    uint64_t read, all;
};
struct range_progress range_reader_progress(const struct range_reader *reader);

void range_reader_free(struct range_reader *reader); /* NULL is fine */
