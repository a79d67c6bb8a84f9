/* The connection's inside: the steps of its reading, and what connection.c does for them. */
#pragma once

#include "ingress/connection.h"

/* Does what can be done in its state; whether the next step can be tried at once. */
bool connection_step(struct connection *connection);

/* The one place that changes a connection's state. */
void connection_enter(struct connection *connection, enum connection_state state);
/* From now on it is CLOSED; it ends where it is run. */
void connection_close_now(struct connection *connection);
/* Ends a request that has no ticket yet, and the connection. */
void connection_refuse_early(struct connection *connection, enum refusal refusal);
/* Ends the request that is being read with its ticket. */
void connection_refuse_reading(struct connection *connection, enum refusal refusal);
/* The answer has gone out: what next? */
void connection_go_on(struct connection *connection);
