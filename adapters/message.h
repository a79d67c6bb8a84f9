/* How adapters read a message and report what they find: the contract's rules for what counts as absent, in one place.
 *
 * Absent are: a missing member, JSON null, the empty string, the text `null`, and for times also 0. A member that is
 * there and cannot be read is left out and counted in conversion->unreadable. Objects, arrays and booleans are no
 * texts. object may be NULL or no object: then everything is absent.
 *
 * Keys and subjects are given as the vendor wrote them. The event's writer replaces one that is longer than 256 bytes
 * or holds characters that an attribute may not by its hash (event/cloudevent.h), so adapters need not look. */
#pragma once

#include "adapters/adapter.h"

/* --- reading --- */

/* A string as it is, or a number's digits as they are written. Absent: the empty slice. */
struct slice message_text(const struct value *object, const char *name);
/* The same of a value itself, which may be NULL: an element of an array, or a member found in another way. */
struct slice value_text(const struct value *value);
struct slice text_trimmed(struct slice text); /* less outer white space: blanks, tabs, line ends */
/* What is to be read of a body: the same, less a byte order mark that it begins with (RFC 8259 §8.1 permits passing
 * over it, and some senders write one). Signatures and hashes are over the bytes as they came. */
struct slice body_text(struct slice body);
/* Present by the rules above; objects, arrays and booleans are. */
bool message_has(const struct value *object, const char *name);
bool value_absent(const struct value *value); /* by the same rules */

/* A JSON number, digit for digit, from a number or from a string of digits with an optional minus and fraction. Outer
 * white space and leading zeros are taken off ("05" gives 5). Unreadable: exponents, more than 32 characters, and what
 * else is no such number. */
struct slice message_number(struct conversion *conversion, const struct value *object, const char *name);
/* The same of a text that is not absent. */
struct slice text_number(struct conversion *conversion, struct slice text);
/* -1 when absent or no whole number from 0 to INT_MAX; the latter is not counted: it is for codes, not for members. */
int message_code(const struct value *object, const char *name);

/* Epoch seconds, epoch milliseconds, "YYYY-MM-DD HH:MM:SS[.fff]", "YYYYMMDDHHMMSS": as numbers or as strings; the last
 * two and the offset are the source's zone's. */
struct timestamp message_time_seconds(const struct callback *callback, struct conversion *conversion,
                                      const struct value *object, const char *name);
struct timestamp message_time_millis(const struct callback *callback, struct conversion *conversion,
                                     const struct value *object, const char *name);
struct timestamp message_time_local(const struct callback *callback, struct conversion *conversion,
                                    const struct value *object, const char *name);
struct timestamp message_time_compact(const struct callback *callback, struct conversion *conversion,
                                      const struct value *object, const char *name);

/* The same of a text that is not absent, by one of the readers of base/timestamp.h. */
typedef bool time_reader(struct slice text, const struct zone *zone, struct timestamp *timestamp);
struct timestamp text_time(const struct callback *callback, struct conversion *conversion, struct slice text,
                           time_reader *reader);

/* A vendor's code and what it means to us, for tables; what a code means is an enumeration of event/model.h. */
struct message_word {
    const char *word; /* NULL ends a table */
    int meaning;
};
/* The meaning of text, compared exactly; fallback when no row names it. */
int message_word(const struct message_word *table, struct slice text, int fallback);

/* --- reporting --- */

/* The first 32 hex digits of SHA-256 over the untouched body, or over the query where there is none, in the callback's
 * arena; computed at each call. */
struct slice callback_hash(const struct callback *callback);
/* The message for `data.vendor`: JSON bytes as they are, less outer white space; XML as an object of strings. */
struct slice vendor_json(const struct callback *callback);

/* Always false, so that convert can end with it: `return conversion_fail(conversion, "missing_key", "no callId")`. Both
 * texts are static. When the arena is full, convert just returns false: the caller asks arena_failed() first. */
bool conversion_fail(struct conversion *conversion, const char *reason, const char *detail);
/* Adds the vendor.unmapped event: key the hash, subject call_id, or the hash when that is empty. The result is
 * convert's. */
bool conversion_unmapped(const struct callback *callback, struct conversion *conversion, struct slice call_id);
