/* The sockets of the callback port: bound here, one a worker, among which the kernel spreads the connections
 * (SO_REUSEPORT), or handed over by whoever started the process. */
#pragma once

#include "base/error.h"
#include "base/slice.h"

/* address: an IP address or a name; empty: any. *port 0 takes a free one and is set to it. exclusive: fails when any
 * process listens there already, this one included. output_bytes: what the kernel keeps for a client that does not
 * read. Returns a bound, non-blocking socket; -1 with error. */
int listener_bind(struct slice address, unsigned *port, bool exclusive, size_t output_bytes, struct error *error);

/* Whether callbacks can be accepted from a socket that was handed over: a listening one of TCP. The error says what to
 * do. */
bool listener_fits(int fd, struct error *error) MUST_CHECK;
/* Another descriptor of such a socket, non-blocking; *port is set to where it listens. -1 with error. */
int listener_share(int fd, unsigned *port, size_t output_bytes, struct error *error);
