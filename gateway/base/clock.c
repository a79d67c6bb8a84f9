/* The system's clocks, and the one that stands still. */
#include "base/clock.h"

#include <time.h>

#define NANOSECONDS_PER_SECOND INT64_C(1000000000)

static int64_t
now_ns(clockid_t id)
{
    struct timespec now = {0};

    /* Fails for unknown ids alone, and Linux knows all three. */
    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * NANOSECONDS_PER_SECOND + now.tv_nsec;
}

static int64_t
system_monotonic(const struct clock *clock)
{
    (void)clock;
    return now_ns(CLOCK_MONOTONIC);
}

static int64_t
system_boottime(const struct clock *clock)
{
    (void)clock;
    return now_ns(CLOCK_BOOTTIME);
}

static int64_t
system_wall(const struct clock *clock)
{
    (void)clock;
    return now_ns(CLOCK_REALTIME);
}

const struct clock *
clock_system(void)
{
    static const struct clock system = {system_monotonic, system_boottime, system_wall};

    return &system;
}

static int64_t
fixed_monotonic(const struct clock *clock)
{
    return ((const struct fixed_clock *)clock)->monotonic_ns;
}

static int64_t
fixed_boottime(const struct clock *clock)
{
    return ((const struct fixed_clock *)clock)->boottime_ns;
}

static int64_t
fixed_wall(const struct clock *clock)
{
    return ((const struct fixed_clock *)clock)->wall_ns;
}

void
fixed_clock_init(struct fixed_clock *clock, int64_t wall_ns)
{
    *clock = (struct fixed_clock){
        .clock = {fixed_monotonic, fixed_boottime, fixed_wall},
        .wall_ns = wall_ns,
    };
}
