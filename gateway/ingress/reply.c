/* Replies: an answer's text for a connection and a ticket. */
#include "ingress/reply.h"

#include "base/log.h"
#include "ingress/connection.h"
#include "ingress/worker.h"

#define ALLOW_BYTES 128

static struct answer_context
context_of(struct connection *connection, const struct ticket *ticket, const char *request_id)
{
    struct worker *worker = connection->worker;

    return (struct answer_context){
        .date = date_text(&worker->date, worker->clock),
        .request_id = request_id,
        .keep = connection->keep,
        .http10 = ticket == NULL ? connection->guard.http10 : ticket->head.http10,
        .head = ticket != NULL && slice_is(ticket->head.method, "HEAD"),
        .durability = ticket == NULL ? DURABILITY_KAFKA : ticket->durability,
    };
}

struct slice
reply_success(struct connection *connection, const struct ticket *ticket, struct answer answer)
{
    struct answer_context context = context_of(connection, ticket, ticket->request_id);
    size_t size = answer_success_bytes(answer);
    char *text = arena_allow(ticket->arena, size) ? arena_alloc(ticket->arena, size) : NULL;

    return text == NULL ? (struct slice){NULL, 0} : slice_make(text, answer_success(text, size, &context, answer));
}

/* The methods of the ticket's source, as Allow lists them; those that do not fit are left out. */
static struct slice
allowed(const struct ticket *ticket, char text[ALLOW_BYTES])
{
    size_t length = 0;

    for (size_t i = 0; ticket != NULL && ticket->source != NULL && i < ticket->source->method_count; i++) {
        struct slice method = ticket->source->methods[i];

        if (length + 2 + method.length > ALLOW_BYTES) {
            break;
        }
        if (length != 0) {
            text[length++] = ',';
            text[length++] = ' ';
        }
        memcpy(text + length, method.data, method.length);
        length += method.length;
    }
    return slice_make(text, length);
}

static void
log_refusal(struct connection *connection, const char *request_id, enum refusal refusal)
{
    char peer[ADDRESS_TEXT_BYTES];
    struct slice peer_text = {peer, address_format(&connection->peer, peer)};

    log_info_limited(&connection->worker->refusals, "connection_refused", log_text("request_id", request_id),
                     log_text("reason", refusal_kind(refusal)->label), log_slice("peer", peer_text));
}

struct slice
reply_refusal(struct connection *connection, const struct ticket *ticket, enum refusal refusal, char *text)
{
    char request_id[REQUEST_ID_BYTES + 1];
    char allow[ALLOW_BYTES];
    struct answer_context context;

    if (ticket == NULL) {
        worker_request_id(connection->worker, request_id);
    } else {
        memcpy(request_id, ticket->request_id, sizeof request_id);
    }
    if (refusal_kind(refusal)->closes || refusal == REFUSAL_BUSY) {
        log_refusal(connection, request_id, refusal);
    }
    context = context_of(connection, ticket, request_id);
    return slice_make(text, answer_refusal(text, ANSWER_REFUSAL_BYTES, &context, refusal, allowed(ticket, allow)));
}
