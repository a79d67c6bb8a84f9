/* The management port: /livez, /readyz and /metrics. */
#pragma once

#include "base/error.h"
#include "base/metrics.h"
#include "base/slice.h"

struct event_base;
struct management;

struct readiness {
    bool ready;
    char reason[512]; /* one line for a person, also when ready */
};

struct management *management_new(struct event_base *base, struct slice address, unsigned port, struct metrics *metrics,
                                  void (*readiness)(void *argument, struct readiness *readiness), void *argument,
                                  struct error *error);
unsigned management_port(const struct management *management);
void management_free(struct management *management); /* NULL is fine */
