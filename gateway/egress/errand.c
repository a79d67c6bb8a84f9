/* Errands: a list a lane, so that none is lost and none outlives it. */
#include "egress/errand.h"

#include <stdlib.h>

static void
finish(struct errand *errand, const struct consumed *record)
{
    struct lane *lane = errand->lane;

    *(errand->previous == NULL ? &lane->errands : &errand->previous->next) = errand->next;
    if (errand->next != NULL) {
        errand->next->previous = errand->previous;
    }
    lane->settling--;
    if (lane_alive(lane)) {
        errand->run(errand, record);
    }
    free(errand);
    lane_proceed(lane);
}

static void
on_record(void *argument, int64_t offset, const struct consumed *record)
{
    (void)offset;
    finish(argument, record);
}

static void
fetch_or_fail(struct errand *errand)
{
    if (!record_reader_fetch(errand->reader, errand->read_offset, on_record, errand)) {
        lane_fail(errand->lane, "out of memory"); /* the errand goes with the lane */
    }
}

void
errand_start(const struct errand *errand)
{
    struct lane *lane = errand->lane;
    struct errand *started = malloc(sizeof *started);
    const struct consumed *record;

    if (started == NULL) {
        lane_fail(lane, "out of memory");
        return;
    }
    *started = *errand;
    started->previous = NULL;
    started->next = lane->errands;
    if (started->next != NULL) {
        started->next->previous = started;
    }
    lane->errands = started;
    lane->settling++;
    record = record_reader_kept(errand->reader, errand->read_offset);
    if (record != NULL) {
        finish(started, record);
    } else {
        fetch_or_fail(started);
    }
}

void
errands_free(struct lane *lane)
{
    while (lane->errands != NULL) {
        struct errand *errand = lane->errands;

        lane->errands = errand->next;
        free(errand);
    }
}
