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
/* What it saw when it looked last, from good to bad. */
enum preparation_state {
    PREPARATION_DONE,       /* all topics are there, and led */
    PREPARATION_LEADERLESS, /* all are there, and a partition has no leader: that passes */
    PREPARATION_AWAY,       /* Kafka does not answer, or has not yet */
    PREPARATION_UNFIT,      /* a topic is missing or cannot take our records: somebody has to do something */
};
/* reason says why it is not done. From any thread. */
enum preparation_state preparation_state(struct preparation *preparation, struct error *reason);
/* From now on it is about these topics: missing ones are made, as at the start. Copies them, but see topic_list.h.
 * false when out of memory: then it is about those of before. */
bool preparation_renew(struct preparation *preparation, const struct topic_spec *specs, size_t count) MUST_CHECK;
/* No more tries; returns at once. NULL is fine. */
void preparation_stop(struct preparation *preparation);
/* Whether a try is going on, which only Kafka or its time-out ends: preparation_free would wait for it. NULL is fine.
 */
bool preparation_trying(struct preparation *preparation);
void preparation_free(struct preparation *preparation); /* waits for a running try to end; NULL is fine */
