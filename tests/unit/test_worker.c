/* A worker under pressure: limits, deadlines, clients that vanish, an orderly stop. The service is a stand-in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/resource.h>

#include "http_stand_in.h"

#define HOST      "Host: a\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

static struct stand_in stand_in;
static struct client client;

static struct ingress_limits
limits(void)
{
    return (struct ingress_limits){
        .head_bytes = 16384,
        .header_count = 100,
        .body_bytes = BODY_LIMIT,
        .connections = 1000,
        .buffered_bytes = 64 << 20,
        .head_seconds = 1,
        .body_seconds = 1,
        .idle_seconds = 1,
        .write_seconds = 1,
        .output_bytes = 4096,
    };
}

static void
start_with(struct ingress_limits given, unsigned budget_ms)
{
    memset(&stand_in, 0, sizeof stand_in);
    stand_in.config.limits = given;
    atomic_store(&requests_seen, 0);
    atomic_store(&overdue_seen, 0);
    stand_in_start(&stand_in, budget_ms);
}

static int64_t
now_ms(void)
{
    return clock_monotonic_ns(clock_system()) / 1000000;
}

static void
send_post(const char *path, size_t declared, const char *body, size_t length)
{
    char head[128];

    snprintf(head, sizeof head, "POST %s HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", path, declared);
    client_text(&client, head);
    client_send(&client, body, length);
}

static void
a_body_of_exactly_the_limit_is_whole(void **state)
{
    char *body = malloc(BODY_LIMIT + 1);
    char expected[128];
    struct slice slice = {body, BODY_LIMIT};

    (void)state;
    for (size_t i = 0; i < BODY_LIMIT + 1; i++) {
        body[i] = (char)('a' + i % 23);
    }
    start_with(limits(), 1000);
    snprintf(expected, sizeof expected, "POST /now? %d %u", BODY_LIMIT, checksum(slice));

    client_open(&client, stand_in.port);
    send_post("/now", BODY_LIMIT, body, BODY_LIMIT);
    assert_string_equal(client_read(&client).body, expected);
    client_text(&client, "POST /now HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3fFff\r\n");
    client_send(&client, body, BODY_LIMIT - 1);
    client_text(&client, "\r\n1\r\n");
    client_send(&client, body + BODY_LIMIT - 1, 1);
    client_text(&client, "\r\n0\r\n\r\n");
    assert_string_equal(client_read(&client).body, expected);
    client_close(&client);

    /* One byte more: told from the head, or from the chunk that goes beyond. */
    client_open(&client, stand_in.port);
    send_post("/now", BODY_LIMIT + 1, body, BODY_LIMIT + 1);
    assert_int_equal(client_read(&client).status, 413);
    assert_true(client_sees_end(&client));
    client_close(&client);
    client_open(&client, stand_in.port);
    client_text(&client, "POST /now HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n40000\r\n");
    client_send(&client, body, BODY_LIMIT);
    client_text(&client, "\r\n1\r\nx\r\n0\r\n\r\n");
    assert_int_equal(client_read(&client).status, 413);
    assert_true(client_sees_end(&client));
    client_close(&client);
    stand_in_stop(&stand_in);
    free(body);
}

/* Whoever sends on after its refusal reads the answer, not a reset. */
static void
a_refused_client_can_read_its_answer(void **state)
{
    char *body = calloc(1, 2 << 20);

    (void)state;
    start_with(limits(), 1000);
    for (int i = 0; i < 5; i++) {
        client_open(&client, stand_in.port);
        send_post("/now", 2 << 20, body, 2 << 20);
        assert_int_equal(client_read(&client).status, 413);
        client_close(&client);
    }
    stand_in_stop(&stand_in);
    free(body);
}

static void
heads_are_bounded(void **state)
{
    char *text = malloc(32768);

    (void)state;
    start_with(limits(), 1000);
    memset(text, 'a', 32768);
    client_open(&client, stand_in.port);
    client_text(&client, "GET /");
    client_send(&client, text, 32768);
    assert_int_equal(client_read(&client).status, 414);
    client_close(&client);
    client_open(&client, stand_in.port);
    client_text(&client, "GET /now HTTP/1.1\r\nA: ");
    client_send(&client, text, 32768);
    assert_int_equal(client_read(&client).status, 431);
    client_close(&client);
    client_open(&client, stand_in.port);
    client_text(&client, "GET /now HTTP/1.1\r\n" HOST);
    for (int i = 0; i < 100; i++) {
        client_text(&client, "A: b\r\n");
    }
    assert_int_equal(client_read(&client).status, 431);
    client_close(&client);
    stand_in_stop(&stand_in);
    free(text);
}

static void
half_closed_clients_get_their_answers(void **state)
{
    (void)state;
    start_with(limits(), 1000);
    client_open(&client, stand_in.port);
    client_text(&client, GET("/slow") GET("/now?2") GET("/later"));
    shutdown(client.fd, SHUT_WR);
    assert_string_equal(client_read(&client).body, "GET /slow? 0 5381");
    assert_string_equal(client_read(&client).body, "GET /now?2 0 5381");
    assert_string_equal(client_read(&client).body, "GET /later? 0 5381");
    assert_true(client_sees_end(&client));
    client_close(&client);

    client_open(&client, stand_in.port);
    send_post("/now", 10, "half", 4);
    shutdown(client.fd, SHUT_WR);
    assert_int_equal(client_read(&client).status, 400);
    assert_true(client_sees_end(&client));
    client_close(&client);
    stand_in_stop(&stand_in);
}

/* stand_in_stop tells that their tickets are gone, too. */
static void
vanished_clients_harm_nobody(void **state)
{
    static const char *const parts[] = {"",
                                        "POST",
                                        "POST /now HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc",
                                        GET("/slow"),
                                        GET("/slow") GET("/slow"),
                                        GET("/secret") "x"};

    (void)state;
    start_with(limits(), 1000);
    for (int round = 0; round < 60; round++) {
        client_open(&client, stand_in.port);
        client_text(&client, parts[round % 6]);
        if (round % 4 < 2) {
            usleep(1000);
        }
        if (round % 2 == 0) {
            client_reset(&client);
        } else {
            client_close(&client);
        }
    }
    client_open(&client, stand_in.port);
    client_text(&client, GET("/slow"));
    assert_int_equal(client_read(&client).status, 200);
    client_close(&client);
    stand_in_stop(&stand_in);
}

/* Each sends a byte every 100 ms: no pause is long, and still it ends when the time for the whole is over. */
static void
dripping_clients_are_cut_off(void **state)
{
    static const struct {
        const char *start;
        char drip;
        int status;
    } rows[] = {
        {"GET /now HTTP/1.1\r\nA: ", 'a', 408},
        {"POST /now HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\n", 'a', 408},
        {"POST /now HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1;", 'a', 408},
    };
    struct client clients[3];
    int64_t began_ms;

    (void)state;
    start_with(limits(), 1000);
    began_ms = now_ms();
    for (size_t i = 0; i < 3; i++) {
        client_open(&clients[i], stand_in.port);
        client_text(&clients[i], rows[i].start);
    }
    while (now_ms() - began_ms < 1500) {
        for (size_t i = 0; i < 3; i++) {
            client_send(&clients[i], &rows[i].drip, 1);
        }
        usleep(100000);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(client_read(&clients[i]).status, rows[i].status);
        client_close(&clients[i]);
    }
    stand_in_stop(&stand_in);
}

static void
silent_clients_are_closed_without_a_word(void **state)
{
    struct client empty_lines;
    int64_t began_ms;

    (void)state;
    start_with(limits(), 1000);
    began_ms = now_ms();
    client_open(&client, stand_in.port);
    client_open(&empty_lines, stand_in.port);
    client_text(&empty_lines, "\r\n");
    assert_true(client_sees_end(&client));
    assert_true(client_sees_end(&empty_lines));
    assert_in_range(now_ms() - began_ms, 950, 2500);
    client_close(&client);
    client_close(&empty_lines);

    client_open(&client, stand_in.port);
    client_text(&client, GET("/now"));
    assert_int_equal(client_read(&client).status, 200);
    began_ms = now_ms();
    assert_true(client_sees_end(&client));
    assert_in_range(now_ms() - began_ms, 950, 2500);
    client_close(&client);
    stand_in_stop(&stand_in);
}

/* It asks and asks and reads nothing: its answers fill the socket, then the server stops reading, then it is closed. */
static void
a_client_that_does_not_read_is_closed(void **state)
{
    int small = 4096;
    int64_t began_ms;
    struct timeval patience = {.tv_sec = 1};

    (void)state;
    start_with(limits(), 1000);
    client_open(&client, stand_in.port);
    setsockopt(client.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    setsockopt(client.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    began_ms = now_ms();
    while (send(client.fd, GET("/now"), strlen(GET("/now")), MSG_NOSIGNAL) > 0 && now_ms() - began_ms < 8000) {
        continue;
    }
    assert_in_range(now_ms() - began_ms, 900, 4500);
    client_close(&client);
    stand_in_stop(&stand_in);
}

static void
an_overdue_ticket_is_answered_in_time(void **state)
{
    struct reply reply;
    int64_t began_ms;

    (void)state;
    start_with(limits(), 200);
    client_open(&client, stand_in.port);
    began_ms = now_ms();
    client_text(&client, GET("/never"));
    reply = client_read(&client);
    assert_int_equal(reply.status, 503);
    assert_non_null(strstr(reply.head, "Retry-After: "));
    assert_true(now_ms() - began_ms >= 150); /* and not the 200 that the report brings after 300 ms */
    client_text(&client, GET("/now"));
    assert_int_equal(client_read(&client).status, 200);
    assert_int_equal(atomic_load(&overdue_seen), 1);
    client_close(&client);
    usleep(300000); /* the report comes, and frees the ticket */
    stand_in_stop(&stand_in);
}

static void
at_the_limit_the_idlest_connection_makes_room(void **state)
{
    struct ingress_limits given = limits();
    struct client clients[4];

    (void)state;
    given.connections = 3;
    start_with(given, 1000);
    for (size_t i = 0; i < 3; i++) {
        client_open(&clients[i], stand_in.port);
        client_text(&clients[i], GET("/now"));
        assert_int_equal(client_read(&clients[i]).status, 200);
    }
    client_open(&clients[3], stand_in.port);
    client_text(&clients[3], GET("/slow"));
    assert_true(client_sees_end(&clients[0]));
    client_close(&clients[0]);
    client_text(&clients[1], GET("/slow"));
    client_text(&clients[2], GET("/slow"));
    usleep(50000);

    /* Now all three are busy: the next is told so. */
    client_open(&client, stand_in.port);
    assert_int_equal(client_read(&client).status, 503);
    assert_true(client_sees_end(&client));
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(client_read(&clients[i]).status, 200);
        client_close(&clients[i]);
    }
    client_close(&client);
    stand_in_stop(&stand_in);
}

static void
body_bytes_in_memory_are_bounded(void **state)
{
    struct ingress_limits given = limits();
    struct client waiting, refused;
    char body[20000] = {0};

    (void)state;
    given.buffered_bytes = 30000;
    start_with(given, 1000);
    client_open(&client, stand_in.port);
    send_post("/slow", sizeof body, body, sizeof body);
    usleep(50000);
    waiting = client;
    client_open(&client, stand_in.port);
    refused = client;
    client_text(&refused, "POST /now HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int chunk = 0; chunk < 2; chunk++) {
        client_text(&refused, "2710\r\n");
        client_send(&refused, body, 10000);
        client_text(&refused, "\r\n");
    }
    client_text(&refused, "0\r\n\r\n");
    assert_int_equal(client_read(&refused).status, 503);
    assert_int_equal(client_read(&waiting).status, 200);
    client_close(&waiting);
    usleep(10000);
    client = refused; /* kept: what was left of the chunks has been thrown away */
    send_post("/now", sizeof body, body, sizeof body);
    assert_int_equal(client_read(&client).status, 200);
    client_close(&client);
    stand_in_stop(&stand_in);
}

static int64_t
used_us(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

/* Without descriptors the worker waits instead of spinning, and serves on when there are some again. */
static void
out_of_descriptors_it_waits(void **state)
{
    struct rlimit before;
    struct rlimit tight;
    int64_t began_us;
    int64_t spent_us;
    int next;

    (void)state;
    start_with(limits(), 1000);
    next = socket(AF_INET, SOCK_STREAM, 0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = (struct rlimit){(rlim_t)next + 1, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    client_open(&client, stand_in.port); /* takes the last one: the server has none to accept it with */
    began_us = used_us();
    usleep(400000);
    spent_us = used_us() - began_us;
    setrlimit(RLIMIT_NOFILE, &before);
    assert_true(spent_us < 100000);
    client_text(&client, GET("/now"));
    assert_int_equal(client_read(&client).status, 200);
    client_close(&client);
    stand_in_stop(&stand_in);
}

static void
a_stop_finishes_what_is_owed(void **state)
{
    struct client kept[2], asking;
    int64_t began_ms;

    (void)state;
    start_with(limits(), 1000);
    for (int i = 0; i < 2; i++) {
        client_open(&kept[i], stand_in.port);
        client_text(&kept[i], GET("/now"));
        assert_int_equal(client_read(&kept[i]).status, 200);
    }
    client_open(&asking, stand_in.port);
    client_text(&asking, "POST /slow HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nbo");
    client_open(&client, stand_in.port);
    client_text(&client, GET("/slow"));
    usleep(50000);

    began_ms = now_ms();
    worker_stop(stand_in.worker, 5);
    usleep(50000);
    client_text(&asking, "dy");
    client_text(&kept[0], GET("/now")); /* it cannot know yet */
    assert_non_null(strstr(client_read(&kept[0]).head, "Connection: close\r\n"));
    assert_int_equal(client_read(&client).status, 200);
    assert_int_equal(client_read(&asking).status, 200);
    assert_true(client_sees_end(&kept[1]));
    client_close(&client);
    client_close(&kept[0]);
    client_close(&kept[1]);
    client_close(&asking);
    stand_in_join(&stand_in);
    assert_true(now_ms() - began_ms < 2500);
    assert_int_equal(stand_in.worker->unanswered, 0);
    stand_in_free(&stand_in);
}

/* Its time to wait is over just as it sends: it gets an end instead of an answer, never a reset, and its request
 * counts. */
static void
a_request_that_crosses_our_end_is_taken_in(void **state)
{
    char byte;
    unsigned seen;

    (void)state;
    start_with(limits(), 1000);
    client_open(&client, stand_in.port);
    client_text(&client, GET("/now"));
    assert_int_equal(client_read(&client).status, 200);
    assert_true(client_sees_end(&client));
    seen = atomic_load(&requests_seen);
    client_text(&client, GET("/now"));
    while (atomic_load(&requests_seen) == seen) {
        usleep(1000);
    }
    assert_int_equal(recv(client.fd, &byte, 1, 0), 0);
    client_close(&client);
    stand_in_stop(&stand_in);
}

static void
those_that_are_told_to_go_make_room_first(void **state)
{
    struct ingress_limits tight = limits();
    struct client going, idle, next;

    (void)state;
    tight.connections = 2;
    tight.idle_seconds = 200;
    start_with(tight, 1000);
    client_open(&going, stand_in.port);   /* it sends nothing */
    assert_true(client_sees_end(&going)); /* and does not close */
    client_open(&idle, stand_in.port);
    client_text(&idle, GET("/now"));
    assert_int_equal(client_read(&idle).status, 200);
    client_open(&next, stand_in.port);
    client_text(&next, GET("/now"));
    assert_int_equal(client_read(&next).status, 200);
    client_text(&idle, GET("/now"));
    assert_int_equal(client_read(&idle).status, 200);
    client_close(&going);
    client_close(&idle);
    client_close(&next);
    stand_in_stop(&stand_in);
}

static void
two_do_not_get_one_port(void **state)
{
    struct stand_in second;
    struct error error = {{0}};

    (void)state;
    start_with(limits(), 1000);
    second = stand_in;
    second.port = stand_in.port;
    second.generation = generation_new(&second.config, 1, second.metrics, &error);
    assert_non_null(second.generation);
    assert_null(worker_new(0, &second.options, second.generation, &second.port, &error));
    generation_release(second.generation, 1);
    assert_non_null(strstr(error.text, "cannot listen on 127.0.0.1 port"));
    stand_in_stop(&stand_in);
}

static void
request_ids_differ(void **state)
{
    char ids[3][REQUEST_ID_BYTES + 1];

    (void)state;
    start_with(limits(), 1000);
    for (size_t i = 0; i < 3; i++) {
        worker_request_id(stand_in.worker, ids[i]);
        assert_int_equal(strlen(ids[i]), REQUEST_ID_BYTES);
        assert_int_equal(strspn(ids[i], "0123456789abcdef"), REQUEST_ID_BYTES);
    }
    assert_string_not_equal(ids[0], ids[1]);
    assert_string_not_equal(ids[1], ids[2]);
    stand_in_stop(&stand_in);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_of_exactly_the_limit_is_whole),
        cmocka_unit_test(a_refused_client_can_read_its_answer),
        cmocka_unit_test(heads_are_bounded),
        cmocka_unit_test(half_closed_clients_get_their_answers),
        cmocka_unit_test(vanished_clients_harm_nobody),
        cmocka_unit_test(dripping_clients_are_cut_off),
        cmocka_unit_test(silent_clients_are_closed_without_a_word),
        cmocka_unit_test(a_client_that_does_not_read_is_closed),
        cmocka_unit_test(an_overdue_ticket_is_answered_in_time),
        cmocka_unit_test(at_the_limit_the_idlest_connection_makes_room),
        cmocka_unit_test(body_bytes_in_memory_are_bounded),
        cmocka_unit_test(out_of_descriptors_it_waits),
        cmocka_unit_test(a_stop_finishes_what_is_owed),
        cmocka_unit_test(a_request_that_crosses_our_end_is_taken_in),
        cmocka_unit_test(those_that_are_told_to_go_make_room_first),
        cmocka_unit_test(two_do_not_get_one_port),
        cmocka_unit_test(request_ids_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
