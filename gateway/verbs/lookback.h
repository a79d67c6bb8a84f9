/* Looking back: a tool reads what topics hold, to an end, and gives up when Kafka tells nothing more. */
#pragma once

#include "bus/range_reader.h"

struct event_base;

/* Fill in the first four; the rest is its own, and cleared. */
struct lookback {
    const struct kafka_settings *kafka;
    struct event_base *base; /* runs while something is read */
    void (*on_record)(const struct consumed *record, void *argument);
    void *argument;

    struct range_reader *reader; /* while something is read */
    uint64_t places;             /* read at the last tick */
    unsigned quiet_seconds;
    bool paused, ended, gave_up, failed;
};

/* Both run the loop until all is read; false with error when Kafka does not tell all of it. The first is for a range of
 * times, the second for the record at one place, which may turn out to be none: then on_record is not called. */
bool lookback_range(struct lookback *lookback, const struct slice *topics, size_t count, const struct time_range *range,
                    struct error *error) MUST_CHECK;
bool lookback_place(struct lookback *lookback, struct slice topic, int32_t partition, int64_t offset,
                    struct error *error) MUST_CHECK;
/* From within on_record and other callbacks of the loop: no record comes while paused. */
void lookback_pause(struct lookback *lookback, bool paused);
/* Reads no more; the call that reads returns true. */
void lookback_stop(struct lookback *lookback);

/* A time as options give it: in RFC 3339, or how long ago: 90s, 10m, 2h, 1d. false, and told, when text is neither. */
bool lookback_time_option(const char *verb, const char *option, const char *text, int64_t *unix_ms) MUST_CHECK;
