/* Which known name a mistyped one was meant to be. */
#pragma once

#include "base/slice.h"

/* The name that fewest edits make out of text; NULL when none is near enough to be meant. */
const char *nearest_name(struct slice text, const char *const *names, size_t count);
