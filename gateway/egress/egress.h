/* The egress worker: takes part in the group that shares the commands' partitions out, and runs a lane for each that it
 * is given. All of it lives on one loop; only what waits for Kafka has threads of its own. */
#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "base/metrics.h"
#include "config/config.h"

struct event_base;
struct egress;

/* Asks Kafka for nothing yet. Everything outlives it. */
struct egress *egress_new(const struct config *config, struct event_base *base, const struct clock *clock,
                          struct metrics *metrics, struct error *error);
/* Joins the group; once, when the topics are there. */
bool egress_start(struct egress *egress, struct error *error);
/* No new calls; those that are going on are waited for, up to their time-outs; everything is committed and handed over.
 * on_stopped is called once, from the loop. */
void egress_stop(struct egress *egress, void (*on_stopped)(void *argument), void *argument);
/* It is in the group, and every lane that it was given is rebuilt and works; else reason says what is missing. */
bool egress_ready(const struct egress *egress, struct error *reason);
/* At once: calls that are going on are cut, and nothing is committed, as if the process had been killed. NULL is fine.
 */
void egress_free(struct egress *egress);
