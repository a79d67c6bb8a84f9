/* The spool's thread: its loop, its beginning and its end. */
#include "spool/spool.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "base/log.h"
#include "spool/commit.h"

#define PULSE_US        50000
#define SECOND_NS       INT64_C(1000000000)
#define MILLISECOND_NS  INT64_C(1000000)
#define LOOK_NS         (SECOND_NS / 2)     /* between two looks at the oldest record */
#define ADOPT_NS        (30 * SECOND_NS)    /* between two looks for siblings */
#define PROBE_WAIT_NS   (3 * SECOND_NS / 2) /* at the end: for the breaker to close */
#define FLUSH_MS        1000                /* at the end: for the drain's last reports */
#define HANG_SECONDS    10                  /* at the end: on top of its time, before the thread is left alone */
#define RETIRED_AT_ONCE 500                 /* removals that do not wait for company */

struct spool {
    struct spool_options options;
    struct gate *gate;
    struct breaker *breaker;
    struct inbox inbox;
    struct stock stock;
    struct keeper *keeper;
    struct drain *drain;
    struct commit commit;
    bool commit_opened;
    bool uncounted; /* memory was out while the files were read */
    struct event_base *base;
    struct event *wake, *pulse;
    struct metric *records, *bytes, *oldest_seconds, *set_aside, *max_bytes;
    int64_t looked_ns, adopted_ns; /* monotonic */
    unsigned retired;              /* removals since the last commit */
    int64_t oldest_id;             /* as it was when looked for last */
    _Atomic int64_t oldest_ms;     /* wall time of the oldest record; 0: none */
    pthread_t thread;
    bool started;
    _Atomic bool stopping; /* set by the thread that stops it */
    unsigned stop_seconds; /* before stopping is set */
    int64_t stop_began_ns; /* the spool's thread; 0: not yet */
};

struct inbox *
spool_inbox(struct spool *spool)
{
    return &spool->inbox;
}

struct gate *
spool_gate(struct spool *spool)
{
    return spool->gate;
}

struct breaker *
spool_breaker(struct spool *spool)
{
    return spool->breaker;
}

/* --- on the thread --- */

/* What is left is on disk and will be there at the next start. */
static bool
stop_is_over(const struct spool *spool, int64_t now_ns)
{
    int64_t passed_ns = now_ns - spool->stop_began_ns;

    if (atomic_load(&spool->stock.records) == 0 || passed_ns >= (int64_t)spool->stop_seconds * SECOND_NS) {
        return true;
    }
    return breaker_state(spool->breaker) != BREAKER_CLOSED && passed_ns >= PROBE_WAIT_NS;
}

static void
go_on_stopping(struct spool *spool, int64_t now_ns)
{
    if (spool->stop_began_ns == 0) {
        spool->stop_began_ns = now_ns;
        drain_hurry(spool->drain);
    }
    if (stop_is_over(spool, now_ns)) {
        event_base_loopbreak(spool->base);
    }
}

static void
on_wake(evutil_socket_t fd, short what, void *argument)
{
    struct spool *spool = argument;
    eventfd_t count;

    (void)what;
    (void)eventfd_read(fd, &count);
    spool->retired = 0;
    commit_work(&spool->commit);
    if (atomic_load(&spool->stopping)) {
        go_on_stopping(spool, clock_monotonic_ns(spool->options.clock));
    }
}

/* The oldest record that waits. */
struct oldest {
    int64_t id, spooled_ms;
};

static bool
note_oldest(void *argument, const struct stored *stored)
{
    struct oldest *oldest = argument;

    if (!slice_empty(stored->aside)) {
        return true;
    }
    *oldest = (struct oldest){stored->id, stored->spooled_ms};
    return false;
}

static int64_t
age_ms(const struct spool *spool)
{
    int64_t oldest_ms = atomic_load(&spool->oldest_ms);
    int64_t now_ms = clock_wall_ms(spool->options.clock);

    return oldest_ms == 0 || oldest_ms > now_ms ? 0 : now_ms - oldest_ms;
}

static void
look(struct spool *spool)
{
    struct oldest oldest = {.id = spool->oldest_id};

    if (atomic_load(&spool->stock.records) > 0) {
        (void)keeper_read(spool->keeper, spool->oldest_id - 1, note_oldest, &oldest);
    }
    spool->oldest_id = oldest.id; /* what came before it is set aside, and stays so */
    atomic_store(&spool->oldest_ms, oldest.spooled_ms);
    metric_set(spool->records, (int64_t)atomic_load(&spool->stock.records));
    metric_set(spool->bytes, (int64_t)atomic_load(&spool->stock.bytes));
    metric_set(spool->set_aside, (int64_t)atomic_load(&spool->stock.set_aside));
    metric_set(spool->oldest_seconds, age_ms(spool) / 1000);
}

static void
on_pulse(evutil_socket_t fd, short what, void *argument)
{
    struct spool *spool = argument;
    int64_t now_ns = clock_monotonic_ns(spool->options.clock);

    (void)fd;
    (void)what;
    commit_retry(&spool->commit);
    if (spool->retired > 0) {
        spool->retired = 0;
        commit_work(&spool->commit);
    }
    if (now_ns - spool->looked_ns >= LOOK_NS) {
        spool->looked_ns = now_ns;
        look(spool);
    }
    if (atomic_load(&spool->stopping)) {
        go_on_stopping(spool, now_ns);
    } else if (now_ns - spool->adopted_ns >= ADOPT_NS && breaker_state(spool->breaker) == BREAKER_CLOSED) {
        /* Not while callbacks come this way: a large file takes seconds, and could not be drained anyhow. */
        spool->adopted_ns = now_ns;
        commit_adopt(&spool->commit, spool->options.data_dir, spool->options.instance);
    }
}

/* Something was delivered: it is removed with the next records that come in, at the next pulse, or when there are many:
 * each removal by itself would cost an fsync. */
static void
on_retired(void *argument)
{
    struct spool *spool = argument;

    if (++spool->retired >= RETIRED_AT_ONCE) {
        event_active(spool->wake, EV_READ, 0);
    }
}

static void *
spool_run(void *argument)
{
    struct spool *spool = argument;

    if (event_base_dispatch(spool->base) < 0) {
        log_error("spool_failed", log_text("reason", "its event loop ended"));
    }
    drain_free(spool->drain, breaker_state(spool->breaker) == BREAKER_CLOSED ? FLUSH_MS : 0);
    spool->drain = NULL;
    commit_last(&spool->commit);
    return NULL;
}

/* --- setting up --- */

static void
load(void *argument, const struct stored *stored)
{
    struct spool *spool = argument;
    const struct entry entry = {
        .id = stored->id,
        .key = stored->key,
        .bytes = stored->bytes,
        .share = stock_share(&spool->stock, stored->source),
    };
    bool set_aside = !slice_empty(stored->aside);

    if (entry.share == NULL) {
        spool->uncounted = true;
        return;
    }
    stock_add(&spool->stock, &entry, set_aside);
    if (!set_aside) {
        gate_hold(spool->gate, entry.key);
    }
}

static bool
make_loop(struct spool *spool, struct error *error)
{
    static const struct timeval pulse = {.tv_usec = PULSE_US};

    spool->base = event_base_new();
    if (!inbox_open(&spool->inbox, error)) {
        return false;
    }
    if (spool->base == NULL) {
        return error_set(error, "cannot make an event loop for the spool");
    }
    spool->wake = event_new(spool->base, spool->inbox.wake_fd, EV_READ | EV_PERSIST, on_wake, spool);
    spool->pulse = event_new(spool->base, -1, EV_PERSIST, on_pulse, spool);
    if (spool->wake == NULL || spool->pulse == NULL || event_add(spool->wake, NULL) != 0 ||
        event_add(spool->pulse, &pulse) != 0) {
        return error_set(error, "out of memory");
    }
    return true;
}

static void
register_metrics(struct spool *spool)
{
    struct metrics *metrics = spool->options.metrics;

    spool->records = metrics_gauge(metrics, "trunkline_spool_records", "Records that wait on disk for Kafka.", "");
    spool->bytes = metrics_gauge(metrics, "trunkline_spool_bytes", "What the spool's records take.", "");
    spool->max_bytes = metrics_gauge(metrics, "trunkline_spool_max_bytes", "What they may take.", "");
    spool->set_aside =
        metrics_gauge(metrics, "trunkline_spool_set_aside_records", "Records that Kafka refused for good.", "");
    spool->oldest_seconds =
        metrics_gauge(metrics, "trunkline_spool_oldest_age_seconds", "The age of the oldest record that waits.", "");
    metric_set(spool->max_bytes, (int64_t)spool->options.settings->max_bytes);
}

static bool
make_parts(struct spool *spool, struct error *error)
{
    const struct spool_options *options = &spool->options;

    spool->gate = gate_new();
    spool->breaker = spool->gate == NULL ? NULL : breaker_new(spool->gate, options->metrics, options->clock);
    if (spool->breaker == NULL) {
        return error_set(error, "out of memory");
    }
    stock_init(&spool->stock, options->settings, spool->gate);
    spool->keeper = keeper_open(instance_directory(options->instance), options->metrics, load, spool, error);
    return spool->keeper != NULL && (!spool->uncounted || error_set(error, "out of memory"));
}

static bool
make_sides(struct spool *spool, struct error *error)
{
    const struct spool_options *options = &spool->options;
    const struct drain_parts parts = {
        .base = spool->base,
        .kafka = options->kafka,
        .keeper = spool->keeper,
        .stock = &spool->stock,
        .breaker = spool->breaker,
        .metrics = options->metrics,
        .clock = options->clock,
        .on_retired = on_retired,
        .argument = spool,
    };

    spool->commit = (struct commit){
        .clock = options->clock,
        .inbox = &spool->inbox,
        .stock = &spool->stock,
        .keeper = spool->keeper,
        .next_id = keeper_last_id(spool->keeper) + 1,
    };
    spool->commit_opened = commit_open(&spool->commit, options->metrics, error);
    if (!spool->commit_opened) {
        return false;
    }
    commit_adopt(&spool->commit, options->data_dir, options->instance);
    spool->adopted_ns = clock_monotonic_ns(options->clock);
    spool->drain = drain_new(&parts, error);
    spool->commit.drain = spool->drain;
    return spool->drain != NULL;
}

/* Signals are for the main thread, whose loop waits for them. */
static bool
start_thread(struct spool *spool, struct error *error)
{
    sigset_t all;
    sigset_t before;
    int status;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = pthread_create(&spool->thread, NULL, spool_run, spool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    spool->started = status == 0;
    return spool->started || error_set(error, "cannot start a thread: %s", strerror(status));
}

static void
spool_free(struct spool *spool)
{
    drain_free(spool->drain, 0);
    if (spool->commit_opened) {
        commit_close(&spool->commit);
    }
    keeper_close(spool->keeper);
    stock_clear(&spool->stock);
    if (spool->wake != NULL) {
        event_free(spool->wake);
    }
    if (spool->pulse != NULL) {
        event_free(spool->pulse);
    }
    inbox_close(&spool->inbox);
    if (spool->base != NULL) {
        event_base_free(spool->base);
    }
    breaker_free(spool->breaker);
    gate_free(spool->gate);
    free(spool);
}

struct spool *
spool_start(const struct spool_options *options, struct error *error)
{
    struct spool *spool = calloc(1, sizeof(*spool));

    if (spool == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    spool->options = *options;
    spool->inbox.wake_fd = -1;
    stock_init(&spool->stock, options->settings, NULL);
    register_metrics(spool);
    if (!make_loop(spool, error) || !make_parts(spool, error) || !make_sides(spool, error)) {
        spool_free(spool);
        return NULL;
    }
    look(spool);
    if (atomic_load(&spool->stock.records) > 0) {
        log_warn("spool_found", log_integer("records", (int64_t)atomic_load(&spool->stock.records)),
                 log_integer("oldest_seconds", age_ms(spool) / 1000));
        drain_more(spool->drain);
    }
    if (!start_thread(spool, error)) {
        spool_free(spool);
        return NULL;
    }
    return spool;
}

/* --- from any thread --- */

struct spool_state
spool_state(struct spool *spool)
{
    struct spool_state state = {
        .records = atomic_load(&spool->stock.records),
        .bytes = atomic_load(&spool->stock.bytes),
        .max_bytes = spool->options.settings->max_bytes,
        .set_aside = atomic_load(&spool->stock.set_aside),
        .oldest_age_ms = age_ms(spool),
    };

    if (commit_failing(&spool->commit, &state.reason)) {
        return state;
    }
    state.able = state.bytes < state.max_bytes - stock_reserve(&spool->stock);
    if (!state.able) {
        error_set(&state.reason, "the spool is nearly full: %zu of %zu bytes", (size_t)state.bytes, state.max_bytes);
    }
    return state;
}

/* A disk that hangs may never let go of the thread. */
static bool
thread_ended(const struct spool *spool, unsigned seconds)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds + HANG_SECONDS;
    return pthread_clockjoin_np(spool->thread, NULL, CLOCK_MONOTONIC, &until) == 0;
}

uint64_t
spool_stop(struct spool *spool, unsigned seconds)
{
    uint64_t left;

    spool->stop_seconds = seconds;
    atomic_store(&spool->stopping, true);
    inbox_wake(&spool->inbox);
    if (!thread_ended(spool, seconds)) {
        log_error("spool_hangs", log_text("reason", "its disk does not return; what it has is left as it is"));
        return atomic_load(&spool->stock.records);
    }
    left = atomic_load(&spool->stock.records);
    spool_free(spool);
    return left;
}
