/* What the files of 7moor's call side share. */
#pragma once

#include "adapters/composer.h"

/* The document's table says 255 bytes, its error 6725 says 150 characters: both are kept, the first with one to spare.
 */
#define SEVENMOOR_EXTRAS_CHARACTERS_MAX 150
#define SEVENMOOR_EXTRAS_BYTES_MAX      254

/* Writes the member `extras` of 2.1, always an object: what the command gave (NULL: nothing) and, where there is room,
 * the command's id; without room the user's own win and *uncorrelated is set. false: error says what is wrong. */
bool sevenmoor_write_dial_extras(struct composer *composer, const struct value *extras, bool *uncorrelated) MUST_CHECK;
/* Writes the member `extras` of 2.14 as the command gave it, nothing when it gave none: the id travels as actionId. */
bool sevenmoor_write_bridge_extras(struct composer *composer, const struct value *extras) MUST_CHECK;

void sevenmoor_interpret(const struct interpretation *interpretation, struct vendor_answer *answer);

extern const struct call_side sevenmoor_calls;
