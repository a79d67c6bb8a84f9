/* Open addressing with linear probing; removal moves what follows back, so there are no tombstones. */
#include "spool/id_set.h"

#include <stdlib.h>

#define CAPACITY_FIRST 64

/* Ids come in a row: multiplied, they scatter. */
static size_t
home(const struct id_set *set, int64_t id)
{
    return (size_t)(((uint64_t)id * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (set->capacity - 1);
}

static size_t
find(const struct id_set *set, int64_t id)
{
    size_t at = home(set, id);

    while (set->slots[at] != 0 && set->slots[at] != id) {
        at = (at + 1) & (set->capacity - 1);
    }
    return at;
}

bool
id_set_reserve(struct id_set *set, size_t more)
{
    struct id_set larger = {.capacity = set->capacity == 0 ? CAPACITY_FIRST : set->capacity, .count = set->count};

    if (more > SIZE_MAX / 4 - set->count) {
        return false;
    }
    while ((set->count + more) * 2 > larger.capacity) {
        larger.capacity *= 2;
    }
    if (larger.capacity == set->capacity) {
        return true;
    }
    larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
    if (larger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < set->capacity; i++) {
        if (set->slots[i] != 0) {
            larger.slots[find(&larger, set->slots[i])] = set->slots[i];
        }
    }
    free(set->slots);
    *set = larger;
    return true;
}

void
id_set_add(struct id_set *set, int64_t id)
{
    size_t at = find(set, id);

    set->count += set->slots[at] == 0;
    set->slots[at] = id;
}

void
id_set_remove(struct id_set *set, int64_t id)
{
    size_t hole;
    size_t at;

    if (set->count == 0) {
        return;
    }
    hole = find(set, id);
    if (set->slots[hole] == 0) {
        return;
    }
    set->count--;
    at = (hole + 1) & (set->capacity - 1);
    while (set->slots[at] != 0) {
        size_t wanted = home(set, set->slots[at]);

        /* It may move into the hole unless its home lies behind the hole. */
        if (((at - wanted) & (set->capacity - 1)) >= ((at - hole) & (set->capacity - 1))) {
            set->slots[hole] = set->slots[at];
            hole = at;
        }
        at = (at + 1) & (set->capacity - 1);
    }
    set->slots[hole] = 0;
}

bool
id_set_has(const struct id_set *set, int64_t id)
{
    return set->count != 0 && set->slots[find(set, id)] == id;
}

void
id_set_free(struct id_set *set)
{
    free(set->slots);
    *set = (struct id_set){0};
}
