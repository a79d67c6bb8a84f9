/* Chance that comes out the same for the same seed, so that a test that failed fails again. */
#pragma once

#include <stdint.h>

struct chance {
    uint64_t state;
};

/* splitmix64: good enough for delays and dice. */
static inline uint64_t
chance_draw(struct chance *chance)
{
    uint64_t mixed = chance->state += 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

/* true with that probability */
static inline int
chance_hits(struct chance *chance, double probability)
{
    return (double)(chance_draw(chance) >> 11) < probability * 9007199254740992.0;
}

/* from least to most, both included */
static inline unsigned
chance_between(struct chance *chance, unsigned least, unsigned most)
{
    return most <= least ? least : least + (unsigned)(chance_draw(chance) % ((uint64_t)most - least + 1));
}
