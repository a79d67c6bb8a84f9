/* The one command that `trunkline dev` submits by itself: a dial at the simulated 7moor. */
#pragma once

#include "base/error.h"
#include "config/config.h"

struct event_base;
struct metrics;
struct dev_dial;

#define DEV_DIAL_ID      "dev-dial"
#define DEV_DIAL_ACCOUNT "7moor"
#define DEV_DIAL_DATA    "{\"agent\":\"6000\",\"callee\":\"17319132391\"}"
/* The pushes of a simulated call that was answered: ringing, answered, ended, recorded. */
#define DEV_DIAL_EVENTS 4

/* Publishes the command; on_failed is called, once, if Kafka does not take it. Blocks for up to 10 s. */
struct dev_dial *dev_dial_submit(const struct config *config, struct event_base *base,
                                 void (*on_failed)(void *argument, struct slice reason), void *argument,
                                 struct error *error);
void dev_dial_free(struct dev_dial *dial); /* NULL is fine */
