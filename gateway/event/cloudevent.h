/* Writes a canonical event as a CloudEvent (1.0, JSON): structured mode, or binary mode with ce_ headers.
 *
 * A vendor's key, subject or correlation id that is longer than 256 bytes, or holds control characters or
 * noncharacters, is replaced by the first 32 hex digits of its SHA-256: CloudEvents keeps those out of attributes, and
 * a partition key stays small.
 */
#pragma once

#include "base/arena.h"
#include "event/envelope.h"
#include "event/model.h"
#include "event/recordset.h"

enum cloudevent_mode {
    CLOUDEVENT_STRUCTURED,
    CLOUDEVENT_BINARY,
};

/* "<adapter>-<key>-<type name><suffix>", in the arena; the empty slice when that is full. */
struct slice cloudevent_id(const struct canonical_event *event, const struct envelope *envelope, struct arena *arena);

/* Fills key, value and headers of record; its topic is the caller's. All bytes live in the arena. false only when the
 * arena is full. */
bool cloudevent_write(const struct canonical_event *event, const struct envelope *envelope, enum cloudevent_mode mode,
                      struct arena *arena, struct record *record) MUST_CHECK;
