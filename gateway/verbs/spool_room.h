/* Whether the disk has the room that the configuration promises to the spool. */
#pragma once

#include "config/config.h"

/* true: it has not, and warning says so, with what to do. What cannot be found out is no reason to warn. */
bool spool_room_short(const struct config *config, struct error *warning);
