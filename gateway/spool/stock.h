/* The stock is what memory knows of the records on disk: how many and how large they are, whose they are, which of them
 * a producer may still deliver, and which are to be removed with the next commit. The spool thread's own, but for the
 * counts, which any thread may read. */
#pragma once

#include <stdatomic.h>

#include "event/recordset.h"
#include "spool/gate.h"
#include "spool/id_set.h"
#include "spool/settings.h"

/* What one source takes. */
struct share {
    struct share *next;
    _Atomic uint64_t bytes;
    char name[];
};

/* A record in the store. */
struct entry {
    int64_t id;
    uint64_t key;
    uint64_t bytes;
    struct share *share;
};

/* A record that needs the store no more: Kafka has it, or never will. Lies in memory of its own until it is removed. */
struct removal {
    struct removal *next;
    struct entry entry;
    bool set_aside;      /* Kafka refused it: it stays in the store, and is passed over */
    struct slice reason; /* of the refusal; a static text */
    void (*free)(struct removal *removal);
};

struct stock {
    const struct spool_settings *settings;
    struct gate *gate;
    struct share *shares;
    _Atomic uint64_t records, bytes, set_aside; /* bytes are of all of them */
    struct id_set in_flight;                    /* a worker's producer may still deliver these */
    struct id_set taken;                        /* on their way by the drain, or to be removed */
    struct removal *removals, **removals_end;
    size_t removal_count;
};

void stock_init(struct stock *stock, const struct spool_settings *settings, struct gate *gate);
/* Keys stay held. */
void stock_clear(struct stock *stock);

/* Made at its first record. NULL when out of memory. */
struct share *stock_share(struct stock *stock, struct slice source);
/* The part of max_bytes that is kept for sources whose vendors never repeat. */
uint64_t stock_reserve(const struct stock *stock);
/* Whether so many more bytes of that source's may come in: into its share, or, where its vendor never repeats, into the
 * reserve on top of it. */
bool stock_admits(const struct stock *stock, const struct share *share, bool vendor_repeats, uint64_t bytes);

/* It is in the store now. Its key is held by the caller's doing. */
void stock_add(struct stock *stock, const struct entry *entry, bool set_aside);
/* It did not get there, though it was added. */
void stock_drop(struct stock *stock, const struct entry *entry, bool set_aside);
/* Nothing is counted any more, to be counted again. */
void stock_forget(struct stock *stock);
/* To be removed with the next commit; the stock owns it from now on. */
void stock_retire(struct stock *stock, struct removal *removal);
/* The removals are committed: their keys are released, they count no more, they are freed. */
void stock_settle_removals(struct stock *stock);
