/* What happened within the last while, oldest first: calls at a vendor's door, nonces that were used. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct happening {
    int64_t at_ns; /* monotonic */
    uint64_t mark; /* what tells it from others; the caller's */
};

struct recent {
    struct happening *ring;
    size_t first, count, capacity; /* capacity: a power of two, or 0 */
};

void recent_free(struct recent *recent);
/* Forgets what happened at or before that time. */
void recent_forget(struct recent *recent, int64_t until_ns);
/* false: out of memory. Times come in order. */
bool recent_add(struct recent *recent, int64_t at_ns, uint64_t mark);
bool recent_has(const struct recent *recent, uint64_t mark);
