/* The committer: one thread, one job at a time, and an eventfd on which it tells the loop. */
#include "egress/committer.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"

enum committer_state {
    COMMITTER_IDLE,
    COMMITTER_WORKING, /* the job is the thread's */
    COMMITTER_WORKED,  /* on_done is due */
    COMMITTER_RESTED,  /* the thread has nothing more to do, and its producer is gone */
};

struct committer {
    pthread_t thread;
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t changed;
    enum committer_state state;
    bool stopping;
    struct transaction_producer *producer; /* NULL when the thread is about to free it */
    struct committer_job job;
    /* Of the loop alone: */
    bool busy;
    bool ending;
    void (*on_ended)(void *argument);
    void *ended_argument;
    struct event *event;
    int fd;
};

/* Tells the loop that the state has changed. */
static void
ring(struct committer *committer)
{
    static const uint64_t one = 1;

    /* It cannot be full: the loop takes each before there is the next. */
    if (write(committer->fd, &one, sizeof one) != (ssize_t)sizeof one) {
        log_error("committer_wakeup_failed", log_text("reason", strerror(errno)));
    }
}

static void
work(struct committer *committer)
{
    const struct committer_job job = committer->job;
    struct transaction_producer *producer = committer->producer;

    pthread_mutex_unlock(&committer->lock);
    job.work(job.argument, producer);
    pthread_mutex_lock(&committer->lock);
    committer->state = COMMITTER_WORKED;
    ring(committer);
}

static void *
run(void *argument)
{
    struct committer *committer = argument;
    struct transaction_producer *producer;

    pthread_mutex_lock(&committer->lock);
    while (!committer->stopping) {
        if (committer->state == COMMITTER_WORKING) {
            work(committer);
        } else {
            pthread_cond_wait(&committer->changed, &committer->lock);
        }
    }
    producer = committer->producer;
    committer->producer = NULL;
    pthread_mutex_unlock(&committer->lock);
    transaction_producer_free(producer); /* here, as it may wait for librdkafka's threads */
    pthread_mutex_lock(&committer->lock);
    committer->state = COMMITTER_RESTED;
    ring(committer);
    pthread_mutex_unlock(&committer->lock);
    return NULL;
}

static void
on_ring(evutil_socket_t fd, short what, void *argument)
{
    struct committer *committer = argument;
    struct committer_job job;
    enum committer_state state;
    uint64_t count;

    (void)what;
    if (read(fd, &count, sizeof count) != (ssize_t)sizeof count) {
        return; /* nothing there: it has been seen already */
    }
    pthread_mutex_lock(&committer->lock);
    state = committer->state;
    job = committer->job;
    if (state == COMMITTER_WORKED && !committer->ending) {
        committer->state = COMMITTER_IDLE;
    }
    pthread_mutex_unlock(&committer->lock);
    if (committer->ending) {
        if (state == COMMITTER_RESTED) {
            committer->on_ended(committer->ended_argument); /* which may free the committer */
        }
    } else if (state == COMMITTER_WORKED) {
        committer->busy = false;
        job.on_done(job.argument);
    }
}

/* Signals are for the main thread. */
static int
start_thread(struct committer *committer)
{
    sigset_t all;
    sigset_t before;
    int status;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = pthread_create(&committer->thread, NULL, run, committer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

struct committer *
committer_new(const struct kafka_settings *settings, const char *transactional_id, struct event_base *base,
              struct error *error)
{
    struct committer *committer = calloc(1, sizeof *committer);
    int status;

    if (committer == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&committer->lock, NULL);
    pthread_cond_init(&committer->changed, NULL);
    committer->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (committer->fd < 0) {
        error_set(error, "cannot make an eventfd: %s", strerror(errno));
        goto no_fd;
    }
    committer->event = event_new(base, committer->fd, EV_READ | EV_PERSIST, on_ring, committer);
    if (committer->event == NULL || event_add(committer->event, NULL) != 0) {
        error_set(error, "out of memory");
        goto no_event;
    }
    committer->producer = transaction_producer_new(settings, transactional_id, error);
    if (committer->producer == NULL) {
        goto no_event;
    }
    status = start_thread(committer);
    if (status != 0) {
        error_set(error, "cannot start a thread: %s", strerror(status));
        goto no_thread;
    }
    return committer;

no_thread:
    transaction_producer_free(committer->producer);
no_event:
    if (committer->event != NULL) {
        event_free(committer->event);
    }
    close(committer->fd);
no_fd:
    pthread_cond_destroy(&committer->changed);
    pthread_mutex_destroy(&committer->lock);
    free(committer);
    return NULL;
}

void
committer_run(struct committer *committer, const struct committer_job *job)
{
    committer->busy = true;
    pthread_mutex_lock(&committer->lock);
    committer->job = *job;
    committer->state = COMMITTER_WORKING;
    pthread_cond_signal(&committer->changed);
    pthread_mutex_unlock(&committer->lock);
}

bool
committer_busy(const struct committer *committer)
{
    return committer->busy;
}

static void
stop(struct committer *committer)
{
    pthread_mutex_lock(&committer->lock);
    committer->stopping = true;
    if (committer->producer != NULL) {
        transaction_producer_give_up(committer->producer);
    }
    pthread_cond_signal(&committer->changed);
    pthread_mutex_unlock(&committer->lock);
}

void
committer_end(struct committer *committer, void (*on_ended)(void *argument), void *argument)
{
    committer->ending = true;
    committer->on_ended = on_ended;
    committer->ended_argument = argument;
    stop(committer);
}

void
committer_free(struct committer *committer)
{
    if (committer == NULL) {
        return;
    }
    stop(committer);
    pthread_join(committer->thread, NULL);
    event_free(committer->event);
    close(committer->fd);
    pthread_cond_destroy(&committer->changed);
    pthread_mutex_destroy(&committer->lock);
    free(committer);
}
