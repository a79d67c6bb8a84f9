/* Nonces of six digits: as if drawn, and yet never the same twice within a million. */
#pragma once

#include <stdint.h>

#include "base/slice.h"

#define NONCE_COUNT 1000000U

/* Random draws of six digits soon come twice: of a thousand, two are the same as often as not. So they are counted,
 * from a random start, and the count is enciphered: a number below NONCE_COUNT. The count's last six digits are the
 * text, what stands before them is the key. False only when the digest library fails. */
bool nonce_of(uint64_t counted, uint64_t *nonce) MUST_CHECK;
