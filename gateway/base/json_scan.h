/* A look over JSON text before it is parsed, for what yajl lets pass. For json.c alone. */
#pragma once

#include "base/error.h"
#include "base/slice.h"

/* Refuses invalid UTF-8, control characters other than white space, escapes of NUL and unpaired surrogates; the reason
 * and the byte are in error. */
bool json_scan(struct slice text, struct error *error) MUST_CHECK;
