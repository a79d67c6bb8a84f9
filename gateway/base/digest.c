/* SHA-256, MD5, HMAC and Base64 by OpenSSL, and the comparison of secrets. */
#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>

#define KEY_BYTES_MAX ((size_t)1 << 20) /* of an HMAC: OpenSSL takes an int */

/* Looking an algorithm up by name and making a context cost OpenSSL 3 more than the digest of a callback does. So the
 * algorithms are fetched once a process, and each thread keeps one context, which its end frees. */
static struct {
    EVP_MD *sha256;
    EVP_MD *md5;
    pthread_key_t context_key;
    bool has_key;
} shared;
static pthread_once_t shared_once = PTHREAD_ONCE_INIT;
static _Thread_local EVP_MD_CTX *thread_context;

static void
free_context(void *context)
{
    thread_context = NULL;
    EVP_MD_CTX_free(context);
}

static void
fetch_shared(void)
{
    shared.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    shared.md5 = EVP_MD_fetch(NULL, "MD5", NULL);
    shared.has_key = pthread_key_create(&shared.context_key, free_context) == 0;
}

static EVP_MD_CTX *
context_of_thread(void)
{
    if (thread_context != NULL) {
        return thread_context;
    }
    EVP_MD_CTX *context = shared.has_key ? EVP_MD_CTX_new() : NULL;
    if (context == NULL) {
        return NULL;
    }
    if (pthread_setspecific(shared.context_key, context) != 0) {
        EVP_MD_CTX_free(context);
        return NULL;
    }
    thread_context = context;
    return context;
}

static bool
digest_hex(const EVP_MD *algorithm, struct slice first, struct slice second, char *hex, size_t hex_bytes)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_MD_CTX *context = context_of_thread();

    if (algorithm == NULL || context == NULL || EVP_DigestInit_ex2(context, algorithm, NULL) != 1 ||
        EVP_DigestUpdate(context, first.data, first.length) != 1 ||
        EVP_DigestUpdate(context, second.data, second.length) != 1 ||
        EVP_DigestFinal_ex(context, digest, &length) != 1 || (size_t)length * 2 != hex_bytes) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    return true;
}

bool
digest_sha256_hex(struct slice bytes, char hex[SHA256_HEX_BYTES])
{
    (void)pthread_once(&shared_once, fetch_shared);
    return digest_hex(shared.sha256, bytes, (struct slice){NULL, 0}, hex, SHA256_HEX_BYTES);
}

bool
digest_md5_hex(struct slice first, struct slice second, char hex[MD5_HEX_BYTES])
{
    (void)pthread_once(&shared_once, fetch_shared);
    return digest_hex(shared.md5, first, second, hex, MD5_HEX_BYTES);
}

bool
digest_hmac_sha256(struct slice key, struct slice message, unsigned char mac[HMAC_SHA256_BYTES])
{
    unsigned length = 0;

    (void)pthread_once(&shared_once, fetch_shared);
    return shared.sha256 != NULL && key.length > 0 && key.length <= KEY_BYTES_MAX &&
           HMAC(shared.sha256, key.data, (int)key.length, (const unsigned char *)message.data, message.length, mac,
                &length) != NULL &&
           length == HMAC_SHA256_BYTES;
}

size_t
base64_encode(const unsigned char *bytes, size_t length, char *text)
{
    text[0] = '\0';
    return length > 0 && length <= BASE64_INPUT_MAX ? (size_t)EVP_EncodeBlock((unsigned char *)text, bytes, (int)length)
                                                    : 0;
}

bool
secret_equal(struct slice given, struct slice expected)
{
    /* A secret that somebody left empty must not let those in who send none. */
    if (expected.length == 0 || given.length != expected.length) {
        return false;
    }
    return CRYPTO_memcmp(given.data, expected.data, expected.length) == 0;
}
