/* Calls against servers that answer, and against such that do whatever a server can do wrong. What counts is where each
 * call ends, and how often the server has seen it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "calls/call.h"
#include "unit/call_fixture.h"

/* --- servers --- */

/* Answers, once, with what it was given, and waits for the client to close. */
static void
serve_text(struct visit *visit)
{
    if (visit_read_request(visit) && visit_text(visit, visit->vendor->argument)) {
        visit_wait(visit);
    }
}

/* The same, and closes. */
static void
serve_text_and_close(struct visit *visit)
{
    if (visit_read_request(visit)) {
        (void)visit_text(visit, visit->vendor->argument);
    }
}

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

#define OK_HEAD   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define OK_ANSWER OK_HEAD "Content-Length: 7\r\n\r\n{\"a\":1}"

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

/* Larger than what libcurl sends together with the head, and than a socket's buffer takes at once. */
static void
a_large_body(void **state)
{
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_text, NULL, OK_ANSWER);
    struct call_request request = request_to(vendor, "/");
    static char body[200000];

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

/* --- waited for too long --- */

static void
serve_request_only(struct visit *visit)
{
    if (visit_read_request(visit)) {
        visit_wait(visit);
    }
}

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

/* The connection's time has run out long ago when the answer comes: it has no say then. */
static void
serve_when_told(struct visit *visit)
{
    if (visit_read_request(visit)) {
        while (!atomic_load(&visit->vendor->go)) {
            usleep(1000);
        }
        (void)visit_text(visit, OK_ANSWER);
        visit_wait(visit);
    }
}

static void
tell_to_go(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    atomic_store(&((struct vendor *)argument)->go, true);
}

static void
a_slow_answer_is_one(void **state)
{
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_when_told, NULL, NULL);
    struct call_request request = request_to(vendor, "/");
    struct timeval later = {.tv_usec = 700000};

    request.timeouts.resolve_connect_ms = 500;
    assert_int_equal(event_base_once(fixture->base, -1, EV_TIMEOUT, tell_to_go, vendor, &later), 0);
    call_once(fixture, &request);
    assert_answered(fixture, 200, "{\"a\":1}");
    vendor_stop(vendor);
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

    request.timeouts = (struct call_timeouts){60000, 60000, 300};
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

/* --- many, and none --- */

/* Nobody gets an answer before all have asked. */
static void
serve_together(struct visit *visit)
{
    const unsigned *count = visit->vendor->argument;

    if (visit_read_request(visit)) {
        vendor_wait_for_requests(visit->vendor, *count);
        (void)visit_text(visit, OK_ANSWER);
        visit_wait(visit);
    }
}

static void
many_at_once(void **state)
{
    static const unsigned count = 500;
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_together, NULL, &count);
    struct call_request request = request_to(vendor, "/");

    fixture->ended = (struct ended){0};
    for (unsigned i = 0; i < count; i++) {
        (void)start(fixture, &request);
    }
    assert_int_equal(caller_count(fixture->caller), count);
    run_until(fixture, count);
    assert_int_equal(fixture->ended.answered, count);
    assert_int_equal(caller_count(fixture->caller), 0);
    assert_int_equal(vendor->requests, count);
    vendor_stop(vendor);
}

static void
cancelled(void **state)
{
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_request_only, NULL, NULL);
    struct call_request request = request_to(vendor, "/");
    struct call *calls[3];

    call_cancel(start(fixture, &request)); /* before the loop ran at all */
    for (size_t i = 0; i < 3; i++) {
        calls[i] = start(fixture, &request);
    }
    run_until_requests(fixture, vendor, 3);
    call_cancel(calls[1]);
    call_cancel(calls[0]);
    call_cancel(calls[2]);
    assert_int_equal(caller_count(fixture->caller), 0);
    event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    assert_int_equal(fixture->ended.count, 0);
    vendor_stop(vendor); /* ends only when the connections have */
}

static void
freed_while_they_go_on(void **state)
{
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_request_only, NULL, NULL);
    struct call_request request = request_to(vendor, "/");

    for (size_t i = 0; i < 5; i++) {
        (void)start(fixture, &request);
    }
    run_until_requests(fixture, vendor, 5);
    (void)start(fixture, &request);
    fixture_close_caller(fixture);
    event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    assert_int_equal(fixture->ended.count, 0);
    vendor_stop(vendor);
}

/* --- what on_end may do --- */

struct chain {
    struct fixture *fixture;
    const struct call_request *request;
    struct call *calls[8];
    unsigned ended, left;
    enum { START_ANOTHER, CANCEL_THE_OTHERS, FREE_THE_CALLER } does;
};

static void
on_chain_end(void *argument, const struct call_outcome *outcome)
{
    struct chain *chain = argument;

    assert_int_equal(outcome->end, CALL_ANSWERED);
    chain->ended++;
    if (chain->does == START_ANOTHER && chain->left > 0) {
        chain->left--;
        assert_non_null(call_start(chain->fixture->caller, chain->request, on_chain_end, chain, NULL));
    } else if (chain->does == CANCEL_THE_OTHERS) {
        /* All have been answered together, so this one is the only one whose turn has come. Which one it is: */
        for (size_t i = 0; i < 8; i++) {
            if (chain->calls[i] != chain->calls[chain->left]) {
                call_cancel(chain->calls[i]);
            }
        }
    } else if (chain->does == FREE_THE_CALLER) {
        fixture_close_caller(chain->fixture);
    }
}

static void
from_on_end_another_is_started(void **state)
{
    struct fixture *fixture = *state;
    struct vendor *vendor = vendor_start(serve_text, NULL, OK_ANSWER);
    struct call_request request = request_to(vendor, "/");
    struct chain chain = {.fixture = fixture, .request = &request, .left = 5, .does = START_ANOTHER};

    assert_non_null(call_start(fixture->caller, &request, on_chain_end, &chain, NULL));
    while (chain.ended < 6) {
        run_once(fixture);
    }
    assert_int_equal(caller_count(fixture->caller), 0);
    vendor_stop(vendor);
}

struct one_of_many {
    struct chain *chain;
    unsigned number;
};

static void
on_one_of_many(void *argument, const struct call_outcome *outcome)
{
    struct one_of_many *one = argument;

    one->chain->left = one->number;
    on_chain_end(one->chain, outcome);
}

/* The first that ends takes the others with it, which have answers already. */
static void
from_on_end_others_go(int does, struct fixture *fixture)
{
    static const unsigned count = 8;
    struct vendor *vendor = vendor_start(serve_together, NULL, &count);
    struct call_request request = request_to(vendor, "/");
    struct chain chain = {.fixture = fixture, .request = &request, .does = does};
    struct one_of_many ones[8];

    for (unsigned i = 0; i < count; i++) {
        ones[i] = (struct one_of_many){&chain, i};
        chain.calls[i] = call_start(fixture->caller, &request, on_one_of_many, &ones[i], NULL);
        assert_non_null(chain.calls[i]);
    }
    while (chain.ended == 0) {
        run_once(fixture);
    }
    event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    assert_int_equal(chain.ended, 1);
    vendor_stop(vendor);
}

static void
from_on_end_others_are_cancelled(void **state)
{
    struct fixture *fixture = *state;

    from_on_end_others_go(CANCEL_THE_OTHERS, fixture);
    assert_int_equal(caller_count(fixture->caller), 0);
}

static void
from_on_end_the_caller_is_freed(void **state)
{
    from_on_end_others_go(FREE_THE_CALLER, *state);
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

/* --- a loop of the other kind --- */

static void
with_the_changelist(void **state)
{
    struct fixture *fixture = *state;
    struct event_config *config = event_config_new();

    fixture_close(fixture);
    assert_int_equal(event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK), 0);
    assert_int_equal(event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST), 0);
    fixture->base = event_base_new_with_config(config);
    event_config_free(config);
    fixture_open_caller(fixture, NULL);
    connections_are_not_reused(state);
    many_at_once(state);
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
        TEST(no_answer_in_time),
        TEST(a_slow_answer_is_one),
        TEST(answers_that_drip),
        TEST(answers),
        TEST(too_much),
        TEST(just_enough),
        TEST(headers_without_end),
        TEST(a_status_line_without_end),
        TEST(many_at_once),
        TEST(cancelled),
        TEST(freed_while_they_go_on),
        TEST(from_on_end_another_is_started),
        TEST(from_on_end_others_are_cancelled),
        TEST(from_on_end_the_caller_is_freed),
        TEST(cannot_be_started),
        TEST(a_ca_file_that_is_not_there),
        TEST(with_the_changelist),
    };
    struct rlimit files;

    (void)signal(SIGPIPE, SIG_IGN); /* as every process of ours does */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
