/* A command as a person gives it on the command line: a file, options, or both. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

/* What is NULL, or 0, was not given. */
struct command_draft {
    const char *file; /* a JSON object, bare or a structured CloudEvent; "-" is standard input */
    const char *account;
    const char *type; /* "call.dial", or the full type */
    const char *data; /* a JSON object */
    const char *id;
    const char *priority;
    const char *target; /* of command.cancel: its data */
    int64_t expires_in_ms;
};

/* "90s", "10m", "2h", "1d": a whole number above 0 and its unit, at most a year. */
bool command_duration_read(const char *text, int64_t *ms) MUST_CHECK;

/* The value of the record: the file's members, those of the options in their place, and an id of 80 random bits where
 * none is given. It may still be wrong as a command. false: error says what cannot be read. */
bool command_draft_write(const struct command_draft *draft, int64_t now_ms, struct arena *arena, struct slice *value,
                         struct error *error) MUST_CHECK;
