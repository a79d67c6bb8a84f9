/* Random bytes that nobody can guess, from OpenSSL's generator. */
#pragma once

#include "base/slice.h"

/* False only when the system gives none. */
bool random_bytes(void *bytes, size_t count) MUST_CHECK;
/* A number below bound (at least 1), for jitter: evenly spread as far as anybody could tell; 0 when the system fails.
 */
unsigned random_below(unsigned bound);
