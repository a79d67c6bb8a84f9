/* The management port, asked over a socket while its loop runs in the same thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <event2/event.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "console/management.h"

struct fixture {
    struct event_base *base;
    struct metrics *metrics;
    struct management *management;
    struct readiness readiness;
};

static struct fixture fixture;

static void
tell_readiness(void *argument, struct readiness *readiness)
{
    *readiness = ((struct fixture *)argument)->readiness;
}

static int
setup(void **state)
{
    (void)state;
    struct error error = {""};
    struct event_config *config = event_config_new();

    (void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    fixture.base = event_base_new_with_config(config);
    event_config_free(config);
    fixture.metrics = metrics_new();
    metric_add(metrics_counter(fixture.metrics, "t_total", "All.", ""), 3);
    fixture.readiness = (struct readiness){true, "all well"};
    fixture.management =
        management_new(fixture.base, slice_from("127.0.0.1"), 0, fixture.metrics, tell_readiness, &fixture, &error);
    return fixture.management == NULL;
}

static int
teardown(void **state)
{
    (void)state;
    management_free(fixture.management);
    event_base_free(fixture.base);
    metrics_free(fixture.metrics);
    return 0;
}

static int
connect_to(unsigned port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(client >= 0);
    assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof to), 0);
    return client;
}

/* Sends the request and runs the loop until the server closes; the answer is a static text. */
static const char *
ask(const char *request)
{
    static char answer[16384];
    size_t length = 0;
    int client = connect_to(management_port(fixture.management));

    assert_int_equal(send(client, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    for (int round = 0; round < 1000; round++) {
        struct pollfd poller = {.fd = client, .events = POLLIN};
        (void)event_base_loop(fixture.base, EVLOOP_NONBLOCK);
        if (poll(&poller, 1, 5) != 1) {
            continue;
        }
        ssize_t got = recv(client, answer + length, sizeof answer - 1 - length, 0);
        if (got <= 0) {
            break;
        }
        length += (size_t)got;
    }
    assert_int_equal(close(client), 0);
    (void)event_base_loop(fixture.base, EVLOOP_NONBLOCK);
    answer[length] = '\0';
    return answer;
}

static void
assert_has(const char *answer, const char *part)
{
    if (strstr(answer, part) == NULL) {
        fail_msg("no %s in: %s", part, answer);
    }
}

#define CLOSING " HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"

static void
livez(void **state)
{
    (void)state;
    const char *answer = ask("GET /livez" CLOSING);

    assert_has(answer, "HTTP/1.1 200 ");
    assert_has(answer, "Content-Length: 3\r\n");
    assert_has(answer, "Content-Type: text/plain; charset=utf-8\r\n");
    assert_has(answer, "\r\n\r\nok\n");
    assert_has(ask("GET /livez?verbose=1" CLOSING), "HTTP/1.1 200 ");
}

static void
readyz(void **state)
{
    (void)state;
    const char *answer = ask("GET /readyz" CLOSING);

    assert_has(answer, "HTTP/1.1 200 ");
    assert_has(answer, "\r\n\r\nall well\n");
    fixture.readiness = (struct readiness){false, "no broker has answered yet"};
    answer = ask("GET /readyz" CLOSING);
    assert_has(answer, "HTTP/1.1 503 ");
    assert_has(answer, "\r\n\r\nno broker has answered yet\n");
}

static void
metrics_page(void **state)
{
    (void)state;
    const char *answer = ask("GET /metrics" CLOSING);

    assert_has(answer, "HTTP/1.1 200 ");
    assert_has(answer, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    assert_has(answer, "\r\n\r\n# HELP t_total All.\n# TYPE t_total counter\nt_total 3\n");
}

static void
head_has_the_length_and_no_body(void **state)
{
    (void)state;
    const char *answer = ask("HEAD /livez" CLOSING);
    const char *end = strstr(answer, "\r\n\r\n");

    assert_has(answer, "HTTP/1.1 200 ");
    assert_has(answer, "Content-Length: 3\r\n");
    assert_non_null(end);
    assert_string_equal(end, "\r\n\r\n");
}

static void
everything_else(void **state)
{
    (void)state;
    static const char *const nowhere[] = {"/", "/livez/", "/livezz", "/callbacks/yeta", "/metrics/../livez", "//livez"};
    static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"};
    char request[256];

    for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++) {
        (void)snprintf(request, sizeof request, "GET %s" CLOSING, nowhere[i]);
        assert_has(ask(request), "HTTP/1.1 404 ");
    }
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        (void)snprintf(request, sizeof request, "%s /metrics" CLOSING, methods[i]);
        const char *answer = ask(request);
        assert_has(answer, "HTTP/1.1 405 ");
        assert_has(answer, "Allow: GET, HEAD\r\n");
    }
}

static void
large_requests_are_refused(void **state)
{
    (void)state;
    static char request[20000];
    int head = snprintf(request, sizeof request, "GET /livez HTTP/1.1\r\nHost: t\r\nX: ");

    memset(request + head, 'x', 9000);
    memcpy(request + head + 9000, "\r\n\r\n", 5);
    assert_null(strstr(ask(request), "200 OK"));

    head = snprintf(request, sizeof request, "GET /livez HTTP/1.1\r\nHost: t\r\nContent-Length: 2000\r\n\r\n");
    memset(request + head, 'x', 2000);
    request[head + 2000] = '\0';
    assert_null(strstr(ask(request), "200 OK"));
}

static void
a_client_that_vanishes(void **state)
{
    (void)state;
    int client = connect_to(management_port(fixture.management));

    assert_int_equal(send(client, "GET /met", 8, MSG_NOSIGNAL), 8);
    (void)event_base_loop(fixture.base, EVLOOP_NONBLOCK);
    assert_int_equal(close(client), 0);
    assert_has(ask("GET /livez" CLOSING), "HTTP/1.1 200 ");
    /* And one that is still there when the port closes. */
    client = connect_to(management_port(fixture.management));
    assert_int_equal(send(client, "GET /met", 8, MSG_NOSIGNAL), 8);
    (void)event_base_loop(fixture.base, EVLOOP_NONBLOCK);
    management_free(fixture.management);
    fixture.management = NULL;
    assert_int_equal(close(client), 0);
}

/* Runs the loop for that long, or until the client has an answer. */
static bool
answered_within(int client, int milliseconds)
{
    struct pollfd poller = {.fd = client, .events = POLLIN};

    for (int waited = 0; waited < milliseconds; waited += 5) {
        (void)event_base_loop(fixture.base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
        if (poll(&poller, 1, 5) == 1) {
            return true;
        }
    }
    return false;
}

/* Accepting pauses, where trying again at once would keep the loop busy, and goes on later. */
static void
no_descriptor_left(void **state)
{
    (void)state;
    struct rlimit whole, none;
    int client = connect_to(management_port(fixture.management));
    int lowest = dup(client);

    assert_int_equal(send(client, "GET /livez" CLOSING, strlen("GET /livez" CLOSING), MSG_NOSIGNAL),
                     strlen("GET /livez" CLOSING));
    assert_int_equal(close(lowest), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &whole), 0);
    none = whole;
    none.rlim_cur = (rlim_t)lowest;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    (void)event_base_loop(fixture.base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &whole), 0);
    assert_false(answered_within(client, 200));
    assert_true(answered_within(client, 5000));
    assert_int_equal(close(client), 0);
}

static void
both_families(void **state)
{
    (void)state;
    static const char *const addresses[] = {"0.0.0.0", "::ffff:127.0.0.1", "::"};

    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        struct error error = {""};
        struct management *management = management_new(fixture.base, slice_from(addresses[i]), 0, fixture.metrics,
                                                       tell_readiness, &fixture, &error);
        if (management == NULL) {
            fail_msg("%s", error.text);
        }
        assert_true(management_port(management) > 0);
        management_free(management);
    }
}

static void
an_address_that_cannot_be_had(void **state)
{
    (void)state;
    struct error error = {""};
    unsigned taken = management_port(fixture.management);

    assert_null(management_new(fixture.base, slice_from("127.0.0.1"), taken, fixture.metrics, tell_readiness, &fixture,
                               &error));
    assert_has(error.text, "Address already in use");
    assert_null(
        management_new(fixture.base, slice_from("localhost!"), 0, fixture.metrics, tell_readiness, &fixture, &error));
    assert_has(error.text, "localhost!");
    assert_null(management_new(fixture.base, slice_from("127.0.0.1"), 65536, fixture.metrics, tell_readiness, &fixture,
                               &error));
    assert_has(error.text, "65535");
    management_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(livez, setup, teardown),
        cmocka_unit_test_setup_teardown(readyz, setup, teardown),
        cmocka_unit_test_setup_teardown(metrics_page, setup, teardown),
        cmocka_unit_test_setup_teardown(head_has_the_length_and_no_body, setup, teardown),
        cmocka_unit_test_setup_teardown(everything_else, setup, teardown),
        cmocka_unit_test_setup_teardown(large_requests_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_client_that_vanishes, setup, teardown),
        cmocka_unit_test_setup_teardown(no_descriptor_left, setup, teardown),
        cmocka_unit_test_setup_teardown(both_families, setup, teardown),
        cmocka_unit_test_setup_teardown(an_address_that_cannot_be_had, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
