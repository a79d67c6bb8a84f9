/* Starts and stops the workers. */
#include "ingress/ingress.h"

#include <signal.h>
#include <stdlib.h>

#include "ingress/engine.h"
#include "ingress/generation.h"
#include "ingress/seen.h"
#include "ingress/service.h"
#include "ingress/worker.h"

struct ingress {
    struct ingress_options options;
    struct generation *generation; /* the newest */
    struct seen *seen;
    unsigned port;
    unsigned count;   /* of workers */
    unsigned started; /* of their threads */
    struct worker *workers[];
};

static void
free_all(struct ingress *ingress)
{
    for (unsigned i = 0; i < ingress->count; i++) {
        worker_free(ingress->workers[i]);
    }
    generation_release(ingress->generation, ingress->count);
    seen_free(ingress->seen);
    free(ingress);
}

static bool
make_workers(struct ingress *ingress, struct error *error)
{
    bool good = true;

    for (unsigned i = 0; i < ingress->count; i++) {
        if (!good) {
            generation_release(ingress->generation, i); /* the one that there is no worker for */
            continue;
        }
        ingress->workers[i] = worker_new(i, &ingress->options, ingress->generation, &ingress->port, error);
        good = ingress->workers[i] != NULL;
        if (good) {
            ingress->workers[i]->seen = ingress->seen;
        }
    }
    return good;
}

/* The first callback should not pay for Kafka's metadata. Without Kafka the gateway serves all the same. */
static void
warm_up(struct ingress *ingress, int budget_ms, const struct clock *clock)
{
    int64_t deadline_ns = clock_monotonic_ns(clock) + budget_ms * 1000000LL;
    const struct generation *generation = ingress->generation;
    struct error error = {{0}};
    bool warm = true;

    for (unsigned i = 0; i < ingress->count && warm; i++) {
        int left_ms = (int)((deadline_ns - clock_monotonic_ns(clock)) / 1000000);

        warm = producer_warm_up(ingress->workers[i]->producer, generation->topics, generation->topic_count,
                                left_ms < 1 ? 1 : left_ms, &error);
        atomic_store(&ingress->workers[i]->kafka_reachable, warm);
    }
    if (!warm) {
        log_warn("kafka_not_ready", log_text("reason", error.text));
    }
}

/* Signals are for the main thread, whose loop waits for them. */
static bool
start_threads(struct ingress *ingress, struct error *error)
{
    sigset_t all;
    sigset_t before;
    int status = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (ingress->started < ingress->count && status == 0) {
        struct worker *worker = ingress->workers[ingress->started];

        status = pthread_create(&worker->thread, NULL, worker_run, worker);
        if (status == 0) {
            ingress->started++;
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status == 0 || error_set(error, "cannot start a thread: %s", strerror(status));
}

static unsigned
stop_threads(struct ingress *ingress, unsigned seconds)
{
    unsigned unanswered = 0;

    for (unsigned i = 0; i < ingress->started; i++) {
        worker_stop(ingress->workers[i], seconds);
    }
    for (unsigned i = 0; i < ingress->started; i++) {
        pthread_join(ingress->workers[i]->thread, NULL);
        unanswered += ingress->workers[i]->unanswered;
    }
    ingress->started = 0;
    return unanswered;
}

struct ingress *
ingress_start(const struct ingress_options *options, struct error *error)
{
    const struct config *config = options->config;
    unsigned count = config->workers == 0 ? 1 : config->workers;
    struct ingress *ingress = calloc(1, sizeof *ingress + count * sizeof(struct worker *));

    if (ingress == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    engine_use_spares();
    (void)signal(SIGPIPE, SIG_IGN); /* a client that is gone is told by the write's result */
    ingress->options = *options;
    ingress->count = count;
    ingress->port = config->port;
    ingress->seen = seen_new(config->dedup_ids, options->clock, options->metrics);
    if (ingress->seen == NULL) {
        error_set(error, "out of memory or randomness");
        free_all(ingress);
        return NULL;
    }
    ingress->generation = generation_new(config, count, options->metrics, error);
    if (ingress->generation == NULL || !make_workers(ingress, error)) {
        free_all(ingress);
        return NULL;
    }
    if (options->warm_up_ms > 0) {
        warm_up(ingress, options->warm_up_ms, options->clock);
    }
    if (!start_threads(ingress, error)) {
        stop_threads(ingress, 0);
        free_all(ingress);
        return NULL;
    }
    return ingress;
}

unsigned
ingress_port(const struct ingress *ingress)
{
    return ingress->port;
}

struct ingress_health
ingress_health(const struct ingress *ingress)
{
    struct ingress_health health = {.accepting = true};

    for (unsigned i = 0; i < ingress->count; i++) {
        health.accepting = health.accepting && atomic_load(&ingress->workers[i]->running);
        health.kafka_reachable = health.kafka_reachable || atomic_load(&ingress->workers[i]->kafka_reachable);
    }
    return health;
}

/* A dashboard shall not show as open what is not there any more. */
static void
close_removed(struct metrics *metrics, const struct config *before, const struct config *after)
{
    for (size_t i = 0; i < before->source_count; i++) {
        if (config_source(after, before->sources[i].name) == NULL) {
            service_forget(metrics, &before->sources[i]);
        }
    }
}

bool
ingress_reload(struct ingress *ingress, struct config *config, int taken_fd, struct error *error)
{
    struct generation *before = ingress->generation;
    struct generation *generation = generation_new(config, ingress->count, ingress->options.metrics, error);

    if (generation == NULL) {
        return false;
    }
    generation_own(generation, config);
    generation_await(generation, taken_fd);
    close_removed(ingress->options.metrics, before->config, config);
    ingress->generation = generation;
    for (unsigned i = 0; i < ingress->count; i++) {
        worker_renew(ingress->workers[i], generation);
    }
    generation_release(before, ingress->count);
    return true;
}

unsigned
ingress_stop(struct ingress *ingress, unsigned seconds)
{
    unsigned unanswered = stop_threads(ingress, seconds);

    free_all(ingress);
    return unanswered;
}
