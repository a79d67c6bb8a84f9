/* Turns the end of a request into the bytes that go out, and logs the refusals that close a connection. */
#pragma once

#include "ingress/answer.h"
#include "ingress/ticket.h"

struct connection;

/* Lies in the ticket's arena. Empty when the arena is full: then the connection has nothing to say and ends. */
struct slice reply_success(struct connection *connection, const struct ticket *ticket, struct answer answer);
/* ticket may be NULL: the request never became one. text is ANSWER_REFUSAL_BYTES long and holds the result. */
struct slice reply_refusal(struct connection *connection, const struct ticket *ticket, enum refusal refusal,
                           char *text);
