/* Connections' sessions: OpenSSL reads and writes through two callbacks, so it never sees a socket. */
#include "base/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/tls_context.h"

#define NAMES_MAX       256
#define NAMES_BYTES_MAX ((size_t)16 * 1024)
#define NO_EXTENSION    (-1) /* as OpenSSL tells it, in place of whether it is a critical one */

struct tls_session {
    SSL *ssl;
    const struct tls_wire *wire;
    void *argument;
    bool begun;      /* something has arrived */
    bool plain_http; /* and it was that */
    bool end_told;
    bool certified;
    bool outdated;
    unsigned judged_by; /* the number of the context that the certificate was held against last */
    char *names;        /* of the certificate, each followed by a NUL; NULL: none */
    size_t names_length;
};

/* --- the wire, as OpenSSL has it --- */

static BIO_METHOD *wire_method;

static int
wire_read(BIO *bio, char *bytes, int size)
{
    struct tls_session *session = BIO_get_data(bio);
    size_t length = size <= 0 ? 0 : session->wire->take(session->argument, bytes, (size_t)size);

    BIO_clear_retry_flags(bio);
    if (length == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    session->begun = true;
    return (int)length;
}

static int
wire_write(BIO *bio, const char *bytes, int length)
{
    struct tls_session *session = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    return length > 0 && session->wire->give(session->argument, bytes, (size_t)length) ? length : -1;
}

static long
wire_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static void
make_wire_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");

    if (method != NULL && BIO_meth_set_read(method, wire_read) == 1 && BIO_meth_set_write(method, wire_write) == 1 &&
        BIO_meth_set_ctrl(method, wire_control) == 1) {
        wire_method = method;
        return;
    }
    BIO_meth_free(method);
}

/* --- a session's life --- */

struct tls_session *
tls_session_new(const struct tls_context *context, const struct tls_wire *wire, void *argument)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct tls_session *session;
    BIO *bio;

    (void)pthread_once(&once, make_wire_method);
    session = wire_method == NULL ? NULL : calloc(1, sizeof *session);
    if (session == NULL) {
        return NULL;
    }
    session->wire = wire;
    session->argument = argument;
    session->judged_by = context->number;
    session->ssl = SSL_new(context->ssl);
    bio = session->ssl == NULL ? NULL : BIO_new(wire_method);
    if (bio == NULL) {
        ERR_clear_error();
        tls_session_free(session);
        return NULL;
    }
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    SSL_set_bio(session->ssl, bio, bio);
    SSL_set_accept_state(session->ssl);
    return session;
}

void
tls_session_free(struct tls_session *session)
{
    if (session == NULL) {
        return;
    }
    SSL_free(session->ssl);
    free(session->names);
    free(session);
}

/* --- who the other end is --- */

/* A name with a NUL in it would be compared as a shorter one: it counts as none. */
static void
add_name(struct tls_session *session, const ASN1_STRING *text)
{
    unsigned char *name = NULL;
    int length = ASN1_STRING_to_UTF8(&name, text);

    if (length > 0 && memchr(name, '\0', (size_t)length) == NULL &&
        session->names_length + (size_t)length + 1 <= NAMES_BYTES_MAX) {
        memcpy(session->names + session->names_length, name, (size_t)length + 1);
        session->names_length += (size_t)length + 1;
    }
    OPENSSL_free(name);
}

/* *found: there are some. false when out of memory: what cannot be read has been refused with the certificate. */
static bool
add_dns_names(struct tls_session *session, const X509 *certificate, bool *found)
{
    int critical;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, NULL);

    *found = false;

    for (int i = 0; i < sk_GENERAL_NAME_num(names) && i < NAMES_MAX; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type == GEN_DNS) {
            add_name(session, name->d.dNSName);
            *found = true;
        }
    }
    GENERAL_NAMES_free(names);
    return names != NULL || critical == NO_EXTENSION;
}

static void
add_common_name(struct tls_session *session, X509 *certificate)
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

    if (at >= 0) {
        add_name(session, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    }
}

/* Read once, so that a request has only to compare. false when out of memory. */
static bool
note_identity(struct tls_session *session)
{
    X509 *certificate = SSL_get0_peer_certificate(session->ssl);
    char *fitting;
    bool found;

    if (certificate == NULL || SSL_get_verify_result(session->ssl) != X509_V_OK) {
        return true;
    }
    session->names = malloc(NAMES_BYTES_MAX);
    if (session->names == NULL || !add_dns_names(session, certificate, &found)) {
        return false;
    }
    if (!found) {
        add_common_name(session, certificate);
    }
    fitting = realloc(session->names, session->names_length + 1);
    session->names = fitting == NULL ? session->names : fitting;
    session->certified = true;
    return true;
}

/* What the handshake has found sound does not break: OpenSSL itself has failed, mostly for want of memory, which it
 * does not always tell. Or a CA of the same name has another key now; which of the two, the next handshake tells. */
static bool
says_nothing(int error)
{
    return error == X509_V_ERR_UNSPECIFIED || error == X509_V_ERR_OUT_OF_MEM ||
           error == X509_V_ERR_CERT_SIGNATURE_FAILURE || error == X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY ||
           error == X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD || error == X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD;
}

/* What OpenSSL has noted since its notes were cleared. */
static bool
memory_was_out(void)
{
    bool out = false;

    for (unsigned long code = ERR_get_error(); code != 0; code = ERR_get_error()) {
        out = out || ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
    }
    return out;
}

/* As a handshake does it. Whether that could be done; *good is what came of it. */
static bool
verify(X509_STORE_CTX *work, const struct tls_session *session, const struct tls_context *context, bool *good)
{
    X509_VERIFY_PARAM *rules;

    if (work == NULL ||
        X509_STORE_CTX_init(work, SSL_CTX_get_cert_store(context->ssl), SSL_get0_peer_certificate(session->ssl),
                            SSL_get_peer_cert_chain(session->ssl)) != 1 ||
        X509_STORE_CTX_set_default(work, "ssl_client") != 1) {
        return false;
    }
    rules = X509_STORE_CTX_get0_param(work);
    X509_VERIFY_PARAM_set_auth_level(rules, SSL_CTX_get_security_level(context->ssl));
    if (X509_VERIFY_PARAM_set1(rules, SSL_CTX_get0_param(context->ssl)) != 1) {
        return false;
    }
    *good = X509_verify_cert(work) == 1;
    return *good || (!memory_was_out() && !says_nothing(X509_STORE_CTX_get_error(work)));
}

bool
tls_judge_anew(struct tls_session *session, const struct tls_context *context)
{
    bool judged = true;
    bool good = false;

    if (session->judged_by == context->number) {
        return true;
    }
    if (session->names != NULL) {
        X509_STORE_CTX *work = X509_STORE_CTX_new();

        ERR_clear_error();
        judged = verify(work, session, context, &good);
        X509_STORE_CTX_free(work);
        ERR_clear_error();
    }
    session->certified = good;
    session->outdated = !good;
    session->judged_by = judged ? context->number : session->judged_by;
    return judged;
}

bool
tls_outdated(const struct tls_session *session)
{
    return session->outdated;
}

bool
tls_certified(const struct tls_session *session)
{
    return session->certified;
}

bool
tls_certified_as(const struct tls_session *session, struct slice name)
{
    for (size_t at = 0; at < session->names_length; at += strlen(session->names + at) + 1) {
        if (slice_is(name, session->names + at)) {
            return true;
        }
    }
    return false;
}

/* --- what goes over it --- */

/* Why a handshake failed, in words for the log; nothing in them is a secret. */
static void
explain(struct tls_session *session, struct error *error)
{
    unsigned long code = ERR_peek_error();
    int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
    long verdict = SSL_get_verify_result(session->ssl);
    const char *text = ERR_reason_error_string(code);

    if (reason == SSL_R_HTTP_REQUEST) {
        session->plain_http = true;
        error_set(error, "the client speaks plain HTTP; give it a URL that begins with https://");
    } else if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        error_set(error, "its certificate is not accepted: %s", X509_verify_cert_error_string(verdict));
    } else if (text == NULL) {
        error_set(error, "the client is gone");
    } else if (reason > SSL_AD_REASON_OFFSET) {
        error_set(error, "the client does not accept ours: %s", text);
    } else {
        error_set(error, "%s", text);
    }
}

enum tls_progress
tls_handshake(struct tls_session *session, struct error *error)
{
    int result;

    ERR_clear_error();
    result = SSL_do_handshake(session->ssl);
    if (result == 1) {
        if (note_identity(session)) {
            ERR_clear_error();
            return TLS_DONE;
        }
        error_set(error, "out of memory");
        return TLS_BROKEN;
    }
    if (SSL_get_error(session->ssl, result) == SSL_ERROR_WANT_READ) {
        return TLS_WAITS;
    }
    explain(session, error);
    ERR_clear_error();
    return TLS_BROKEN;
}

bool
tls_begun(const struct tls_session *session)
{
    return session->begun;
}

bool
tls_met_plain_http(const struct tls_session *session)
{
    return session->plain_http;
}

enum tls_progress
tls_read(struct tls_session *session, void *bytes, size_t size, size_t *length)
{
    int failure;

    ERR_clear_error();
    if (SSL_read_ex(session->ssl, bytes, size, length) == 1) {
        return TLS_DONE;
    }
    *length = 0;
    failure = SSL_get_error(session->ssl, 0);
    ERR_clear_error();
    switch (failure) {
    case SSL_ERROR_WANT_READ:
        return TLS_WAITS;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_ENDED;
    default:
        return TLS_BROKEN;
    }
}

bool
tls_write(struct tls_session *session, struct slice bytes)
{
    size_t written = 0;
    bool good;

    ERR_clear_error();
    good = bytes.length == 0 || SSL_write_ex(session->ssl, bytes.data, bytes.length, &written) == 1;
    ERR_clear_error();
    return good;
}

void
tls_end(struct tls_session *session)
{
    if (session->end_told) {
        return;
    }
    session->end_told = true;
    ERR_clear_error();
    /* What the other end then says is read, or not, like all that it says: there is nothing to wait for. */
    (void)SSL_shutdown(session->ssl);
    ERR_clear_error();
}
