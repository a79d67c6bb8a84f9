/* A repeat is a callback all of whose events were made durable within the window of its source. It is answered as it
 * was then, and its events are not published again. */
#pragma once

#include "ingress/seen.h"
#include "ingress/translation.h"

extern const char outcome_repeated[]; /* beside those of translation.h */

/* The events of one callback as they are remembered. Zeroed: none, for a source that does not want repeats known. */
struct repeat {
    struct seen_id *ids; /* in the arena of the callback */
    size_t count;
};

/* Names the events of the translation; none when it has none, is a dead letter, or memory is short: then the callback
 * is never known again. */
void repeat_name(struct repeat *repeat, const struct seen *seen, const struct translation *translation,
                 struct arena *arena);
/* *durability: of the event that is least safe. */
bool repeat_known(const struct repeat *repeat, struct seen *seen, const struct source *source,
                  enum durability *durability);
/* All its events are durable as of now. */
void repeat_remember(const struct repeat *repeat, struct seen *seen, const struct source *source,
                     enum durability durability);
