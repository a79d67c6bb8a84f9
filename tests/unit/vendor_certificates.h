/* Certificates for tests: an authority of our own, and servers' certificates that it has signed. */
#pragma once

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY_SECONDS (24L * 60 * 60)

struct authority {
    EVP_PKEY *key;
    X509 *certificate;
};

static inline void
certificate_or_die(int fine, const char *what)
{
    if (!fine) {
        fprintf(stderr, "%s failed\n", what);
        abort();
    }
}

static inline void
certificate_extend(X509 *certificate, int what, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, what, value);

    certificate_or_die(extension != NULL && X509_add_ext(certificate, extension, -1) == 1, "X509_add_ext");
    X509_EXTENSION_free(extension);
}

/* Valid from a year ago until in so many days. names: "DNS:localhost,IP:127.0.0.1"; NULL makes an authority. Signed by
 * signer; NULL: by itself. */
static inline X509 *
certificate_make(EVP_PKEY *key, const struct authority *signer, const char *names, long days)
{
    static long serial;
    X509 *certificate = X509_new();
    X509_NAME *name;

    certificate_or_die(certificate != NULL, "X509_new");
    name = X509_get_subject_name(certificate);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    certificate_or_die(X509_set_version(certificate, 2) == 1 && X509_set_pubkey(certificate, key) == 1 &&
                           X509_gmtime_adj(X509_getm_notBefore(certificate), -365 * DAY_SECONDS) != NULL &&
                           X509_gmtime_adj(X509_getm_notAfter(certificate), days * DAY_SECONDS) != NULL &&
                           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                                      (const unsigned char *)(names == NULL ? "authority" : "server"),
                                                      -1, -1, 0) == 1,
                       "certificate");
    certificate_or_die(
        X509_set_issuer_name(certificate, signer == NULL ? name : X509_get_subject_name(signer->certificate)) == 1,
        "issuer");
    certificate_extend(certificate, NID_basic_constraints, names == NULL ? "critical,CA:TRUE" : "CA:FALSE");
    if (names != NULL) {
        certificate_extend(certificate, NID_subject_alt_name, names);
    }
    certificate_or_die(X509_sign(certificate, signer == NULL ? key : signer->key, EVP_sha256()) > 0, "X509_sign");
    return certificate;
}

static inline void
authority_make(struct authority *authority)
{
    authority->key = EVP_EC_gen("P-256");
    certificate_or_die(authority->key != NULL, "EVP_EC_gen");
    authority->certificate = certificate_make(authority->key, NULL, NULL, 365);
}

static inline void
authority_free(struct authority *authority)
{
    X509_free(authority->certificate);
    EVP_PKEY_free(authority->key);
}

/* Writes its certificate to a file. */
static inline void
authority_write(const struct authority *authority, const char *path)
{
    FILE *file = fopen(path, "w");

    certificate_or_die(file != NULL && PEM_write_X509(file, authority->certificate) == 1 && fclose(file) == 0, path);
}

/* What a server needs; signer NULL: self-signed. */
static inline SSL_CTX *
certificate_server(const struct authority *signer, const char *names, long days)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate;

    certificate_or_die(tls != NULL && key != NULL, "SSL_CTX_new");
    certificate = certificate_make(key, signer, names, days);
    certificate_or_die(SSL_CTX_use_certificate(tls, certificate) == 1 && SSL_CTX_use_PrivateKey(tls, key) == 1,
                       "SSL_CTX_use_certificate");
    X509_free(certificate);
    EVP_PKEY_free(key);
    return tls;
}
