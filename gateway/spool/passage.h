/* A passage is one record on its way from the store to Kafka, in one piece of memory. */
#pragma once

#include "event/recordset.h"
#include "spool/stock.h"
#include "spool/store.h"

struct drain;
struct stream;

struct passage {
    struct removal removal; /* first: it is freed through it */
    struct drain *drain;
    struct stream *stream;
    struct recordset set;
    struct record record;
    struct record_header headers[]; /* then their bytes */
};

/* A copy of the row; set and removal stand ready, but for on_done and the share. NULL when out of memory. */
struct passage *passage_new(const struct stored *stored);
void passage_free(struct removal *removal);
