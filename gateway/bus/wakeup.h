/* A wakeup ties a queue of librdkafka's to an event loop: what comes in is served on the loop, never on a thread of
 * librdkafka's. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "base/error.h"

struct event_base;
struct wakeup;

/* serve must take from the queue until it is empty, or return true to be called again soon: so that one busy queue does
 * not keep the loop from everything else. It runs on the loop only. The queue reference stays the caller's. */
struct wakeup *wakeup_new(rd_kafka_queue_t *queue, struct event_base *base, bool (*serve)(void *argument),
                          void *argument, struct error *error);
/* Has serve called soon, though librdkafka has not rung: for what was left in the queue. On the loop only. */
void wakeup_ring(struct wakeup *wakeup);
void wakeup_free(struct wakeup *wakeup); /* before the queue's last reference goes; NULL is fine */
