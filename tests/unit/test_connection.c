/* Connections over real sockets: framing, order, keeping and closing. The service behind them is a stand-in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_stand_in.h"

#define HOST  "Host: a\r\n"
#define POST  "POST /now?x=1 HTTP/1.1\r\n" HOST
#define PAUSE 300 /* microseconds: the server reads what was sent before */

static struct stand_in stand_in;
static struct client client;

static int
start(void **state)
{
    (void)state;
    memset(&stand_in, 0, sizeof stand_in);
    stand_in_start(&stand_in, 5000);
    atomic_store(&requests_seen, 0);
    atomic_store(&overdue_seen, 0);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    stand_in_stop(&stand_in);
    return 0;
}

static void
expect_echo(struct reply reply, const char *method, const char *target, struct slice body)
{
    char expected[256];

    snprintf(expected, sizeof expected, "%s %s %zu %u", method, target, body.length, checksum(body));
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, expected);
}

/* Sends the text in two parts, for every way to part it, each on a connection of its own. */
static void
cut_everywhere(const char *text, struct slice body)
{
    size_t length = strlen(text);

    for (size_t cut = 1; cut < length; cut++) {
        client_open(&client, stand_in.port);
        client_send(&client, text, cut);
        usleep(PAUSE);
        client_send(&client, text + cut, length - cut);
        expect_echo(client_read(&client), "POST", "/now?x=1", body);
        client_text(&client, "GET /now HTTP/1.1\r\n" HOST "\r\n");
        expect_echo(client_read(&client), "GET", "/now?", (struct slice){NULL, 0});
        client_close(&client);
    }
    assert_int_equal(atomic_load(&requests_seen), 2 * (length - 1));
}

static void
a_post_cut_anywhere_is_one_request(void **state)
{
    (void)state;
    cut_everywhere(POST "Content-Length: 12\r\n\r\nhello\r\n\r\nGET", (struct slice)SLICE("hello\r\n\r\nGET"));
}

static void
a_chunked_post_cut_anywhere_is_one_request(void **state)
{
    (void)state;
    cut_everywhere(POST "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n007\r\n world!\r\n0\r\nA: b\r\n\r\n",
                   (struct slice)SLICE("hello world!"));
}

static void
byte_by_byte(void **state)
{
    static const char text[] = POST "Content-Length: 5\r\n\r\nhello";

    (void)state;
    client_open(&client, stand_in.port);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        client_send(&client, text + i, 1);
        usleep(PAUSE);
    }
    expect_echo(client_read(&client), "POST", "/now?x=1", (struct slice)SLICE("hello"));
    client_close(&client);
}

/* Many requests of all kinds behind each other, cut at random: answered in order, each with its own. */
static void
pipelined_requests_are_answered_in_order(void **state)
{
    enum { ROUNDS = 20, REQUESTS = 40, ROOM = 1 << 20 };
    char *text = malloc(ROOM);

    (void)state;
    srand(1);
    for (int round = 0; round < ROUNDS; round++) {
        size_t length = 0;

        for (int i = 0; i < REQUESTS; i++) {
            const char *path = i % 3 == 0 ? "/later" : i % 7 == 0 ? "/secret" : "/now";

            if (i % 2 == 0) {
                length += (size_t)sprintf(text + length, "POST %s?%d HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc",
                                          path, i);
            } else {
                length += (size_t)sprintf(
                    text + length,
                    "POST %s?%d HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", path, i);
            }
        }
        client_open(&client, stand_in.port);
        for (size_t sent = 0; sent < length;) {
            size_t piece = (size_t)(rand() % 400) + 1;

            piece = piece > length - sent ? length - sent : piece;
            client_send(&client, text + sent, piece);
            sent += piece;
            if (rand() % 4 == 0) {
                usleep(PAUSE);
            }
        }
        for (int i = 0; i < REQUESTS; i++) {
            struct reply reply = client_read(&client);
            char target[32];

            if (i % 3 != 0 && i % 7 == 0) {
                assert_int_equal(reply.status, 401);
                continue;
            }
            snprintf(target, sizeof target, "%s?%d", i % 3 == 0 ? "/later" : "/now", i);
            expect_echo(reply, "POST", target, (struct slice)SLICE("abc"));
        }
        client_close(&client);
    }
    free(text);
}

/* What libevhtp alone would misread, drop or answer twice. The end tells that nothing behind it became a request. */
static void
broken_framing_is_answered_once_and_closes(void **state)
{
#define EVIL "GET /now?evil HTTP/1.1\r\n" HOST "\r\n"
    static const struct {
        const char *text;
        int status;
    } rows[] = {
        {POST "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n" EVIL, 400},
        {POST "Transfer-Encoding: gzip, chunked\r\n\r\n" EVIL, 501},
        {POST "Transfer-Encoding: xchunked\r\n\r\n" EVIL, 501},
        {POST "Transfer-Encoding: chunked, identity\r\n\r\n" EVIL, 501},
        {POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" EVIL, 400},
        {POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello" EVIL, 400},
        {POST "Content-Length : 5\r\n\r\nhello" EVIL, 400},
        {POST "Content-Length: \r\n\r\nhello" EVIL, 400},
        {POST "Content-Length: +5\r\n\r\nhello" EVIL, 400},
        {POST "Content-Length: 5x\r\n\r\nhello" EVIL, 400},
        {POST "Content-Length: 99999999999999999999999\r\n\r\n" EVIL, 413},
        {POST "Content-Length: 262145\r\n\r\n" EVIL, 413},
        {POST "Transfer-Encoding: chunked\r\n\r\n1000000000000000f\r\n" EVIL, 413},
        {POST "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n" EVIL, 400},
        {POST "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n" EVIL, 400},
        {POST "A: b\r\n c\r\n\r\n" EVIL, 400},
        {POST "A: b\r\n\tc\r\n\r\n" EVIL, 400},
        {POST "A: b\n\r\n" EVIL, 400},
        {POST "A b\r\n\r\n" EVIL, 400},
        {POST HOST "\r\n" EVIL, 400},
        {"POST /now HTTP/1.1\r\n\r\n" EVIL, 400},
        {"GET * HTTP/1.1\r\n" HOST "\r\n" EVIL, 400},
        {"GET /now HTTP/2.0\r\n" HOST "\r\n" EVIL, 505},
        {"GET /now HTTP/7.3\r\n" HOST "\r\n" EVIL, 505},
        {"GET /now\r\n" HOST "\r\n" EVIL, 400},
        {" GET /now HTTP/1.1\r\n" HOST "\r\n" EVIL, 400},
        {"POST /now HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" EVIL, 400},
        {"\x16\x03\x01\x02", 400},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply reply;

        client_open(&client, stand_in.port);
        client_text(&client, rows[i].text);
        reply = client_read(&client);
        if (reply.status != rows[i].status) {
            fail_msg("row %zu: %d, not %d", i, reply.status, rows[i].status);
        }
        assert_non_null(strstr(reply.head, "Connection: close\r\n"));
        assert_non_null(strstr(reply.head, "X-Request-Id: "));
        assert_true(client_sees_end(&client));
        client_close(&client);
    }
    assert_int_equal(atomic_load(&requests_seen), 0);
}

static void
a_nul_in_a_field_is_refused(void **state)
{
    static const char text[] = POST "A: b\0c\r\n\r\n";

    (void)state;
    client_open(&client, stand_in.port);
    client_send(&client, text, sizeof text - 1);
    assert_int_equal(client_read(&client).status, 400);
    assert_true(client_sees_end(&client));
    client_close(&client);
}

static void
odd_but_right_messages_are_read(void **state)
{
    static const struct {
        const char *text, *method;
        size_t length;
    } rows[] = {
        {"POST /now? HTTP/1.1\r\n" HOST "Transfer-Encoding: CHUNKED\r\n\r\n3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\n", "POST",
         3},
        {"POST /now? HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked \r\n\r\n3\r\nabc\r\n0\r\n\r\n", "POST", 3},
        {"\r\nBREW /now HTTP/1.1\r\n" HOST "Content-Length: 000\r\n\r\n", "BREW", 0},
        {"GET http://b/now HTTP/1.1\r\n" HOST "\r\n", "GET", 0},
    };

    (void)state;
    client_open(&client, stand_in.port);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        client_text(&client, rows[i].text);
        expect_echo(client_read(&client), rows[i].method, "/now?", slice_make("abc", rows[i].length));
    }
    client_close(&client);
}

static void
the_connection_is_kept_or_closed_as_asked(void **state)
{
    static const struct {
        const char *text;
        bool kept;
    } rows[] = {
        {"GET /now HTTP/1.1\r\n" HOST "\r\n", true},
        {"GET /now HTTP/1.1\r\n" HOST "Connection: CLOSE\r\n\r\n", false},
        {"GET /now HTTP/1.1\r\n" HOST "Connection: keep-alive, close\r\n\r\n", false},
        {"GET /now HTTP/1.0\r\n\r\n", false},
        {"GET /now HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply reply;

        client_open(&client, stand_in.port);
        client_text(&client, rows[i].text);
        reply = client_read(&client);
        expect_echo(reply, "GET", "/now?", (struct slice){NULL, 0});
        assert_int_equal(strstr(reply.head, "Connection: close") == NULL, rows[i].kept);
        client_text(&client, rows[i].text);
        if (rows[i].kept) {
            assert_int_equal(client_read(&client).status, 200);
        } else {
            assert_true(client_sees_end(&client));
        }
        client_close(&client);
    }
}

static void
after_an_applications_refusal_the_connection_is_kept(void **state)
{
    static const char *const bodies[] = {
        "Content-Length: 5\r\n\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    };

    (void)state;
    client_open(&client, stand_in.port);
    for (int i = 0; i < 4; i++) {
        client_text(&client, i % 2 == 0 ? "POST /secret HTTP/1.1\r\n" HOST : "POST /nowhere HTTP/1.1\r\n" HOST);
        usleep(PAUSE);
        client_text(&client, bodies[i / 2]);
        assert_int_equal(client_read(&client).status, i % 2 == 0 ? 401 : 404);
    }
    client_text(&client, "GET /now HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(client_read(&client).status, 200);
    client_close(&client);
}

static void
head_requests_get_no_body(void **state)
{
    (void)state;
    client_open(&client, stand_in.port);
    client_text(&client, "HEAD /now HTTP/1.1\r\n" HOST "\r\nHEAD /nowhere HTTP/1.1\r\n" HOST
                         "\r\nGET /now HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(client_read_as(&client, true).status, 200);
    assert_int_equal(client_read_as(&client, true).status, 404);
    expect_echo(client_read(&client), "GET", "/now?", (struct slice){NULL, 0});
    client_close(&client);
}

static void
expectations(void **state)
{
    (void)state;
    /* It waits for our leave. */
    client_open(&client, stand_in.port);
    client_text(&client, POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_int_equal(client_read_as(&client, true).status, 100);
    client_text(&client, "hello");
    expect_echo(client_read(&client), "POST", "/now?x=1", (struct slice)SLICE("hello"));
    /* It did not wait: no interim answer. */
    client_text(&client, POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
    expect_echo(client_read(&client), "POST", "/now?x=1", (struct slice)SLICE("hello"));
    /* There is nothing to wait for. */
    client_text(&client, POST "Expect: 100-continue\r\n\r\n");
    expect_echo(client_read(&client), "POST", "/now?x=1", (struct slice){NULL, 0});
    /* Refused: only the final answer, and an end, since nobody can tell whether the body comes. */
    client_text(&client, "POST /secret HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_int_equal(client_read(&client).status, 401);
    assert_true(client_sees_end(&client));
    client_close(&client);

    client_open(&client, stand_in.port);
    client_text(&client, POST "Expect: something\r\nContent-Length: 5\r\n\r\n");
    assert_int_equal(client_read(&client).status, 417);
    assert_true(client_sees_end(&client));
    client_close(&client);
}

/* Kafka is away: every callback is answered in time and waits on. Small bodies, but what waits is bounded all the same.
 */
static void
what_outlives_its_answer_is_bounded(void **state)
{
    static const char slow[] = "POST /slow HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx";
    static const char now[] = "POST /now HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx";

    (void)state;
    memset(&stand_in, 0, sizeof stand_in);
    stand_in.config.limits = (struct ingress_limits){
        .head_bytes = 16384,
        .header_count = 100,
        .body_bytes = BODY_LIMIT,
        .connections = 1000,
        .buffered_bytes = 30000,
        .head_seconds = 5,
        .body_seconds = 5,
        .idle_seconds = 5,
        .write_seconds = 5,
        .output_bytes = 65536,
    };
    stand_in_start(&stand_in, 50);
    client_open(&client, stand_in.port);
    for (unsigned i = 0; i < 2; i++) {
        client_text(&client, slow);
        assert_int_equal(client_read(&client).status, 503);
    }
    client_text(&client, now);
    assert_int_equal(client_read(&client).status, 503);
    client_close(&client);
    usleep(400000);
    client_open(&client, stand_in.port);
    client_text(&client, now);
    assert_int_equal(client_read(&client).status, 200);
    client_close(&client);
    stand_in_stop(&stand_in);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_post_cut_anywhere_is_one_request, start, stop),
        cmocka_unit_test_setup_teardown(a_chunked_post_cut_anywhere_is_one_request, start, stop),
        cmocka_unit_test_setup_teardown(byte_by_byte, start, stop),
        cmocka_unit_test_setup_teardown(pipelined_requests_are_answered_in_order, start, stop),
        cmocka_unit_test_setup_teardown(broken_framing_is_answered_once_and_closes, start, stop),
        cmocka_unit_test_setup_teardown(a_nul_in_a_field_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(odd_but_right_messages_are_read, start, stop),
        cmocka_unit_test_setup_teardown(the_connection_is_kept_or_closed_as_asked, start, stop),
        cmocka_unit_test_setup_teardown(after_an_applications_refusal_the_connection_is_kept, start, stop),
        cmocka_unit_test_setup_teardown(head_requests_get_no_body, start, stop),
        cmocka_unit_test_setup_teardown(expectations, start, stop),
        cmocka_unit_test(what_outlives_its_answer_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
