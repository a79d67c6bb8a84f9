/* Cuts a head that the guard has let pass into the slices that the rest uses. */
#pragma once

#include "base/arena.h"
#include "ingress/guard.h"
#include "ingress/ticket.h"

/* bytes: all that the guard was fed, up to where it said COMPLETE; changed in place (names become lower case and are
 * closed by a NUL) and kept. false when the arena is full. */
bool head_read(const struct guard *guard, char *bytes, size_t length, struct arena *arena,
               struct head *head) MUST_CHECK;
