/* Points in time as vendors write them and as events carry them (RFC 3339 with offset), and the zones they are read in.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

/* A time zone's offsets, resolved once at start; immutable, shared by threads. */
struct zone;
/* name as in the tz database ("Asia/Shanghai", "UTC"). NULL with error when there is none of that name. Not thread
 * safe: call it before threads start. */
struct zone *zone_load(const char *name, struct error *error);
void zone_free(struct zone *zone);

struct timestamp {
    int64_t unix_ms;
    int16_t offset_minutes; /* east of UTC, at that time in its zone */
    bool present;
    bool millis; /* written with three decimals */
};

#define TIMESTAMP_TEXT_BYTES 40
/* "2021-05-08T14:39:47+08:00" or "2018-05-31T11:36:24.829+08:00"; the offset is always numeric. Returns the length, no
 * terminator; 0 when the timestamp is absent. */
size_t timestamp_format(struct timestamp timestamp, char text[TIMESTAMP_TEXT_BYTES]);

struct timestamp timestamp_from_unix_ms(int64_t unix_ms, const struct zone *zone);
/* Digits only: 10-digit epoch seconds, 13-digit epoch milliseconds. Years 1970 to 9999. false: unreadable. */
bool timestamp_read_seconds(struct slice text, const struct zone *zone, struct timestamp *timestamp) MUST_CHECK;
bool timestamp_read_millis(struct slice text, const struct zone *zone, struct timestamp *timestamp) MUST_CHECK;
/* "YYYY-MM-DD HH:MM:SS", optionally with ".fff", and "YYYYMMDDHHMMSS": local time of the zone. A time that a zone skips
 * or has twice is read with the offset before the change. */
bool timestamp_read_local(struct slice text, const struct zone *zone, struct timestamp *timestamp) MUST_CHECK;
bool timestamp_read_compact(struct slice text, const struct zone *zone, struct timestamp *timestamp) MUST_CHECK;
/* RFC 3339, as our own options and events write it. */
bool timestamp_read_rfc3339(struct slice text, struct timestamp *timestamp) MUST_CHECK;

/* The same more loosely, for vendors that nobody knows beforehand. */
/* ISO 8601: RFC 3339, and a blank or a small letter for its T and Z, a comma before the decimals, an offset without
 * colon or minutes. Without an offset: local time of the zone, unreadable where that is NULL. */
bool timestamp_read_iso8601(struct slice text, const struct zone *zone, struct timestamp *timestamp) MUST_CHECK;
/* 10-digit epoch seconds with or without decimals. */
bool timestamp_read_decimal_seconds(struct slice text, const struct zone *zone, struct timestamp *timestamp) MUST_CHECK;
