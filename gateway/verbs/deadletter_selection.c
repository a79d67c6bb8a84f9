/* The search of the dead-letter topic: a range of it, or place after place. */
#include "verbs/deadletter_selection.h"

#include <stdio.h>
#include <stdlib.h>

#include "verbs/lookback.h"

/* Kafka finds records by when it took them, we by when their callbacks were received. That is earlier, but for clocks
 * that differ: by less than this. */
#define CLOCKS_MS INT64_C(3600000)

static bool
number_read(const char **text, int64_t most, int64_t *number)
{
    const char *digit = *text;

    *number = 0;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        if (*number > (most - (*digit - '0')) / 10) {
            return false;
        }
        *number = *number * 10 + (*digit - '0');
    }
    if (digit == *text) {
        return false;
    }
    *text = digit;
    return true;
}

bool
deadletter_place_read(const char *text, struct deadletter_place *place)
{
    int64_t partition;

    if (!number_read(&text, INT32_MAX, &partition) || *text++ != ':' ||
        !number_read(&text, INT64_MAX - 1, &place->offset) || *text != '\0') {
        return false;
    }
    place->partition = (int32_t)partition;
    return true;
}

bool
deadletter_fits(const struct deadletter_selection *selection, const struct dead_letter *letter, int64_t record_ms)
{
    int64_t received_ms = letter->received.present ? letter->received.unix_ms : record_ms;

    return received_ms >= selection->from_ms && received_ms < selection->to_ms &&
           (selection->source == NULL || slice_is(letter->source, selection->source)) &&
           (selection->reason == NULL || slice_is(letter->reason, selection->reason));
}

static void
on_record(const struct consumed *record, void *argument)
{
    struct deadletter_search *search = argument;
    struct dead_letter letter = deadletter_read(record->value, record->headers, record->header_count);

    if (search->selection->place_count > 0 || deadletter_fits(search->selection, &letter, record->timestamp_ms)) {
        search->found++;
        search->on_letter(record, &letter, search->argument);
    }
}

static bool
search_range(struct deadletter_search *search)
{
    const struct deadletter_selection *selection = search->selection;
    struct time_range range = {
        .from_ms = selection->from_ms < CLOCKS_MS ? 0 : selection->from_ms - CLOCKS_MS,
        .to_ms = INT64_MAX,
    };
    struct error error = {""};

    if (!lookback_range(search->lookback, &search->config->topics[TOPIC_DEADLETTER], 1, &range, &error)) {
        fprintf(stderr, "trunkline deadletter: %s\n", error.text);
        return false;
    }
    return true;
}

static bool
search_place(struct deadletter_search *search, const struct deadletter_place *place)
{
    uint64_t found_before = search->found;
    struct error error = {""};

    if (!lookback_place(search->lookback, search->config->topics[TOPIC_DEADLETTER], place->partition, place->offset,
                        &error)) {
        fprintf(stderr, "trunkline deadletter: %d:%lld: %s\n", place->partition, (long long)place->offset, error.text);
        return false;
    }
    if (search->found == found_before) {
        fprintf(stderr, "trunkline deadletter: %d:%lld: no dead letter stands there\n", place->partition,
                (long long)place->offset);
        return false;
    }
    return true;
}

bool
deadletter_search_run(struct deadletter_search *search)
{
    struct lookback lookback = {
        .kafka = &search->config->kafka,
        .base = search->base,
        .on_record = on_record,
        .argument = search,
    };
    bool complete = true;

    search->lookback = &lookback;
    if (search->selection->place_count == 0) {
        complete = search_range(search);
    }
    for (size_t i = 0; i < search->selection->place_count && complete; i++) {
        complete = search_place(search, &search->selection->places[i]);
    }
    search->lookback = NULL;
    return complete;
}
