/* The HTTP ingress: N worker threads, each with its own loop, listener, engine and producer. */
#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "base/metrics.h"
#include "config/config.h"

struct ingress;
struct spool;

/* What a start needs; all of it outlives the ingress. */
struct ingress_options {
    const struct config *config;
    struct spool *spool; /* NULL: there is none, and what Kafka does not take is answered 503 */
    struct metrics *metrics;
    const struct clock *clock;
    const int *sockets; /* listening sockets that were handed over; they stay the caller's. None: it binds its own */
    size_t socket_count;
    int warm_up_ms; /* for Kafka's metadata and producer ids, all workers together; 0: no callback waits for them */
};

/* Binds, makes the producers, starts the threads; they accept when it returns. NULL with error when a port is taken or
 * librdkafka refuses its settings. */
struct ingress *ingress_start(const struct ingress_options *options, struct error *error);
unsigned ingress_port(const struct ingress *ingress); /* the one it is bound to */

struct ingress_health {
    bool accepting;       /* all workers run */
    bool kafka_reachable; /* some producer has a broker */
};
struct ingress_health ingress_health(const struct ingress *ingress); /* from any thread */

/* From now on requests that begin are judged by that configuration (one of config_reload), which becomes the ingress's
 * own; those under way keep theirs. When all workers have it, 1 is added to the eventfd taken_fd; not before may the
 * next come. false with error: nothing has changed, and config is still the caller's. */
bool ingress_reload(struct ingress *ingress, struct config *config, int taken_fd, struct error *error) MUST_CHECK;

/* Stops accepting, lets what is on its way finish within seconds, ends the threads. Returns how many requests were
 * still unanswered. */
unsigned ingress_stop(struct ingress *ingress, unsigned seconds);
