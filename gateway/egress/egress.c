/* The worker: membership in the group, and a lane for every partition that is ours. */
#include "egress/egress.h"

#include <stdlib.h>

#include "base/log.h"
#include "egress/attempt.h"
#include "egress/lane.h"
#include "egress/service.h"
#include "egress/timer.h"

#define PARTITIONS_MAX   4096
#define POOL_CHUNK_BYTES ((size_t)64 * 1024)
#define POOL_CHUNKS      64
#define PRODUCER_END_MS  3000
/* A lane that was fenced may have been fenced by a rightful owner of whom the group has not told us yet: taken over
 * again at once, the two would fence each other for ever. By now the group has told (its session time-out is 6 s). */
#define TAKE_AGAIN_MS 10000

/* A partition that the group gave to us. */
struct holding {
    struct egress *egress;
    int32_t partition;
    bool ours;
    bool revoked;      /* it is to go, once its lane has ended */
    struct lane *lane; /* NULL: failed, and taken over again later */
    struct event *again;
};

/* A lane that has no partition any more, and comes to rest. */
struct resting {
    struct lane *lane;
    struct resting *next;
};

struct egress {
    struct egress_service service;
    struct holding *holdings; /* by partition */
    size_t holding_count;
    struct resting *resting;
    void (*on_stopped)(void *argument);
    void *argument;
};

static void on_lane_ended(void *owner, struct lane *lane, enum lane_end how);

struct egress *
egress_new(const struct config *config, struct event_base *base, const struct clock *clock, struct metrics *metrics,
           struct error *error)
{
    struct egress *egress = calloc(1, sizeof *egress);
    struct caller_options options = {.ca_file = config->egress.ca_file};

    if (egress == NULL) {
        (void)error_set(error, "out of memory");
        return NULL;
    }
    egress->service = (struct egress_service){.config = config, .base = base, .clock = clock};
    egress->service.tally = egress_tally_new(config, metrics);
    egress->service.pool = arena_pool_new(POOL_CHUNK_BYTES, POOL_CHUNKS);
    if (egress->service.tally == NULL || egress->service.pool == NULL) {
        (void)error_set(error, "out of memory");
        egress_free(egress);
        return NULL;
    }
    egress->service.caller = caller_new(base, clock, &options, error);
    egress->service.producer =
        egress->service.caller == NULL ? NULL : producer_new(&config->kafka, "egress", base, metrics, clock, error);
    if (egress->service.producer == NULL) {
        egress_free(egress);
        return NULL;
    }
    return egress;
}

/* --- holdings --- */

static void
take_over(struct holding *holding)
{
    struct error error = {0};
    struct lane_owner owner = {on_lane_ended, holding->egress};

    holding->lane = lane_new(&holding->egress->service, holding->partition, &owner, &error);
    if (holding->lane == NULL) {
        log_error("takeover_failed", log_integer("partition", holding->partition), log_text("reason", error.text));
        timer_after_ms(holding->again, TAKE_AGAIN_MS);
    }
}

static void
on_again(evutil_socket_t fd, short events, void *argument)
{
    struct holding *holding = argument;

    (void)fd;
    (void)events;
    if (holding->ours && !holding->revoked && holding->lane == NULL) {
        take_over(holding);
    }
}

/* The holding of that partition, made when it is new; NULL when out of memory. */
static struct holding *
holding_of(struct egress *egress, int32_t partition)
{
    if (partition < 0 || partition >= PARTITIONS_MAX) {
        return NULL;
    }
    if (egress->holdings == NULL) {
        egress->holdings = calloc(PARTITIONS_MAX, sizeof *egress->holdings);
        if (egress->holdings == NULL) {
            return NULL;
        }
        egress->holding_count = PARTITIONS_MAX;
    }
    if (egress->holdings[partition].again == NULL) {
        struct holding *holding = &egress->holdings[partition];

        *holding = (struct holding){.egress = egress, .partition = partition};
        holding->again = evtimer_new(egress->service.base, on_again, holding);
        return holding->again == NULL ? NULL : holding;
    }
    return &egress->holdings[partition];
}

/* The lane goes on resting without its partition. */
static bool
let_rest(struct egress *egress, struct lane *lane)
{
    struct resting *resting = calloc(1, sizeof *resting);

    if (resting == NULL) {
        return false;
    }
    *resting = (struct resting){lane, egress->resting};
    egress->resting = resting;
    return true;
}

static void
on_assigned(void *owner, int32_t partition)
{
    struct holding *holding = holding_of(owner, partition);

    if (holding == NULL) {
        log_error("takeover_failed", log_integer("partition", partition), log_text("reason", "out of memory"));
        return;
    }
    holding->ours = true;
    holding->revoked = false;
    if (holding->lane == NULL) {
        (void)evtimer_del(holding->again);
        take_over(holding);
    }
}

static void
on_revoked(void *owner, int32_t partition)
{
    struct egress *egress = owner;
    struct holding *holding = holding_of(egress, partition);

    if (holding == NULL) {
        return;
    }
    holding->revoked = true;
    if (holding->lane == NULL) {
        holding->ours = false;
        group_consumer_release(egress->service.group, partition);
    } else {
        lane_hand_over(holding->lane);
    }
}

static void
on_lost(void *owner, int32_t partition)
{
    struct holding *holding = holding_of(owner, partition);

    if (holding == NULL) {
        return;
    }
    holding->ours = holding->revoked = false;
    (void)evtimer_del(holding->again);
    if (holding->lane != NULL && let_rest(owner, holding->lane)) {
        lane_drop(holding->lane);
        holding->lane = NULL;
    }
}

static void
on_left(void *owner)
{
    struct egress *egress = owner;

    if (egress->on_stopped != NULL) {
        egress->on_stopped(egress->argument);
    }
}

/* --- the end of a lane --- */

static bool
forget_resting(struct egress *egress, struct lane *lane)
{
    for (struct resting **place = &egress->resting; *place != NULL; place = &(*place)->next) {
        struct resting *resting = *place;

        if (resting->lane == lane) {
            *place = resting->next;
            free(resting);
            return true;
        }
    }
    return false;
}

static void
on_lane_ended(void *owner, struct lane *lane, enum lane_end how)
{
    struct egress *egress = owner;
    struct holding *holding = holding_of(egress, lane_partition(lane));
    bool resting = forget_resting(egress, lane);

    lane_free(lane);
    if (resting || holding == NULL) {
        return;
    }
    holding->lane = NULL;
    if (holding->revoked) {
        holding->ours = false;
        group_consumer_release(egress->service.group, holding->partition);
    } else if (holding->ours && how != LANE_LOST) {
        timer_after_ms(holding->again, TAKE_AGAIN_MS);
    }
}

/* --- start and stop --- */

bool
egress_start(struct egress *egress, struct error *error)
{
    const struct config *config = egress->service.config;
    struct group_consumer_owner owner = {on_assigned, on_revoked, on_lost, on_left, egress};

    for (size_t i = 0; i < config->accounts_left_out_count; i++) {
        log_warn("account_left_out", log_slice("account", config->accounts_left_out[i]),
                 log_text("reason", "its credentials are not configured"));
    }
    egress->service.group = group_consumer_new(&config->kafka, config->egress.group, config->topics[TOPIC_COMMANDS],
                                               egress->service.base, &owner, error);
    return egress->service.group != NULL;
}

void
egress_stop(struct egress *egress, void (*on_stopped)(void *argument), void *argument)
{
    egress->on_stopped = on_stopped;
    egress->argument = argument;
    if (egress->service.group == NULL) {
        on_stopped(argument);
        return;
    }
    group_consumer_leave(egress->service.group);
}

bool
egress_ready(const struct egress *egress, struct error *reason)
{
    if (egress->service.group == NULL || !group_consumer_joined(egress->service.group)) {
        return error_set(reason, "not in the consumer group yet");
    }
    for (size_t i = 0; i < egress->holding_count; i++) {
        const struct holding *holding = &egress->holdings[i];

        if (!holding->ours) {
            continue;
        }
        if (holding->lane == NULL) {
            return error_set(reason, "partition %d: its lane failed, and is taken over again soon", holding->partition);
        }
        if (!lane_working(holding->lane, reason)) {
            return false;
        }
    }
    return true;
}

void
egress_free(struct egress *egress)
{
    if (egress == NULL) {
        return;
    }
    for (size_t i = 0; i < egress->holding_count; i++) {
        lane_free(egress->holdings[i].lane);
        if (egress->holdings[i].again != NULL) {
            event_free(egress->holdings[i].again);
        }
    }
    free(egress->holdings);
    while (egress->resting != NULL) {
        struct resting *resting = egress->resting;

        egress->resting = resting->next;
        lane_free(resting->lane);
        free(resting);
    }
    while (egress->service.orphans != NULL) {
        attempt_free(egress->service.orphans);
    }
    group_consumer_free(egress->service.group);
    caller_free(egress->service.caller);
    producer_free(egress->service.producer, PRODUCER_END_MS);
    egress_tally_free(egress->service.tally);
    arena_pool_free(egress->service.pool);
    free(egress);
}
