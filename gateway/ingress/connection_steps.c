/* The steps in which a connection reads: each does what can be done in one state, and returns whether the next can be
 * tried at once. */
#include "ingress/connection_steps.h"

#include <event2/buffer.h>

#include "ingress/engine.h"
#include "ingress/head.h"
#include "ingress/service.h"
#include "ingress/worker.h"

/* Thrown away for a client that reads our answer only once its body is out: closing earlier would make its kernel
 * report a reset where there is an answer. */
#define LINGER_BYTES_MAX ((size_t)64 << 20)
#define REFUSALS_A_TURN  8 /* of pipelined requests; then other connections have theirs */

/* The input is used up. A client that will send no more is done, or has left in the middle of a request. */
static bool
starve(struct connection *connection)
{
    if (!connection->ended) {
        return false;
    }
    if (connection->state == CONNECTION_BODY) {
        connection_refuse_reading(connection, REFUSAL_BAD_REQUEST);
    } else if (connection->state == CONNECTION_HEAD && !guard_untouched(&connection->guard)) {
        connection_refuse_early(connection, REFUSAL_BAD_REQUEST);
    } else {
        connection_close_now(connection);
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
    connection_enter(connection, CONNECTION_HEAD);
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
    connection_close_now(connection);
    return false;
}

static bool
head_over(struct connection *connection)
{
    struct ticket *ticket = make_ticket(connection);
    enum refusal refusal;

    if (ticket == NULL) {
        connection_refuse_early(connection, REFUSAL_BUSY);
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
        connection_refuse_reading(connection, refusal);
        return true;
    }
    connection_enter(connection, CONNECTION_BODY);
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
        connection_refuse_early(connection, connection->guard.refusal);
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
        connection_close_now(connection);
        return false;
    }
    connection->begun = true;
    connection_enter(connection, CONNECTION_BUSY);
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
        connection_refuse_reading(connection, refusal);
        return true;
    case BODY_REFUSED:
        connection_refuse_reading(connection, connection->body.refusal);
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
        connection_go_on(connection);
        return true;
    case BODY_COMPLETE:
        break;
    }
    connection->mid_message = false;
    connection_enter(connection, CONNECTION_IDLE);
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
        connection_close_now(connection);
    }
    return false;
}

bool
connection_step(struct connection *connection)
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
