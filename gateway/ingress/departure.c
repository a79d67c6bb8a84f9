/* The steps of a worker's leave. */
#include "ingress/departure.h"

#include "ingress/engine.h"
#include "ingress/population.h"
#include "ingress/worker.h"

#define SECOND_NS    ((int64_t)1000000000)
#define ACCEPTING_NS DEADLINE_TICK_NS /* at least: what had come by the time of the stop is accepted by then */
#define GRACE_NS     SECOND_NS        /* for what clients send before they can know */
#define CROSSING_NS  SECOND_NS        /* for what they have sent before our end reached them */

static bool
any_in(const struct worker *worker, enum connection_state state)
{
    for (const struct connection *connection = worker->connections; connection != NULL; connection = connection->next) {
        if (connection->state == state) {
            return true;
        }
    }
    return false;
}

static void
part_all_in(struct worker *worker, enum connection_state state)
{
    struct connection *next;

    for (struct connection *connection = worker->connections; connection != NULL; connection = next) {
        next = connection->next;
        if (connection->state == state) {
            connection_part(connection);
        }
    }
}

static void
enter(struct worker *worker, enum departure departure, int64_t now_ns)
{
    worker->departure = departure;
    worker->departure_ns = now_ns;
    if (departure == DEPARTURE_CLOSED) {
        engine_stop_listening(worker->engine);
    }
}

void
departure_begin(struct worker *worker, unsigned seconds)
{
    int64_t now_ns = clock_monotonic_ns(worker->clock);

    worker->stop_by_ns = now_ns + seconds * SECOND_NS;
    enter(worker, DEPARTURE_GRACE, now_ns);
}

/* A client that has connected in the last moment may be about to send: it has the same time as all others. */
static void
finish(struct worker *worker, int64_t passed_ns)
{
    if (passed_ns >= GRACE_NS) {
        part_all_in(worker, CONNECTION_IDLE);
        part_all_in(worker, CONNECTION_FRESH);
    }
    if (passed_ns >= GRACE_NS + CROSSING_NS) {
        population_close_all_in(worker, CONNECTION_PARTING);
        population_close_all_in(worker, CONNECTION_LINGERING); /* they have had their answers for long enough */
    }
}

bool
departure_step(struct worker *worker)
{
    int64_t now_ns = clock_monotonic_ns(worker->clock);
    int64_t passed_ns = now_ns - worker->departure_ns;

    switch (worker->departure) {
    case DEPARTURE_STAYING:
        return false;
    case DEPARTURE_GRACE:
        if (passed_ns >= GRACE_NS) {
            part_all_in(worker, CONNECTION_IDLE);
            enter(worker, DEPARTURE_PARTING, now_ns);
        } else if (passed_ns >= ACCEPTING_NS && !any_in(worker, CONNECTION_IDLE)) {
            enter(worker, DEPARTURE_CLOSED, now_ns);
        }
        break;
    case DEPARTURE_PARTING:
        part_all_in(worker, CONNECTION_IDLE); /* those that were just being asked */
        if (passed_ns >= CROSSING_NS || !any_in(worker, CONNECTION_PARTING)) {
            population_close_all_in(worker, CONNECTION_PARTING);
            enter(worker, DEPARTURE_CLOSED, now_ns);
        }
        break;
    case DEPARTURE_CLOSED:
        finish(worker, passed_ns);
        break;
    }
    if (now_ns >= worker->stop_by_ns) {
        engine_stop_listening(worker->engine);
        return true;
    }
    return worker->departure == DEPARTURE_CLOSED && worker->connection_count == 0 && worker->owed == 0;
}
