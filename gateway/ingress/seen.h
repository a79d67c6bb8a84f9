/* Seen remembers which events were made durable, and when: keyed digests of their ids, 28 bytes each, in memory alone.
 * It never says of an event that it was seen when it was not, though it may have forgotten it. Shared by all workers.
 */
#pragma once

#include <stdint.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "ingress/answer.h"

struct seen;

/* The first half of an HMAC-SHA256 under a key that every process draws for itself. So nobody who posts can make two
 * ids alike; that two of 10^9 are alike by chance has odds of 1 : 10^20. */
struct seen_id {
    uint64_t halves[2];
};

/* Room for so many ids at most, taken when they come; then the oldest is forgotten for each that comes. NULL when out
 * of memory or randomness. */
struct seen *seen_new(size_t most, const struct clock *clock, struct metrics *metrics);
void seen_free(struct seen *seen); /* NULL is fine */

/* false only when OpenSSL fails. */
bool seen_name(const struct seen *seen, struct slice text, struct seen_id *id) MUST_CHECK;

/* From any thread. Its event is durable as of now; window_ms is for how long somebody may ask: what is forgotten
 * sooner is counted. Without memory for it, it is not remembered. */
void seen_add(struct seen *seen, struct seen_id id, enum durability durability, int64_t window_ms);
/* From any thread. Whether it was added less than window_ms ago, the last time; *durability is what was told then. */
bool seen_find(struct seen *seen, struct seen_id id, int64_t window_ms, enum durability *durability);
