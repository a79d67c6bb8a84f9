/* The one place that asks for the time. Everything else gets a struct clock, which tests can set. */
#pragma once

#include <stdint.h>

/* Nanoseconds. */
struct clock {
    int64_t (*monotonic)(const struct clock *clock); /* for durations and deadlines; stands still in suspend */
    int64_t (*boottime)(const struct clock *clock);  /* goes on in suspend: for leases */
    int64_t (*wall)(const struct clock *clock);      /* since 1970-01-01 UTC: for what people and vendors read */
};

/* The system's clocks. */
const struct clock *clock_system(void);

/* A clock that stands where its members say; for tests and for `convert --received`. */
struct fixed_clock {
    struct clock clock; /* first: a struct fixed_clock * is a struct clock * */
    int64_t monotonic_ns;
    int64_t boottime_ns;
    int64_t wall_ns;
};
void fixed_clock_init(struct fixed_clock *clock, int64_t wall_ns);

static inline int64_t
clock_monotonic_ns(const struct clock *clock)
{
    return clock->monotonic(clock);
}

static inline int64_t
clock_boottime_ns(const struct clock *clock)
{
    return clock->boottime(clock);
}

static inline int64_t
clock_wall_ms(const struct clock *clock)
{
    return clock->wall(clock) / 1000000;
}
