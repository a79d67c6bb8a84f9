/* TLS without a socket: a client of OpenSSL's own and a session of ours, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/tls.h"
#include "unit/openssl_memory.h"
#include "unit/vendor_certificates.h"

#define ROOM 262144

static struct authority ours, theirs;
static char certificate_path[] = "/tmp/test_tls_certificate.XXXXXX";
static char key_path[] = "/tmp/test_tls_key.XXXXXX";
static char ca_path[] = "/tmp/test_tls_ca.XXXXXX";
static const struct tls_settings settings = {
    .certificate_file = certificate_path, .key_file = key_path, .client_ca_file = ca_path};

/* What is on its way to the session, of which it gets `portion` bytes at a time, and from it. */
static struct {
    unsigned char in[ROOM], out[ROOM];
    size_t in_length, in_taken, in_given, portion, out_length;
    bool gone;
} wire;

static size_t
take(void *argument, void *bytes, size_t size)
{
    size_t there = wire.in_given - wire.in_taken;
    size_t taken = size < there ? size : there;

    (void)argument;
    memcpy(bytes, wire.in + wire.in_taken, taken);
    wire.in_taken += taken;
    return taken;
}

static bool
give(void *argument, const void *bytes, size_t length)
{
    (void)argument;
    if (wire.gone || wire.out_length + length > ROOM) {
        return false;
    }
    memcpy(wire.out + wire.out_length, bytes, length);
    wire.out_length += length;
    return true;
}

static const struct tls_wire functions = {take, give};

/* More of what the client has sent arrives; false when all of it has. */
static bool
arrive(void)
{
    size_t left = wire.in_length - wire.in_given;

    wire.in_given += left < wire.portion ? left : wire.portion;
    return left > 0;
}

static void
write_key(EVP_PKEY *key, const char *path)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(fclose(file), 0);
}

static void
write_certificate(X509 *certificate, const char *path)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    assert_int_equal(fclose(file), 0);
}

static int
make_files(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate;

    (void)state;
    close(mkstemp(certificate_path));
    close(mkstemp(key_path));
    close(mkstemp(ca_path));
    authority_make(&ours);
    authority_make(&theirs);
    certificate = certificate_make(key, &ours, "DNS:gateway", 30);
    write_certificate(certificate, certificate_path);
    write_key(key, key_path);
    authority_write(&theirs, ca_path);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return 0;
}

static int
remove_files(void **state)
{
    (void)state;
    authority_free(&ours);
    authority_free(&theirs);
    return unlink(certificate_path) != 0 || unlink(key_path) != 0 || unlink(ca_path) != 0;
}

/* A client that shows a certificate of those names; NULL: none. */
static SSL *
client_new(const char *names)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *client;

    assert_non_null(context);
    assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ours.certificate), 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (names != NULL) {
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509 *certificate = certificate_make(key, &theirs, names, 30);

        assert_int_equal(SSL_CTX_use_certificate(context, certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
    client = SSL_new(context);
    SSL_CTX_free(context);
    assert_non_null(client);
    SSL_set_bio(client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(client);
    return client;
}

/* Moves what either side has written to the other. */
static void
exchange(SSL *client)
{
    int length = BIO_read(SSL_get_wbio(client), wire.in + wire.in_length, (int)(ROOM - wire.in_length));

    wire.in_length += length > 0 ? (size_t)length : 0;
    if (wire.out_length > 0) {
        assert_int_equal(BIO_write(SSL_get_rbio(client), wire.out, (int)wire.out_length), (int)wire.out_length);
        wire.out_length = 0;
    }
}

static struct tls_context *
context_new(const char *client_ca_file)
{
    struct tls_settings changed = settings;
    struct error error = {{0}};
    struct tls_context *context;

    changed.client_ca_file = client_ca_file;
    context = tls_context_new(&changed, NULL, &error);
    assert_string_equal(error.text, "");
    assert_non_null(context);
    return context;
}

static struct tls_session *
session_new(size_t portion)
{
    struct tls_context *context = context_new(ca_path);
    struct tls_session *session;

    memset(&wire, 0, sizeof wire);
    wire.portion = portion;
    session = tls_session_new(context, &functions, NULL);
    assert_non_null(session);
    tls_context_free(context); /* the session needs it no more */
    return session;
}

static enum tls_progress
shake(struct tls_session *session, SSL *client, struct error *error)
{
    enum tls_progress progress = TLS_WAITS;

    for (int round = 0; round < 20 && progress == TLS_WAITS; round++) {
        (void)SSL_do_handshake(client);
        exchange(client);
        do {
            progress = tls_handshake(session, error);
        } while (progress == TLS_WAITS && arrive());
    }
    exchange(client);
    return progress;
}

static void
bytes_come_in_any_portions(void **state)
{
    static const size_t portions[] = {1, 7, 1000, ROOM};
    static char text[50000], read[60000];

    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < sizeof portions / sizeof *portions; i++) {
        struct tls_session *session = session_new(portions[i]);
        SSL *client = client_new(NULL);
        struct error error = {{0}};
        enum tls_progress progress;
        size_t length = 0;
        size_t total = 0;

        assert_false(tls_begun(session));
        assert_int_equal(shake(session, client, &error), TLS_DONE);
        assert_true(tls_begun(session));
        assert_false(tls_certified(session));
        assert_false(tls_certified_as(session, (struct slice)SLICE("gateway")));

        assert_int_equal(SSL_write(client, text, sizeof text), (int)sizeof text);
        assert_int_equal(SSL_shutdown(client), 0);
        exchange(client);
        do {
            progress = tls_read(session, read + total, sizeof read - total, &length);
            total += length;
        } while (progress == TLS_DONE || (progress == TLS_WAITS && arrive()));
        assert_int_equal(progress, TLS_ENDED);
        assert_int_equal(total, sizeof text);
        assert_memory_equal(read, text, total);

        /* Its half is ended, ours is not. */
        assert_true(tls_write(session, slice_make(text, sizeof text)));
        tls_end(session);
        tls_end(session);
        exchange(client);
        total = 0;
        while (SSL_read_ex(client, read, sizeof read, &length) == 1) {
            total += length;
        }
        assert_int_equal(total, sizeof text);
        assert_int_equal(SSL_get_shutdown(client) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
        SSL_free(client);
        tls_session_free(session);
    }
}

static void
names_are_those_of_the_certificate(void **state)
{
    struct tls_session *session = session_new(ROOM);
    SSL *client = client_new("DNS:one.example,DNS:two.example,IP:127.0.0.1");
    struct error error = {{0}};

    (void)state;
    assert_int_equal(shake(session, client, &error), TLS_DONE);
    assert_true(tls_certified(session));
    assert_true(tls_certified_as(session, (struct slice)SLICE("one.example")));
    assert_true(tls_certified_as(session, (struct slice)SLICE("two.example")));
    assert_false(tls_certified_as(session, (struct slice)SLICE("server"))); /* the common name */
    assert_false(tls_certified_as(session, (struct slice)SLICE("two.exampl")));
    assert_false(tls_certified_as(session, (struct slice)SLICE("two.example.com")));
    assert_false(tls_certified_as(session, slice_make("one.example\0two.example", 23)));
    assert_false(tls_certified_as(session, (struct slice){NULL, 0}));
    SSL_free(client);
    tls_session_free(session);
}

/* Held against a client CA of another file; NULL: none. */
static bool
certified_under(struct tls_session *session, const char *client_ca_file)
{
    struct tls_context *context = context_new(client_ca_file);

    assert_true(tls_judge_anew(session, context));
    assert_true(tls_judge_anew(session, context));
    tls_context_free(context);
    return tls_certified(session);
}

static void
a_certificate_is_judged_by_the_latest_context(void **state)
{
    struct tls_session *session = session_new(ROOM);
    SSL *client = client_new("DNS:one.example");
    struct error error = {{0}};

    (void)state;
    assert_int_equal(shake(session, client, &error), TLS_DONE);
    assert_true(certified_under(session, ca_path));
    assert_false(tls_outdated(session));
    assert_false(certified_under(session, certificate_path)); /* of another CA */
    assert_true(tls_outdated(session));
    assert_false(certified_under(session, NULL));
    assert_true(tls_outdated(session));
    assert_true(certified_under(session, ca_path));
    assert_false(tls_outdated(session));
    assert_true(tls_certified_as(session, (struct slice)SLICE("one.example")));
    SSL_free(client);
    tls_session_free(session);
}

static void
without_a_certificate_there_is_nothing_to_judge(void **state)
{
    struct tls_session *session = session_new(ROOM);
    SSL *client = client_new(NULL);
    struct error error = {{0}};

    (void)state;
    assert_int_equal(shake(session, client, &error), TLS_DONE);
    assert_false(tls_outdated(session));
    assert_false(certified_under(session, ca_path));
    assert_true(tls_outdated(session)); /* it might show one now */
    SSL_free(client);
    tls_session_free(session);
}

/* As long as memory is out nobody is told that he may not come, and nobody is let in. */
static void
without_memory_it_is_not_judged(void **state)
{
    struct tls_session *session = session_new(ROOM);
    SSL *client = client_new("DNS:one.example");
    struct error error = {{0}};
    unsigned shortages = 0;
    bool judged = false;

    (void)state;
    assert_int_equal(shake(session, client, &error), TLS_DONE);
    for (long allocations = 0; !judged; allocations++) {
        struct tls_context *context = context_new(ca_path);

        openssl_allocations_failed = 0;
        openssl_allocations_left = allocations;
        judged = tls_judge_anew(session, context);
        openssl_allocations_left = -1;
        assert_int_equal(tls_certified(session), judged);
        assert_int_equal(tls_outdated(session), !judged); /* a new connection is the way out */
        assert_true(judged || openssl_allocations_failed > 0);
        shortages += judged ? 0 : 1;
        tls_context_free(context);
    }
    assert_true(shortages > 3);
    SSL_free(client);
    tls_session_free(session);
}

static void
what_is_no_tls_is_told(void **state)
{
    static const struct {
        const char *bytes;
        bool plain_http;
    } rows[] = {
        {"POST /callbacks/yeta HTTP/1.1\r\n", true}, {"GET / HTTP/1.0\r\n\r\n", true}, {"SSH-2.0-x\r\n", false}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tls_session *session = session_new(ROOM);
        struct error error = {{0}};

        wire.in_length = strlen(rows[i].bytes);
        memcpy(wire.in, rows[i].bytes, wire.in_length);
        assert_true(arrive());
        assert_int_equal(tls_handshake(session, &error), TLS_BROKEN);
        assert_int_equal(tls_met_plain_http(session), rows[i].plain_http);
        assert_true(strlen(error.text) > 0);
        tls_session_free(session);
    }
}

static void
a_broken_record_ends_it(void **state)
{
    struct tls_session *session = session_new(ROOM);
    SSL *client = client_new(NULL);
    struct error error = {{0}};
    char read[100];
    size_t length;

    (void)state;
    assert_int_equal(shake(session, client, &error), TLS_DONE);
    assert_int_equal(SSL_write(client, "hello", 5), 5);
    exchange(client);
    wire.in[wire.in_length - 1] ^= 1;
    (void)arrive();
    assert_int_equal(tls_read(session, read, sizeof read, &length), TLS_BROKEN);
    assert_int_equal(length, 0);
    SSL_free(client);
    tls_session_free(session);
}

static void
a_client_that_is_gone_is_told(void **state)
{
    struct tls_session *session = session_new(ROOM);
    SSL *client = client_new(NULL);
    struct error error = {{0}};

    (void)state;
    assert_int_equal(shake(session, client, &error), TLS_DONE);
    wire.gone = true;
    assert_false(tls_write(session, (struct slice)SLICE("answer")));
    tls_end(session);
    SSL_free(client);
    tls_session_free(session);
}

static void
faults_name_their_setting(void **state)
{
    static const struct {
        struct tls_settings settings;
        enum tls_part part;
    } rows[] = {
        {{.certificate_file = "/nowhere", .key_file = key_path}, TLS_CERTIFICATE},
        {{.certificate_file = key_path, .key_file = key_path}, TLS_CERTIFICATE},
        {{.certificate_file = certificate_path, .key_file = certificate_path}, TLS_KEY},
        {{.certificate_file = ca_path, .key_file = key_path}, TLS_KEY},
        {{.certificate_file = certificate_path, .key_file = key_path, .client_ca_file = key_path}, TLS_CLIENT_CA},
        {{.certificate_file = certificate_path, .key_file = key_path, .ciphers = "NONE"}, TLS_CIPHERS},
        {{.certificate_file = certificate_path, .key_file = key_path, .ciphers = "aNULL:HIGH@SECLEVEL=0"}, TLS_CIPHERS},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {{0}};
        enum tls_part part = TLS_CERTIFICATE;

        assert_null(tls_context_new(&rows[i].settings, &part, &error));
        assert_int_equal(part, rows[i].part);
        assert_true(strlen(error.text) > 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_in_any_portions),
        cmocka_unit_test(names_are_those_of_the_certificate),
        cmocka_unit_test(a_certificate_is_judged_by_the_latest_context),
        cmocka_unit_test(without_a_certificate_there_is_nothing_to_judge),
        cmocka_unit_test(without_memory_it_is_not_judged),
        cmocka_unit_test(what_is_no_tls_is_told),
        cmocka_unit_test(a_broken_record_ends_it),
        cmocka_unit_test(a_client_that_is_gone_is_told),
        cmocka_unit_test(faults_name_their_setting),
    };

    return openssl_memory_begin() ? cmocka_run_group_tests(tests, make_files, remove_files) : 1;
}
