/* The log: both forms of a line, escaping, bounds, masking and the rate limit, read back from stderr. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define CAPTURE_BYTES (1 << 20)

static struct fixed_clock fixed;
static char captured[CAPTURE_BYTES];
static int real_stderr = -1;
static int capture_file = -1;

/* stderr goes into a file from here until capture_end. */
static void
capture_begin(void)
{
    char path[] = "/tmp/test_log.XXXXXX";

    capture_file = mkostemp(path, O_CLOEXEC);
    assert_true(capture_file >= 0);
    assert_int_equal(unlink(path), 0);
    real_stderr = dup(STDERR_FILENO);
    assert_true(real_stderr >= 0);
    assert_int_equal(dup2(capture_file, STDERR_FILENO), STDERR_FILENO);
}

static const char *
capture_end(void)
{
    assert_int_equal(dup2(real_stderr, STDERR_FILENO), STDERR_FILENO);
    ssize_t length = pread(capture_file, captured, sizeof captured - 1, 0);
    assert_true(length >= 0);
    captured[length] = '\0';
    assert_int_equal(close(real_stderr), 0);
    assert_int_equal(close(capture_file), 0);
    return captured;
}

static int
setup(void **state)
{
    (void)state;
    fixed_clock_init(&fixed, 1795255200123000000);
    fixed.monotonic_ns = 5000000000;
    log_setup(LOG_FORMAT_JSON, LOG_LEVEL_INFO, &fixed.clock);
    return 0;
}

static void
a_line_in_json(void **state)
{
    (void)state;
    capture_begin();
    log_warn("callback_refused", log_text("source", "yeta"), log_text("reason", "wrong \"secret\""),
             log_integer("status", -401), log_text("nothing", NULL));
    assert_string_equal(capture_end(),
                        "{\"time\":\"2026-11-21T10:00:00.123Z\",\"level\":\"warn\",\"event\":\"callback_refused\","
                        "\"source\":\"yeta\",\"reason\":\"wrong \\\"secret\\\"\",\"status\":-401,\"nothing\":\"\"}\n");
}

static void
a_line_in_text(void **state)
{
    (void)state;
    log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_INFO, &fixed.clock);
    capture_begin();
    log_warn("callback_refused", log_text("source", "yeta"), log_text("reason", "wrong secret\n"),
             log_integer("status", 401), log_text("nothing", ""));
    log_error("lost", log_text("peer", "[::1]:80"), log_text("path", "/callbacks/yeta"));
    assert_string_equal(capture_end(), "2026-11-21T10:00:00.123Z WARN  callback_refused source=yeta "
                                       "reason=\"wrong secret\\n\" status=401 nothing=\"\"\n"
                                       "2026-11-21T10:00:00.123Z ERROR lost peer=\"[::1]:80\" path=/callbacks/yeta\n");
}

static void
levels(void **state)
{
    (void)state;
    log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_WARN, &fixed.clock);
    assert_false(log_enabled(LOG_LEVEL_INFO));
    assert_true(log_enabled(LOG_LEVEL_ERROR));
    capture_begin();
    log_debug("one", log_integer("n", 1));
    log_info("two", log_integer("n", 2));
    log_warn("three", log_integer("n", 3));
    log_error("four", log_integer("n", INT64_MIN));
    assert_string_equal(capture_end(), "2026-11-21T10:00:00.123Z WARN  three n=3\n"
                                       "2026-11-21T10:00:00.123Z ERROR four n=-9223372036854775808\n");
}

static void
assert_escaped(struct slice given, const char *expected)
{
    capture_begin();
    log_info("e", log_slice("t", given));
    const char *line = capture_end();
    const char *value = strstr(line, "\"t\":\"");
    assert_non_null(value);
    value += 5;
    size_t length = strlen(value) - strlen("\"}\n");
    if (!slice_is(slice_make(value, length), expected)) {
        fail_msg("%s", line);
    }
}

static void
hostile_text_is_escaped(void **state)
{
    (void)state;
    assert_escaped(slice_from("电话 ü 🙂"), "电话 ü 🙂");
    assert_escaped(slice_from("a\\b\"c\td\r\n"), "a\\\\b\\\"c\\td\\r\\n");
    assert_escaped(slice_make("\0\x1b[31m\x7f", 7), "\\u0000\\u001b[31m\\u007f");
    assert_escaped(slice_from("\xc2\x9b"), "\\u009b");
    assert_escaped(slice_from("\xff\xc3"), "\\\\xff\\\\xc3");
    assert_escaped(slice_from("\xed\xa0\x80"), "\\\\xed\\\\xa0\\\\x80");
    assert_escaped(slice_from("\xe7\x94"), "\\\\xe7\\\\x94");
    assert_escaped(slice_from("\xc0\xaf"
                              "x"),
                   "\\\\xc0\\\\xafx");
}

static void
long_text_is_cut_between_characters(void **state)
{
    (void)state;
    char text[1100], expected[1100];

    /* One letter and then characters of three bytes: 1024 falls on the first byte of one of them, 1023 inside. */
    for (size_t offset = 0; offset < 3; offset++) {
        memset(text, 'a', offset);
        for (size_t i = offset; i + 3 <= sizeof text; i += 3) {
            memcpy(text + i, "电", 3);
        }
        size_t whole = offset + (1024 - offset) / 3 * 3;
        memcpy(expected, text, whole);
        memcpy(expected + whole, "…", sizeof "…");
        assert_escaped(slice_make(text, 1090), expected);
    }
    memset(text, 'b', 1024);
    text[1024] = '\0';
    assert_escaped(slice_from(text), text);
}

static void
a_line_is_bounded(void **state)
{
    (void)state;
    char controls[1024];

    /* Six times as long when escaped: one fits into a line, two do not. */
    memset(controls, 1, sizeof controls);
    capture_begin();
    log_info("big", log_slice("first", slice_make(controls, sizeof controls)),
             log_slice("second", slice_make(controls, sizeof controls)), log_text("third", "here"));
    const char *line = capture_end();
    assert_true(strlen(line) <= 8192);
    assert_non_null(strstr(line, "\"first\":\"\\u0001"));
    assert_null(strstr(line, "second"));
    assert_non_null(strstr(line, "\\u0001\",\"third\":\"here\",\"truncated\":true}\n"));
}

static void
phone_numbers_are_masked(void **state)
{
    (void)state;
    log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_INFO, &fixed.clock);
    capture_begin();
    log_info("call", log_phone("a", slice_from("13812345678")), log_phone("b", slice_from("+86 138-1234-5678")),
             log_phone("c", slice_from("8001")), log_phone("d", slice_from("张三1381234x5678y")),
             log_phone("e", slice_make(NULL, 0)),
             log_phone("f", slice_from("1111111111111111111111111111111111111111111112345")));
    assert_string_equal(capture_end(), "2026-11-21T10:00:00.123Z INFO  call a=*******5678 b=*************5678 c=8001 "
                                       "d=**************5678* e=\"\" f=****************************2345\n");
}

static unsigned
count_lines(const char *text)
{
    unsigned lines = 0;

    for (; *text != '\0'; text++) {
        lines += *text == '\n';
    }
    return lines;
}

static void
a_limit_lets_a_burst_through_and_tells_what_it_left_out(void **state)
{
    (void)state;
    struct log_limit limit = {.burst = 3, .per_second = 2, .tokens = 3};

    log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_INFO, &fixed.clock);
    capture_begin();
    for (int i = 0; i < 10; i++) {
        log_warn_limited(&limit, "refused", log_integer("n", i));
    }
    assert_int_equal(count_lines(capture_end()), 3);
    assert_int_equal(limit.suppressed, 7);

    capture_begin();
    fixed.monotonic_ns += 499999999;
    log_warn_limited(&limit, "refused", log_integer("n", 10));
    fixed.monotonic_ns += 1000000;
    log_warn_limited(&limit, "refused", log_integer("n", 11));
    assert_string_equal(capture_end(), "2026-11-21T10:00:00.123Z WARN  refused suppressed=8 n=11\n");

    /* However long nothing happens: no more than the burst. */
    fixed.monotonic_ns += 3600000000000;
    capture_begin();
    for (int i = 0; i < 10; i++) {
        log_info_limited(&limit, "refused", log_integer("n", i));
    }
    const char *lines = capture_end();
    assert_int_equal(count_lines(lines), 3);
    assert_null(strstr(lines, "suppressed"));

    log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, &fixed.clock);
    log_warn_limited(&limit, "refused", log_integer("n", 0));
    assert_int_equal(limit.suppressed, 7);
}

static void *
write_many(void *argument)
{
    char text[900];

    memset(text, *(const char *)argument, sizeof text);
    struct slice slice = {text, sizeof text};
    for (int i = 0; i < 20; i++) {
        log_info("m", log_slice("a", slice), log_slice("b", slice), log_slice("c", slice), log_slice("d", slice),
                 log_slice("e", slice), log_slice("f", slice), log_slice("g", slice));
    }
    return NULL;
}

/* Lines longer than PIPE_BUF, through a pipe: none is torn by another thread's. */
static void
lines_of_threads_stay_whole(void **state)
{
    (void)state;
    static char names[4] = {'w', 'x', 'y', 'z'};
    pthread_t threads[4];
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, CAPTURE_BYTES) >= CAPTURE_BYTES);
    capture_begin();
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &names[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    (void)capture_end();
    assert_int_equal(close(ends[1]), 0);

    FILE *lines = fdopen(ends[0], "re");
    char line[8193];
    unsigned count = 0;
    assert_non_null(lines);
    while (fgets(line, sizeof line, lines) != NULL) {
        const char *value = strstr(line, "\"a\":\"");
        assert_non_null(value);
        size_t same = 0;
        for (const char *at = line; *at != '\0'; at++) {
            same += *at == value[5];
        }
        assert_in_range(same, 6300, 6310); /* seven times 900, and a few in names */
        assert_int_equal(line[strlen(line) - 1], '\n');
        count++;
    }
    assert_int_equal(count, 80);
    assert_int_equal(fclose(lines), 0);
}

static void
logging_leaves_errno_alone(void **state)
{
    (void)state;
    capture_begin();
    errno = ENOENT;
    log_info("e", log_integer("n", 1));
    assert_int_equal(errno, ENOENT);
    (void)capture_end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_in_json, setup),
        cmocka_unit_test_setup(a_line_in_text, setup),
        cmocka_unit_test_setup(levels, setup),
        cmocka_unit_test_setup(hostile_text_is_escaped, setup),
        cmocka_unit_test_setup(long_text_is_cut_between_characters, setup),
        cmocka_unit_test_setup(a_line_is_bounded, setup),
        cmocka_unit_test_setup(phone_numbers_are_masked, setup),
        cmocka_unit_test_setup(a_limit_lets_a_burst_through_and_tells_what_it_left_out, setup),
        cmocka_unit_test_setup(lines_of_threads_stay_whole, setup),
        cmocka_unit_test_setup(logging_leaves_errno_alone, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
