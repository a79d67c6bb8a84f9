/* A batch is what a lane's next transaction holds: records, and what is to be done once they are committed. */
#pragma once

#include "base/arena.h"
#include "bus/transaction.h"
#include "egress/backlog.h"

struct attempt;

/* Where a `done` stands in a batch. */
struct done_place {
    struct command_key key;
    size_t record;
};

struct batch {
    struct arena *arena;
    struct transaction_record *records;
    struct slice *fallbacks; /* beside records: a shorter value, for when Kafka finds one too large; empty: none */
    size_t count, capacity;
    struct done_place *places;
    size_t place_count, place_capacity;
    struct attempt *intents;   /* to be sent once they are committed, in this order */
    struct attempt *concluded; /* to be freed then */
    size_t intent_count;
    int64_t accepted_through; /* offset; -1: no `accepted` in it */
    struct transaction_offset offset;
    const char *group; /* whose offset that is; NULL: there is none */
    int64_t began_ns;  /* boot time of the commit's start */
    /* Written by the committer's thread while it is busy: */
    enum transaction_outcome outcome;
    struct error error;
};

/* NULL when out of memory. */
struct batch *batch_new(struct arena_pool *pool);
/* Intents and concluded attempts are the caller's. NULL is fine. */
void batch_free(struct batch *batch);

/* Adds a record whose bytes live in the batch's arena already; topic outlives it. false: out of memory, here and below.
 */
bool batch_add(struct batch *batch, struct slice topic, int32_t partition, const struct record *record) MUST_CHECK;
/* The same for one whose bytes live elsewhere. */
bool batch_add_copy(struct batch *batch, struct slice topic, int32_t partition, const struct record *record) MUST_CHECK;
/* The record that was added last is the `done` of that command. */
bool batch_place(struct batch *batch, struct command_key key) MUST_CHECK;
/* A copy that is never a NULL pointer: to Kafka that would be a tombstone. */
struct slice batch_keep(struct batch *batch, struct slice bytes);

/* Much is in it: what can wait is better held back until the next one. */
bool batch_crowded(const struct batch *batch);
/* Kafka takes none of the records that were refused as they are: puts their fallbacks in, and leaves out those that
 * have none. */
void batch_shorten(struct batch *batch);
