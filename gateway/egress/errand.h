/* An errand is something that a lane can only do once it has read a record again: it is kept with the lane until then,
 * and does not outlive it. */
#pragma once

#include "egress/lane_state.h"

struct errand {
    struct lane *lane;
    /* record is NULL when Kafka no longer has it. The errand is freed when this returns. */
    void (*run)(struct errand *errand, const struct consumed *record);
    struct record_reader *reader;
    int64_t read_offset; /* of the record to be read */
    /* Whatever run needs: */
    entry_t entry;
    int64_t offset;
    enum result_status status;
    const char *code;
    char reason[200];
    struct errand *next, *previous;
};

/* Copies errand, and runs it: at once where the record is at hand, else when it was read. */
void errand_start(const struct errand *errand);
/* All that the lane still has, undone. */
void errands_free(struct lane *lane);
