/* A range reader on a loop of the tool's, with patience that ends. */
#include "verbs/lookback.h"

#include <event2/event.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/timestamp.h"
#include "verbs/command_draft.h"

#define START_MS         10000
#define PATIENCE_SECONDS 30

static void
on_record(const struct consumed *record, void *argument)
{
    struct lookback *lookback = argument;

    lookback->on_record(record, lookback->argument);
}

static void
on_end(void *argument)
{
    struct lookback *lookback = argument;

    lookback->ended = true;
    (void)event_base_loopbreak(lookback->base);
}

static void
on_tick(evutil_socket_t fd, short what, void *argument)
{
    struct lookback *lookback = argument;
    uint64_t places = range_reader_progress(lookback->reader).read;

    (void)fd;
    (void)what;
    lookback->quiet_seconds = lookback->paused || places != lookback->places ? 0 : lookback->quiet_seconds + 1;
    lookback->places = places;
    if (lookback->quiet_seconds >= PATIENCE_SECONDS) {
        lookback->gave_up = true;
        (void)event_base_loopbreak(lookback->base);
    }
}

static bool
run(struct lookback *lookback, struct error *error)
{
    const struct timeval second = {.tv_sec = 1};
    struct event *tick = event_new(lookback->base, -1, EV_PERSIST, on_tick, lookback);
    struct range_progress progress;

    if (tick == NULL || event_add(tick, &second) != 0) {
        if (tick != NULL) {
            event_free(tick);
        }
        return error_set(error, "out of memory");
    }
    /* The loop may be broken out of by others, too. */
    while (!lookback->ended && !lookback->gave_up && !lookback->failed) {
        lookback->failed = event_base_loop(lookback->base, EVLOOP_ONCE) < 0;
    }
    event_free(tick);
    if (lookback->failed) {
        return error_set(error, "the event loop failed");
    }
    if (lookback->gave_up) {
        progress = range_reader_progress(lookback->reader);
        return error_set(error, "Kafka has told nothing for %d s; %llu of %llu records were read", PATIENCE_SECONDS,
                         (unsigned long long)progress.read, (unsigned long long)progress.all);
    }
    return true;
}

static void
begin(struct lookback *lookback)
{
    lookback->places = 0;
    lookback->quiet_seconds = 0;
    lookback->paused = lookback->ended = lookback->gave_up = lookback->failed = false;
}

static bool
read_all(struct lookback *lookback, struct error *error)
{
    bool read = lookback->reader != NULL && run(lookback, error);

    range_reader_free(lookback->reader);
    lookback->reader = NULL;
    return read;
}

bool
lookback_range(struct lookback *lookback, const struct slice *topics, size_t count, const struct time_range *range,
               struct error *error)
{
    begin(lookback);
    lookback->reader = range_reader_new(lookback->kafka, lookback->base, topics, count, range, START_MS, on_record,
                                        on_end, lookback, error);
    return read_all(lookback, error);
}

bool
lookback_place(struct lookback *lookback, struct slice topic, int32_t partition, int64_t offset, struct error *error)
{
    begin(lookback);
    lookback->reader = range_reader_new_at(lookback->kafka, lookback->base, topic, partition, offset, START_MS,
                                           on_record, on_end, lookback, error);
    return read_all(lookback, error);
}

void
lookback_pause(struct lookback *lookback, bool paused)
{
    if (lookback->reader != NULL && lookback->paused != paused) {
        lookback->paused = paused;
        range_reader_pause(lookback->reader, paused);
    }
}

void
lookback_stop(struct lookback *lookback)
{
    lookback_pause(lookback, true);
    on_end(lookback);
}

bool
lookback_time_option(const char *verb, const char *option, const char *text, int64_t *unix_ms)
{
    struct timestamp timestamp;
    int64_t ago_ms;

    if (timestamp_read_rfc3339(slice_from(text), &timestamp)) {
        *unix_ms = timestamp.unix_ms;
        return true;
    }
    if (command_duration_read(text, &ago_ms)) {
        *unix_ms = clock_wall_ms(clock_system()) - ago_ms;
        return true;
    }
    fprintf(stderr,
            "trunkline %s: %s takes a time such as 2026-11-21T10:00:00+08:00, or how long ago it was: 90s, 10m, 2h, "
            "1d; not '%s'\n",
            verb, option, text);
    return false;
}
