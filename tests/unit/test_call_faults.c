/* Calls to servers that do whatever a server can do wrong: what counts is where the call ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "unit/call_fixture.h"

/* --- waited for too long --- */

static void
no_answer_in_time(void **state)
{
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_request_only, NULL, NULL);
    struct call_request request = request_to(vendor, "/");

    request.timeouts.answer_ms = 50;
    call_once(fixture, &request);
    assert_ended(fixture, CALL_UNANSWERED, true, "no answer began in time");
    request.body = (struct slice){NULL, 0};
    request.method = slice_from("GET");
    call_once(fixture, &request);
    assert_ended(fixture, CALL_UNANSWERED, true, "no answer began in time");
    request.timeouts = (struct call_timeouts){60000, 60000, 50};
    call_once(fixture, &request);
    assert_ended(fixture, CALL_UNANSWERED, true, "timed out");
    vendor_stop(vendor);
}

/* The one text at once, the other when told. */
static void
serve_in_two(struct visit *visit, const char *first, const char *second)
{
    if (visit_read_request(visit) && visit_text(visit, first)) {
        while (!atomic_load(&visit->vendor->go)) {
            usleep(1000);
        }
        (void)visit_text(visit, second);
        visit_wait(visit);
    }
}

static void
serve_late(struct visit *visit)
{
    serve_in_two(visit, "", OK_ANSWER);
}

static void
serve_halting(struct visit *visit)
{
    serve_in_two(visit, OK_HEAD "Content-Length: 7\r\n\r\n", "{\"a\":1}");
}

static void
tell_to_go(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    atomic_store(&((struct vendor *)argument)->go, true);
}

/* Each time-out is for its own part of a call, and has no say in those that follow. */
static void
slow_answers_are_answers(void **state)
{
    struct fixture *fixture = *state;
    struct vendor *late = vendor_start(serve_late, NULL, NULL);
    struct vendor *halting = vendor_start(serve_halting, NULL, NULL);
    struct call_request request = request_to(late, "/");
    struct timeval later = {.tv_sec = 2, .tv_usec = 500000};

    request.timeouts.resolve_connect_ms = 2000;
    (void)start(fixture, &request);
    request = request_to(halting, "/");
    request.timeouts.answer_ms = 2000;
    (void)start(fixture, &request);
    assert_int_equal(event_base_once(fixture->base, -1, EV_TIMEOUT, tell_to_go, late, &later), 0);
    assert_int_equal(event_base_once(fixture->base, -1, EV_TIMEOUT, tell_to_go, halting, &later), 0);
    run_until(fixture, 2);
    assert_int_equal(fixture->ended.answered, 2);
    vendor_stop(late);
    vendor_stop(halting);
}

/* A byte now and then: its status line is there in time, and its end never is. */
static void
serve_drip(struct visit *visit)
{
    if (visit_read_request(visit) && visit_text(visit, OK_HEAD "Content-Length: 100000\r\n\r\n")) {
        while (visit_text(visit, "x")) {
            usleep(1000);
        }
    }
}

static void
serve_interim_drip(struct visit *visit)
{
    if (visit_read_request(visit)) {
        while (visit_text(visit, "HTTP/1.1 102 Processing\r\n\r\n")) {
            usleep(20000);
        }
    }
}

static void
answers_that_drip(void **state)
{
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_drip, NULL, NULL);
    struct call_request request = request_to(vendor, "/");

    request.timeouts = (struct call_timeouts){60000, 60000, 2000};
    call_once(fixture, &request);
    assert_ended(fixture, CALL_BROKEN, true, "timed out");
    vendor_stop(vendor);

    vendor = vendor_start(serve_interim_drip, NULL, NULL);
    request = request_to(vendor, "/");
    request.timeouts.answer_ms = 200;
    call_once(fixture, &request);
    assert_ended(fixture, CALL_UNANSWERED, true, "no answer began in time");
    vendor_stop(vendor);
}

/* --- answers of all kinds --- */

static void
answers(void **state)
{
    static const struct {
        const char *text;
        bool closes;
        enum call_end end;
        unsigned status;
        const char *body, *reason;
        int64_t retry_after_ms;
    } rows[] = {
        {OK_ANSWER, true, CALL_ANSWERED, 200, "{\"a\":1}", "", 0},
        {OK_HEAD "Content-Length: 0\r\n\r\n", false, CALL_ANSWERED, 200, "", "", 0},
        {"HTTP/1.1 204 No Content\r\n\r\n", false, CALL_ANSWERED, 204, "", "", 0},
        {"HTTP/1.0 200 OK\r\n\r\nto the end", true, CALL_ANSWERED, 200, "to the end", "", 0},
        {OK_HEAD "Connection: close\r\n\r\nto the end", true, CALL_ANSWERED, 200, "to the end", "", 0},
        {OK_HEAD "\r\n", true, CALL_ANSWERED, 200, "", "", 0},
        {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nT: u\r\n\r\n", false,
         CALL_ANSWERED, 200, "abcdefg", "", 0},
        {OK_HEAD "Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nxyz", false, CALL_ANSWERED, 200, "xyz", "", 0},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\n" OK_ANSWER, false, CALL_ANSWERED, 200,
         "{\"a\":1}", "", 0},
        {"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 1\r\n\r\nx", false, CALL_ANSWERED,
         401, "x", "", 0},
        {"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n", false, CALL_ANSWERED, 417, "", "", 0},
        {"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", false, CALL_ANSWERED, 429, "", "", 7000},
        {"HTTP/1.1 503 x\r\nRetry-After: Sat, 21 Nov 2026 14:01:30 GMT\r\nContent-Length: 0\r\n\r\n", false,
         CALL_ANSWERED, 503, "", "", 90000},
        {"HTTP/1.1 503 x\r\nSet-Cookie: a=b\r\nAlt-Svc: h2=\":1\"\r\nStrict-Transport-Security: "
         "max-age=9\r\nContent-Length: 0\r\n\r\n",
         false, CALL_ANSWERED, 503, "", "", 0},
        /* cut */
        {"", true, CALL_UNANSWERED, 0, "", "Empty reply", 0},
        {"HTT", true, CALL_UNANSWERED, 0, "", "Empty reply", 0},
        {"HTTP/1.1 100 Continue\r\n\r\n", true, CALL_UNANSWERED, 0, "", "Empty reply", 0},
        {"HTTP/1.1 200 OK\r\n", true, CALL_BROKEN, 0, "", "", 0},
        {OK_HEAD "Content-Len", true, CALL_BROKEN, 0, "", "", 0},
        {OK_HEAD "Content-Length: 8\r\n\r\n{\"a\":1}", true, CALL_BROKEN, 0, "", "transfer closed with 1 bytes", 0},
        {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", true, CALL_BROKEN, 0, "", "transfer closed", 0},
        {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nab", true, CALL_BROKEN, 0, "", "transfer closed", 0},
        /* no HTTP */
        {"hello\r\n", true, CALL_BROKEN, 0, "", "HTTP/0.9", 0},
        {"{\"a\":1}", true, CALL_BROKEN, 0, "", "HTTP/0.9", 0},
        {"SSH-2.0-x\r\n", false, CALL_BROKEN, 0, "", "HTTP/0.9", 0},
        {"\r\n" OK_ANSWER, false, CALL_BROKEN, 0, "", "HTTP/0.9", 0},
        {"HTTP/2 200\r\n\r\n", false, CALL_BROKEN, 0, "", "not HTTP/1", 0},
        {"HTTP/1.1 20\r\n\r\n", false, CALL_BROKEN, 0, "", "", 0},
        {"HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n", false, CALL_BROKEN, 0, "", "status 999", 0},
        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nx", false, CALL_BROKEN, 0, "", "status 101", 0},
        {OK_HEAD "Content-Length: -1\r\n\r\n", false, CALL_BROKEN, 0, "", "Content-Length", 0},
        {OK_HEAD "Content-Length: five\r\n\r\n", false, CALL_BROKEN, 0, "", "Content-Length", 0},
        {OK_HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc", false, CALL_BROKEN, 0, "", "", 0},
        {OK_HEAD "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc", false, CALL_BROKEN, 0, "", "", 0},
        {OK_HEAD "A: b\0c\r\nContent-Length: 0\r\n\r\n", true, CALL_BROKEN, 0, "", "", 0},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vendor *vendor = vendor_start(rows[i].closes ? serve_text_and_close : serve_text, NULL, rows[i].text);
        struct call_request request = request_to(vendor, "/");
        const struct ended *ended = &fixture->ended;

        call_once(fixture, &request);
        if (ended->outcome.end != rows[i].end || ended->outcome.status != rows[i].status || ended->outcome.timed_out ||
            strcmp(ended->body, rows[i].body) != 0 || strstr(ended->reason, rows[i].reason) == NULL ||
            ended->outcome.retry_after_ms != rows[i].retry_after_ms || vendor->requests != 1 ||
            (ended->reason[0] == '\0') != (rows[i].end == CALL_ANSWERED)) {
            fail_msg("row %zu: %s, status %u, %s, \"%s\", \"%s\", %lld ms, %u requests", i,
                     call_ends[ended->outcome.end], ended->outcome.status, ended->outcome.timed_out ? "timed out" : "",
                     ended->body, ended->reason, (long long)ended->outcome.retry_after_ms, vendor->requests);
        }
        vendor_stop(vendor);
    }
}

/* --- too much --- */

static void
serve_a_million(struct visit *visit)
{
    static char bytes[1000000];
    struct vendor *vendor = visit->vendor;

    memset(bytes, 'x', sizeof bytes);
    if (visit_read_request(visit) && visit_text(visit, vendor->argument) && visit_send(visit, bytes, sizeof bytes)) {
        visit_wait(visit);
    }
}

static void
too_much(void **state)
{
    static const struct {
        const char *head, *reason;
    } rows[] = {
        {OK_HEAD "Content-Length: 1000000\r\n\r\n", "Maximum file size exceeded"},
        {OK_HEAD "Content-Length: 99999999999999999999999\r\n\r\n", "exceeded"},
        {OK_HEAD "Connection: close\r\n\r\n", "the answer's body is longer than 999999 bytes"},
        {OK_HEAD "Transfer-Encoding: chunked\r\n\r\nf4240\r\n", "the answer's body is longer than 999999 bytes"},
        {OK_HEAD "A: ", "head"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vendor *vendor = vendor_start(serve_a_million, NULL, rows[i].head);
        struct call_request request = request_to(vendor, "/");

        request.answer_bytes_max = 999999;
        call_once(fixture, &request);
        if (fixture->ended.outcome.end != CALL_BROKEN || strstr(fixture->ended.reason, rows[i].reason) == NULL) {
            fail_msg("row %zu: %s \"%s\"", i, call_ends[fixture->ended.outcome.end], fixture->ended.reason);
        }
        vendor_stop(vendor);
    }
}

static void
just_enough(void **state)
{
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_a_million, NULL, OK_HEAD "Content-Length: 1000000\r\n\r\n");
    struct call_request request = request_to(vendor, "/");

    request.answer_bytes_max = 1000000;
    call_once(fixture, &request);
    assert_int_equal(fixture->ended.outcome.end, CALL_ANSWERED);
    assert_int_equal(fixture->ended.outcome.body.length, 1000000);
    vendor_stop(vendor);
}

static void
serve_endless_headers(struct visit *visit)
{
    if (visit_read_request(visit) && visit_text(visit, OK_HEAD)) {
        while (visit_text(visit, "A: b\r\n")) {
        }
    }
}

static void
headers_without_end(void **state)
{
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_endless_headers, NULL, NULL);
    struct call_request request = request_to(vendor, "/");

    call_once(fixture, &request);
    assert_ended(fixture, CALL_BROKEN, false, "the answer's head is longer than");
    vendor_stop(vendor);
}

/* libcurl gives that up without telling it from having no memory itself, in which case nothing is known. */
static void
a_status_line_without_end(void **state)
{
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_a_million, NULL, "HTTP/1.1 200 ");
    struct call_request request = request_to(vendor, "/");

    call_once(fixture, &request);
    assert_ended(fixture, CALL_UNANSWERED, false, "longer than 100 KiB");
    vendor_stop(vendor);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(no_answer_in_time),
        TEST(slow_answers_are_answers),
        TEST(answers_that_drip),
        TEST(answers),
        TEST(too_much),
        TEST(just_enough),
        TEST(headers_without_end),
        TEST(a_status_line_without_end),
    };

    (void)signal(SIGPIPE, SIG_IGN); /* as every process of ours does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
