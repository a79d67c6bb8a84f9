/* The group consumer: a member of a consumer group that only takes part in deciding who owns which partition of one
 * topic. It never reads a record: what it is given is paused at once, and read by the owner with a manual consumer. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "bus/kafka_settings.h"

struct event_base;
struct group_consumer;

/* All of them run on the loop, never before group_consumer_new has returned, and may not free the group consumer. For a
 * partition they alternate: on_assigned, then on_revoked (and perhaps still on_lost) or on_lost, then perhaps
 * on_assigned again. */
struct group_consumer_owner {
    /* It is ours from now on. */
    void (*on_assigned)(void *owner, int32_t partition);
    /* It is to go to another member, and stays ours until group_consumer_release. */
    void (*on_revoked)(void *owner, int32_t partition);
    /* It is no longer ours: another member may have it already. Nothing may be done for it any more, nothing is to be
     * released. Of a partition that is being handed over it comes only once Kafka answers again, not when the session
     * ends without an answer: what keeps the old owner out is the transactional id, never this call. */
    void (*on_lost)(void *owner, int32_t partition);
    /* Once, after group_consumer_leave: nothing is ours any more. NULL is fine. */
    void (*on_left)(void *owner);
    void *owner;
};

/* Joins the group; Kafka need not be there yet. Assignments are cooperative and sticky; a member that is dead or cut
 * off is out of the group after 6 s (session.timeout.ms). topic is followed by a NUL. The loop must run while the group
 * consumer lives: a loop that stands still for max.poll.interval.ms (5 minutes) loses everything. */
struct group_consumer *group_consumer_new(const struct kafka_settings *settings, const char *group, struct slice topic,
                                          struct event_base *base, const struct group_consumer_owner *owner,
                                          struct error *error);

/* Whether the group has taken it in as a member and said what is its: partitions, or none. */
bool group_consumer_joined(const struct group_consumer *consumer);

/* The owner has handed over a revoked partition: its work is finished or given up, its last commit is done. One that is
 * not revoked (lost meanwhile, say) is left alone. Partitions that were revoked together go together, when the last of
 * them has been released; the group waits for that, and nobody gets any of them sooner. Also from within a callback. */
void group_consumer_release(struct group_consumer *consumer, int32_t partition);

/* Leaves the group in good order: everything that is ours is revoked, by on_revoked; once all of it is released (or
 * lost) on_left is called. */
void group_consumer_leave(struct group_consumer *consumer);

/* The offset that the group committed for the partition: of the record to be read next, -1 when there is none. Blocks
 * for up to timeout_ms. A transaction that is open does not count yet, and is not waited for: end the owner's before.
 * From any thread, while the group consumer lives. */
bool group_consumer_committed(struct group_consumer *consumer, int32_t partition, int timeout_ms, int64_t *offset,
                              struct error *error);

/* Leaves at once, without callbacks: what is still ours goes to others unfinished. NULL is fine. */
void group_consumer_free(struct group_consumer *consumer);
