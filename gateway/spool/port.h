/* Ports: how jobs get from a worker's loop to the spool's thread and back. */
#pragma once

#include <pthread.h>

#include "spool/spool.h"

enum job_task {
    JOB_PUT,
    JOB_SETTLE,
};

/* Jobs in the order in which they came; all zero is the empty one. */
struct job_queue {
    struct spool_job *first, *last;
};

void job_queue_append(struct job_queue *queue, struct spool_job *job);
struct spool_job *job_queue_take(struct job_queue *queue); /* the first; NULL when it is empty */

/* Where workers leave jobs for the spool's thread. */
struct inbox {
    pthread_mutex_t lock;
    struct job_queue queue;
    int wake_fd; /* an eventfd: something was left */
};

bool inbox_open(struct inbox *inbox, struct error *error);
void inbox_close(struct inbox *inbox);
void inbox_wake(struct inbox *inbox);
struct job_queue inbox_take(struct inbox *inbox); /* all that is there */
struct inbox *spool_inbox(struct spool *spool);

/* On the spool's thread: the job goes back to its worker. */
void spool_port_return(struct spool_job *job);
