/* The worker's list of connections. */
#include "ingress/population.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "ingress/counters.h"
#include "ingress/engine.h"
#include "ingress/generation.h"
#include "ingress/worker.h"

#define OVER_LIMIT_MAX   64  /* connections beyond the limit that are told so; others are just closed */
#define DESCRIPTORS_KEPT 128 /* for Kafka's connections, the spool's files and the rest; of few, a quarter */
#define DAWDLING_NS      ((int64_t)1000000000) /* a request in one piece, or an answer, needs far less */
#define COUNT(array)     (sizeof(array) / sizeof *(array))

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

/* --- departures --- */

/* Of the connections in these lists the one that has been longest in its list, if it has been since then. */
static struct connection *
longest_in(const struct worker *worker, const enum patience *kinds, size_t count, int64_t until_ns)
{
    struct deadline *longest = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct deadline_list *list = &worker->patience[kinds[i]];

        if (list->first != NULL && list->first->at_ns - list->duration_ns <= until_ns) {
            until_ns = list->first->at_ns - list->duration_ns;
            longest = list->first;
        }
    }
    return longest == NULL ? NULL : connection_of(longest);
}

/* Who is let go first when there is no room: those that are ending anyway; then who takes its time in the middle of
 * something, the longest first; then who has not sent a good request yet, and last those who have. Between two requests
 * a client may be about to send the next, and one that never repeats would lose it: that one is parted from. */
static struct connection *
to_let_go(const struct worker *worker)
{
    static const enum patience ending[] = {PATIENCE_PARTING};
    static const enum patience dawdling[] = {PATIENCE_FRESH, PATIENCE_HEAD, PATIENCE_BODY, PATIENCE_WRITE,
                                             PATIENCE_LINGER};
    static const enum patience unknown[] = {PATIENCE_REFUSED, PATIENCE_FRESH};
    static const enum patience known[] = {PATIENCE_IDLE};
    int64_t now_ns = clock_monotonic_ns(worker->clock);
    struct connection *found = longest_in(worker, ending, COUNT(ending), now_ns);

    if (found == NULL) {
        found = longest_in(worker, dawdling, COUNT(dawdling), now_ns - DAWDLING_NS);
    }
    if (found == NULL) {
        found = longest_in(worker, unknown, COUNT(unknown), now_ns);
    }
    return found != NULL ? found : longest_in(worker, known, COUNT(known), now_ns);
}

bool
population_make_room(struct worker *worker)
{
    struct connection *connection = to_let_go(worker);

    if (connection == NULL) {
        return false;
    }
    metric_add(worker->generation->counters->evictions, 1);
    if (connection->state == CONNECTION_IDLE && !connection->refused) {
        connection_part(connection);
    } else {
        connection_close(connection);
    }
    return true;
}

/* --- arrivals --- */

/* What the process has open without its clients. */
static rlim_t
count_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    rlim_t count = 0;

    if (directory == NULL) {
        return DESCRIPTORS_KEPT;
    }
    while (readdir(directory) != NULL) {
        count++;
    }
    (void)closedir(directory);
    return count;
}

void
population_begin(struct worker *worker)
{
    worker->own_descriptors = count_descriptors();
    population_look(worker);
}

/* As many as are configured, but for the descriptors that Kafka and the spool need whatever clients do. The limit of
 * descriptors may change while the process runs. */
void
population_look(struct worker *worker)
{
    uint64_t limit = worker->config->limits.connections;
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY) {
        rlim_t kept = files.rlim_cur / 4 < DESCRIPTORS_KEPT ? files.rlim_cur / 4 : DESCRIPTORS_KEPT;
        rlim_t needed = worker->own_descriptors + kept;
        rlim_t left = files.rlim_cur > needed ? files.rlim_cur - needed : 1;

        limit = left < limit ? left : limit;
    }
    worker->connection_limit = limit;
    worker->crowded = metric_read(worker->generation->counters->connections) >= limit - limit / 4;
}

void
population_admit(struct worker *worker, struct link *link, const struct sockaddr *peer)
{
    /* Of the whole process: the kernel spreads connections unevenly, so a share of each worker's would be full too
     * soon. */
    uint64_t there = metric_read(worker->generation->counters->connections);
    uint64_t limit = worker->connection_limit;
    bool full = there >= limit && !population_make_room(worker);
    struct connection *connection = NULL;

    worker->crowded = there >= limit - limit / 4;
    if (there > limit) { /* it has been lowered: one more, or it would stay so */
        (void)population_make_room(worker);
    }
    if (there < limit + OVER_LIMIT_MAX) {
        connection = make(worker, link, peer);
    }
    if (connection == NULL) {
        link_close(link);
    } else {
        connection_begin(connection, full);
    }
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
