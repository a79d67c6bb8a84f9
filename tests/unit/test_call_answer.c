/* Answers as they come in: status, bounds, and what Retry-After says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "calls/call_answer.h"

#define NOW_MS 1795269600000LL /* Sat, 21 Nov 2026 14:00:00 GMT */
#define DAY_MS 86400000LL

static bool
lines(struct call_answer *answer, const char *const *texts)
{
    for (; *texts != NULL; texts++) {
        if (!call_answer_line(answer, slice_from(*texts), NOW_MS)) {
            return false;
        }
    }
    return true;
}

static void
heads(void **state)
{
    static const struct {
        const char *lines[8];
        unsigned status;
        bool begun, whole, refused;
        int64_t retry_after_ms;
    } rows[] = {
        {{"HTTP/1.1 200 OK\r\n"}, 200, true, false, false, 0},
        {{"HTTP/1.1 200 OK\r\n", "\r\n"}, 200, true, true, false, 0},
        {{"HTTP/1.1 200\n", "\n"}, 200, true, true, false, 0},
        {{"HTTP/1.0 599 x\r\n", "A: b\r\n", "\r\n"}, 599, true, true, false, 0},
        {{"HTTP/1.1 100 Continue\r\n"}, 100, false, false, false, 0},
        {{"HTTP/1.1 100 Continue\r\n", "Retry-After: 9\r\n", "\r\n"}, 0, false, false, false, 9000},
        {{"HTTP/1.1 103 x\r\n", "Retry-After: 9\r\n", "\r\n", "HTTP/1.1 302 y\r\n", "\r\n"}, 302, true, true, false, 0},
        {{"HTTP/1.1 429 x\r\n", "retry-AFTER:\t 7 \r\n", "\r\n"}, 429, true, true, false, 7000},
        {{"HTTP/1.1 429 x\r\n", "Retry-After: 7\r\n", "Retry-After: 5\r\n", "\r\n"}, 429, true, true, false, 7000},
        {{"HTTP/1.1 429 x\r\n", "X-Retry-After: 7\r\n", "Retry-After\r\n", "\r\n"}, 429, true, true, false, 0},
        {{"HTTP/1.1 200 x\r\n", "\r\n", "Retry-After: 7\r\n", "HTTP/1.1 500 y\r\n"}, 200, true, true, false, 0},
        {{"HTTP/1.1 101 x\r\n"}, 101, true, false, true, 0},
        {{"HTTP/1.1 099 x\r\n"}, 99, true, false, true, 0},
        {{"HTTP/1.1 000 x\r\n"}, 0, true, false, true, 0},
        {{"HTTP/1.1 600 x\r\n"}, 600, true, false, true, 0},
        {{"HTTP/1.1\r\n"}, 0, true, false, true, 0},
        {{"HTTP/2 200\r\n"}, 200, true, false, true, 0},
        {{"RTSP/1.0 200 OK\r\n"}, 200, true, false, true, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct call_answer answer;
        bool taken;

        call_answer_init(&answer, 10);
        taken = lines(&answer, rows[i].lines);
        if (taken == rows[i].refused || answer.status != rows[i].status || answer.begun != rows[i].begun ||
            answer.head_whole != rows[i].whole || answer.retry_after_ms != rows[i].retry_after_ms ||
            (answer.fault[0] != '\0') != rows[i].refused) {
            fail_msg("row %zu: taken %d, status %u, begun %d, whole %d, %lld ms, \"%s\"", i, taken, answer.status,
                     answer.begun, answer.head_whole, (long long)answer.retry_after_ms, answer.fault);
        }
        call_answer_free(&answer);
    }
}

static void
a_head_is_bounded(void **state)
{
    static char line[CALL_ANSWER_HEAD_BYTES_MAX];
    struct call_answer answer;
    unsigned count = 1;

    (void)state;
    call_answer_init(&answer, 10);
    assert_true(call_answer_line(&answer, slice_from("HTTP/1.1 200 OK\r\n"), NOW_MS));
    while (call_answer_line(&answer, slice_from("a: b\r\n"), NOW_MS)) {
        count++;
    }
    assert_int_equal(count, CALL_ANSWER_HEAD_LINES_MAX);
    assert_string_equal(answer.fault, "the answer's head is longer than 65536 bytes or 256 lines");
    call_answer_free(&answer);

    memset(line, 'a', sizeof line);
    call_answer_init(&answer, 10);
    assert_true(call_answer_line(&answer, slice_from("HTTP/1.1 200 OK\r\n"), NOW_MS));
    assert_true(call_answer_line(&answer, slice_make(line, sizeof line - 17), NOW_MS));
    assert_false(call_answer_line(&answer, slice_make(line, 1), NOW_MS));
    call_answer_free(&answer);

    /* Interim answers without end are one head. */
    call_answer_init(&answer, 10);
    for (count = 0; call_answer_line(&answer, slice_from("HTTP/1.1 102 x\r\n"), NOW_MS) &&
                    call_answer_line(&answer, slice_from("\r\n"), NOW_MS);) {
        count++;
    }
    assert_int_equal(count, CALL_ANSWER_HEAD_LINES_MAX / 2);
    call_answer_free(&answer);
}

static void
a_body_is_bounded(void **state)
{
    static const size_t limits[] = {0, 1, 4095, 4096, 4097, 100000};
    static char bytes[100001];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)(i * 31);
    }
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        for (size_t step = 1; step < sizeof bytes; step = step * 7 + 1) {
            struct call_answer answer;

            call_answer_init(&answer, limits[i]);
            for (size_t at = 0; at < limits[i]; at += step) {
                size_t length = limits[i] - at < step ? limits[i] - at : step;

                assert_true(call_answer_bytes(&answer, slice_make(bytes + at, length)));
            }
            assert_true(call_answer_bytes(&answer, slice_make(NULL, 0)));
            assert_false(call_answer_bytes(&answer, slice_make(bytes, 1)));
            assert_int_equal(answer.body_length, limits[i]);
            assert_true(answer.body_capacity <= (limits[i] < 4096 ? 4096 : limits[i]));
            assert_true(limits[i] == 0 || memcmp(answer.body, bytes, limits[i]) == 0);
            call_answer_free(&answer);
        }
    }
}

/* Far too much at once takes no memory at all. */
static void
nothing_is_taken_for_what_is_too_long(void **state)
{
    struct call_answer answer;
    static const char byte;

    (void)state;
    call_answer_init(&answer, 100);
    assert_false(call_answer_bytes(&answer, slice_make(&byte, SIZE_MAX)));
    assert_null(answer.body);
    assert_string_equal(answer.fault, "the answer's body is longer than 100 bytes");
    call_answer_free(&answer);
}

static void
retry_after(void **state)
{
    static const struct {
        const char *value;
        int64_t ms;
    } rows[] = {
        {"", 0},
        {" ", 0},
        {"0", 0},
        {"1", 1000},
        {" 60 ", 60000},
        {"060", 60000},
        {"86400", DAY_MS},
        {"86401", DAY_MS},
        {"99999999999999999999999999", DAY_MS},
        {"-1", 0},
        {"+1", 0},
        {"1.5", 0},
        {"60s", 0},
        {"20261121", DAY_MS}, /* so many seconds, and no date */
        {"2026-11-21", 0},
        {"soon", 0},
        {"Sat, 21 Nov 2026 14:01:00 GMT", 60000},
        {"Saturday, 21-Nov-26 14:01:00 GMT", 60000},
        {"Sat Nov 21 14:01:00 2026", 60000},
        {"Sat, 21 Nov 2026 14:00:00 GMT", 0},
        {"Sat, 21 Nov 2026 13:59:59 GMT", 0},
        {"Sun, 22 Nov 2026 14:00:00 GMT", DAY_MS},
        {"Sun, 22 Nov 2026 14:00:01 GMT", DAY_MS},
        {"Thu, 31 Dec 9999 23:59:59 GMT", DAY_MS},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Sat, 21 Nov 2026 14:01:00 GMT Sat, 21 Nov 2026 14:01:00 GMT Sat, 21 Nov 2026", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ms = retry_after_read(slice_from(rows[i].value), NOW_MS);

        if (ms != rows[i].ms) {
            fail_msg("\"%s\": %lld", rows[i].value, (long long)ms);
        }
    }
    /* Not a C string: nothing behind it is read. */
    assert_int_equal(retry_after_read(slice_make("609", 2), NOW_MS), 60000);
    assert_int_equal(retry_after_read(slice_make(NULL, 0), NOW_MS), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads),
        cmocka_unit_test(a_head_is_bounded),
        cmocka_unit_test(a_body_is_bounded),
        cmocka_unit_test(nothing_is_taken_for_what_is_too_long),
        cmocka_unit_test(retry_after),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
