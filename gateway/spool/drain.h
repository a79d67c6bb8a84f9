/* The drain carries records from the store to Kafka: in the order of their ids within a partition, so many a second, a
 * bounded number at a time. A partition that is stuck does not hold up the others. Lives on the spool's loop. */
#pragma once

#include "base/clock.h"
#include "base/metrics.h"
#include "bus/producer.h"
#include "spool/breaker.h"
#include "spool/keeper.h"
#include "spool/stock.h"

struct drain;

struct drain_parts {
    struct event_base *base;
    const struct kafka_settings *kafka;
    struct keeper *keeper;
    struct stock *stock; /* what is delivered or refused is retired there */
    struct breaker *breaker;
    struct metrics *metrics;
    const struct clock *clock;
    void (*on_retired)(void *argument); /* something was */
    void *argument;
};

/* Makes its producer; begins when the loop runs. NULL with error. */
struct drain *drain_new(const struct drain_parts *parts, struct error *error);
/* Ends the producer, waiting up to timeout_ms for reports; what is acknowledged by then is retired. NULL is fine. */
void drain_free(struct drain *drain, int timeout_ms);

/* Records were added. */
void drain_more(struct drain *drain);
/* One that was in flight is so no more, or rows can be read that could not. */
void drain_unblock(struct drain *drain);
/* From now on as fast as Kafka takes it. */
void drain_hurry(struct drain *drain);
