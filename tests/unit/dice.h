/* Numbers for the tests that try many ways, the same ones for the same seed. */
#pragma once

#include <stdbool.h>

#include "simulators/chance.h"

/* From 0 to below count, which is at least 1. */
static inline uint64_t
dice_below(struct chance *chance, uint64_t count)
{
    return chance_draw(chance) % count;
}

static inline int64_t
dice_between(struct chance *chance, int64_t from, int64_t to)
{
    return from + (int64_t)dice_below(chance, (uint64_t)(to - from) + 1);
}

static inline bool
dice_percent(struct chance *chance, unsigned percent)
{
    return dice_below(chance, 100) < percent;
}
