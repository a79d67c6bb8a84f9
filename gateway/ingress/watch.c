/* What a worker and the breaker tell each other, and what the worker makes of it. */
#include "ingress/watch.h"

#include "ingress/budgets.h"
#include "ingress/worker.h"
#include "spool/breaker.h"

static bool
is_open(const struct worker *worker)
{
    return breaker_state(worker->breaker) != BREAKER_CLOSED;
}

static void
tell(struct worker *worker)
{
    struct producer_state state = producer_state(worker->producer);

    atomic_store(&worker->kafka_reachable, state.reachable);
    if (worker->breaker == NULL) {
        return;
    }
    if (state.last_acknowledged_ns > worker->acknowledged_ns) { /* else another worker may know of a later one */
        worker->acknowledged_ns = state.last_acknowledged_ns;
        breaker_acknowledged(worker->breaker, state.last_acknowledged_ns);
    }
    /* A producer that has only just been made knows of no broker yet. */
    worker->kafka_seen = worker->kafka_seen || state.reachable;
    if (worker->kafka_seen) {
        breaker_reachable(worker->breaker, state.reachable);
    }
}

/* Whether this worker's producer has no connection, and not only for the moment that it takes to make one anew: another
 * producer may have one, and have closed the breaker. */
static void
look_around(struct worker *worker)
{
    bool reachable = atomic_load(&worker->kafka_reachable);

    worker->cut_off = worker->kafka_seen && !reachable && worker->was_cut_off;
    worker->was_cut_off = !reachable;
}

/* Who asked the gate just before it was shut waits, too: so it is done again as long as somebody does. */
static void
give_up_waiting(struct worker *worker)
{
    uint64_t before = worker->overdue;
    bool first = !worker->gave_up;

    worker->gave_up = true;
    budgets_expire(worker->budgets);
    if (first || worker->overdue != before) {
        producer_purge_queued(worker->producer);
    }
}

void
watch_pulse(struct worker *worker)
{
    tell(worker);
    if (worker->breaker == NULL) {
        return;
    }
    look_around(worker);
    if (is_open(worker) || worker->cut_off) {
        give_up_waiting(worker);
    } else {
        worker->gave_up = false;
    }
}

void
watch_overdue(struct worker *worker, int64_t published_ns)
{
    worker->overdue++;
    if (worker->breaker == NULL) {
        return;
    }
    if (!is_open(worker)) {
        tell(worker);
        breaker_overdue(worker->breaker, published_ns);
    }
    if (is_open(worker) && !worker->gave_up) {
        give_up_waiting(worker);
    }
}
