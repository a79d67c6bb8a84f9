/* Which partition a key belongs to: murmur2, as Java's producers and all of ours place it. */
#pragma once

#include <stdint.h>

#include "base/slice.h"

/* count is the topic's number of partitions, at least 1. */
int32_t partition_of(struct slice key, int32_t count);
