/* ${NAME} in a text of the configuration becomes the value of that environment variable. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#define EXPANDED_BYTES_MAX ((size_t)256 * 1024)

/* ${NAME} and ${NAME:-default}; as in the shell the default also stands for an empty variable. $${ is a literal ${.
 * *expanded is in the arena, followed by a NUL. false: error says what is wrong; it never holds a variable's value.
 * Reads the environment: call it before threads start. */
bool expand(struct slice text, struct arena *arena, struct slice *expanded, struct error *error) MUST_CHECK;
