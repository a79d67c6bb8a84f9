/* Reads JSON strictly (RFC 8259) with yajl's streaming parser into a tree in an arena. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/value.h"

/* Parses exactly one object or array with optional white space around it. Refused, with the reason in error: scalars at
 * the top, anything behind the value, invalid UTF-8 (also encoded surrogates), unpaired \u surrogates, NUL (raw or
 * \u0000), control characters, duplicate member names, and what exceeds the limits. text must outlive the tree.
 * Returns NULL on failure; when arena_failed(arena) then, the fault was not the text's. */
struct value *json_parse(struct arena *arena, struct slice text, struct value_limits limits, struct error *error);
