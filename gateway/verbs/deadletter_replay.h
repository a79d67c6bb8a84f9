/* Replays dead letters: callbacks through today's adapters to today's topics, commands back to the commands topic. */
#pragma once

#include "verbs/deadletter_selection.h"

/* dry_run: prints the records on stdout and publishes nothing. Tells on stderr, a line each, what is not replayed, and
 * sums up at the end. Returns the exit status. config's switch of the raw topic is turned off. */
int deadletter_replay(struct config *config, const struct deadletter_selection *selection, bool dry_run);
