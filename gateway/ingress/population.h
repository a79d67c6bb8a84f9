/* All connections of a worker: how many there may be, and which go first. */
#pragma once

#include "ingress/connection.h"

/* A client has connected. At the limit, the connection that has been without a request longest makes room; if there is
 * none, the new one is refused. */
void population_admit(struct worker *worker, struct link *link, const struct sockaddr *peer);
/* The connection's memory goes, too. */
void population_leave(struct connection *connection);

/* Closes the connection that has been waiting for a request longest; false: none waits. */
bool population_close_idlest(struct worker *worker);
void population_close_all_in(struct worker *worker, enum connection_state state);
void population_close_all(struct worker *worker); /* answered or not */
