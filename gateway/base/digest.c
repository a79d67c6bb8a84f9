/* SHA-256, SHA-1, MD5, HMAC and Base64 by OpenSSL, and the comparison of secrets. */
#include "base/digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

#define KEY_BYTES_MAX ((size_t)1 << 20) /* of an HMAC */

/* By enum digest_algorithm. */
static const char *const names[DIGEST_ALGORITHMS] = {"MD5", "SHA1", "SHA256"};

/* Looking an algorithm up by name and making a context cost OpenSSL 3 more than the digest of a callback does. So each
 * thread keeps what it has looked up and made, which its end frees. What memory was too short for is tried again when
 * it is wanted the next time. */
struct toolbox {
    EVP_MD *algorithms[DIGEST_ALGORITHMS];
    EVP_MD_CTX *digest;
    EVP_MAC *hmac;
    EVP_MAC_CTX *macs[DIGEST_ALGORITHMS];
};
static _Thread_local struct toolbox *thread_toolbox;

static pthread_key_t toolbox_key;
static bool toolbox_key_made;
static pthread_once_t toolbox_key_once = PTHREAD_ONCE_INIT;

static void
free_toolbox(void *argument)
{
    struct toolbox *toolbox = argument;

    thread_toolbox = NULL;
    EVP_MD_CTX_free(toolbox->digest);
    for (size_t i = 0; i < DIGEST_ALGORITHMS; i++) {
        EVP_MAC_CTX_free(toolbox->macs[i]);
        EVP_MD_free(toolbox->algorithms[i]);
    }
    EVP_MAC_free(toolbox->hmac);
    free(toolbox);
}

static void
make_toolbox_key(void)
{
    toolbox_key_made = pthread_key_create(&toolbox_key, free_toolbox) == 0;
}

/* NULL when memory is out. */
static struct toolbox *
toolbox_of_thread(void)
{
    struct toolbox *toolbox = thread_toolbox;

    if (toolbox != NULL) {
        return toolbox;
    }
    (void)pthread_once(&toolbox_key_once, make_toolbox_key);
    toolbox = toolbox_key_made ? calloc(1, sizeof *toolbox) : NULL;
    if (toolbox == NULL) {
        return NULL;
    }
    if (pthread_setspecific(toolbox_key, toolbox) != 0) {
        free(toolbox);
        return NULL;
    }
    thread_toolbox = toolbox;
    return toolbox;
}

/* The thread's context for digests, begun with that one; NULL when OpenSSL has none. */
static EVP_MD_CTX *
begin_digest(enum digest_algorithm algorithm)
{
    struct toolbox *toolbox = toolbox_of_thread();

    if (toolbox == NULL) {
        return NULL;
    }
    if (toolbox->algorithms[algorithm] == NULL) {
        toolbox->algorithms[algorithm] = EVP_MD_fetch(NULL, names[algorithm], NULL);
    }
    if (toolbox->digest == NULL) {
        toolbox->digest = EVP_MD_CTX_new();
    }
    if (toolbox->algorithms[algorithm] != NULL && toolbox->digest != NULL &&
        EVP_DigestInit_ex2(toolbox->digest, toolbox->algorithms[algorithm], NULL) == 1) {
        return toolbox->digest;
    }
    EVP_MD_CTX_free(toolbox->digest); /* it may be half begun */
    toolbox->digest = NULL;
    return NULL;
}

size_t
digest_bytes(enum digest_algorithm algorithm, const struct slice *slices, size_t count,
             unsigned char digest[DIGEST_BYTES_MAX])
{
    EVP_MD_CTX *context = begin_digest(algorithm);
    unsigned length = 0;

    if (context == NULL) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (EVP_DigestUpdate(context, slices[i].data, slices[i].length) != 1) {
            return 0;
        }
    }
    return EVP_DigestFinal_ex(context, digest, &length) == 1 ? length : 0;
}

/* The thread's context for that HMAC, begun with the key; NULL when OpenSSL has none. */
static EVP_MAC_CTX *
begin_mac(enum digest_algorithm algorithm, struct slice key)
{
    struct toolbox *toolbox = toolbox_of_thread();
    char *name = (char *)names[algorithm]; /* OSSL_PARAM has no const; it is only read */
    const OSSL_PARAM with_digest[] = {OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0), OSSL_PARAM_END};
    const OSSL_PARAM *parameters = NULL;
    EVP_MAC_CTX **mac;

    if (toolbox == NULL) {
        return NULL;
    }
    mac = &toolbox->macs[algorithm];
    if (toolbox->hmac == NULL) {
        toolbox->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    }
    if (*mac == NULL && toolbox->hmac != NULL) {
        *mac = EVP_MAC_CTX_new(toolbox->hmac);
        parameters = with_digest; /* later keys find it there */
    }
    if (*mac != NULL && EVP_MAC_init(*mac, (const unsigned char *)key.data, key.length, parameters) == 1) {
        return *mac;
    }
    EVP_MAC_CTX_free(*mac);
    *mac = NULL;
    return NULL;
}

size_t
digest_hmac(enum digest_algorithm algorithm, struct slice key, const struct slice *slices, size_t count,
            unsigned char mac[DIGEST_BYTES_MAX])
{
    EVP_MAC_CTX *context = key.length > 0 && key.length <= KEY_BYTES_MAX ? begin_mac(algorithm, key) : NULL;
    size_t length = 0;

    if (context == NULL) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (slices[i].length > 0 &&
            EVP_MAC_update(context, (const unsigned char *)slices[i].data, slices[i].length) != 1) {
            return 0;
        }
    }
    return EVP_MAC_final(context, mac, &length, DIGEST_BYTES_MAX) == 1 ? length : 0;
}

void
hex_encode(const unsigned char *bytes, size_t length, char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < length; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
}

bool
digest_sha256_hex(struct slice bytes, char hex[SHA256_HEX_BYTES])
{
    unsigned char digest[DIGEST_BYTES_MAX];

    if (digest_bytes(DIGEST_SHA256, &bytes, 1, digest) * 2 != SHA256_HEX_BYTES) {
        return false;
    }
    hex_encode(digest, SHA256_HEX_BYTES / 2, hex);
    return true;
}

bool
digest_md5_hex(struct slice first, struct slice second, char hex[MD5_HEX_BYTES])
{
    const struct slice both[] = {first, second};
    unsigned char digest[DIGEST_BYTES_MAX];

    if (digest_bytes(DIGEST_MD5, both, 2, digest) * 2 != MD5_HEX_BYTES) {
        return false;
    }
    hex_encode(digest, MD5_HEX_BYTES / 2, hex);
    return true;
}

bool
digest_hmac_sha256(struct slice key, struct slice message, unsigned char mac[HMAC_SHA256_BYTES])
{
    return digest_hmac(DIGEST_SHA256, key, &message, 1, mac) == HMAC_SHA256_BYTES;
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
