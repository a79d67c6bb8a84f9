/* What all lanes of a worker share. Everything lives on the worker's loop and outlives the lanes. */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "bus/group_consumer.h"
#include "bus/producer.h"
#include "calls/call.h"
#include "config/config.h"
#include "egress/tally.h"

struct attempt;

struct egress_service {
    const struct config *config;
    struct event_base *base;
    const struct clock *clock;
    struct egress_tally *tally;
    struct caller *caller;
    struct producer *producer;    /* plain: for what is published outside a lane's transactions */
    struct arena_pool *pool;      /* of this loop */
    struct group_consumer *group; /* NULL before the start */
    struct attempt *orphans;      /* requests under way whose lane was lost */
};

/* Milliseconds of wall time. */
static inline int64_t
service_now_ms(const struct egress_service *service)
{
    return clock_wall_ms(service->clock);
}

/* Milliseconds that only go on, whatever is done to the clock: for what is done now and then. */
static inline int64_t
service_uptime_ms(const struct egress_service *service)
{
    return clock_monotonic_ns(service->clock) / 1000000;
}

/* Boot time in nanoseconds: what limiters and leases are measured in. */
static inline int64_t
service_now_ns(const struct egress_service *service)
{
    return clock_boottime_ns(service->clock);
}
