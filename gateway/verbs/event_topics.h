/* The topics that a configuration has events on. */
#pragma once

#include "config/config.h"

/* By its topics and its routes, each once; in the snapshot's arena. NULL when out of memory. */
const struct slice *event_topics(const struct config *config, size_t *count);
