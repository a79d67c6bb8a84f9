/* The adapter of every vendor that has none of its own: it follows the mapping of its source (adapters/mapping.h). */
#pragma once

#include "adapters/adapter.h"

/* Reads a body, or a query, by the mapping's format; sets the format. NULL with error. */
struct value *generic_parse(const struct callback *callback, enum body_format *format, struct error *error);
/* sign_sample of the adapter (adapters/adapter.h): a time of signing and a signature at their places in a header field,
 * in the query, or in the body, which is JSON or a form then. */
bool generic_sign_sample(const struct callback *callback, struct signed_sample *sample);
