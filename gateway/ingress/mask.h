/* Takes the secrets of a source out of what goes to a topic: a proxy may have copied a callback's URL into a field of
 * its own (X-Original-URI, Referer), or a vendor have it in another parameter. */
#pragma once

#include "base/arena.h"
#include "config/config.h"

/* The text with "*" for each secret, percent-encoded or not; the text itself when there is none. The empty slice when
 * the arena is full. Tells by its time where a secret begins: only for texts of senders who have been verified. */
struct slice mask_secrets(const struct source *source, struct slice text, struct arena *arena);
