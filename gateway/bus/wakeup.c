/* Ties a queue of librdkafka's to an event loop by an eventfd. */
#include "bus/wakeup.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct wakeup {
    rd_kafka_queue_t *queue;
    bool (*serve)(void *argument);
    void *argument;
    int fd;
    struct event *event;
};

void
wakeup_ring(struct wakeup *wakeup)
{
    event_active(wakeup->event, EV_READ, 0);
}

static void
on_wakeup(evutil_socket_t fd, short what, void *argument)
{
    struct wakeup *wakeup = argument;
    uint64_t count;

    (void)what;
    /* Reset first: what arrives while we serve then rings again. Nothing to read (EAGAIN) is fine: called "soon". */
    if (read(fd, &count, sizeof count) < 0 && errno != EAGAIN) {
        return;
    }
    if (wakeup->serve(wakeup->argument)) {
        wakeup_ring(wakeup);
    }
}

struct wakeup *
wakeup_new(rd_kafka_queue_t *queue, struct event_base *base, bool (*serve)(void *argument), void *argument,
           struct error *error)
{
    static const uint64_t one = 1;
    struct wakeup *wakeup = calloc(1, sizeof *wakeup);

    if (wakeup == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    wakeup->queue = queue;
    wakeup->serve = serve;
    wakeup->argument = argument;
    wakeup->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); /* blocking, it could stop librdkafka with the queue locked */
    if (wakeup->fd < 0) {
        error_set(error, "cannot make an eventfd: %s", strerror(errno));
        goto no_fd;
    }
    wakeup->event = event_new(base, wakeup->fd, EV_READ | EV_PERSIST, on_wakeup, wakeup);
    if (wakeup->event == NULL || event_add(wakeup->event, NULL) != 0) {
        error_set(error, "out of memory");
        goto no_event;
    }
    rd_kafka_queue_io_event_enable(queue, wakeup->fd, &one, sizeof one);
    /* librdkafka rings only when a queue that was empty gets something: for what is there already nobody would ring. */
    wakeup_ring(wakeup);
    return wakeup;

no_event:
    if (wakeup->event != NULL) {
        event_free(wakeup->event);
    }
    close(wakeup->fd);
no_fd:
    free(wakeup);
    return NULL;
}

void
wakeup_free(struct wakeup *wakeup)
{
    if (wakeup == NULL) {
        return;
    }
    rd_kafka_queue_io_event_enable(wakeup->queue, -1, NULL, 0);
    event_free(wakeup->event);
    close(wakeup->fd);
    free(wakeup);
}
