/* Takes a message's body out of a connection's input: by length or by chunks, into the ticket or away. */
#pragma once

#include "ingress/chunked.h"
#include "ingress/ticket.h"

struct evbuffer;

enum body_verdict {
    BODY_MORE,     /* all input used, the body goes on */
    BODY_COMPLETE, /* what is left in the input is the next message's */
    BODY_REFUSED,  /* body->refusal says why */
};

struct body {
    bool in_chunks, complete;
    size_t left;     /* by length */
    size_t limit;    /* bytes of body */
    size_t capacity; /* of the ticket's buffer */
    enum refusal refusal;
    struct chunked chunked;
};

/* The head says how the body ends; its length, if it has one, is not above limit. */
void body_init(struct body *body, const struct head *head, size_t limit);
/* Takes what there is. The bytes are appended to ticket->body, in its arena, and counted against the worker's share of
 * memory; with ticket NULL they are thrown away. */
enum body_verdict body_take(struct body *body, struct evbuffer *input, struct ticket *ticket);
