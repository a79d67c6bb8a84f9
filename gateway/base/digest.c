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

/* Looking an algorithm up by name and making a context cost OpenSSL 3 more than the digest of a callback does. So the
 * algorithms are fetched once a process, and each thread keeps its contexts, which its end frees. */
static struct {
    EVP_MD *algorithms[DIGEST_ALGORITHMS];
    EVP_MAC *hmac;
    pthread_key_t contexts_key;
    bool has_key;
} shared;
static pthread_once_t shared_once = PTHREAD_ONCE_INIT;

struct contexts {
    EVP_MD_CTX *digest;
    EVP_MAC_CTX *macs[DIGEST_ALGORITHMS]; /* each made when it is first wanted */
};
static _Thread_local struct contexts *thread_contexts;

static void
free_contexts(void *argument)
{
    struct contexts *contexts = argument;

    thread_contexts = NULL;
    EVP_MD_CTX_free(contexts->digest);
    for (size_t i = 0; i < DIGEST_ALGORITHMS; i++) {
        EVP_MAC_CTX_free(contexts->macs[i]);
    }
    free(contexts);
}

static void
fetch_shared(void)
{
    for (size_t i = 0; i < DIGEST_ALGORITHMS; i++) {
        shared.algorithms[i] = EVP_MD_fetch(NULL, names[i], NULL);
    }
    shared.hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    shared.has_key = pthread_key_create(&shared.contexts_key, free_contexts) == 0;
}

/* NULL when memory is out. */
static struct contexts *
contexts_of_thread(void)
{
    struct contexts *contexts = thread_contexts;

    if (contexts != NULL) {
        return contexts;
    }
    (void)pthread_once(&shared_once, fetch_shared);
    contexts = shared.has_key ? calloc(1, sizeof *contexts) : NULL;
    if (contexts == NULL) {
        return NULL;
    }
    contexts->digest = EVP_MD_CTX_new();
    if (contexts->digest == NULL || pthread_setspecific(shared.contexts_key, contexts) != 0) {
        free_contexts(contexts);
        return NULL;
    }
    thread_contexts = contexts;
    return contexts;
}

size_t
digest_bytes(enum digest_algorithm algorithm, const struct slice *slices, size_t count,
             unsigned char digest[DIGEST_BYTES_MAX])
{
    struct contexts *contexts = contexts_of_thread();
    unsigned length = 0;

    if (contexts == NULL || shared.algorithms[algorithm] == NULL ||
        EVP_DigestInit_ex2(contexts->digest, shared.algorithms[algorithm], NULL) != 1) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (EVP_DigestUpdate(contexts->digest, slices[i].data, slices[i].length) != 1) {
            return 0;
        }
    }
    return EVP_DigestFinal_ex(contexts->digest, digest, &length) == 1 ? length : 0;
}

/* The thread's context for that HMAC, begun with the key; NULL when OpenSSL has none. */
static EVP_MAC_CTX *
begin_mac(enum digest_algorithm algorithm, struct slice key)
{
    struct contexts *contexts = contexts_of_thread();
    char *name = (char *)names[algorithm]; /* OSSL_PARAM has no const; it is only read */
    const OSSL_PARAM with_digest[] = {OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0), OSSL_PARAM_END};
    const OSSL_PARAM *parameters = NULL;

    if (contexts == NULL || shared.hmac == NULL) {
        return NULL;
    }
    if (contexts->macs[algorithm] == NULL) {
        contexts->macs[algorithm] = EVP_MAC_CTX_new(shared.hmac);
        parameters = with_digest; /* later keys find it there */
    }
    if (contexts->macs[algorithm] != NULL &&
        EVP_MAC_init(contexts->macs[algorithm], (const unsigned char *)key.data, key.length, parameters) == 1) {
        return contexts->macs[algorithm];
    }
    EVP_MAC_CTX_free(contexts->macs[algorithm]);
    contexts->macs[algorithm] = NULL;
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
