/* Who holds a generation: each worker counts without the others, and only the last hold of each is shared. */
#include "ingress/generation.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "ingress/counters.h"
#include "ingress/service.h"
#include "ingress/share.h"

#define CACHE_LINE_BYTES 64

/* What one thread counts, on cache lines of its own: every callback adds and takes away. */
struct seat {
    alignas(CACHE_LINE_BYTES) size_t holds;
    struct holding *holdings; /* a source each */
};

struct generation_holders {
    atomic_uint seats_taken; /* those with holds */
    atomic_uint awaited;     /* workers that have not taken it over */
    int taken_fd;            /* an eventfd; -1: nobody waits */
    unsigned seat_count;
    struct seat *seats;
};

static void
holders_free(struct generation_holders *holders)
{
    if (holders == NULL) {
        return;
    }
    for (unsigned i = 0; i < holders->seat_count; i++) {
        free(holders->seats[i].holdings);
    }
    free(holders->seats);
    free(holders);
}

static void
generation_free(struct generation *generation)
{
    service_free(generation->service);
    tls_context_free(generation->tls);
    counters_free((struct counters *)generation->counters);
    free((struct slice *)generation->topics);
    config_free(generation->owned);
    holders_free(generation->holders);
    free(generation);
}

/* Zeroed, on cache lines that nothing else is on. */
static struct holding *
holdings_new(size_t sources)
{
    size_t bytes = (sources * sizeof(struct holding) / CACHE_LINE_BYTES + 1) * CACHE_LINE_BYTES;
    struct holding *holdings = aligned_alloc(CACHE_LINE_BYTES, bytes);

    if (holdings != NULL) {
        memset(holdings, 0, bytes);
    }
    return holdings;
}

static struct generation_holders *
holders_new(unsigned seats, size_t sources)
{
    struct generation_holders *holders = calloc(1, sizeof *holders);

    if (holders == NULL) {
        return NULL;
    }
    holders->seats = aligned_alloc(CACHE_LINE_BYTES, seats * sizeof *holders->seats);
    if (holders->seats == NULL) {
        free(holders);
        return NULL;
    }
    for (holders->seat_count = 0; holders->seat_count < seats; holders->seat_count++) {
        struct seat *seat = &holders->seats[holders->seat_count];

        *seat = (struct seat){.holds = 1, .holdings = holdings_new(sources)};
        if (seat->holdings == NULL) {
            holders_free(holders);
            return NULL;
        }
    }
    atomic_init(&holders->seats_taken, seats);
    atomic_init(&holders->awaited, seats - 1);
    holders->taken_fd = -1;
    return holders;
}

/* Every topic that a callback may go to, each once; malloc'd. NULL when out of memory. */
static struct slice *
topics_of(const struct config *config, size_t *count)
{
    struct slice *topics = config_event_topics(config, 2, count);

    if (topics == NULL) {
        return NULL;
    }
    config_add_topic(topics, count, config->topics[TOPIC_DEADLETTER]);
    if (config->raw_enabled) {
        config_add_topic(topics, count, config->topics[TOPIC_RAW]);
    }
    return topics;
}

/* The files are read with the generation, so that they are its own: a reload takes up what lies there then. */
static bool
use_tls(struct generation *generation, struct metrics *metrics, struct error *error)
{
    const struct tls_settings *settings = &generation->config->tls;
    struct error reason = {{0}};

    if (settings->certificate_file == NULL) {
        return true;
    }
    generation->tls = tls_context_new(settings, NULL, &reason);
    if (generation->tls == NULL) {
        return error_set(error, "gateway.tls.%s", reason.text);
    }
    metric_set(metrics_gauge(metrics, "trunkline_tls_certificate_expiry_time_seconds",
                             "When the certificate of the callback port expires, in Unix time.", ""),
               tls_context_expires_seconds(generation->tls));
    return true;
}

struct generation *
generation_new(const struct config *config, unsigned workers, struct metrics *metrics, struct error *error)
{
    struct generation *generation = calloc(1, sizeof *generation);

    if (generation == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    generation->config = config;
    generation->holders = holders_new(workers + 1, config->source_count);
    generation->counters = counters_new(config, metrics);
    generation->topics = topics_of(config, &generation->topic_count);
    if (generation->holders == NULL || generation->counters == NULL || generation->topics == NULL) {
        error_set(error, "out of memory");
    } else if (use_tls(generation, metrics, error)) {
        generation->service = service_new(config, metrics, error);
    }
    if (generation->service != NULL) {
        return generation;
    }
    generation_free(generation);
    return NULL;
}

void
generation_own(struct generation *generation, struct config *config)
{
    generation->owned = config;
}

void
generation_await(struct generation *generation, int taken_fd)
{
    generation->holders->taken_fd = taken_fd;
}

void
generation_taken(struct generation *generation)
{
    struct generation_holders *holders = generation->holders;

    if (atomic_fetch_sub(&holders->awaited, 1) == 1 && holders->taken_fd >= 0) {
        (void)eventfd_write(holders->taken_fd, 1); /* fails only when the counter is full: then it is known */
    }
}

struct holding *
generation_holding(const struct generation *generation, unsigned worker, const struct source *source)
{
    return generation->holders == NULL ? NULL : &generation->holders->seats[worker].holdings[source->index];
}

void
generation_hold(struct generation *generation, unsigned worker)
{
    if (generation->holders != NULL) {
        generation->holders->seats[worker].holds++;
    }
}

void
generation_release(struct generation *generation, unsigned worker)
{
    struct generation_holders *holders = generation == NULL ? NULL : generation->holders;

    if (holders != NULL && --holders->seats[worker].holds == 0 && atomic_fetch_sub(&holders->seats_taken, 1) == 1) {
        generation_free(generation);
    }
}
