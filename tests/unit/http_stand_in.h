/* A worker with a stand-in for what stands behind HTTP: a service that answers as the path says, and no Kafka. */
#pragma once

#include <event2/event.h>
#include <stdatomic.h>

#include "bus/producer.h"
#include "http_client.h"
#include "ingress/counters.h"
#include "ingress/generation.h"
#include "ingress/ingress.h"
#include "ingress/service.h"
#include "ingress/worker.h"
#include "spool/spool.h"

#define BODY_LIMIT 262144

static atomic_uint requests_seen;
static atomic_uint overdue_seen;

/* --- the service: /now and /later answer what they were sent, /slow after 300 ms, /never only when overdue --- */

enum refusal
admission_check(struct ticket *ticket)
{
    static const char *const paths[] = {"/now", "/later", "/slow", "/never"};
    const struct head *head = &ticket->head;

    ticket->source = &ticket->generation->config->sources[0];
    if (slice_is(head->path, "/secret"))
        return REFUSAL_UNAUTHORIZED;
    if (head->content_length > BODY_LIMIT)
        return REFUSAL_TOO_LARGE;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (slice_is(head->path, paths[i]))
            return REFUSAL_NONE;
    }
    return REFUSAL_NOT_FOUND;
}

static unsigned
checksum(struct slice bytes)
{
    unsigned sum = 5381;

    for (size_t i = 0; i < bytes.length; i++)
        sum = sum * 33 + (unsigned char)bytes.data[i];
    return sum;
}

static void
answer(evutil_socket_t fd, short what, void *argument)
{
    struct ticket *ticket = argument;
    struct slice text = arena_printf(ticket->arena, "%.*s %.*s?%.*s %zu %u", SLICE_ARGS(ticket->head.method),
                                     SLICE_ARGS(ticket->head.path), SLICE_ARGS(ticket->head.query), ticket->body.length,
                                     checksum(ticket->body));

    (void)fd;
    (void)what;
    ticket_accept(ticket, (struct answer){SLICE("text/plain"), text});
    ticket_free(ticket);
}

void
conversion_start(struct ticket *ticket)
{
    struct timeval after = {.tv_usec = slice_is(ticket->head.path, "/later") ? 2000 : 300000};

    atomic_fetch_add(&requests_seen, 1);
    if (slice_is(ticket->head.path, "/now"))
        answer(-1, 0, ticket);
    else
        event_base_once(ticket->worker->base, -1, EV_TIMEOUT, answer, ticket, &after);
}

void
conversion_overdue(struct ticket *ticket)
{
    atomic_fetch_add(&overdue_seen, 1);
    ticket_refuse(ticket, REFUSAL_UNAVAILABLE);
}

/* --- Kafka: none --- */

struct producer *
producer_new(const struct kafka_settings *settings, const char *name, struct event_base *base, struct metrics *metrics,
             const struct clock *clock, struct error *error)
{
    static char nothing;

    (void)settings, (void)name, (void)base, (void)metrics, (void)clock, (void)error;
    return (struct producer *)(void *)&nothing;
}

int32_t
producer_partition(struct producer *producer, struct slice topic, struct slice key)
{
    (void)producer, (void)topic, (void)key;
    return 0;
}

struct producer_state
producer_state(const struct producer *producer)
{
    (void)producer;
    return (struct producer_state){.reachable = true};
}

void
producer_purge_queued(struct producer *producer)
{
    (void)producer;
}

void
producer_free(struct producer *producer, int timeout_ms)
{
    (void)producer, (void)timeout_ms;
}

/* --- a spool: none --- */

struct gate *
spool_gate(struct spool *spool)
{
    (void)spool;
    return NULL;
}

struct breaker *
spool_breaker(struct spool *spool)
{
    (void)spool;
    return NULL;
}

struct spool_port *
spool_port_new(struct spool *spool, struct event_base *base)
{
    (void)spool, (void)base;
    return NULL;
}

void
spool_port_free(struct spool_port *port)
{
    (void)port;
}

size_t
spool_port_pending(const struct spool_port *port)
{
    (void)port;
    return 0;
}

/* --- the worker in a thread of its own --- */

static const struct adapter stand_in_adapter = {.name = "stand-in", .retries = true};

struct stand_in {
    struct source sources[1];
    struct config config;
    struct metrics *metrics;
    struct ingress_options options;
    struct generation *generation;
    const struct counters *counters;
    struct worker *worker;
    unsigned port;
};

/* budget_ms: of the source. */
static inline void
stand_in_start(struct stand_in *stand_in, unsigned budget_ms)
{
    struct config *config = &stand_in->config;
    struct error error;

    stand_in->sources[0] =
        (struct source){.name = SLICE("only"), .adapter = &stand_in_adapter, .budget_ms = budget_ms, .share = 100};
    config->sources = stand_in->sources;
    config->source_count = 1;
    config->address = slice_from("127.0.0.1");
    config->workers = 1;
    if (config->limits.head_bytes == 0)
        config->limits = (struct ingress_limits){
            .head_bytes = 16384,
            .header_count = 100,
            .body_bytes = BODY_LIMIT,
            .connections = 1000,
            .buffered_bytes = 64 << 20,
            .head_seconds = 5,
            .body_seconds = 5,
            .idle_seconds = 5,
            .write_seconds = 5,
            .output_bytes = 65536,
        };
    stand_in->metrics = metrics_new();
    stand_in->options =
        (struct ingress_options){.config = config, .metrics = stand_in->metrics, .clock = clock_system()};
    stand_in->generation = generation_new(config, 1, stand_in->metrics, &error);
    stand_in->counters = stand_in->generation->counters;
    stand_in->port = 0;
    stand_in->worker = worker_new(0, &stand_in->options, stand_in->generation, &stand_in->port, &error);
    if (stand_in->worker == NULL ||
        pthread_create(&stand_in->worker->thread, NULL, worker_run, stand_in->worker) != 0) {
        fprintf(stderr, "worker: %s\n", error.text);
        abort();
    }
}

static inline void
stand_in_join(struct stand_in *stand_in)
{
    pthread_join(stand_in->worker->thread, NULL);
}

static inline void
stand_in_free(struct stand_in *stand_in)
{
    worker_free(stand_in->worker);
    generation_release(stand_in->generation, 1);
    metrics_free(stand_in->metrics);
}

/* Nothing may be left when it has stopped: no ticket, no byte of body, no connection. */
static inline void
stand_in_stop(struct stand_in *stand_in)
{
    worker_stop(stand_in->worker, 5);
    stand_in_join(stand_in);
    assert_int_equal(stand_in->worker->ticket_count, 0);
    assert_int_equal(stand_in->worker->owed, 0);
    assert_int_equal(stand_in->worker->buffered_bytes, 0);
    assert_int_equal(stand_in->worker->connection_count, 0);
    assert_int_equal(metric_read(stand_in->counters->connections), 0);
    assert_int_equal(metric_read(stand_in->counters->buffered_bytes[0]), 0);
    stand_in_free(stand_in);
}
