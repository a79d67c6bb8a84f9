/* Bodies: copied once from the socket's buffer into the ticket's arena. */
#include "ingress/body.h"

#include <event2/buffer.h>

#include "ingress/share.h"

#define FIRST_BYTES 8192 /* allocated for a body of which only a part is there yet */

void
body_init(struct body *body, const struct head *head, size_t limit)
{
    *body = (struct body){.limit = limit, .in_chunks = head->content_length < 0};
    if (body->in_chunks) {
        chunked_init(&body->chunked, limit);
    } else {
        body->left = (size_t)head->content_length;
    }
    body->complete = !body->in_chunks && body->left == 0;
}

static bool
refuse(struct body *body, enum refusal refusal)
{
    body->refusal = refusal;
    return false;
}

/* What to have room for when `needed` bytes are to be held: just that if it is the whole body, else twice as much, so
 * that a client gets memory for what it has sent and not for what it has announced. */
static size_t
room_for(const struct body *body, const struct ticket *ticket, size_t needed)
{
    size_t most = body->in_chunks ? body->limit : ticket->body.length + body->left;
    size_t room = needed * 2 < FIRST_BYTES ? FIRST_BYTES : needed * 2;

    return room < most && needed < most ? room : most;
}

static bool
reserve(struct body *body, struct ticket *ticket, size_t more)
{
    size_t needed = ticket->body.length + more;
    enum refusal refusal;
    size_t room;
    char *bytes;

    if (needed <= body->capacity) {
        return true;
    }
    room = room_for(body, ticket, needed);
    refusal = share_check_bytes(ticket, room - body->capacity);
    if (refusal != REFUSAL_NONE) {
        return refuse(body, refusal);
    }
    bytes = arena_alloc(ticket->arena, room);
    if (bytes == NULL) {
        return refuse(body, REFUSAL_BUSY);
    }
    /* The smaller buffers before it stay in the arena: together they are no larger than this one. */
    ticket_buffer(ticket, room - body->capacity);
    if (ticket->body.length != 0) {
        memcpy(bytes, ticket->body.data, ticket->body.length);
    }
    ticket->body.data = bytes;
    body->capacity = room;
    return true;
}

static char *
append_at(struct ticket *ticket)
{
    return (char *)ticket->body.data + ticket->body.length;
}

static bool
take_by_length(struct body *body, struct evbuffer *input, struct ticket *ticket)
{
    size_t there = evbuffer_get_length(input);
    size_t length = there < body->left ? there : body->left;

    if (length == 0) {
        return true;
    }
    if (ticket == NULL) {
        evbuffer_drain(input, length);
    } else {
        if (!reserve(body, ticket, length)) {
            return false;
        }
        if (evbuffer_remove(input, append_at(ticket), length) != (int)length) {
            return refuse(body, REFUSAL_BUSY);
        }
        ticket->body.length += length;
    }
    body->left -= length;
    body->complete = body->left == 0;
    return true;
}

static bool
keep(struct body *body, struct ticket *ticket, struct slice data)
{
    if (ticket == NULL || slice_empty(data)) {
        return true;
    }
    if (!reserve(body, ticket, data.length)) {
        return false;
    }
    memcpy(append_at(ticket), data.data, data.length);
    ticket->body.length += data.length;
    return true;
}

/* One piece of input that lies in one place. What does not fit is used up all the same: it is thrown away then. */
static bool
take_chunks(struct body *body, struct evbuffer *input, struct ticket *ticket)
{
    struct slice piece;
    size_t used = 0;
    bool kept = true;

    piece.length = evbuffer_get_contiguous_space(input);
    piece.data = (const char *)evbuffer_pullup(input, (ssize_t)piece.length);
    while (used < piece.length && !body->complete && kept) {
        struct slice data;
        size_t consumed;
        enum chunked_verdict verdict =
            chunked_feed(&body->chunked, slice_make(piece.data + used, piece.length - used), &consumed, &data);

        if (verdict == CHUNKED_REFUSED) {
            return refuse(body, body->chunked.refusal);
        }
        kept = keep(body, ticket, data);
        used += consumed;
        body->complete = verdict == CHUNKED_COMPLETE;
    }
    evbuffer_drain(input, used);
    return kept;
}

enum body_verdict
body_take(struct body *body, struct evbuffer *input, struct ticket *ticket)
{
    while (!body->complete && evbuffer_get_length(input) != 0) {
        bool fine = body->in_chunks ? take_chunks(body, input, ticket) : take_by_length(body, input, ticket);

        if (!fine) {
            return BODY_REFUSED;
        }
    }
    return body->complete ? BODY_COMPLETE : BODY_MORE;
}
