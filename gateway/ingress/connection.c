/* The state machine of a connection. */
#include "ingress/connection.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdlib.h>

#include "ingress/counters.h"
#include "ingress/engine.h"
#include "ingress/generation.h"
#include "ingress/head.h"
#include "ingress/population.h"
#include "ingress/reply.h"
#include "ingress/service.h"
#include "ingress/worker.h"

/* Thrown away for a client that reads our answer only once its body is out: closing earlier would make its kernel
 * report a reset where there is an answer. */
#define LINGER_BYTES_MAX ((size_t)64 << 20)
#define REFUSALS_A_TURN  8 /* of pipelined requests; then other connections have theirs */

/* --- states --- */

/* The one place that changes a connection's state. Each but BUSY, whose ticket has its own, runs against a deadline. */
static void
enter(struct connection *connection, enum connection_state state)
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

static void
close_now(struct connection *connection)
{
    if (connection->state != CONNECTION_CLOSED) {
        enter(connection, CONNECTION_CLOSED);
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
        if (connection->refused) {
            link_stand_back(connection->link, false); /* or its descriptor would wait to be closed */
        }
        link_close(connection->link);
    }
    population_leave(connection);
}

/* --- answers --- */

/* The answer has gone out: what next? */
static void
go_on(struct connection *connection)
{
    if (!connection->keep) {
        link_end_output(connection->link);
        enter(connection, CONNECTION_LINGERING);
    } else {
        enter(connection, connection->mid_message ? CONNECTION_DISCARDING : CONNECTION_IDLE);
    }
}

static void
send_answer(struct connection *connection, struct slice answer)
{
    connection->ticket = NULL;
    if (slice_empty(answer) || !link_write(connection->link, answer)) {
        close_now(connection);
        return;
    }
    if (connection->begun && !link_finish(connection->link)) {
        connection->link = NULL;
        close_now(connection);
        return;
    }
    connection->begun = false;
    if (link_flushed(connection->link)) {
        go_on(connection);
    } else {
        enter(connection, CONNECTION_WRITING);
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

/* Ends a request that has no ticket yet, and the connection. */
static void
refuse_early(struct connection *connection, enum refusal refusal)
{
    char text[ANSWER_REFUSAL_BYTES];

    counters_refused(connection->worker->generation->counters, NULL, refusal, 0);
    connection->keep = false;
    send_answer(connection, reply_refusal(connection, NULL, refusal, text));
}

/* Ends the request that is being read with its ticket. */
static void
refuse_reading(struct connection *connection, enum refusal refusal)
{
    struct ticket *ticket = connection->ticket;

    ticket_refuse(ticket, refusal);
    ticket_free(ticket);
}

/* --- steps: each returns whether the next can be tried at once --- */

/* The input is used up. A client that will send no more is done, or has left in the middle of a request. */
static bool
starve(struct connection *connection)
{
    if (!connection->ended) {
        return false;
    }
    if (connection->state == CONNECTION_BODY) {
        refuse_reading(connection, REFUSAL_BAD_REQUEST);
    } else if (connection->state == CONNECTION_HEAD && !guard_untouched(&connection->guard)) {
        refuse_early(connection, REFUSAL_BAD_REQUEST);
    } else {
        close_now(connection);
    }
    return connection->state != CONNECTION_CLOSED;
}

static bool
step_waiting(struct connection *connection)
{
    if (evbuffer_get_length(link_input(connection->link)) == 0) {
        return starve(connection);
    }
    if (connection->refusals >= REFUSALS_A_TURN) {
        link_yield(connection->link);
        return false;
    }
    guard_init(&connection->guard, &connection->guard_limits);
    enter(connection, CONNECTION_HEAD);
    return true;
}

/* Copies the head out of the input into a ticket of its own. */
static struct ticket *
make_ticket(struct connection *connection)
{
    size_t length = connection->guard.position;
    struct ticket *ticket = ticket_new(connection->worker);
    char *bytes = ticket == NULL ? NULL : arena_alloc(ticket->arena, length);

    if (bytes == NULL || evbuffer_remove(link_input(connection->link), bytes, length) != (int)length ||
        !head_read(&connection->guard, bytes, length, ticket->arena, &ticket->head)) {
        ticket_free(ticket);
        return NULL;
    }
    ticket->peer = connection->peer;
    ticket->sender = connection->peer;
    ticket->connection = connection;
    ticket->session = link_session(connection->link);
    return ticket;
}

/* The client may be waiting for our leave to send the body. */
static bool
send_continue(struct connection *connection)
{
    static const struct slice text = SLICE("HTTP/1.1 100 Continue\r\n\r\n");

    if (!connection->ticket->head.expect_continue || connection->body.complete ||
        evbuffer_get_length(link_input(connection->link)) != 0 || link_write(connection->link, text)) {
        return true;
    }
    close_now(connection);
    return false;
}

static bool
head_over(struct connection *connection)
{
    struct ticket *ticket = make_ticket(connection);
    enum refusal refusal;

    if (ticket == NULL) {
        refuse_early(connection, REFUSAL_BUSY);
        return true;
    }
    connection->ticket = ticket;
    body_init(&connection->body, &ticket->head, connection->worker->config->limits.body_bytes);
    connection->mid_message = !connection->body.complete;
    refusal = admission_check(ticket);
    if (refusal == REFUSAL_NONE) {
        refusal = ticket_admit(ticket);
    }
    if (refusal != REFUSAL_NONE) {
        refuse_reading(connection, refusal);
        return true;
    }
    enter(connection, CONNECTION_BODY);
    return send_continue(connection);
}

static bool
step_head(struct connection *connection)
{
    struct evbuffer *input = link_input(connection->link);
    struct evbuffer_ptr at;
    struct evbuffer_iovec piece;
    enum guard_verdict verdict = GUARD_MORE;

    while (verdict == GUARD_MORE && connection->guard.position < evbuffer_get_length(input)) {
        size_t consumed;

        if (evbuffer_ptr_set(input, &at, connection->guard.position, EVBUFFER_PTR_SET) != 0 ||
            evbuffer_peek(input, -1, &at, &piece, 1) < 1) {
            break;
        }
        verdict = guard_feed(&connection->guard, piece.iov_base, piece.iov_len, &consumed);
    }
    switch (verdict) {
    case GUARD_MORE:
        return starve(connection);
    case GUARD_REFUSED:
        refuse_early(connection, connection->guard.refusal);
        return true;
    case GUARD_COMPLETE:
        break;
    }
    return head_over(connection);
}

static bool
body_over(struct connection *connection)
{
    struct ticket *ticket = connection->ticket;

    connection->mid_message = false;
    if (!link_begin(connection->link)) {
        connection->link = NULL;
        close_now(connection);
        return false;
    }
    connection->begun = true;
    enter(connection, CONNECTION_BUSY);
    ticket_publish(ticket);
    conversion_start(ticket);
    return true;
}

static bool
step_body(struct connection *connection)
{
    enum refusal refusal;

    switch (body_take(&connection->body, link_input(connection->link), connection->ticket)) {
    case BODY_MORE:
        refusal = ticket_wait(connection->ticket);
        if (refusal == REFUSAL_NONE) {
            return starve(connection);
        }
        refuse_reading(connection, refusal);
        return true;
    case BODY_REFUSED:
        refuse_reading(connection, connection->body.refusal);
        return true;
    case BODY_COMPLETE:
        break;
    }
    return body_over(connection);
}

/* The answer is out already, so a body that goes wrong now can only end the connection. */
static bool
step_discarding(struct connection *connection)
{
    switch (body_take(&connection->body, link_input(connection->link), NULL)) {
    case BODY_MORE:
        return starve(connection);
    case BODY_REFUSED:
        connection->keep = false;
        go_on(connection);
        return true;
    case BODY_COMPLETE:
        break;
    }
    connection->mid_message = false;
    enter(connection, CONNECTION_IDLE);
    return true;
}

static bool
step_lingering(struct connection *connection)
{
    struct evbuffer *input = link_input(connection->link);
    size_t length = evbuffer_get_length(input);

    connection->lingered += length;
    evbuffer_drain(input, length);
    if (connection->ended || connection->lingered > LINGER_BYTES_MAX) {
        close_now(connection);
    }
    return false;
}

static bool
step(struct connection *connection)
{
    switch (connection->state) {
    case CONNECTION_FRESH:
    case CONNECTION_IDLE:
    case CONNECTION_PARTING:
        return step_waiting(connection);
    case CONNECTION_HEAD:
        return step_head(connection);
    case CONNECTION_BODY:
        return step_body(connection);
    case CONNECTION_DISCARDING:
        return step_discarding(connection);
    case CONNECTION_LINGERING:
        return step_lingering(connection);
    case CONNECTION_BUSY:
    case CONNECTION_WRITING:
    case CONNECTION_CLOSED:
        break;
    }
    return false;
}

/* Does all that can be done now. Whoever changes a connection calls it last: it may end the connection. */
static void
connection_run(struct connection *connection)
{
    if (connection->running) {
        return;
    }
    connection->running = true;
    while (step(connection)) {
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
        go_on(connection);
    }
    connection_run(connection);
}

void
connection_on_gone(void *argument)
{
    struct connection *connection = argument;

    connection->link = NULL;
    close_now(connection);
    connection_run(connection);
}

void
connection_on_end(void *argument, bool broken)
{
    struct connection *connection = argument;

    connection->ended = true;
    if (broken) {
        close_now(connection);
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
        close_now(connection);
    } else if (fault->plain_http) {
        refuse_early(connection, REFUSAL_BAD_REQUEST);
    } else {
        link_end_output(connection->link);
        enter(connection, CONNECTION_LINGERING);
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
        close_now(connection);
        return;
    }
    if (link_input_waits(connection->link)) {
        enter(connection, connection->state); /* it has come already: it is read next */
        return;
    }
    link_end_output(connection->link);
    enter(connection, CONNECTION_PARTING);
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
        refuse_reading(connection, REFUSAL_TIMEOUT);
    } else if (connection->state == CONNECTION_HEAD && !guard_untouched(&connection->guard)) {
        refuse_early(connection, REFUSAL_TIMEOUT);
    } else if (connection->state == CONNECTION_IDLE || connection->state == CONNECTION_FRESH) {
        part(connection);
    } else {
        close_now(connection);
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
    enter(connection, CONNECTION_FRESH);
    if (refused) {
        refuse_early(connection, REFUSAL_BUSY);
    }
    connection_run(connection);
}

void
connection_close(struct connection *connection)
{
    close_now(connection);
    connection_run(connection);
}
