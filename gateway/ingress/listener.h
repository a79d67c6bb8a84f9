/* Binds the callback port: one socket a worker, among which the kernel spreads the connections (SO_REUSEPORT). */
#pragma once

#include "base/error.h"
#include "base/slice.h"

/* address: an IP address or a name; empty: any. *port 0 takes a free one and is set to it. exclusive: fails when any
 * process listens there already, this one included. output_bytes: what the kernel keeps for a client that does not
 * read. Returns a bound, non-blocking socket; -1 with error. */
int listener_bind(struct slice address, unsigned *port, bool exclusive, size_t output_bytes, struct error *error);
