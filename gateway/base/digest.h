/* Digests, keyed digests, Base64 and the comparison of secrets, on OpenSSL. */
#pragma once

#include <stdint.h>

#include "base/slice.h"

#define SHA256_HEX_BYTES  64
#define MD5_HEX_BYTES     32
#define HMAC_SHA256_BYTES 32

/* Lower-case hex, no terminator. Both fail only when OpenSSL does. */
bool digest_sha256_hex(struct slice bytes, char hex[SHA256_HEX_BYTES]) MUST_CHECK;
/* Over the two slices one behind the other. */
bool digest_md5_hex(struct slice first, struct slice second, char hex[MD5_HEX_BYTES]) MUST_CHECK;

/* HMAC-SHA256 (RFC 2104) of message under key, as bytes. An empty key is refused: it would sign nothing. */
bool digest_hmac_sha256(struct slice key, struct slice message, unsigned char mac[HMAC_SHA256_BYTES]) MUST_CHECK;

/* Standard Base64 with padding (RFC 4648, 4). text has room for BASE64_TEXT_BYTES(length) and one more: a NUL stands
 * behind it. Returns the length of the text; 0 when there is nothing to encode, or more than BASE64_INPUT_MAX. */
#define BASE64_INPUT_MAX          ((size_t)1 << 20)
#define BASE64_TEXT_BYTES(length) (((length) + 2) / 3 * 4)
size_t base64_encode(const unsigned char *bytes, size_t length, char *text);

/* The one function that compares secrets and signatures. Its time depends on the lengths alone, never on where two
 * texts differ. An empty expected secret equals nothing. */
bool secret_equal(struct slice given, struct slice expected) MUST_CHECK;
