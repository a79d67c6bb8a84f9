/* The paths below /simulator/, by which tests and people steer a simulator and ask what it saw. */
#pragma once

#include "simulators/behaviour.h"
#include "simulators/ledger.h"
#include "simulators/recent.h"
#include "simulators/vendor.h"

struct simulator_counts {
    size_t concurrent, concurrent_max; /* calls under way */
    size_t in_window_max;
    uint64_t exceeded;
    uint64_t refused;   /* connections and requests that a behaviour turned away unread */
    size_t stragglers;  /* calls that their clients have given up, and that are still to come to the door */
    uint64_t connected; /* connections that were taken */
};

/* What is steered; all of it the simulator's. */
struct controlled {
    struct simulator_options *options;
    const struct vendor *vendor;
    void *state;
    struct behaviours behaviours;
    struct ledger *ledger;
    struct recent window; /* calls at the door */
    struct simulator_counts counts;
    struct pushes *pushes;
};

bool control_owns(const struct simulated_request *request);
/* Answers; the exchange is the caller's still. */
void control_serve(struct controlled *controlled, struct exchange *exchange);
