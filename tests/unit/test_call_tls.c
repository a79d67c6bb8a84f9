/* Calls over TLS: who is spoken to, and who is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "unit/call_fixture.h"
#include "unit/vendor_certificates.h"

static struct authority authority;

/* With TLS's own good-bye. */
static void
serve_text_and_bye(struct visit *visit)
{
    if (visit_read_request(visit) && visit_text(visit, visit->vendor->argument)) {
        SSL_shutdown(visit->ssl);
        visit_wait(visit);
    }
}

static void
serve_reset(struct visit *visit)
{
    if (visit_read_request(visit)) {
        visit_reset(visit);
    }
}

/* Never gets as far as TLS. */
static void
serve_silence(struct visit *visit)
{
    visit_wait(visit);
}

static int
setup(void **state)
{
    struct fixture *fixture;
    char path[128];

    if (fixture_setup(state) != 0) {
        return -1;
    }
    fixture = *state;
    authority_make(&authority);
    (void)snprintf(path, sizeof path, "%s/ca.pem", fixture->directory);
    authority_write(&authority, path);
    fixture_close_caller(fixture);
    fixture_open_caller(fixture, path);
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *fixture = *state;
    char path[128];

    (void)snprintf(path, sizeof path, "%s/ca.pem", fixture->directory);
    (void)unlink(path);
    authority_free(&authority);
    return fixture_teardown(state);
}

static void
answered(void **state)
{
    struct fixture *fixture = *state;
    SSL_CTX *tls = certificate_server(&authority, "DNS:localhost,IP:127.0.0.1", 30);
    struct vendor *vendor = vendor_start(serve_text, tls, OK_HEAD "Content-Length: 2\r\n\r\nhi");
    struct call_request request = request_to(vendor, "/");
    char url[64];

    call_once(fixture, &request);
    assert_answered(fixture, 200, "hi");
    (void)snprintf(url, sizeof url, "https://localhost:%u/", vendor->port);
    request.url = slice_from(url);
    call_once(fixture, &request);
    assert_answered(fixture, 200, "hi");
    assert_int_equal(vendor->requests, 2);
    assert_int_equal(vendor->visits, 2);
    vendor_stop(vendor);
    SSL_CTX_free(tls);
}

/* Larger than what TLS takes at once, and than what libcurl sends with the head. */
static void
a_large_body(void **state)
{
    static char body[200000];
    struct fixture *fixture = *state;
    SSL_CTX *tls = certificate_server(&authority, "IP:127.0.0.1", 30);
    struct vendor *vendor = vendor_start(serve_text, tls, OK_HEAD "Content-Length: 2\r\n\r\nhi");
    struct call_request request = request_to(vendor, "/");

    for (size_t i = 0; i < sizeof body; i++) {
        body[i] = (char)(i * 7);
    }
    request.body = slice_make(body, sizeof body);
    call_once(fixture, &request);
    assert_answered(fixture, 200, "hi");
    assert_bytes_equal(slice_make(vendor->request + vendor->head_length, vendor->request_length - vendor->head_length),
                       request.body);
    vendor_stop(vendor);
    SSL_CTX_free(tls);
}

/* Who is not who the URL says gets no byte of the request. */
static void
not_trusted(void **state)
{
    static const struct {
        const char *names;
        long days;
        enum { OURS, ITS_OWN, ANOTHER } signer;
        const char *reason;
    } rows[] = {
        {"DNS:localhost", 30, OURS, "127.0.0.1"}, {"DNS:*.0.0.1,DNS:127.0.0.1", 30, OURS, "127.0.0.1"},
        {"IP:127.0.0.1", -1, OURS, "expired"},    {"IP:127.0.0.1", 30, ITS_OWN, "certificate"},
        {"IP:127.0.0.1", 30, ANOTHER, "OpenSSL"},
    };
    struct fixture *fixture = *state;
    struct authority another;

    authority_make(&another);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct authority *const signers[] = {&authority, NULL, &another};
        SSL_CTX *tls = certificate_server(signers[rows[i].signer], rows[i].names, rows[i].days);
        struct vendor *vendor = vendor_start(serve_text, tls, OK_HEAD "Content-Length: 2\r\n\r\nhi");
        struct call_request request = request_to(vendor, "/?secret=1");
        unsigned visits, requests;

        call_once(fixture, &request);
        if (fixture->ended.outcome.end != CALL_NOT_SENT || strstr(fixture->ended.reason, rows[i].reason) == NULL ||
            strstr(fixture->ended.reason, "secret") != NULL || fixture->ended.outcome.timed_out) {
            fail_msg("row %zu: %s \"%s\"", i, call_ends[fixture->ended.outcome.end], fixture->ended.reason);
        }
        vendor_stop_counting(vendor, &visits, &requests);
        assert_int_equal(visits, 1);
        assert_int_equal(requests, 0);
        SSL_CTX_free(tls);
    }
    authority_free(&another);
}

/* ca_file replaces what the system trusts; and the system does not trust our authority. */
static void
the_systems_authorities(void **state)
{
    struct fixture *fixture = *state;
    SSL_CTX *tls = certificate_server(&authority, "IP:127.0.0.1", 30);
    struct vendor *vendor = vendor_start(serve_text, tls, OK_HEAD "Content-Length: 2\r\n\r\nhi");
    struct call_request request = request_to(vendor, "/");

    fixture_close_caller(fixture);
    fixture_open_caller(fixture, NULL);
    call_once(fixture, &request);
    assert_ended(fixture, CALL_NOT_SENT, false, "certificate");
    assert_int_equal(vendor->requests, 0);
    vendor_stop(vendor);
    SSL_CTX_free(tls);
}

static void
speaks_no_tls(void **state)
{
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_silence, NULL, NULL);
    struct call_request request;
    char url[64];

    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/", vendor->port);
    request = request_of(url);
    request.timeouts.resolve_connect_ms = 50;
    call_once(fixture, &request);
    assert_ended(fixture, CALL_NOT_SENT, true, "timeout");
    vendor_stop(vendor);
}

static void
the_lease_ends_in_the_handshake(void **state)
{
    struct fixture *fixture = *state;
    SSL_CTX *tls = certificate_server(&authority, "IP:127.0.0.1", 30);
    struct vendor *vendor = vendor_start(serve_text, tls, OK_HEAD "Content-Length: 2\r\n\r\nhi");
    struct call_request request = request_to(vendor, "/");
    unsigned visits, requests;

    request.lease_ns = fixture->clock.boottime_ns++;
    call_once(fixture, &request);
    assert_ended(fixture, CALL_LEASE_OVER, false, "lease");
    vendor_stop_counting(vendor, &visits, &requests);
    assert_int_equal(visits, 1);
    assert_int_equal(requests, 0);
    SSL_CTX_free(tls);
}

static void
cut(void **state)
{
    static const struct {
        void (*serve)(struct visit *visit);
        const char *text;
        enum call_end end;
    } rows[] = {
        {serve_reset, "", CALL_UNANSWERED},
        {serve_text_and_close, "", CALL_UNANSWERED},
        {serve_text_and_bye, OK_HEAD "\r\nto the end", CALL_ANSWERED},
        {serve_text_and_close, OK_HEAD "\r\nto the e", CALL_ANSWERED}, /* libcurl asks for no good-bye */
        {serve_text_and_close, OK_HEAD "Content-Length: 3\r\n\r\nab", CALL_BROKEN},
    };
    struct fixture *fixture = *state;
    SSL_CTX *tls = certificate_server(&authority, "IP:127.0.0.1", 30);

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vendor *vendor = vendor_start(rows[i].serve, tls, rows[i].text);
        struct call_request request = request_to(vendor, "/");

        call_once(fixture, &request);
        if (fixture->ended.outcome.end != rows[i].end || vendor->requests != 1 || vendor->visits != 1) {
            fail_msg("row %zu: %s \"%s\", %u requests", i, call_ends[fixture->ended.outcome.end], fixture->ended.reason,
                     vendor->requests);
        }
        vendor_stop(vendor);
    }
    SSL_CTX_free(tls);
}

/* OpenSSL's own settings would refuse what we are to refuse: these let it pass. Before OpenSSL is used at all. */
static bool
trust_in_old_versions(void)
{
    static const char text[] = "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n"
                               "[c]\nMinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n";
    static char path[] = "/tmp/test_call_tls.XXXXXX";
    int file = mkstemp(path);
    bool fine = file >= 0 && write(file, text, sizeof text - 1) == (ssize_t)sizeof text - 1 && close(file) == 0 &&
                setenv("OPENSSL_CONF", path, 1) == 0 && OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, NULL) == 1;

    (void)unlink(path);
    return fine;
}

/* TLS that is older than 1.2, which the server would speak. */
static void
old_versions(void **state)
{
    struct fixture *fixture = *state;
    SSL_CTX *tls = certificate_server(&authority, "IP:127.0.0.1", 30);
    struct vendor *vendor;
    struct call_request request;

    assert_int_equal(SSL_CTX_set_min_proto_version(tls, TLS1_VERSION), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(tls, TLS1_1_VERSION), 1);
    assert_int_equal(SSL_CTX_set_cipher_list(tls, "ALL:@SECLEVEL=0"), 1);
    vendor = vendor_start(serve_text, tls, OK_HEAD "Content-Length: 2\r\n\r\nhi");
    request = request_to(vendor, "/");
    call_once(fixture, &request);
    assert_ended(fixture, CALL_NOT_SENT, false, "");
    vendor_stop(vendor);
    SSL_CTX_free(tls);
}

static void
many(void **state)
{
    static const unsigned count = 50;
    struct fixture *fixture = *state;
    SSL_CTX *tls = certificate_server(&authority, "IP:127.0.0.1", 30);
    struct vendor *vendor = vendor_start(serve_text, tls, OK_HEAD "Content-Length: 2\r\n\r\nhi");
    struct call_request request = request_to(vendor, "/");

    for (unsigned i = 0; i < count; i++) {
        (void)start(fixture, &request);
    }
    run_until(fixture, count);
    assert_int_equal(fixture->ended.answered, count);
    assert_int_equal(vendor->requests, count);
    vendor_stop(vendor);
    SSL_CTX_free(tls);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(answered),      TEST(a_large_body),
        TEST(not_trusted),   TEST(the_systems_authorities),
        TEST(speaks_no_tls), TEST(the_lease_ends_in_the_handshake),
        TEST(cut),           TEST(old_versions),
        TEST(many),
    };

    (void)signal(SIGPIPE, SIG_IGN); /* as every process of ours does */
    if (!trust_in_old_versions()) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
