/* Digests and the comparison of secrets, on OpenSSL. */
#pragma once

#include <stdint.h>

#include "base/slice.h"

#define SHA256_HEX_BYTES 64
#define MD5_HEX_BYTES    32

/* Lower-case hex, no terminator. Both fail only when OpenSSL does. */
bool digest_sha256_hex(struct slice bytes, char hex[SHA256_HEX_BYTES]) MUST_CHECK;
/* Over the two slices one behind the other. */
bool digest_md5_hex(struct slice first, struct slice second, char hex[MD5_HEX_BYTES]) MUST_CHECK;

/* The one function that compares secrets and signatures. Its time depends on the lengths alone, never on where two
 * texts differ. An empty expected secret equals nothing. */
bool secret_equal(struct slice given, struct slice expected) MUST_CHECK;
