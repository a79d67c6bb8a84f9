/* How `trunkline tap` shows a record: in a line, with its data below, or as JSON. */
#pragma once

#include "verbs/printer.h"
#include "verbs/tap_sight.h"

enum show_form {
    SHOW_LINE, /* time, type, source, key, what happened in few words */
    SHOW_DATA, /* the same, and the event's data over several lines */
    SHOW_JSON, /* {"topic", "partition", "offset", "timestamp", "key", "event"}; "headers" and "value" for no event */
};

/* false: the arena is full. Whether it could be written the stream tells. */
bool show(const struct printer *printer, const struct sight *sight, enum show_form form,
          struct arena *arena) MUST_CHECK;
