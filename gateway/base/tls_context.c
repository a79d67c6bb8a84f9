/* Certificate, key and client CA: read from their files, checked against each other, and made OpenSSL's. */
#include "base/tls_context.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/tls.h"

#define CIPHERS               "ECDHE+AESGCM:ECDHE+CHACHA20"
#define KEY_BITS_MIN          128
#define CHAIN_DEPTH_MAX       8
#define CLIENT_CHAIN_BYTES    ((size_t)32 * 1024) /* of the certificates that a client shows */
#define SESSION_CONTEXT_BYTES 9

/* Why OpenSSL does not take a file, for an error text. */
static const char *
reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());

    return text == NULL ? "it holds nothing that can be used" : text;
}

static bool
readable(const char *option, const char *path, struct error *error)
{
    return access(path, R_OK) == 0 ||
           error_set(error, "%s: cannot open %s: %s; name a PEM file that this user can read", option, path,
                     strerror(errno));
}

/* Nobody is there to be asked. */
static int
refuse_password(char *text, int size, int writing, void *argument)
{
    (void)writing;
    (void)argument;
    if (size > 0) {
        text[0] = '\0';
    }
    return -1;
}

static bool
use_certificate(SSL_CTX *ssl, const struct tls_settings *settings, struct error *error)
{
    if (!readable("certificate_file", settings->certificate_file, error)) {
        return false;
    }
    return SSL_CTX_use_certificate_chain_file(ssl, settings->certificate_file) == 1 ||
           error_set(error, "certificate_file: %s is not taken: %s; it must hold a certificate, PEM, with its chain",
                     settings->certificate_file, reason());
}

static bool
use_key(SSL_CTX *ssl, const struct tls_settings *settings, struct error *error)
{
    if (!readable("key_file", settings->key_file, error)) {
        return false;
    }
    if (SSL_CTX_use_PrivateKey_file(ssl, settings->key_file, SSL_FILETYPE_PEM) == 1) {
        return SSL_CTX_check_private_key(ssl) == 1 ||
               error_set(error, "key_file: %s does not fit the certificate", settings->key_file);
    }
    if (ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_X509) {
        return error_set(error, "key_file: %s is not the key of %s: %s; name the two that belong together",
                         settings->key_file, settings->certificate_file, reason());
    }
    return error_set(error, "key_file: %s is not taken: %s; it must hold a private key, PEM, without a password",
                     settings->key_file, reason());
}

/* A session that is taken up again would outlive the certificate that it was begun with: clients that show one
 * handshake in full each time. An intermediate authority in the file is trusted by itself: were its root wanted beside
 * it, all others of that root would come along. */
static bool
use_client_ca(SSL_CTX *ssl, const struct tls_settings *settings, struct error *error)
{
    STACK_OF(X509_NAME) * names;

    if (settings->client_ca_file == NULL) {
        return true;
    }
    if (!readable("client_ca_file", settings->client_ca_file, error)) {
        return false;
    }
    names = SSL_load_client_CA_file(settings->client_ca_file);
    if (names == NULL || SSL_CTX_load_verify_file(ssl, settings->client_ca_file) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return error_set(error, "client_ca_file: %s is not taken: %s; it must hold CA certificates, PEM",
                         settings->client_ca_file, reason());
    }
    SSL_CTX_set_client_CA_list(ssl, names); /* becomes its own */
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_verify_depth(ssl, CHAIN_DEPTH_MAX);
    (void)X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl), X509_V_FLAG_PARTIAL_CHAIN); /* cannot fail */
    SSL_CTX_set_max_cert_list(ssl, (long)CLIENT_CHAIN_BYTES);
    SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
    return SSL_CTX_set_num_tickets(ssl, 0) == 1 || error_set(error, "out of memory");
}

static bool
use_ciphers(SSL_CTX *ssl, const struct tls_settings *settings, struct error *error)
{
    const char *list = settings->ciphers == NULL ? CIPHERS : settings->ciphers;
    const STACK_OF(SSL_CIPHER) * ciphers;

    if (SSL_CTX_set_cipher_list(ssl, list) != 1) {
        return error_set(error, "ciphers: \"%.200s\" names none that can be used; `openssl ciphers -v` lists them",
                         list);
    }
    ciphers = SSL_CTX_get_ciphers(ssl);
    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
        const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(ciphers, i);

        if (SSL_CIPHER_get_bits(cipher, NULL) < KEY_BITS_MIN || SSL_CIPHER_get_auth_nid(cipher) == NID_auth_null) {
            return error_set(error, "ciphers: the list lets in %s, which protects nothing; take it out",
                             SSL_CIPHER_get_name(cipher));
        }
    }
    return true;
}

static bool
use_rules(SSL_CTX *ssl, const struct tls_settings *settings, struct error *error)
{
    static const unsigned char session_context[SESSION_CONTEXT_BYTES] = "trunkline";

    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    /* Without it each idle connection would keep some 34 KB of buffers. */
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF); /* tickets do without, and cost no memory */
    SSL_CTX_set_default_passwd_cb(ssl, refuse_password);
    return (SSL_CTX_set_min_proto_version(ssl, settings->minimum == TLS_VERSION_1_3 ? TLS1_3_VERSION
                                                                                    : TLS1_2_VERSION) == 1 &&
            SSL_CTX_set_session_id_context(ssl, session_context, sizeof session_context) == 1) ||
           error_set(error, "OpenSSL does not take our settings: %s", reason());
}

static int64_t
expiry_of(SSL_CTX *ssl)
{
    const X509 *certificate = SSL_CTX_get0_certificate(ssl);
    struct tm end;

    if (certificate == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) {
        return 0;
    }
    return (int64_t)timegm(&end);
}

static bool
use_all(SSL_CTX *ssl, const struct tls_settings *settings, enum tls_part *part, struct error *error)
{
    *part = TLS_CERTIFICATE;
    if (!use_rules(ssl, settings, error) || !use_certificate(ssl, settings, error)) {
        return false;
    }
    *part = TLS_KEY;
    if (!use_key(ssl, settings, error)) {
        return false;
    }
    *part = TLS_CLIENT_CA;
    if (!use_client_ca(ssl, settings, error)) {
        return false;
    }
    *part = TLS_CIPHERS;
    return use_ciphers(ssl, settings, error);
}

struct tls_context *
tls_context_new(const struct tls_settings *settings, enum tls_part *part, struct error *error)
{
    static atomic_uint made;
    struct tls_context *context = calloc(1, sizeof *context);
    enum tls_part at = TLS_CERTIFICATE;

    ERR_clear_error();
    if (context != NULL) {
        context->ssl = SSL_CTX_new(TLS_server_method());
    }
    if (context == NULL || context->ssl == NULL) {
        error_set(error, "out of memory");
    } else if (use_all(context->ssl, settings, &at, error)) {
        context->expires_seconds = expiry_of(context->ssl);
        context->number = atomic_fetch_add(&made, 1) + 1;
        ERR_clear_error();
        return context;
    }
    if (part != NULL) {
        *part = at;
    }
    ERR_clear_error();
    tls_context_free(context);
    return NULL;
}

void
tls_context_free(struct tls_context *context)
{
    if (context == NULL) {
        return;
    }
    SSL_CTX_free(context->ssl);
    free(context);
}

int64_t
tls_context_expires_seconds(const struct tls_context *context)
{
    return context->expires_seconds;
}
