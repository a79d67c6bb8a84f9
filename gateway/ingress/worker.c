/* A worker's life: set up, loop, orderly stop, tear down in reverse. */
#include "ingress/worker.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "ingress/counters.h"
#include "ingress/engine.h"
#include "ingress/janitor.h"
#include "ingress/listener.h"
#include "ingress/population.h"
#include "ingress/service.h"

#define SECOND_NS          ((int64_t)1000000000)
#define MILLISECOND_NS     ((int64_t)1000000)
#define ARENA_CHUNK_BYTES  16384
#define ARENA_CHUNKS_KEPT  1024
#define PULSE_MICROSECONDS 100000
#define LINGER_NS          (5 * SECOND_NS)
#define STOP_GRACE_NS      SECOND_NS /* in a stop: for what clients send before they can know */
#define INPUT_BYTES_MIN    65536
#define FLUSH_MS           500 /* for the producer's last reports */
#define LOOPS_TO_SETTLE    8

/* --- what the engine and the janitor call --- */

static void
on_accept(void *argument, struct link *link, const struct sockaddr *peer)
{
    population_admit(argument, link, peer);
}

static void
on_exhausted(void *argument, int error)
{
    struct worker *worker = argument;

    log_warn_limited(&worker->refusals, "accept_failed", log_text("reason", strerror(error)),
                     log_text("advice", "raise the limit of open files or lower limits.connections"));
    (void)population_close_idlest(worker);
}

static const struct engine_handlers handlers = {
    .on_accept = on_accept,
    .on_exhausted = on_exhausted,
    .on_input = connection_on_input,
    .on_flushed = connection_on_flushed,
    .on_end = connection_on_end,
};

static void
on_budget_due(struct deadline *deadline)
{
    conversion_overdue((struct ticket *)(void *)((char *)deadline - offsetof(struct ticket, deadline)));
}

/* --- stopping --- */

static void
on_wake(evutil_socket_t fd, short what, void *argument)
{
    struct worker *worker = argument;
    eventfd_t count;

    (void)what;
    if (eventfd_read(fd, &count) != 0 || worker->stopping) {
        return;
    }
    worker->stopping = true;
    worker->stop_began_ns = clock_monotonic_ns(worker->clock);
    worker->stop_by_ns = worker->stop_began_ns + (int64_t)atomic_load(&worker->stop_seconds) * SECOND_NS;
}

/* Closing a listener resets the connections that wait in its queue, so it goes on accepting for a pulse: what had come
 * by the time of the stop is accepted by then. A kept connection may have a request on its way, too: for a grace time
 * whoever asks is answered, and told that the connection ends. */
static void
go_on_stopping(struct worker *worker)
{
    int64_t now_ns = clock_monotonic_ns(worker->clock);

    engine_stop_listening(worker->engine);
    if (now_ns - worker->stop_began_ns >= STOP_GRACE_NS) {
        population_close_all_in(worker, CONNECTION_IDLE);
        population_close_all_in(worker, CONNECTION_FRESH);
    }
    if ((worker->connection_count == 0 && worker->owed == 0) || now_ns >= worker->stop_by_ns) {
        event_base_loopbreak(worker->base);
    }
}

static void
on_pulse(evutil_socket_t fd, short what, void *argument)
{
    struct worker *worker = argument;

    (void)fd;
    (void)what;
    atomic_store(&worker->kafka_reachable, producer_state(worker->producer).reachable);
    if (worker->stopping && clock_monotonic_ns(worker->clock) - worker->stop_began_ns >= DEADLINE_TICK_NS) {
        go_on_stopping(worker);
    }
}

void
worker_stop(struct worker *worker, unsigned seconds)
{
    atomic_store(&worker->stop_seconds, seconds);
    (void)eventfd_write(worker->wake_fd, 1); /* fails only when the counter is full: then it is awake */
}

/* --- setting up --- */

static bool
make_loop(struct worker *worker, struct error *error)
{
    static const struct timeval pulse = {.tv_usec = PULSE_MICROSECONDS};
    struct event_config *config = event_config_new();

    worker->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (config != NULL && event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0 &&
        event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == 0) {
        worker->base = event_base_new_with_config(config);
    }
    if (config != NULL) {
        event_config_free(config);
    }
    if (worker->base == NULL || worker->wake_fd < 0) {
        return error_set(error, "cannot make an event loop: %s", strerror(errno));
    }
    worker->wake = event_new(worker->base, worker->wake_fd, EV_READ | EV_PERSIST, on_wake, worker);
    worker->pulse = event_new(worker->base, -1, EV_PERSIST, on_pulse, worker);
    if (worker->wake == NULL || worker->pulse == NULL || event_add(worker->wake, NULL) != 0 ||
        event_add(worker->pulse, &pulse) != 0) {
        return error_set(error, "cannot make an event loop: out of memory");
    }
    return true;
}

static bool
make_deadlines(struct worker *worker, struct error *error)
{
    const struct config *config = worker->config;
    const struct ingress_limits *limits = &config->limits;
    const int64_t durations_ns[PATIENCE_COUNT] = {
        [PATIENCE_FRESH] = limits->head_seconds * SECOND_NS,  [PATIENCE_IDLE] = limits->idle_seconds * SECOND_NS,
        [PATIENCE_HEAD] = limits->head_seconds * SECOND_NS,   [PATIENCE_BODY] = limits->body_seconds * SECOND_NS,
        [PATIENCE_WRITE] = limits->write_seconds * SECOND_NS, [PATIENCE_LINGER] = LINGER_NS,
    };

    worker->janitor = janitor_new(worker->base, worker->clock, PATIENCE_COUNT + config->source_count);
    worker->budgets = calloc(config->source_count + 1, sizeof *worker->budgets);
    if (worker->janitor == NULL || worker->budgets == NULL) {
        return error_set(error, "out of memory");
    }
    for (size_t i = 0; i < PATIENCE_COUNT; i++) {
        deadline_list_init(&worker->patience[i], durations_ns[i], connection_on_due);
        janitor_watch(worker->janitor, &worker->patience[i], 0);
    }
    for (size_t i = 0; i < config->source_count; i++) {
        deadline_list_init(&worker->budgets[i], config->sources[i].budget_ms * MILLISECOND_NS, on_budget_due);
        janitor_watch(worker->janitor, &worker->budgets[i], DEADLINE_TICK_NS); /* rather early than late */
    }
    return true;
}

static bool
make_engine(struct worker *worker, unsigned *port, struct error *error)
{
    size_t head_bytes = worker->config->limits.head_bytes;
    int fd;

    worker->arenas = arena_pool_new(ARENA_CHUNK_BYTES, ARENA_CHUNKS_KEPT);
    worker->engine = engine_new(worker->base, head_bytes < INPUT_BYTES_MIN ? INPUT_BYTES_MIN : head_bytes + 1,
                                &handlers, worker); /* a head stays in the input until it is whole */
    if (worker->arenas == NULL || worker->engine == NULL) {
        return error_set(error, "out of memory");
    }
    fd = listener_bind(worker->config->address, port, worker->number == 0, worker->config->limits.output_bytes, error);
    if (fd < 0) {
        return false;
    }
    worker->port = *port;
    if (engine_listen(worker->engine, fd, error)) {
        return true;
    }
    close(fd);
    return false;
}

static bool
make_producer(struct worker *worker, struct metrics *metrics, struct error *error)
{
    char name[32];

    snprintf(name, sizeof name, "worker-%u", worker->number);
    worker->producer = producer_new(&worker->config->kafka, name, worker->base, metrics, worker->clock, error);
    return worker->producer != NULL;
}

struct worker *
worker_new(unsigned number, const struct config *config, const struct clock *clock, struct metrics *metrics,
           const struct counters *counters, struct service *service, unsigned *port, struct error *error)
{
    struct worker *worker = calloc(1, sizeof *worker);

    if (worker == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    worker->number = number;
    worker->config = config;
    worker->clock = clock;
    worker->counters = counters;
    worker->service = service;
    worker->wake_fd = -1;
    worker->refusals = (struct log_limit)LOG_LIMIT_DEFAULT;
    worker->buffered_limit = config->limits.buffered_bytes / (config->workers == 0 ? 1 : config->workers);
    if (getrandom(&worker->id_prefix, sizeof worker->id_prefix, 0) != sizeof worker->id_prefix) {
        error_set(error, "no random numbers: %s", strerror(errno));
        worker_free(worker);
        return NULL;
    }
    if (!make_loop(worker, error) || !make_deadlines(worker, error) || !make_producer(worker, metrics, error) ||
        !make_engine(worker, port, error)) {
        worker_free(worker);
        return NULL;
    }
    return worker;
}

/* --- running --- */

/* What is still on its way gets its report, and the report its answer, before the connections go. */
static void
wind_up(struct worker *worker)
{
    worker->unanswered = (unsigned)worker->owed;
    producer_free(worker->producer, FLUSH_MS);
    worker->producer = NULL;
    population_close_all(worker);
    assert(worker->ticket_count == 0);
    /* libevent ends what was freed in a callback of its own, in a later turn of the loop. */
    for (int i = 0; i < LOOPS_TO_SETTLE; i++) {
        (void)event_base_loop(worker->base, EVLOOP_NONBLOCK);
    }
}

void *
worker_run(void *argument)
{
    struct worker *worker = argument;

    atomic_store(&worker->running, true);
    if (event_base_dispatch(worker->base) < 0) {
        log_error("worker_failed", log_integer("worker", worker->number), log_text("reason", strerror(errno)));
    }
    atomic_store(&worker->running, false);
    event_del(worker->pulse);
    wind_up(worker);
    return NULL;
}

void
worker_free(struct worker *worker)
{
    if (worker == NULL) {
        return;
    }
    producer_free(worker->producer, 0);
    engine_free(worker->engine);
    janitor_free(worker->janitor);
    free(worker->budgets);
    if (worker->wake != NULL) {
        event_free(worker->wake);
    }
    if (worker->pulse != NULL) {
        event_free(worker->pulse);
    }
    if (worker->base != NULL) {
        event_base_free(worker->base);
    }
    arena_pool_free(worker->arenas);
    if (worker->wake_fd >= 0) {
        close(worker->wake_fd);
    }
    free(worker);
}

/* A random number of the worker's and a count: no two alike, and nothing of ours to learn from them. */
void
worker_request_id(struct worker *worker, char *text)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t halves[2] = {worker->id_prefix, worker->id_counter++};

    for (size_t i = REQUEST_ID_BYTES; i > 0; i--) {
        uint64_t *half = &halves[(i - 1) * 2 / REQUEST_ID_BYTES];

        text[i - 1] = digits[*half & 15];
        *half >>= 4;
    }
    text[REQUEST_ID_BYTES] = '\0';
}
