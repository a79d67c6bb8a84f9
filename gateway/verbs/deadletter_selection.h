/* Which dead letters a person means: those at given places, or all that fit time, source and reason. */
#pragma once

#include "bus/consumed.h"
#include "config/config.h"
#include "event/deadletter_reader.h"

struct event_base;
struct lookback;

struct deadletter_place {
    int32_t partition;
    int64_t offset;
};

struct deadletter_selection {
    int64_t from_ms, to_ms;      /* received from the one on and before the other; INT64_MIN and INT64_MAX: any time */
    const char *source, *reason; /* NULL: any */
    const struct deadletter_place *places; /* when there are any, nothing else counts */
    size_t place_count;
};

/* "3:17", as `list` prints it. */
bool deadletter_place_read(const char *text, struct deadletter_place *place) MUST_CHECK;

/* Whether it came from that source, for that reason, at that time; a letter without a time goes by its record's. */
bool deadletter_fits(const struct deadletter_selection *selection, const struct dead_letter *letter, int64_t record_ms);

struct deadletter_search {
    const struct config *config;
    const struct deadletter_selection *selection;
    struct event_base *base;
    /* On the loop. The letter's bytes are valid during the call only. */
    void (*on_letter)(const struct consumed *record, const struct dead_letter *letter, void *argument);
    void *argument;
    struct lookback *lookback; /* its own: to be paused while it runs */
    uint64_t found;            /* so far */
};

/* Runs the loop until all that is selected has been handed over. false, and told on stderr: Kafka does not tell it, or
 * there is nothing at one of the places. */
bool deadletter_search_run(struct deadletter_search *search) MUST_CHECK;
