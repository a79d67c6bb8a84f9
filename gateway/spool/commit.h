/* What the spool's thread does with jobs and removals: everything that came in meanwhile goes into one transaction.
 * Also what happens when the disk does not take it. */
#pragma once

#include <pthread.h>

#include "spool/drain.h"
#include "spool/keeper.h"
#include "spool/port.h"
#include "spool/stock.h"

struct commit_metrics {
    struct metric *able, *commits, *records, *refused_full, *refused_failing, *seconds;
};

/* The spool's writing side. The thread's own, but for what says otherwise. */
struct commit {
    const struct clock *clock;
    struct inbox *inbox;
    struct stock *stock;
    struct keeper *keeper;
    struct drain *drain;
    struct commit_metrics metrics;
    int64_t next_id;

    struct job_queue puts;   /* admitted, to be written next */
    struct adopted *adopted; /* records of a sibling in the open transaction */
    bool failing;            /* the disk does not take anything at the moment */
    int64_t retry_ns;        /* monotonic: when it is tried again */
    unsigned back_off_ms;
    pthread_mutex_t lock; /* over the reason, for other threads */
    struct error reason;  /* why it fails; empty while it does not */
};

bool commit_open(struct commit *commit, struct metrics *metrics, struct error *error);
void commit_close(struct commit *commit);

/* Takes what is in the inbox and writes it, with the removals that are due. */
void commit_work(struct commit *commit);
/* Once more, after the drain has ended. */
void commit_last(struct commit *commit);
/* While it fails: tries again, if the time for that has come. */
void commit_retry(struct commit *commit);
/* Takes over the spools of siblings. */
void commit_adopt(struct commit *commit, const char *data_dir, const struct instance *own);
/* From any thread: why it takes nothing; false: it works. */
bool commit_failing(struct commit *commit, struct error *reason);
