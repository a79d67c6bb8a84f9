/* Digests, keyed digests, Base64 and the comparison of secrets, on OpenSSL. */
#pragma once

#include <stdint.h>

#include "base/slice.h"

#define SHA256_HEX_BYTES  64
#define MD5_HEX_BYTES     32
#define HMAC_SHA256_BYTES 32

enum digest_algorithm { DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256 };
#define DIGEST_ALGORITHMS 3
#define DIGEST_BYTES_MAX  32

/* Over the slices one behind the other. Returns how many bytes the digest has; 0 when OpenSSL fails, as it does when
 * memory is out: what was to be judged by the digest is not judged then. */
size_t digest_bytes(enum digest_algorithm algorithm, const struct slice *slices, size_t count,
                    unsigned char digest[DIGEST_BYTES_MAX]) MUST_CHECK;
/* The same keyed: HMAC (RFC 2104). 0 also for an empty key, which would sign nothing, and one above 1 MiB. */
size_t digest_hmac(enum digest_algorithm algorithm, struct slice key, const struct slice *slices, size_t count,
                   unsigned char mac[DIGEST_BYTES_MAX]) MUST_CHECK;

/* Lower-case hex, no terminator. Both fail only when OpenSSL does. */
bool digest_sha256_hex(struct slice bytes, char hex[SHA256_HEX_BYTES]) MUST_CHECK;
/* Over the two slices one behind the other. */
bool digest_md5_hex(struct slice first, struct slice second, char hex[MD5_HEX_BYTES]) MUST_CHECK;

/* HMAC-SHA256 of message under key, as bytes. */
bool digest_hmac_sha256(struct slice key, struct slice message, unsigned char mac[HMAC_SHA256_BYTES]) MUST_CHECK;

/* Two lower-case digits a byte, no terminator. */
void hex_encode(const unsigned char *bytes, size_t length, char *text);

/* Standard Base64 with padding (RFC 4648, 4). text has room for BASE64_TEXT_BYTES(length) and one more: a NUL stands
 * behind it. Returns the length of the text; 0 when there is nothing to encode, or more than BASE64_INPUT_MAX. */
#define BASE64_INPUT_MAX          ((size_t)1 << 20)
#define BASE64_TEXT_BYTES(length) (((length) + 2) / 3 * 4)
size_t base64_encode(const unsigned char *bytes, size_t length, char *text);

/* The one function that compares secrets and signatures. Its time depends on the lengths alone, never on where two
 * texts differ. An empty expected secret equals nothing. */
bool secret_equal(struct slice given, struct slice expected) MUST_CHECK;
