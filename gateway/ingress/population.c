/* The worker's list of connections. */
#include "ingress/population.h"

#include <stdlib.h>

#include "ingress/counters.h"
#include "ingress/engine.h"
#include "ingress/generation.h"
#include "ingress/worker.h"

#define OVER_LIMIT_MAX 64 /* connections beyond the limit that are told so; others are just closed */

static struct connection *
make(struct worker *worker, struct link *link, const struct sockaddr *peer)
{
    const struct ingress_limits *limits = &worker->config->limits;
    struct connection *connection = calloc(1, sizeof *connection);

    if (connection == NULL || !address_from_sockaddr(peer, &connection->peer)) {
        free(connection);
        return NULL;
    }
    connection->worker = worker;
    connection->link = link;
    connection->guard_limits = (struct guard_limits){limits->head_bytes, limits->header_count};
    connection->next = worker->connections;
    if (worker->connections != NULL) {
        worker->connections->previous = connection;
    }
    worker->connections = connection;
    worker->connection_count++;
    metric_move(worker->generation->counters->connections, 1);
    metric_add(worker->generation->counters->connections_total, 1);
    return connection;
}

void
population_leave(struct connection *connection)
{
    struct worker *worker = connection->worker;

    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        worker->connections = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    worker->connection_count--;
    metric_move(worker->generation->counters->connections, -1);
    free(connection);
}

void
population_admit(struct worker *worker, struct link *link, const struct sockaddr *peer)
{
    /* Of the whole process: the kernel spreads connections unevenly, so a share of each worker's would be full too
     * soon. */
    uint64_t there = metric_read(worker->generation->counters->connections);
    uint64_t limit = worker->config->limits.connections;
    bool full = there >= limit && !population_close_idlest(worker);
    struct connection *connection = NULL;

    if (there < limit + OVER_LIMIT_MAX) {
        connection = make(worker, link, peer);
    }
    if (connection == NULL) {
        link_close(link);
    } else {
        connection_begin(connection, full);
    }
}

/* The connection that has been longest in the list, and since when. */
static struct connection *
longest_in(const struct deadline_list *list, int64_t *since_ns)
{
    if (list->first == NULL) {
        return NULL;
    }
    *since_ns = list->first->at_ns - list->duration_ns;
    return connection_of(list->first);
}

bool
population_close_idlest(struct worker *worker)
{
    int64_t fresh_ns = 0;
    int64_t idle_ns = 0;
    int64_t parting_ns = 0;
    struct connection *parting = longest_in(&worker->patience[PATIENCE_PARTING], &parting_ns);
    struct connection *fresh = longest_in(&worker->patience[PATIENCE_FRESH], &fresh_ns);
    struct connection *idle = longest_in(&worker->patience[PATIENCE_IDLE], &idle_ns);
    struct connection *idlest = fresh == NULL || (idle != NULL && idle_ns < fresh_ns) ? idle : fresh;

    if (parting != NULL) {
        idlest = parting; /* it is ending anyway */
    }
    if (idlest == NULL) {
        return false;
    }
    connection_close(idlest);
    return true;
}

void
population_close_all_in(struct worker *worker, enum connection_state state)
{
    struct connection *next;

    for (struct connection *connection = worker->connections; connection != NULL; connection = next) {
        next = connection->next;
        if (connection->state == state) {
            connection_close(connection);
        }
    }
}

void
population_close_all(struct worker *worker)
{
    struct connection *next;

    for (struct connection *connection = worker->connections; connection != NULL; connection = next) {
        next = connection->next;
        connection_close(connection);
    }
}
