/* The content of a command in a canonical form: what makes a command that comes again the same one. */
#pragma once

#include "event/command.h"

/* SHA-256, cut, over name, account and data, however they are spelled: members in the order of their names, strings
 * decoded, numbers as written, no white space; no data is the empty object. false: the arena is full, or the digest
 * library fails. */
bool command_content_hash(const struct command *command, struct arena *arena,
                          unsigned char hash[COMMAND_CONTENT_HASH_BYTES]) MUST_CHECK;
