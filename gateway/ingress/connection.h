/* A connection reads requests one behind the other: head through the guard, body into a ticket, then it waits for the
 * ticket's answer. */
#pragma once

#include "base/address.h"
#include "ingress/answer.h"
#include "ingress/body.h"
#include "ingress/deadline.h"
#include "ingress/guard.h"
#include "ingress/ticket.h"

struct handshake_fault;
struct link;
struct sockaddr;
struct worker;

/*   FRESH ─┐
 *          ├─▶ HEAD ──▶ BODY ──▶ BUSY ──▶ (WRITING) ──▶ IDLE
 *   IDLE  ─┘     │        │                   ├───────▶ DISCARDING ──▶ IDLE
 *                └────────┴─────(refused)─────┴───────▶ LINGERING ──▶ CLOSED
 *   FRESH, IDLE ──▶ PARTING ──▶ CLOSED, or HEAD, if a request crosses our end */
enum connection_state {
    CONNECTION_FRESH,      /* accepted, nothing received */
    CONNECTION_IDLE,       /* between two requests */
    CONNECTION_HEAD,       /* a head has begun */
    CONNECTION_BODY,       /* head accepted, body on its way into the ticket */
    CONNECTION_BUSY,       /* the service has the ticket; the next requests wait in the input */
    CONNECTION_WRITING,    /* the client has not taken all of the answer yet */
    CONNECTION_DISCARDING, /* answered before the body was there: it is thrown away */
    CONNECTION_PARTING,    /* output ended between two requests; one that was on its way is still taken in */
    CONNECTION_LINGERING,  /* output ended; input is thrown away, so that no reset overtakes the answer */
    CONNECTION_CLOSED,
};

struct connection {
    struct worker *worker;
    struct link *link;     /* NULL when the engine has closed it */
    struct ticket *ticket; /* the request that is read or answered */
    enum connection_state state;
    struct address peer;
    struct guard guard;
    struct guard_limits guard_limits;
    struct body body;
    struct deadline deadline;           /* of the state */
    bool running;                       /* in connection_run: nested calls only change the state */
    bool ended;                         /* the client sends no more */
    bool begun;                         /* the engine knows of the request */
    bool keep;                          /* after the answer */
    bool mid_message;                   /* the body of the request is not wholly read */
    bool refused;                       /* its last request was not good: it stands back for others */
    unsigned refusals;                  /* in this turn */
    size_t lingered;                    /* bytes thrown away since the output ended */
    struct connection *next, *previous; /* of the worker's */
};

/* What the engine tells; the argument is the connection. */
void connection_on_input(void *argument);
void connection_on_flushed(void *argument);
void connection_on_end(void *argument, bool broken);
void connection_on_gone(void *argument);
void connection_on_handshake_failed(void *argument, const struct handshake_fault *fault);
/* The patience of its state has run out. */
void connection_on_due(struct deadline *deadline);
/* Whose deadline it is. */
struct connection *connection_of(struct deadline *deadline);

/* The ticket's answer: writes it and goes on. The ticket lets go of the connection before. */
void connection_accept(struct connection *connection, const struct ticket *ticket, struct answer answer);
void connection_refuse(struct connection *connection, const struct ticket *ticket, enum refusal refusal);

/* A new one begins its life; refused: there are too many, and it is told so. */
void connection_begin(struct connection *connection, bool refused);
/* Ends it between two requests, for one that waits for the first or the next: the client is told that no more comes. A
 * request that it has sent before it could know becomes an event all the same, though it can be answered no more. */
void connection_part(struct connection *connection);
/* Ends it, answered or not. */
void connection_close(struct connection *connection);
