/* Calls: what exactly is sent, that it is sent once, and when nothing is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>

#include "unit/call_fixture.h"

/* Keeps the connection and answers as many requests as come on it. */
static void
serve_all(struct visit *visit)
{
    while (visit_read_request(visit) && visit_text(visit, visit->vendor->argument)) {
    }
}

/* A request comes first: closing with one unread would be a reset. */
static void
serve_reset(struct visit *visit)
{
    if (visit_read_request(visit)) {
        visit_reset(visit);
    }
}

/* --- what was sent --- */

static void
sent_exactly(void **state)
{
    static const char body[] = "{\"n\":\"\0\xe4\xbd\xa0\xe5\xa5\xbd\xff\r\n\"}";
    static const struct call_header headers[] = {
        {SLICE("m7-sign"), SLICE("lmw+/w=;,\"x\"")},
        {SLICE("Content-Type"), SLICE("application/json")},
        {SLICE("X-Empty"), {NULL, 0}},
        {SLICE("X-Blank"), SLICE(" \t")},
        {SLICE("X-Same"), SLICE("1")},
        {SLICE("X-Same"), SLICE("2")},
    };
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_text, NULL, OK_ANSWER);
    struct call_request request = request_to(vendor, "/a/../b//c/%2f?token=x&y=%20");
    char expected[1024];
    int length;

    request.headers = headers;
    request.header_count = sizeof headers / sizeof *headers;
    request.body = slice_make(body, sizeof body - 1);
    call_once(fixture, &request);
    assert_answered(fixture, 200, "{\"a\":1}");
    length = snprintf(
        expected, sizeof expected,
        "POST /a/../b//c/%%2f?token=x&y=%%20 HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: trunkline/" TRUNKLINE_VERSION
        "\r\nm7-sign: lmw+/w=;,\"x\"\r\nContent-Type: application/json\r\nX-Empty:\r\nX-Blank:\r\nX-Same: "
        "1\r\nX-Same: 2\r\nContent-Length: %zu\r\n\r\n",
        vendor->port, sizeof body - 1);
    assert_true(length > 0 && (size_t)length < sizeof expected);
    assert_bytes_equal(slice_make(vendor->request, vendor->head_length), slice_from(expected));
    assert_bytes_equal(slice_make(vendor->request + vendor->head_length, vendor->request_length - vendor->head_length),
                       request.body);
    vendor_stop(vendor);
}

static void
methods(void **state)
{
    static const struct {
        const char *method, *body, *tail;
    } rows[] = {
        {"GET", "", "\r\n"},
        {"POST", "", "Content-Length: 0\r\n\r\n"},
        {"PUT", "x", "Content-Length: 1\r\n\r\nx"},
        {"DELETE", "", "Content-Length: 0\r\n\r\n"},
    };
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_text, NULL, OK_ANSWER);

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct call_request request = request_to(vendor, "");
        char expected[512];

        request.method = slice_from(rows[i].method);
        request.body = slice_from(rows[i].body);
        call_once(fixture, &request);
        assert_answered(fixture, 200, "{\"a\":1}");
        (void)snprintf(expected, sizeof expected, "%s / HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: %s\r\n%s",
                       rows[i].method, vendor->port, "trunkline/" TRUNKLINE_VERSION, rows[i].tail);
        assert_bytes_equal(slice_make(vendor->request, vendor->request_length), slice_from(expected));
    }
    assert_int_equal(vendor->requests, 4);
    vendor_stop(vendor);
}

/* Larger than what libcurl sends together with the head, than what it sends without asking whether it may, and than a
 * socket's buffer takes at once. */
static void
a_large_body(void **state)
{
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_text, NULL, OK_ANSWER);
    struct call_request request = request_to(vendor, "/");
    static char body[1200000];

    for (size_t i = 0; i < sizeof body; i++) {
        body[i] = (char)(i * 7);
    }
    request.body = slice_make(body, sizeof body);
    call_once(fixture, &request);
    assert_answered(fixture, 200, "{\"a\":1}");
    assert_bytes_equal(slice_make(vendor->request + vendor->head_length, vendor->request_length - vendor->head_length),
                       request.body);
    assert_null(memmem(vendor->request, vendor->head_length, "Expect", 6));
    vendor_stop(vendor);
}

/* Neither a proxy nor a .netrc of the environment has a say. */
static void
the_environment_is_not_asked(void **state)
{
    static const char *const names[] = {"http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"};
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_text, NULL, OK_ANSWER);
    struct call_request request = request_to(vendor, "/");
    char netrc[256];
    FILE *file;

    (void)snprintf(netrc, sizeof netrc, "%s/.netrc", fixture->directory);
    file = fopen(netrc, "w");
    assert_non_null(file);
    assert_true(fputs("machine 127.0.0.1 login me password mine\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(setenv("HOME", fixture->directory, 1), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(setenv(names[i], "http://127.0.0.1:1", 1), 0);
    }
    call_once(fixture, &request);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(unsetenv(names[i]), 0);
    }
    assert_answered(fixture, 200, "{\"a\":1}");
    assert_null(memmem(vendor->request, vendor->head_length, "Authorization", 13));
    assert_int_equal(unlink(netrc), 0);
    vendor_stop(vendor);
}

/* --- sent once --- */

/* What libcurl does by itself when a kept connection ends without a byte: it sends the request again. So the first
 * call's answer says that the connection is kept, and the second's is no answer at all. */
static void
serve_once_then_close(struct visit *visit)
{
    if (visit_read_request(visit) && atomic_load(&visit->vendor->requests) == 1) {
        (void)visit_text(visit, OK_ANSWER);
        (void)visit_read_request(visit);
    }
}

static void
never_sent_twice(void **state)
{
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_once_then_close, NULL, NULL);
    struct call_request request = request_to(vendor, "/");

    call_once(fixture, &request);
    assert_answered(fixture, 200, "{\"a\":1}");
    call_once(fixture, &request);
    assert_ended(fixture, CALL_UNANSWERED, false, "Empty reply from server");
    assert_int_equal(vendor->requests, 2);
    assert_int_equal(vendor->visits, 2);
    vendor_stop(vendor);
}

static void
connections_are_not_reused(void **state)
{
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_all, NULL, OK_ANSWER);
    struct call_request request = request_to(vendor, "/");

    for (unsigned i = 1; i <= 3; i++) {
        call_once(fixture, &request);
        assert_answered(fixture, 200, "{\"a\":1}");
        assert_int_equal(vendor->visits, i);
    }
    vendor_stop(vendor);
}

static void
reset_after_the_request(void **state)
{
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_reset, NULL, NULL);
    struct call_request request = request_to(vendor, "/");

    call_once(fixture, &request);
    assert_ended(fixture, CALL_UNANSWERED, false, "reset by peer");
    assert_true(fixture->ended.outcome.sent_ns != 0);
    assert_int_equal(vendor->requests, 1);
    vendor_stop(vendor);
}

static void
redirects_are_answers(void **state)
{
    static const char answer[] = "HTTP/1.1 %s\r\nLocation: http://127.0.0.1:%u/there\r\nContent-Length: 2\r\n\r\nhi";
    static const char *const statuses[] = {"301 a", "302 b", "303 c", "307 d", "308 e"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        static char text[256];
        struct vendor *vendor = vendor_start(serve_text, NULL, text);
        struct call_request request = request_to(vendor, "/");

        (void)snprintf(text, sizeof text, answer, statuses[i], vendor->port);
        call_once(fixture, &request);
        assert_answered(fixture, (unsigned)atoi(statuses[i]), "hi");
        assert_int_equal(vendor->requests, 1);
        vendor_stop(vendor);
    }
}

/* --- not sent --- */

static void
refused(void **state)
{
    struct fixture *fixture = *state;
    struct vendor nobody;
    struct call_request request;
    int listener = vendor_listen(1, &nobody.port);

    assert_int_equal(close(listener), 0);
    request = request_to(&nobody, "/?secret=1");
    call_once(fixture, &request);
    assert_ended(fixture, CALL_NOT_SENT, false, "Couldn't connect");
    assert_int_equal(fixture->ended.outcome.sent_ns, 0);
    assert_true(fixture->ended.outcome.ended_ns != 0);
    assert_null(strstr(fixture->ended.reason, "secret"));
}

static void
no_such_name(void **state)
{
    struct fixture *fixture = *state;
    struct call_request request = request_of("http://nobody.test/?secret=1");

    call_once(fixture, &request);
    assert_ended(fixture, CALL_NOT_SENT, false, "Could not resolve host: nobody.test");
}

/* A name server that does not answer stops nothing but its own call. */
static void
a_name_that_hangs(void **state)
{
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_text, NULL, OK_ANSWER);
    struct call_request request = request_of("http://hangs.test/");
    struct call_request other = request_to(vendor, "/");
    struct call *cancelled;

    resolver_hold();
    request.timeouts.resolve_connect_ms = 60000;
    cancelled = start(fixture, &request);
    resolver_wait_for_hangs(fixture, 1);
    call_cancel(cancelled);
    request.timeouts.resolve_connect_ms = 50;
    (void)start(fixture, &request);
    run_until(fixture, 1);
    assert_ended(fixture, CALL_NOT_SENT, true, "Resolving timed out");
    call_once(fixture, &other);
    assert_answered(fixture, 200, "{\"a\":1}");
    (void)start(fixture, &request);
    fixture_close_caller(fixture);
    assert_true(resolver_release()); /* nobody has waited for it so long that it gave up by itself */
    vendor_stop(vendor);
}

static void
a_name_that_resolves(void **state)
{
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_text, NULL, OK_ANSWER);
    struct call_request request = request_to(vendor, "/");
    char url[64];

    (void)snprintf(url, sizeof url, "http://localhost:%u/", vendor->port);
    request.url = slice_from(url);
    call_once(fixture, &request);
    assert_answered(fixture, 200, "{\"a\":1}");
    vendor_stop(vendor);
}

/* A server whose backlog is full does not answer to a SYN. */
static void
connecting_takes_too_long(void **state)
{
    enum { KNOCKS = 8 };
    struct fixture *fixture = *state;
    struct vendor silent;
    int listener = vendor_listen(0, &silent.port);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct call_request request = request_to(&silent, "/");
    int knocks[KNOCKS];

    to.sin_port = htons((uint16_t)silent.port);
    for (size_t i = 0; i < KNOCKS; i++) {
        knocks[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert_true(knocks[i] >= 0);
        assert_true(connect(knocks[i], (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS);
    }
    request.timeouts.resolve_connect_ms = 50;
    call_once(fixture, &request);
    assert_ended(fixture, CALL_NOT_SENT, true, "Timeout was reached");
    for (size_t i = 0; i < KNOCKS; i++) {
        assert_int_equal(close(knocks[i]), 0);
    }
    assert_int_equal(close(listener), 0);
}

static void
the_lease_is_over(void **state)
{
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_text, NULL, OK_ANSWER);
    struct call_request request = request_to(vendor, "/");
    unsigned requests, visits;

    request.lease_ns = fixture->clock.boottime_ns - 1;
    call_once(fixture, &request);
    assert_ended(fixture, CALL_LEASE_OVER, false, "its lease had run out");
    assert_int_equal(fixture->ended.outcome.sent_ns, 0);
    request.lease_ns = fixture->clock.boottime_ns;
    call_once(fixture, &request);
    assert_answered(fixture, 200, "{\"a\":1}");
    /* Boot time counts, not the time that stands still in suspend. */
    fixture->clock.monotonic_ns -= 1000000000;
    request.lease_ns = fixture->clock.boottime_ns;
    fixture->clock.boottime_ns += 1;
    call_once(fixture, &request);
    assert_ended(fixture, CALL_LEASE_OVER, false, "its lease had run out");
    vendor_stop_counting(vendor, &visits, &requests); /* all that was to be read has been */
    assert_int_equal(requests, 1);
    assert_true(visits >= 1);
}

/* --- what cannot be started --- */

static void
cannot_be_started(void **state)
{
    static const struct call_header split = {SLICE("A"), SLICE("b\r\nC: d")};
    static const struct call_header nul = {SLICE("A"), {"b\0c", 3}};
    static const struct call_header spaced = {SLICE("A b"), SLICE("c")};
    static const struct call_header nameless = {{NULL, 0}, SLICE("c")};
    static const struct call_header length = {SLICE("content-LENGTH"), SLICE("1")};
    static const struct call_header host = {SLICE("Host"), SLICE("else.where")};
    static const struct call_header framing = {SLICE("Transfer-Encoding"), SLICE("chunked")};
    static const struct call_header encoding = {SLICE("Accept-Encoding"), SLICE("gzip")};
    static const struct {
        const char *url, *method, *body;
        const struct call_header *header;
        struct call_timeouts timeouts;
    } rows[] = {
        {"", "POST", "", NULL, {1, 1, 1}},
        {"127.0.0.1/x?secret=1", "POST", "", NULL, {1, 1, 1}},
        {"http:///x?secret=1", "POST", "", NULL, {1, 1, 1}},
        {"http:/h/x?secret=1", "POST", "", NULL, {1, 1, 1}},
        {"http:h/x?secret=1", "POST", "", NULL, {1, 1, 1}},
        {"http://?secret=1", "POST", "", NULL, {1, 1, 1}},
        {"http://:80/?secret=1", "POST", "", NULL, {1, 1, 1}},
        {"http://h\\x/?secret=1", "POST", "", NULL, {1, 1, 1}},
        {"http://@h/?secret=1", "POST", "", NULL, {1, 1, 1}},
        {"ftp://h/x?secret=1", "POST", "", NULL, {1, 1, 1}},
        {"file:///etc/passwd?secret=1", "POST", "", NULL, {1, 1, 1}},
        {"http://u:p@h/x?secret=1", "POST", "", NULL, {1, 1, 1}},
        {"http://h/x?secret=1#f", "POST", "", NULL, {1, 1, 1}},
        {"http://h/x?secret=1 2", "POST", "", NULL, {1, 1, 1}},
        {"http://h/x?secret=1\r\nA: b", "POST", "", NULL, {1, 1, 1}},
        {"http://h/x?secret=\xe4\xbd\xa0", "POST", "", NULL, {1, 1, 1}},
        {"http://h:99999/x?secret=1", "POST", "", NULL, {1, 1, 1}},
        {"http://h/x?secret=1", "", "", NULL, {1, 1, 1}},
        {"http://h/x?secret=1", "HEAD", "", NULL, {1, 1, 1}},
        {"http://h/x?secret=1", "POST / HTTP/1.1\r\n", "", NULL, {1, 1, 1}},
        {"http://h/x?secret=1", "GET", "body", NULL, {1, 1, 1}},
        {"http://h/x?secret=1", "POST", "", NULL, {0, 1, 1}},
        {"http://h/x?secret=1", "POST", "", NULL, {1, 0, 1}},
        {"http://h/x?secret=1", "POST", "", NULL, {1, 1, 0}},
        {"http://h/x?secret=1", "POST", "", NULL, {1, 1, 1U << 31}},
        {"http://h/x?secret=1", "POST", "", &split, {1, 1, 1}},
        {"http://h/x?secret=1", "POST", "", &nul, {1, 1, 1}},
        {"http://h/x?secret=1", "POST", "", &spaced, {1, 1, 1}},
        {"http://h/x?secret=1", "POST", "", &nameless, {1, 1, 1}},
        {"http://h/x?secret=1", "POST", "", &length, {1, 1, 1}},
        {"http://h/x?secret=1", "POST", "", &host, {1, 1, 1}},
        {"http://h/x?secret=1", "POST", "", &framing, {1, 1, 1}},
        {"http://h/x?secret=1", "POST", "", &encoding, {1, 1, 1}},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct call_request request = {
            .method = slice_from(rows[i].method),
            .url = slice_from(rows[i].url),
            .headers = rows[i].header,
            .header_count = rows[i].header == NULL ? 0 : 1,
            .body = slice_from(rows[i].body),
            .timeouts = rows[i].timeouts,
            .answer_bytes_max = 100,
        };
        struct error error = {""};

        if (call_start(fixture->caller, &request, on_end, fixture, &error) != NULL || error.text[0] == '\0' ||
            strstr(error.text, "secret") != NULL) {
            fail_msg("row %zu: \"%s\"", i, error.text);
        }
    }
    assert_int_equal(caller_count(fixture->caller), 0);
}

static void
a_ca_file_that_is_not_there(void **state)
{
    struct fixture *fixture = *state;
    struct caller_options options = {.ca_file = "/nowhere/ca.pem"};
    struct error error = {""};

    assert_null(caller_new(fixture->base, &fixture->clock.clock, &options, &error));
    assert_non_null(strstr(error.text, "/nowhere/ca.pem"));
    caller_free(NULL);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(sent_exactly),
        TEST(methods),
        TEST(a_large_body),
        TEST(the_environment_is_not_asked),
        TEST(never_sent_twice),
        TEST(connections_are_not_reused),
        TEST(reset_after_the_request),
        TEST(redirects_are_answers),
        TEST(refused),
        TEST(no_such_name),
        TEST(a_name_that_hangs),
        TEST(a_name_that_resolves),
        TEST(connecting_takes_too_long),
        TEST(the_lease_is_over),
        TEST(cannot_be_started),
        TEST(a_ca_file_that_is_not_there),
    };

    (void)signal(SIGPIPE, SIG_IGN); /* as every process of ours does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
