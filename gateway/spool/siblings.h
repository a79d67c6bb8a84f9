/* Siblings are other instances below the same data directory. One that has ended for good (nobody holds its lock) and
 * left records is adopted: they are taken over, and its files removed. */
#pragma once

#include "base/instance.h"
#include "spool/store.h"

struct siblings_taker {
    /* Whether so many more bytes find room. */
    bool (*has_room)(void *argument, uint64_t bytes);
    /* Takes one over, in a transaction that the first of a file begins; its id is the file's, not yet ours. */
    enum store_verdict (*take)(void *argument, const struct stored *stored);
    /* All of a file were handed over: they are durable when it returns OK. Else nothing of the file counts. */
    enum store_verdict (*commit)(void *argument);
    void (*take_back)(void *argument);
    void *argument;
};

/* Looks through data_dir once; returns the number of records that were adopted. */
uint64_t siblings_adopt(const char *data_dir, const struct instance *own, const struct siblings_taker *taker);
