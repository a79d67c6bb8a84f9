/* Tickets: from the complete head to the answer and the last delivery report. */
#include "ingress/ticket.h"

#include <assert.h>

#include "ingress/budgets.h"
#include "ingress/connection.h"
#include "ingress/counters.h"
#include "ingress/generation.h"
#include "ingress/service.h"
#include "ingress/worker.h"

/* What a request may take in memory: its head twice, a body that grew while it came, its tree, and its records. */
#define ARENA_BODY_FACTOR 24
#define ARENA_BYTES_MIN   ((size_t)1 << 20)
#define SPOOL_PATIENCE_MS 1000 /* for a disk that hangs */

size_t
ticket_arena_bytes(const struct ingress_limits *limits)
{
    return ARENA_BYTES_MIN + 2 * limits->head_bytes + ARENA_BODY_FACTOR * limits->body_bytes;
}

struct ticket *
ticket_new(struct worker *worker)
{
    struct arena *arena = arena_new(worker->arenas, ticket_arena_bytes(&worker->config->limits));
    struct ticket *ticket = arena == NULL ? NULL : arena_zalloc(arena, 1, sizeof *ticket);

    if (ticket == NULL) {
        arena_free(arena);
        return NULL;
    }
    ticket->worker = worker;
    ticket->generation = worker->generation;
    generation_hold(ticket->generation, worker->number);
    ticket->arena = arena;
    ticket->state = TICKET_READING;
    ticket->started_ns = clock_monotonic_ns(worker->clock);
    worker_request_id(worker, ticket->request_id);
    worker->ticket_count++;
    return ticket;
}

/* The request is answered, or over. */
static void
leave_hand(struct ticket *ticket)
{
    if (ticket->in_hand) {
        ticket->holding->requests--;
        ticket->in_hand = false;
    }
}

/* The one place that changes a ticket's state. */
static void
enter(struct ticket *ticket, enum ticket_state state)
{
    struct worker *worker = ticket->worker;

    assert(state > ticket->state);
    if (ticket->state == TICKET_PUBLISHING) {
        deadline_clear(&ticket->deadline);
        worker->owed--;
    }
    ticket->state = state;
    if (state == TICKET_ANSWERED) {
        leave_hand(ticket);
    }
    if (state == TICKET_PUBLISHING) {
        budgets_begin(worker->budgets, ticket->source->budget_ms, &ticket->deadline, clock_monotonic_ns(worker->clock));
        worker->owed++;
    }
}

enum refusal
ticket_admit(struct ticket *ticket)
{
    enum refusal refusal;

    ticket->holding = generation_holding(ticket->generation, ticket->worker->number, ticket->source);
    refusal = share_check_request(ticket);
    if (refusal == REFUSAL_NONE && ticket->holding != NULL) {
        ticket->holding->requests++;
        ticket->in_hand = true;
    }
    return refusal;
}

void
ticket_publish(struct ticket *ticket)
{
    enter(ticket, TICKET_PUBLISHING);
}

void
ticket_spool(struct ticket *ticket)
{
    struct worker *worker = ticket->worker;
    unsigned budget_ms = ticket->source->budget_ms;
    unsigned patience_ms = budget_ms < SPOOL_PATIENCE_MS ? budget_ms : SPOOL_PATIENCE_MS;

    if (ticket->state == TICKET_PUBLISHING) {
        budgets_begin(worker->spool_patience, patience_ms, &ticket->deadline, clock_monotonic_ns(worker->clock));
    }
}

void
ticket_buffer(struct ticket *ticket, size_t bytes)
{
    ticket->buffered_bytes += bytes;
    ticket->worker->buffered_bytes += bytes;
    if (ticket->holding != NULL) {
        ticket->holding->bytes += bytes;
    }
    metric_move(counters_buffered(ticket->generation->counters, ticket->source), (int64_t)bytes);
}

/* What it holds and is not counted yet. */
static size_t
uncounted(const struct ticket *ticket)
{
    size_t bytes = arena_footprint(ticket->arena);

    return bytes > ticket->buffered_bytes ? bytes - ticket->buffered_bytes : 0;
}

enum refusal
ticket_wait(struct ticket *ticket)
{
    size_t more = uncounted(ticket);
    enum refusal refusal = more == 0 ? REFUSAL_NONE : share_check_bytes(ticket, more);

    if (refusal == REFUSAL_NONE && more > 0) {
        ticket_buffer(ticket, more);
    }
    return refusal;
}

/* No client waits for it any more, so the number of connections does not bound how many of them there are. */
void
ticket_linger(struct ticket *ticket)
{
    size_t more = uncounted(ticket);

    if (more > 0) {
        ticket_buffer(ticket, more);
    }
}

/* Takes the ticket off its connection, which may be gone already. */
static struct connection *
detach(struct ticket *ticket)
{
    struct connection *connection = ticket->connection;

    ticket->connection = NULL;
    return connection;
}

static int64_t
age_ns(const struct ticket *ticket)
{
    return clock_monotonic_ns(ticket->worker->clock) - ticket->started_ns;
}

void
ticket_accept(struct ticket *ticket, struct answer answer)
{
    struct connection *connection = detach(ticket);

    if (ticket->state == TICKET_ANSWERED) {
        return;
    }
    enter(ticket, TICKET_ANSWERED);
    counters_accepted(ticket->generation->counters, ticket->source, ticket->outcome, age_ns(ticket));
    if (connection != NULL) {
        connection_accept(connection, ticket, answer);
    }
}

void
ticket_refuse(struct ticket *ticket, enum refusal refusal)
{
    struct connection *connection = detach(ticket);

    if (ticket->state == TICKET_ANSWERED) {
        return;
    }
    if (ticket->state == TICKET_PUBLISHING) {
        ticket_linger(ticket);
    }
    enter(ticket, TICKET_ANSWERED);
    counters_refused(ticket->generation->counters, ticket->source, refusal, age_ns(ticket));
    if (connection != NULL) {
        connection_refuse(connection, ticket, refusal);
    }
}

static void
give_back(struct ticket *ticket)
{
    size_t bytes = ticket->buffered_bytes;

    if (bytes == 0) {
        return;
    }
    ticket->worker->buffered_bytes -= bytes;
    if (ticket->holding != NULL) {
        ticket->holding->bytes -= bytes;
    }
    metric_move(counters_buffered(ticket->generation->counters, ticket->source), -(int64_t)bytes);
}

void
ticket_free(struct ticket *ticket)
{
    struct worker *worker;

    if (ticket == NULL) {
        return;
    }
    worker = ticket->worker;
    if (ticket->state == TICKET_PUBLISHING) {
        enter(ticket, TICKET_ANSWERED);
    }
    leave_hand(ticket);
    give_back(ticket);
    worker->ticket_count--;
    generation_release(ticket->generation, worker->number);
    arena_free(ticket->arena);
}
