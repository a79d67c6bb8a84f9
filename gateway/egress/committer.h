/* The committer is the thread of a lane that waits for Kafka, so that the loop never does: it owns the lane's
 * transactional producer and does one blocking job at a time. */
#pragma once

#include "bus/transaction.h"

struct committer;
struct event_base;

struct committer_job {
    /* On the committer's thread; may block. */
    void (*work)(void *argument, struct transaction_producer *producer);
    /* On the loop, once work has returned; not after committer_end. */
    void (*on_done)(void *argument);
    void *argument;
};

/* transactional_id is copied; settings stay the caller's, and stay. */
struct committer *committer_new(const struct kafka_settings *settings, const char *transactional_id,
                                struct event_base *base, struct error *error);
/* Not while one is going on. */
void committer_run(struct committer *committer, const struct committer_job *job);
bool committer_busy(const struct committer *committer);
/* No more jobs: a running one is given up and its on_done not called; on_ended is called on the loop, once, when the
 * thread has come to rest (which may take some seconds; from within this call where nothing is running is fine too, but
 * never before it). The committer may then be freed at once. The argument of a given-up job must live until then. */
void committer_end(struct committer *committer, void (*on_ended)(void *argument), void *argument);
/* Waits for a running job to end. NULL is fine. */
void committer_free(struct committer *committer);
