/* A callback that nobody has sent, judged as if it had come: by the guard, by admission but for its sender, and by the
 * size of its body. `convert` shows what the gateway would make of it, so it must refuse what the gateway refuses. */
#pragma once

#include "ingress/ticket.h"
#include "ingress/translation.h"

/* incoming's source, method, endpoint, query, fields and body are as somebody has told them; the first are written down
 * as a head, and what a gateway reads of that takes their place, in the arena. That is a request's: of
 * ticket_arena_bytes(), and translate() goes on with it. The refusal that would be answered, and nothing is changed
 * then. */
enum refusal rehearse(const struct config *config, struct incoming *incoming, struct arena *arena) MUST_CHECK;
