/* A lane is everything about one partition of the commands topic: its queues, accounts, limiters, journal and producer.
 * Lanes share nothing but the loop.
 *
 *   taking over → rebuilding → catching up → working → handing over
 *
 * and from anywhere to ended: handed over in good order, lost to another owner, or failed. */
#pragma once

#include "egress/service.h"

struct lane;

enum lane_end {
    LANE_HANDED_OVER, /* all is committed; the partition may go */
    LANE_LOST,        /* lane_drop was called */
    LANE_FAILED,      /* fenced, or something is wrong that a new takeover may mend */
};

struct lane_owner {
    /* Once, from the loop, never from within lane_new: the lane has come to rest, and is to be freed. */
    void (*on_ended)(void *owner, struct lane *lane, enum lane_end end);
    void *owner;
};

/* Begins the takeover of a partition that was assigned. NULL with error. */
struct lane *lane_new(struct egress_service *service, int32_t partition, const struct lane_owner *owner,
                      struct error *error);
int32_t lane_partition(const struct lane *lane);
/* No new requests; waits for those that are under way, commits, and ends as LANE_HANDED_OVER. */
void lane_hand_over(struct lane *lane);
/* The partition belongs to somebody else: nothing is committed any more. Answers that still come are published as late
 * ones. Ends as LANE_LOST. */
void lane_drop(struct lane *lane);
/* Whether it carries out commands; else reason says why not. */
bool lane_working(const struct lane *lane, struct error *reason);
/* Also at once, as if the process had been killed: then it waits for the committer. NULL is fine. */
void lane_free(struct lane *lane);
