/* What `trunkline tap` sees of a record: an event in any of its forms, a callback kept as it came, or something else.
 */
#pragma once

#include "bus/consumed.h"
#include "event/cloudevent_reader.h"
#include "event/deadletter_reader.h"

enum sight_kind {
    SIGHT_EVENT,    /* a CloudEvent, or a bare JSON object */
    SIGHT_ORIGINAL, /* a dead letter or raw record: what is known stands in its headers */
    SIGHT_OTHER,    /* neither can be read */
};

struct sight {
    enum sight_kind kind;
    struct slice topic;
    int32_t partition;
    int64_t offset, timestamp_ms;
    struct slice key, value;
    size_t bytes;                  /* of the value as it came; masked it may be shorter */
    struct record_header *headers; /* in the arena */
    size_t header_count;
    struct value *tree;          /* of the value, where that is JSON; NULL: it is not */
    struct incoming_event event; /* of SIGHT_EVENT */
    struct dead_letter letter;   /* of SIGHT_ORIGINAL */
    /* What it can be told by; empty where it does not tell. */
    struct slice time, type, source, id, account;
};

#define EVENT_PREFIX "io.trunkline."
#define EVENT_SUFFIX ".v1"
#define EVENT_SOURCE "/trunkline/"

/* original: the topic is one of dead letters or raw records. The sight refers to the record and lies in the arena.
 * false: the arena is full. */
bool sight_read(const struct consumed *record, bool original, struct arena *arena, struct sight *sight) MUST_CHECK;
/* Masks the phone numbers in all of it, as numbers.h says. false: the arena is full. */
bool sight_mask(struct sight *sight, struct arena *arena) MUST_CHECK;

/* "call.ended" of "io.trunkline.call.ended.v1", "7moor" of "/trunkline/7moor"; else as it is. */
struct slice sight_short_type(struct slice type);
struct slice sight_short_source(struct slice source);

/* Which records are shown. Patterns as in routes: '*' stands for any run of characters. */
struct sight_filter {
    struct slice types[16];                /* one of which the type fits, in full or short */
    size_t type_count;                     /* 0: any */
    struct slice source, key, account, id; /* empty: any; of the unmasked record */
};
bool sight_fits(const struct sight_filter *filter, const struct sight *sight);
