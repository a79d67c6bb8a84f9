/* The state machine of a connection. */
#include "ingress/connection.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdlib.h>

#include "base/tls.h"
#include "ingress/connection_steps.h"
#include "ingress/counters.h"
#include "ingress/engine.h"
#include "ingress/generation.h"
#include "ingress/population.h"
#include "ingress/reply.h"
#include "ingress/service.h"
#include "ingress/worker.h"

/* --- states --- */

/* The one place that changes a connection's state. Each but BUSY, whose ticket has its own, runs against a deadline. */
void
connection_enter(struct connection *connection, enum connection_state state)
{
    static const int patience[] = {
        [CONNECTION_FRESH] = PATIENCE_FRESH,
        [CONNECTION_IDLE] = PATIENCE_IDLE,
        [CONNECTION_HEAD] = PATIENCE_HEAD,
        [CONNECTION_BODY] = PATIENCE_BODY,
        [CONNECTION_BUSY] = -1,
        [CONNECTION_WRITING] = PATIENCE_WRITE,
        [CONNECTION_DISCARDING] = PATIENCE_BODY,
        [CONNECTION_PARTING] = PATIENCE_PARTING,
        [CONNECTION_LINGERING] = PATIENCE_LINGER,
        [CONNECTION_CLOSED] = -1,
    };
    struct worker *worker = connection->worker;

    assert(connection->state != CONNECTION_CLOSED);
    connection->state = state;
    if (patience[state] < 0) {
        deadline_clear(&connection->deadline);
    } else {
        int which = state == CONNECTION_IDLE && connection->refused ? PATIENCE_REFUSED : patience[state];

        deadline_set(&worker->patience[which], &connection->deadline, clock_monotonic_ns(worker->clock));
    }
}

void
connection_close_now(struct connection *connection)
{
    if (connection->state != CONNECTION_CLOSED) {
        connection_enter(connection, CONNECTION_CLOSED);
    }
}

/* Ends it. A ticket that is being read goes with it; one that is published lives on without it. */
static void
connection_end(struct connection *connection)
{
    struct ticket *ticket = connection->ticket;

    if (ticket != NULL) {
        ticket->connection = NULL;
        if (ticket->state == TICKET_READING) {
            ticket_free(ticket);
        }
    }
    if (connection->link != NULL) {
        link_close(connection->link);
    }
    population_leave(connection);
}

/* --- answers --- */

void
connection_go_on(struct connection *connection)
{
    if (!connection->keep) {
        link_end_output(connection->link);
        connection_enter(connection, CONNECTION_LINGERING);
    } else {
        connection_enter(connection, connection->mid_message ? CONNECTION_DISCARDING : CONNECTION_IDLE);
    }
}

static void
send_answer(struct connection *connection, struct slice answer)
{
    connection->ticket = NULL;
    if (slice_empty(answer) || !link_write(connection->link, answer)) {
        connection_close_now(connection);
        return;
    }
    if (connection->begun && !link_finish(connection->link)) {
        connection->link = NULL;
        connection_close_now(connection);
        return;
    }
    connection->begun = false;
    if (link_flushed(connection->link)) {
        connection_go_on(connection);
    } else {
        connection_enter(connection, CONNECTION_WRITING);
    }
}

/* Whether the client can be left on this connection: it must be clear where the next request begins. */
static bool
can_keep(const struct connection *connection, const struct ticket *ticket)
{
    const struct head *head = &ticket->head;
    size_t limit = connection->worker->config->limits.body_bytes;

    if (connection->worker->departure != DEPARTURE_STAYING || !head->keep_alive) {
        return false;
    }
    if (ticket->session != NULL && tls_outdated(ticket->session)) {
        return false; /* on a new connection it may show a better certificate */
    }
    if (!connection->mid_message) {
        return true;
    }
    if (head->content_length > 0 && (uint64_t)head->content_length > limit) {
        return false;
    }
    /* Who waits for 100 Continue may send the body all the same, or not: nobody can tell. */
    return !head->expect_continue || evbuffer_get_length(link_input(connection->link)) != 0;
}

static void connection_run(struct connection *connection);

/* A storm of what is refused anyway shall not keep those waiting whose callbacks are good. */
static void
judge(struct connection *connection, bool refused)
{
    connection->refusals += refused;
    if (connection->refused != refused) {
        connection->refused = refused;
        link_stand_back(connection->link, refused);
    }
}

void
connection_accept(struct connection *connection, const struct ticket *ticket, struct answer answer)
{
    judge(connection, false);
    connection->keep = can_keep(connection, ticket);
    send_answer(connection, reply_success(connection, ticket, answer));
    connection_run(connection);
}

void
connection_refuse(struct connection *connection, const struct ticket *ticket, enum refusal refusal)
{
    char text[ANSWER_REFUSAL_BYTES];

    judge(connection, refusal_kind(refusal)->status < 500 || refusal == REFUSAL_OVER_SHARE);
    connection->keep = !refusal_kind(refusal)->closes && can_keep(connection, ticket);
    send_answer(connection, reply_refusal(connection, ticket, refusal, text));
    connection_run(connection);
}

void
connection_refuse_early(struct connection *connection, enum refusal refusal)
{
    char text[ANSWER_REFUSAL_BYTES];

    counters_refused(connection->worker->generation->counters, NULL, refusal, 0);
    connection->keep = false;
    send_answer(connection, reply_refusal(connection, NULL, refusal, text));
}

void
connection_refuse_reading(struct connection *connection, enum refusal refusal)
{
    struct ticket *ticket = connection->ticket;

    ticket_refuse(ticket, refusal);
    ticket_free(ticket);
}

/* Does all that can be done now. Whoever changes a connection calls it last: it may end the connection. */
static void
connection_run(struct connection *connection)
{
    if (connection->running) {
        return;
    }
    connection->running = true;
    while (connection_step(connection)) {
    }
    connection->running = false;
    if (connection->state == CONNECTION_CLOSED) {
        connection_end(connection);
    }
}

/* --- what the engine and the janitor tell --- */

void
connection_on_input(void *argument)
{
    struct connection *connection = argument;

    connection->refusals = 0;
    connection_run(connection);
}

void
connection_on_flushed(void *argument)
{
    struct connection *connection = argument;

    if (connection->state == CONNECTION_WRITING) {
        connection_go_on(connection);
    }
    connection_run(connection);
}

void
connection_on_gone(void *argument)
{
    struct connection *connection = argument;

    connection->link = NULL;
    connection_close_now(connection);
    connection_run(connection);
}

void
connection_on_end(void *argument, bool broken)
{
    struct connection *connection = argument;

    connection->ended = true;
    if (broken) {
        connection_close_now(connection);
    }
    connection_run(connection);
}

/* Who is there tells whether it is a vendor with a wrong certificate or a scanner. */
static void
note_handshake(const struct connection *connection, const char *reason)
{
    struct worker *worker = connection->worker;
    char sender[ADDRESS_TEXT_BYTES];
    size_t length = address_format(&connection->peer, sender);

    metric_add(worker->generation->counters->handshakes_failed, 1);
    log_warn_limited(&worker->refusals, "handshake_failed", log_text("reason", reason),
                     log_slice("sender", slice_make(sender, length)));
}

/* Who speaks plain HTTP is told in kind. */
void
connection_on_handshake_failed(void *argument, const struct handshake_fault *fault)
{
    struct connection *connection = argument;

    note_handshake(connection, fault->reason);
    if (fault->gone) {
        connection_close_now(connection);
    } else if (fault->plain_http) {
        connection_refuse_early(connection, REFUSAL_BAD_REQUEST);
    } else {
        link_end_output(connection->link);
        connection_enter(connection, CONNECTION_LINGERING);
    }
    connection_run(connection);
}

/* A request may be on its way just now. Closed at once, its sender would be told of a reset, and the event be lost to
 * one that never repeats. */
static void
part(struct connection *connection)
{
    if (!link_ready(connection->link)) {
        note_handshake(connection, "it was not over in time");
        connection_close_now(connection);
        return;
    }
    if (link_input_waits(connection->link)) {
        connection_enter(connection, connection->state); /* it has come already: it is read next */
        return;
    }
    link_end_output(connection->link);
    connection_enter(connection, CONNECTION_PARTING);
}

struct connection *
connection_of(struct deadline *deadline)
{
    return (struct connection *)(void *)((char *)deadline - offsetof(struct connection, deadline));
}

void
connection_on_due(struct deadline *deadline)
{
    struct connection *connection = connection_of(deadline);

    if (connection->state == CONNECTION_BODY) {
        connection_refuse_reading(connection, REFUSAL_TIMEOUT);
    } else if (connection->state == CONNECTION_HEAD && !guard_untouched(&connection->guard)) {
        connection_refuse_early(connection, REFUSAL_TIMEOUT);
    } else if (connection->state == CONNECTION_IDLE || connection->state == CONNECTION_FRESH) {
        part(connection);
    } else {
        connection_close_now(connection);
    }
    connection_run(connection);
}

/* --- from the worker --- */

void
connection_part(struct connection *connection)
{
    part(connection);
    connection_run(connection);
}

void
connection_begin(struct connection *connection, bool refused)
{
    link_own(connection->link, connection);
    connection_enter(connection, CONNECTION_FRESH);
    if (refused) {
        connection_refuse_early(connection, REFUSAL_BUSY);
    }
    connection_run(connection);
}

void
connection_close(struct connection *connection)
{
    connection_close_now(connection);
    connection_run(connection);
}
