/* A record as bytes, for a place outside memory: topic, key, headers and value, with their lengths, in a versioned
 * layout (little endian). Reading treats the bytes as hostile. */
#pragma once

#include "base/arena.h"
#include "event/recordset.h"

#define RECORD_CODEC_VERSION 1

/* 0: a part of it is longer than the layout can tell (2^31 - 1 bytes, or 65535 headers). */
size_t record_encoded_bytes(const struct record *record);
/* Writes exactly record_encoded_bytes(record) bytes. */
void record_encode(const struct record *record, char *bytes);
/* topic, key, value and headers point into bytes (names there are followed by a NUL); the table of headers is in the
 * arena. false when the bytes are not a record of a version that we know, or the arena is full. */
bool record_decode(struct slice bytes, struct arena *arena, struct record *record) MUST_CHECK;
