/* Reads a dead letter back: what is known of a callback or command that became no event, by the headers of its record.
 */
#pragma once

#include "base/arena.h"
#include "base/timestamp.h"
#include "event/recordset.h"

/* All slices lie in the record; what it does not tell is empty. */
struct dead_letter {
    struct slice id;             /* the first 32 hex digits of the body's SHA-256 */
    struct slice reason, detail; /* a word, and a sentence; the sentence may quote the body */
    struct slice source;         /* "commands" for a command */
    struct slice vendor;         /* the adapter's name; empty for a command */
    struct slice account;
    struct timestamp received; /* absent when no time can be read */
    struct slice method, endpoint, query;
    struct slice body; /* untouched */
    const struct record_header *headers;
    size_t header_count;
};

/* value and headers of a record that deadletter_write has made. Of a name that comes twice the first counts. */
struct dead_letter deadletter_read(struct slice value, const struct record_header *headers, size_t header_count);

/* Whether it is a record of the commands topic, whose name is its endpoint; else a callback. */
bool deadletter_is_command(const struct dead_letter *letter);

/* The request's fields, or the headers of the command's record, under the names that they came with. The array is in
 * the arena, the bytes are the letter's. false only when the arena is full. */
bool deadletter_fields(const struct dead_letter *letter, struct arena *arena, const struct record_header **fields,
                       size_t *count) MUST_CHECK;
