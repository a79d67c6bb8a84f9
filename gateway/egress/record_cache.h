/* The record cache keeps copies of records by their offset, within a bound of bytes: what was not asked for longest
 * goes first. */
#pragma once

#include "bus/consumer.h"

struct record_cache;

/* topic outlives the cache: its records name it. NULL when out of memory. */
struct record_cache *record_cache_new(struct slice topic, size_t bytes);
void record_cache_free(struct record_cache *cache); /* NULL is fine */

/* One that does not fit, or for which there is no memory, is not kept. */
void record_cache_keep(struct record_cache *cache, const struct consumed *record);
void record_cache_drop(struct record_cache *cache, int64_t offset);
/* NULL when it is not there. Valid until the next record_cache_keep or _drop. */
const struct consumed *record_cache_find(struct record_cache *cache, int64_t offset);
size_t record_cache_bytes(const struct record_cache *cache); /* what the copies take, with their overhead */
