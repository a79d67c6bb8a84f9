/* All connections of a worker: how many there may be, and which go first. */
#pragma once

#include "ingress/connection.h"

/* Once, before the first. */
void population_begin(struct worker *worker);
/* A client has connected. At the limit another connection makes room; if none can,
 * the new one is refused. */
void population_admit(struct worker *worker, struct link *link, const struct sockaddr *peer);
/* The connection's memory goes, too. */
void population_leave(struct connection *connection);

/* How many there may be, and how short they are: to be called now and then. */
void population_look(struct worker *worker);

/* Closes the connection that can be missed most; false: each has a request that waits for its answer. */
bool population_make_room(struct worker *worker);
void population_close_all_in(struct worker *worker, enum connection_state state);
void population_close_all(struct worker *worker); /* answered or not */
