/* Preparation sees to it that the topics are there before the gateway calls itself ready: it makes or checks them, and
 * tries again, with back-off and jitter, for as long as Kafka is away. From then on it looks now and then whether they
 * still are there and led. It works on a thread of its own, for the calls to Kafka block. */
#pragma once

#include "base/error.h"
#include "config/config.h"

struct event_base;
struct preparation;

/* Both on the loop, each once. */
struct preparation_callbacks {
    void (*on_tried)(void *argument);    /* after the first try, whatever came of it */
    void (*on_prepared)(void *argument); /* when all topics are there for the first time; never before on_tried */
};

/* config outlives it. */
struct preparation *preparation_start(const struct config *config, struct event_base *base,
                                      const struct preparation_callbacks *callbacks, void *argument,
                                      struct error *error);
/* Whether all topics were there when it looked last; else why not. From the loop's thread. */
bool preparation_done(struct preparation *preparation, struct error *reason);
/* No more tries; returns at once. NULL is fine. */
void preparation_stop(struct preparation *preparation);
void preparation_free(struct preparation *preparation); /* waits for a running try to end; NULL is fine */
