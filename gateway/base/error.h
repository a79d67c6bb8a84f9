/* One error text for a person: what was wrong, where, and what to do. Filled by whoever fails, printed once, by the
 * caller. */
#pragma once

#include <stdbool.h>

struct error {
    char text[512];
};

/* Writes the text (cut at the end if it is too long) and returns false, so that a function can end with
 * `return error_set(error, "...")`. error may be NULL. */
bool error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
