/* Two queues under a lock each, and an eventfd that wakes the other side. */
#include "spool/port.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct spool_port {
    struct spool *spool;
    struct event *returned;
    int returned_fd;
    size_t pending; /* jobs that are away; the worker's own */
    pthread_mutex_t lock;
    struct job_queue back; /* under the lock */
};

void
job_queue_append(struct job_queue *queue, struct spool_job *job)
{
    job->next = NULL;
    if (queue->last == NULL) {
        queue->first = job;
    } else {
        queue->last->next = job;
    }
    queue->last = job;
}

struct spool_job *
job_queue_take(struct job_queue *queue)
{
    struct spool_job *job = queue->first;

    if (job != NULL) {
        queue->first = job->next;
        if (queue->first == NULL) {
            queue->last = NULL;
        }
    }
    return job;
}

bool
inbox_open(struct inbox *inbox, struct error *error)
{
    inbox->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (inbox->wake_fd < 0) {
        return error_set(error, "cannot make an event descriptor: %s", strerror(errno));
    }
    return pthread_mutex_init(&inbox->lock, NULL) == 0 || error_set(error, "out of memory");
}

void
inbox_close(struct inbox *inbox)
{
    if (inbox->wake_fd >= 0) {
        close(inbox->wake_fd);
        pthread_mutex_destroy(&inbox->lock);
    }
}

void
inbox_wake(struct inbox *inbox)
{
    (void)eventfd_write(inbox->wake_fd, 1); /* fails only when the counter is full: then it is awake */
}

struct job_queue
inbox_take(struct inbox *inbox)
{
    struct job_queue taken;

    pthread_mutex_lock(&inbox->lock);
    taken = inbox->queue;
    inbox->queue = (struct job_queue){0};
    pthread_mutex_unlock(&inbox->lock);
    return taken;
}

static void
leave(struct spool_port *port, struct spool_job *job, enum job_task task)
{
    struct inbox *inbox = spool_inbox(port->spool);
    bool was_empty;

    job->task = task;
    job->port = port;
    port->pending++;
    pthread_mutex_lock(&inbox->lock);
    was_empty = inbox->queue.first == NULL;
    job_queue_append(&inbox->queue, job);
    pthread_mutex_unlock(&inbox->lock);
    if (was_empty) {
        inbox_wake(inbox);
    }
}

void
spool_put(struct spool_port *port, struct spool_job *job)
{
    struct gate *gate = spool_gate(port->spool);

    job->fate = SPOOL_PENDING;
    for (size_t i = 0; i < job->count; i++) {
        gate_hold(gate, gate_key(job->records[i]->topic, job->records[i]->key));
    }
    leave(port, job, JOB_PUT);
}

void
spool_settle(struct spool_port *port, struct spool_job *job)
{
    leave(port, job, JOB_SETTLE);
}

void
spool_port_return(struct spool_job *job)
{
    struct spool_port *port = job->port;
    bool was_empty;

    pthread_mutex_lock(&port->lock);
    was_empty = port->back.first == NULL;
    job_queue_append(&port->back, job);
    if (was_empty) { /* within the lock: once the job is taken, the port may be freed */
        (void)eventfd_write(port->returned_fd, 1);
    }
    pthread_mutex_unlock(&port->lock);
}

static void
on_returned(evutil_socket_t fd, short what, void *argument)
{
    struct spool_port *port = argument;
    struct job_queue back;
    struct spool_job *job;
    eventfd_t count;

    (void)what;
    (void)eventfd_read(fd, &count);
    pthread_mutex_lock(&port->lock);
    back = port->back;
    port->back = (struct job_queue){0};
    pthread_mutex_unlock(&port->lock);
    while ((job = job_queue_take(&back)) != NULL) {
        port->pending--;
        if (job->task == JOB_PUT) {
            job->on_done(job);
        } else {
            job->on_settled(job);
        }
    }
}

struct spool_port *
spool_port_new(struct spool *spool, struct event_base *base)
{
    struct spool_port *port = calloc(1, sizeof(*port));

    if (port == NULL) {
        return NULL;
    }
    if (pthread_mutex_init(&port->lock, NULL) != 0) {
        free(port);
        return NULL;
    }
    port->spool = spool;
    port->returned_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (port->returned_fd >= 0) {
        port->returned = event_new(base, port->returned_fd, EV_READ | EV_PERSIST, on_returned, port);
    }
    if (port->returned == NULL || event_add(port->returned, NULL) != 0) {
        spool_port_free(port);
        return NULL;
    }
    return port;
}

void
spool_port_free(struct spool_port *port)
{
    if (port == NULL) {
        return;
    }
    if (port->returned != NULL) {
        event_free(port->returned);
    }
    if (port->returned_fd >= 0) {
        close(port->returned_fd);
    }
    pthread_mutex_destroy(&port->lock);
    free(port);
}

size_t
spool_port_pending(const struct spool_port *port)
{
    return port->pending;
}
