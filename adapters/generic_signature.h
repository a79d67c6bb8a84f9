/* Signatures by a mapping: over a template, held against what stands at a place of the callback. */
#pragma once

#include "adapters/generic_reference.h"

/* Whether a member is signed, or bears the signature or its time: then only a parsed message can be verified. */
bool signature_needs_message(const struct signature_rule *rule);
/* Whether anything stands where the signature should. */
bool signature_given(struct scene *scene, const struct signature_rule *rule);
/* Whether the signature is right by one of the keys, and where it bears a time, made within the tolerance of when the
 * callback came, before or after. Hex may be in either case; Base64 in its standard or its URL alphabet, padded or not,
 * and with spaces where a query had "+". */
bool signature_valid(struct scene *scene, const struct signature_rule *rule);

/* The signature by the first key, with its prefix; empty on failure. */
struct slice signature_make(struct scene *scene, const struct signature_rule *rule);
