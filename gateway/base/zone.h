/* What a time zone tells the readers of timestamps; zone_load and zone_free are in timestamp.h. */
#pragma once

#include "base/timestamp.h"

/* Minutes east of UTC at a point in time, and at a local time (seconds as if the local time were UTC). A local time
 * that a change skips or repeats gets the offset before that change. Known for 1970 to 2100; earlier and later times
 * get the first and the last offset. */
int zone_offset_minutes(const struct zone *zone, int64_t unix_seconds);
int zone_local_offset_minutes(const struct zone *zone, int64_t local_seconds);
