/* A ring of times, which grows as needed. */
#include "simulators/recent.h"

#include <stdlib.h>

#define CAPACITY_MIN 64

void
recent_free(struct recent *recent)
{
    free(recent->ring);
    *recent = (struct recent){0};
}

static struct happening *
at(const struct recent *recent, size_t i)
{
    return &recent->ring[(recent->first + i) & (recent->capacity - 1)];
}

void
recent_forget(struct recent *recent, int64_t until_ns)
{
    while (recent->count > 0 && at(recent, 0)->at_ns <= until_ns) {
        recent->first = (recent->first + 1) & (recent->capacity - 1);
        recent->count--;
    }
}

static bool
grow(struct recent *recent)
{
    size_t capacity = recent->capacity == 0 ? CAPACITY_MIN : recent->capacity * 2;
    struct happening *ring = capacity > SIZE_MAX / sizeof(*ring) / 2 ? NULL : calloc(capacity, sizeof(*ring));

    if (ring == NULL) {
        return false;
    }
    for (size_t i = 0; i < recent->count; i++) {
        ring[i] = *at(recent, i);
    }
    free(recent->ring);
    recent->ring = ring;
    recent->first = 0;
    recent->capacity = capacity;
    return true;
}

bool
recent_add(struct recent *recent, int64_t at_ns, uint64_t mark)
{
    if (recent->count == recent->capacity && !grow(recent)) {
        return false;
    }
    recent->count++;
    *at(recent, recent->count - 1) = (struct happening){at_ns, mark};
    return true;
}

bool
recent_has(const struct recent *recent, uint64_t mark)
{
    for (size_t i = 0; i < recent->count; i++) {
        if (at(recent, i)->mark == mark) {
            return true;
        }
    }
    return false;
}
