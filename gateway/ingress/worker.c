/* A worker's life: set up, loop, orderly stop, tear down in reverse. */
#include "ingress/worker.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "ingress/budgets.h"
#include "ingress/engine.h"
#include "ingress/generation.h"
#include "ingress/ingress.h"
#include "ingress/janitor.h"
#include "ingress/listener.h"
#include "ingress/population.h"
#include "ingress/service.h"
#include "ingress/spare.h"
#include "ingress/watch.h"
#include "spool/spool.h"

#define SECOND_NS               ((int64_t)1000000000)
#define ARENA_CHUNK_BYTES       16384
#define ARENA_CHUNKS_KEPT       1024
#define PULSE_MICROSECONDS      100000
#define STOP_PULSE_MICROSECONDS 5000
#define LINGER_NS               (5 * SECOND_NS)
#define TOPICS_PATIENCE_NS      (2 * SECOND_NS) /* of a reload, for topics that a producer does not know yet */
#define INPUT_BYTES_MIN         16384           /* what waits behind an answer that nobody reads takes no more */
#define FLUSH_MS                500             /* for the producer's last reports */
#define SPOOL_FINISH_NS         (5 * SECOND_NS) /* for what goes to the spool then */
#define LOOPS_TO_SETTLE         8
#define LET_GO_AT_ONCE          8 /* connections, when no other can be accepted */

/* --- what the engine and the janitor call --- */

static void
on_accept(void *argument, struct link *link, const struct sockaddr *peer)
{
    const struct worker *worker = argument;

    if (worker->generation->tls != NULL && !link_secure(link, worker->generation->tls)) {
        link_close(link);
        return;
    }
    population_admit(argument, link, peer);
}

static void
on_exhausted(void *argument, int error)
{
    struct worker *worker = argument;

    log_warn_limited(&worker->refusals, "accept_failed", log_text("reason", strerror(error)),
                     log_text("advice", error == ENOMEM ? "give the process more memory or lower limits.connections"
                                                        : "raise the limit of open files or lower limits.connections"));
    for (int i = 0; i < LET_GO_AT_ONCE && population_make_room(worker); i++) {
    }
}

static const struct engine_handlers handlers = {
    .on_accept = on_accept,
    .on_exhausted = on_exhausted,
    .on_input = connection_on_input,
    .on_flushed = connection_on_flushed,
    .on_end = connection_on_end,
    .on_gone = connection_on_gone,
    .on_handshake_failed = connection_on_handshake_failed,
};

static struct ticket *
ticket_of(struct deadline *deadline)
{
    return (struct ticket *)(void *)((char *)deadline - offsetof(struct ticket, deadline));
}

static void
on_budget_due(struct deadline *deadline)
{
    struct ticket *ticket = ticket_of(deadline);

    watch_overdue(ticket->worker, ticket->custody.set.published_ns);
    conversion_overdue(ticket);
}

static void
on_spool_patience_due(struct deadline *deadline)
{
    conversion_overdue(ticket_of(deadline));
}

/* --- what another thread asks for --- */

/* Asking has the producer find out: the first callback for a new topic would wait for that, up to a second. */
static bool
topics_known(const struct worker *worker, const struct generation *generation)
{
    static const struct slice any_key = SLICE("key");
    bool known = true;

    for (size_t i = 0; i < generation->topic_count; i++) {
        known = producer_partition(worker->producer, generation->topics[i], any_key) >= 0 && known;
    }
    return known;
}

/* No ticket is being worked on while the loop is here, and those that wait hold their own. */
static void
take_over_when_fit(struct worker *worker)
{
    struct generation *coming = worker->coming;

    if (coming == NULL || (!topics_known(worker, coming) && clock_monotonic_ns(worker->clock) < worker->coming_by_ns)) {
        return;
    }
    worker->coming = NULL;
    generation_release(worker->generation, worker->number);
    worker->generation = coming;
    budgets_prune(worker->budgets);
    budgets_prune(worker->spool_patience);
    generation_taken(coming);
}

void
worker_renew(struct worker *worker, struct generation *generation)
{
    struct generation *missed = atomic_exchange(&worker->next, generation);

    generation_release(missed, worker->number); /* the worker has never seen it */
    (void)eventfd_write(worker->wake_fd, 1);    /* fails only when the counter is full: then it is awake */
}

static void
on_wake(evutil_socket_t fd, short what, void *argument)
{
    static const struct timeval quick = {.tv_usec = STOP_PULSE_MICROSECONDS};
    struct worker *worker = argument;
    struct generation *next;
    eventfd_t count;

    (void)what;
    if (eventfd_read(fd, &count) != 0) {
        return;
    }
    next = atomic_exchange(&worker->next, NULL);
    if (next != NULL) {
        generation_release(worker->coming, worker->number);
        worker->coming = next;
        worker->coming_by_ns = clock_monotonic_ns(worker->clock) + TOPICS_PATIENCE_NS;
    }
    take_over_when_fit(worker);
    if (atomic_load(&worker->stop_asked) && worker->departure == DEPARTURE_STAYING) {
        departure_begin(worker, atomic_load(&worker->stop_seconds));
        (void)event_add(worker->pulse, &quick); /* for want of memory it beats as slowly as before */
    }
}

static void
on_pulse(evutil_socket_t fd, short what, void *argument)
{
    struct worker *worker = argument;

    (void)fd;
    (void)what;
    watch_pulse(worker);
    population_look(worker);
    janitor_wake(worker->janitor); /* there may have been no memory to do so in time */
    take_over_when_fit(worker);
    if (departure_step(worker)) {
        event_base_loopbreak(worker->base);
    }
}

void
worker_stop(struct worker *worker, unsigned seconds)
{
    atomic_store(&worker->stop_seconds, seconds);
    atomic_store(&worker->stop_asked, true);
    (void)eventfd_write(worker->wake_fd, 1); /* fails only when the counter is full: then it is awake */
}

/* --- setting up --- */

static bool
make_loop(struct worker *worker, struct error *error)
{
    static const struct timeval pulse = {.tv_usec = PULSE_MICROSECONDS};
    static const struct timeval look_up = {.tv_usec = ENGINE_LOOK_UP};
    struct event_config *config = event_config_new();

    worker->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (config != NULL && event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0 &&
        event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == 0 &&
        event_config_set_max_dispatch_interval(config, &look_up, -1, ENGINE_PRIORITY_BACK) == 0) {
        worker->base = event_base_new_with_config(config);
    }
    if (config != NULL) {
        event_config_free(config);
    }
    if (worker->base == NULL || worker->wake_fd < 0 || event_base_priority_init(worker->base, ENGINE_PRIORITIES) != 0) {
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
    const struct ingress_limits *limits = &worker->config->limits;
    const int64_t durations_ns[PATIENCE_COUNT] = {
        [PATIENCE_FRESH] = limits->head_seconds * SECOND_NS,
        [PATIENCE_IDLE] = limits->idle_seconds * SECOND_NS,
        [PATIENCE_REFUSED] = limits->idle_seconds * SECOND_NS,
        [PATIENCE_HEAD] = limits->head_seconds * SECOND_NS,
        [PATIENCE_BODY] = limits->body_seconds * SECOND_NS,
        [PATIENCE_WRITE] = limits->write_seconds * SECOND_NS,
        [PATIENCE_PARTING] = LINGER_NS,
        [PATIENCE_LINGER] = LINGER_NS,
    };

    worker->janitor = janitor_new(worker->base, worker->clock);
    worker->budgets = worker->janitor == NULL ? NULL : budgets_new(worker->janitor, on_budget_due);
    worker->spool_patience = worker->janitor == NULL ? NULL : budgets_new(worker->janitor, on_spool_patience_due);
    if (worker->budgets == NULL || worker->spool_patience == NULL) {
        return error_set(error, "out of memory");
    }
    for (size_t i = 0; i < PATIENCE_COUNT; i++) {
        deadline_list_init(&worker->patience[i], durations_ns[i], connection_on_due);
        janitor_watch(worker->janitor, &worker->patience[i], 0);
    }
    return true;
}

static bool
accept_from(struct worker *worker, int fd, bool shared, struct error *error)
{
    if (fd >= 0 && engine_listen(worker->engine, fd, shared, error)) {
        return true;
    }
    if (fd >= 0) {
        close(fd);
    }
    return false;
}

static bool
open_own(struct worker *worker, unsigned *port, struct error *error)
{
    return accept_from(
        worker,
        listener_bind(worker->config->address, port, worker->number == 0, worker->config->limits.output_bytes, error),
        false, error);
}

/* Every worker has a socket, and every socket a worker: where their numbers differ, some are shared, or some workers
 * have several. */
static bool
open_shared(struct worker *worker, const struct ingress_options *options, unsigned *port, struct error *error)
{
    size_t output_bytes = worker->config->limits.output_bytes;
    size_t workers = worker->config->workers == 0 ? 1 : worker->config->workers;
    size_t most = workers > options->socket_count ? workers : options->socket_count;
    bool good = true;

    for (size_t i = worker->number; i < most && good; i += workers) {
        unsigned found = 0;
        int fd = listener_share(options->sockets[i % options->socket_count], &found, output_bytes, error);

        good = accept_from(worker, fd, true, error);
        *port = i == 0 ? found : *port; /* the first socket's is told */
    }
    return good;
}

static bool
make_engine(struct worker *worker, const struct ingress_options *options, unsigned *port, struct error *error)
{
    size_t head_bytes = worker->config->limits.head_bytes;

    worker->arenas = arena_pool_new(ARENA_CHUNK_BYTES, ARENA_CHUNKS_KEPT);
    worker->engine = engine_new(worker->base, head_bytes < INPUT_BYTES_MIN ? INPUT_BYTES_MIN : head_bytes + 1,
                                &handlers, worker); /* a head stays in the input until it is whole */
    if (worker->arenas == NULL || worker->engine == NULL) {
        return error_set(error, "out of memory");
    }
    return options->socket_count > 0 ? open_shared(worker, options, port, error) : open_own(worker, port, error);
}

static bool
make_producer(struct worker *worker, struct metrics *metrics, struct error *error)
{
    char name[32];

    snprintf(name, sizeof name, "worker-%u", worker->number);
    worker->producer = producer_new(&worker->config->kafka, name, worker->base, metrics, worker->clock, error);
    return worker->producer != NULL;
}

static bool
use_spool(struct worker *worker, struct spool *spool, struct error *error)
{
    if (spool == NULL) {
        return true;
    }
    worker->gate = spool_gate(spool);
    worker->breaker = spool_breaker(spool);
    worker->spool = spool_port_new(spool, worker->base);
    return worker->spool != NULL || error_set(error, "out of memory or file descriptors");
}

struct worker *
worker_new(unsigned number, const struct ingress_options *options, struct generation *generation, unsigned *port,
           struct error *error)
{
    const struct config *config = options->config;
    struct worker *worker = calloc(1, sizeof *worker);

    if (worker == NULL) {
        generation_release(generation, number);
        error_set(error, "out of memory");
        return NULL;
    }
    worker->number = number;
    worker->config = config;
    worker->clock = options->clock;
    worker->generation = generation;
    worker->wake_fd = -1;
    worker->refusals = (struct log_limit)LOG_LIMIT_DEFAULT;
    worker->buffered_limit = config->limits.buffered_bytes / (config->workers == 0 ? 1 : config->workers);
    if (getrandom(&worker->id_prefix, sizeof worker->id_prefix, 0) != sizeof worker->id_prefix) {
        error_set(error, "no random numbers: %s", strerror(errno));
        worker_free(worker);
        return NULL;
    }
    if (!make_loop(worker, error) || !make_deadlines(worker, error) || !use_spool(worker, options->spool, error) ||
        !make_producer(worker, options->metrics, error) || !make_engine(worker, options, port, error)) {
        worker_free(worker);
        return NULL;
    }
    return worker;
}

/* --- running --- */

static bool
has_answers_to_give(const struct worker *worker)
{
    for (const struct connection *connection = worker->connections; connection != NULL; connection = connection->next) {
        if (connection->state == CONNECTION_BUSY || connection->state == CONNECTION_WRITING) {
            return true;
        }
    }
    return worker->ticket_count > 0 || spool_port_pending(worker->spool) > 0;
}

/* What Kafka has not taken goes to the spool, and is answered, before the connections go. */
static void
finish_with_spool(struct worker *worker)
{
    static const struct timeval step = {.tv_usec = DEADLINE_TICK_NS / 1000};
    int64_t until_ns = clock_monotonic_ns(worker->clock) + SPOOL_FINISH_NS;

    for (enum connection_state state = CONNECTION_FRESH; state < CONNECTION_CLOSED; state++) {
        if (state != CONNECTION_BUSY && state != CONNECTION_WRITING) {
            population_close_all_in(worker, state);
        }
    }
    while (has_answers_to_give(worker) && clock_monotonic_ns(worker->clock) < until_ns) {
        (void)event_base_loopexit(worker->base, &step);
        (void)event_base_loop(worker->base, 0);
    }
    worker->unanswered = (unsigned)worker->owed;
    worker->abandoned = spool_port_pending(worker->spool) > 0;
}

/* What is still on its way gets its report, and the report its answer, before the connections go. */
static void
wind_up(struct worker *worker)
{
    worker->unanswered = (unsigned)worker->owed;
    producer_free(worker->producer, FLUSH_MS);
    worker->producer = NULL;
    worker->cut_off = true;
    if (worker->spool != NULL) {
        finish_with_spool(worker);
    }
    population_close_all(worker);
    if (worker->abandoned) {
        log_error("spool_hangs", log_integer("worker", worker->number),
                  log_integer("callbacks", (int64_t)worker->ticket_count),
                  log_text("reason", "the disk has not taken in time what was given to the spool"));
        return;
    }
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
    population_begin(worker);
    if (!spare_fill() || event_base_dispatch(worker->base) < 0) {
        log_error("worker_failed", log_integer("worker", worker->number), log_text("reason", strerror(errno)));
    }
    atomic_store(&worker->running, false);
    event_del(worker->pulse);
    wind_up(worker);
    spare_drop();
    return NULL;
}

void
worker_free(struct worker *worker)
{
    if (worker == NULL || worker->abandoned) {
        return; /* the spool still reads what is its tickets' */
    }
    producer_free(worker->producer, 0);
    spool_port_free(worker->spool);
    engine_free(worker->engine);
    budgets_free(worker->budgets);
    budgets_free(worker->spool_patience);
    janitor_free(worker->janitor);
    generation_release(atomic_load(&worker->next), worker->number);
    generation_release(worker->coming, worker->number);
    generation_release(worker->generation, worker->number);
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
