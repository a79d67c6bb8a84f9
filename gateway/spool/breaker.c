/* The breaker: three states, changed in one place under a lock, with the gate shut and opened along. */
#include "spool/breaker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"
#include "spool/gate.h"

#define MS_NS          INT64_C(1000000)
#define UNREACHABLE_MS 100 /* a connection may just have been made anew */

enum opening {
    OPENING_OVERDUE,
    OPENING_UNREACHABLE,
    OPENING_START,
    OPENINGS,
};

static const char *const opening_names[] = {"overdue", "unreachable", "start"};
static const char *const state_names[] = {"closed", "open", "probing"};

struct breaker {
    struct gate *gate;
    const struct clock *clock;
    struct metric *open;
    struct metric *openings[OPENINGS];

    _Atomic int64_t acknowledged_ns; /* the last time that Kafka acknowledged anything; 0: never */
    _Atomic int state;               /* enum breaker_state; read without the lock, written under it */

    pthread_mutex_t lock; /* of all that follows */
    bool reachable;       /* as told last */
    int64_t lost_ns;      /* when it was first told that no broker is connected; -1: some is */
    int64_t opened_ns;
    int64_t setback_ns; /* when it opened, or the last probe failed */
};

struct breaker *
breaker_new(struct gate *gate, struct metrics *metrics, const struct clock *clock)
{
    struct breaker *breaker = calloc(1, sizeof *breaker);
    char labels[64];

    if (breaker == NULL) {
        return NULL;
    }
    if (pthread_mutex_init(&breaker->lock, NULL) != 0) {
        free(breaker);
        return NULL;
    }
    breaker->gate = gate;
    breaker->clock = clock;
    breaker->reachable = true;
    breaker->lost_ns = -1;
    breaker->open =
        metrics_gauge(metrics, "trunkline_breaker_open",
                      "1 while callbacks go to the spool because Kafka does not acknowledge in time, else 0.", "");
    for (size_t i = 0; i < OPENINGS; i++) {
        metrics_labels(labels, sizeof labels, (const char *const[]){"reason", opening_names[i], NULL});
        breaker->openings[i] = metrics_counter(metrics, "trunkline_breaker_openings_total",
                                               "How often Kafka was given up for the time being, by reason.", labels);
    }
    return breaker;
}

void
breaker_free(struct breaker *breaker)
{
    if (breaker == NULL) {
        return;
    }
    pthread_mutex_destroy(&breaker->lock);
    free(breaker);
}

enum breaker_state
breaker_state(const struct breaker *breaker)
{
    return (enum breaker_state)atomic_load(&breaker->state);
}

/* The one place where the state changes; under the lock. */
static void
change_state(struct breaker *breaker, enum breaker_state state)
{
    log_debug("breaker_state", log_text("from", state_names[breaker_state(breaker)]),
              log_text("to", state_names[state]));
    atomic_store(&breaker->state, state);
    if (state == BREAKER_CLOSED) {
        gate_open(breaker->gate);
    } else {
        gate_shut(breaker->gate);
    }
    metric_set(breaker->open, state != BREAKER_CLOSED);
}

static void
open_breaker(struct breaker *breaker, enum opening reason)
{
    if (breaker_state(breaker) != BREAKER_CLOSED) {
        return;
    }
    breaker->opened_ns = breaker->setback_ns = clock_monotonic_ns(breaker->clock);
    change_state(breaker, BREAKER_OPEN);
    metric_add(breaker->openings[reason], 1);
    log_warn("breaker_opened", log_text("reason", opening_names[reason]));
}

static void
close_breaker(struct breaker *breaker, const char *reason)
{
    int64_t open_ms = (clock_monotonic_ns(breaker->clock) - breaker->opened_ns) / MS_NS;

    change_state(breaker, BREAKER_CLOSED);
    breaker->lost_ns = -1;
    log_info("breaker_closed", log_text("reason", reason), log_integer("open_ms", open_ms));
}

/* Not everything is ordered by this: a time that is a little older than one that another thread stores at the same
 * moment may stay. Both were acknowledgements of just now. */
void
breaker_acknowledged(struct breaker *breaker, int64_t now_ns)
{
    atomic_store_explicit(&breaker->acknowledged_ns, now_ns, memory_order_relaxed);
}

void
breaker_overdue(struct breaker *breaker, int64_t published_ns)
{
    pthread_mutex_lock(&breaker->lock);
    if (atomic_load_explicit(&breaker->acknowledged_ns, memory_order_relaxed) <= published_ns) {
        open_breaker(breaker, OPENING_OVERDUE);
    }
    pthread_mutex_unlock(&breaker->lock);
}

void
breaker_reachable(struct breaker *breaker, bool reachable)
{
    int64_t now_ns = clock_monotonic_ns(breaker->clock);
    int64_t acknowledged_ns = atomic_load_explicit(&breaker->acknowledged_ns, memory_order_relaxed);

    pthread_mutex_lock(&breaker->lock);
    breaker->reachable = reachable;
    if (reachable) {
        breaker->lost_ns = -1;
    } else if (breaker->lost_ns < 0) {
        breaker->lost_ns = now_ns;
    } else if (now_ns - breaker->lost_ns >= UNREACHABLE_MS * MS_NS &&
               now_ns - acknowledged_ns >= UNREACHABLE_MS * MS_NS) { /* else another producer is connected already */
        open_breaker(breaker, OPENING_UNREACHABLE);
    }
    pthread_mutex_unlock(&breaker->lock);
}

void
breaker_start_open(struct breaker *breaker)
{
    pthread_mutex_lock(&breaker->lock);
    breaker->reachable = false;
    open_breaker(breaker, OPENING_START);
    pthread_mutex_unlock(&breaker->lock);
}

void
breaker_probe_sent(struct breaker *breaker)
{
    pthread_mutex_lock(&breaker->lock);
    if (breaker_state(breaker) == BREAKER_OPEN) {
        change_state(breaker, BREAKER_PROBING);
    }
    pthread_mutex_unlock(&breaker->lock);
}

void
breaker_probe_ended(struct breaker *breaker, bool acknowledged, int64_t took_ns)
{
    int64_t now_ns = clock_monotonic_ns(breaker->clock);

    if (acknowledged) {
        breaker_acknowledged(breaker, now_ns);
    }
    pthread_mutex_lock(&breaker->lock);
    if (breaker_state(breaker) != BREAKER_CLOSED) {
        if (acknowledged && took_ns <= BREAKER_PATIENCE_MS * MS_NS) {
            close_breaker(breaker, "probe");
        } else {
            breaker->setback_ns = now_ns;
            change_state(breaker, BREAKER_OPEN);
        }
    }
    pthread_mutex_unlock(&breaker->lock);
}

void
breaker_nothing_to_probe(struct breaker *breaker)
{
    int64_t now_ns = clock_monotonic_ns(breaker->clock);

    pthread_mutex_lock(&breaker->lock);
    if (breaker_state(breaker) != BREAKER_CLOSED && breaker->reachable &&
        now_ns - breaker->setback_ns >= BREAKER_PAUSE_MS * MS_NS) {
        close_breaker(breaker, "pause");
    }
    pthread_mutex_unlock(&breaker->lock);
}
