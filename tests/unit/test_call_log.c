/* What the debug log tells of calls: no secret, no whole number of a phone, whatever the text looks like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "calls/call_log.h"

static const struct {
    const char *text, *masked;
} rows[] = {
    {"", ""},
    {"{\"success\":true,\"code\":\"200\"}", "{\"success\":true,\"code\":\"200\"}"},
    /* numbers */
    {"1234", "1234"},
    {"12345", "*2345"},
    {"\"13800138000\"", "\"*******8000\""},
    {"{\"callee\":13800138000,\"n\":5}", "{\"callee\":*******8000,\"n\":5}"},
    {"+86 138-0013-8000", "+** ***-****-8000"},
    {"(010) 6655.4433", "(***) ****.4433"},
    {"+86 (010)  66554433", "+** (***)  ****4433"},
    {"12:34:56", "12:34:56"},
    {"1,2,3,4,5", "1,2,3,4,5"},
    {"[\"138\",\"0013\"]", "[\"138\",\"0013\"]"},
    {"agent8001x13800138000y", "agent8001x*******8000y"},
    {"tel_13800138000", "tel_*******8000"},
    {"tel-13800138000", "tel-*******8000"},
    {"\xef\xbc\x91\xef\xbc\x93\xef\xbc\x99", "***"},
    {"\xef\xbc\x8c\xe4\xbd\xa0", "\xef\xbc\x8c\xe4\xbd\xa0"},
    {"\"\\u0031\\u0033\\uff18\"", "\"***\""},
    {"\"\\u4f60\\n13800138000\"", "\"\\u4f60\\n*******8000\""},
    {"\\", "\\"},
    {"\\u12", "\\u12"},
    /* secrets in JSON */
    {"{\"app_secret\":\"s3cr3t\",\"b\":1}", "{\"app_secret\":*,\"b\":1}"},
    {"{\"APPSecret\" : \"s3\\\"cr3t\" , \"b\":1}", "{\"APPSecret\" : * , \"b\":1}"},
    {"{\"token\":\"abc\",\"expire\":7200}", "{\"token\":*,\"expire\":7200}"},
    {"{\"data\":{\"access_token\":\"abc\"}}", "{\"data\":{\"access_token\":*}}"},
    {"{\"Password\":\"\",\"b\":\"c\"}", "{\"Password\":*,\"b\":\"c\"}"},
    {"{\"m7-sign\":\"lmww+/=\",\"b\":\"c\"}", "{\"m7-sign\":*,\"b\":\"c\"}"},
    {"{\"Sign\":\"x\",\"design\":\"y\"}", "{\"Sign\":*,\"design\":\"y\"}"},
    {"{\"Authorization\":\"Token abc\"}", "{\"Authorization\":*}"},
    {"{\"token\":12345678,\"b\":\"c\"}", "{\"token\":*\"b\":\"c\"}"},
    {"{\"token\":null}", "{\"token\":*}"},
    {"{\"tokens\":[\"abc\",\"def\"],\"b\":1}", "{\"tokens\":*"},
    {"{\"secret\":{\"a\":\"b\"}}", "{\"secret\":*"},
    {"{\"to\\u006ben\":\"abc\"}", "{\"to\\u006ben\":*}"},
    {"{\"\\u0074oken\":\"abc\"}", "{\"\\u0074oken\":*}"},
    {"{\"message\":\"token expired\"}", "{\"message\":\"token expired\"}"},
    {"{\"token", "{\"token"},
    {"{\"token\":", "{\"token\":*"},
    {"{\"token\":\"ab", "{\"token\":*"},
    {"{\"token\":\"ab\\", "{\"token\":*"},
    /* in a string of JSON */
    {"{\"data\":\"{\\\"token\\\":\\\"abc\\\",\\\"b\\\":1}\"}", "{\"data\":\"{\\\"token\\\":*,\\\"b\\\":1}\"}"},
    {"\"{\\\"d\\\":\\\"{\\\\\\\"token\\\\\\\":\\\\\\\"abc\\\\\\\"}\\\"}\"",
     "\"{\\\"d\\\":\\\"{\\\\\\\"token\\\\\\\":*}\\\"}\""},
    {"{\"error\":\"bad\\ntoken=abc\"}", "{\"error\":\"bad\\ntoken=*\"}"},
    {"{\"error\":\"bad\\nsign: abc\"}", "{\"error\":\"bad\\nsign: *\"}"},
    /* elsewhere */
    {"grant=x&client_secret=abc&y=z", "grant=x&client_secret=*&y=z"},
    {"<a><token>abc</token></a>", "<a><token>*</token></a>"},
    {"Authorization: Token abc\nX: y", "Authorization: *\nX: y"},
    {"{'password': 'abc', 'b': 1}", "{'password': *, 'b': 1}"},
};

static void
masks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char masked[256];
        size_t length = call_log_mask(slice_from(rows[i].text), masked, sizeof masked);

        if (!slice_is(slice_make(masked, length), rows[i].masked)) {
            fail_msg("%s became %.*s", rows[i].text, (int)length, masked);
        }
    }
}

/* Cut anywhere, by a connection or by the bound, a text shows no more than the whole one does. */
static void
cut_anywhere(void **state)
{
    static const char *const hidden[] = {"s3", "cr3t", "abc", "lmww", "\"def"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t whole = strlen(rows[i].text);

        for (size_t cut = 0; cut <= whole; cut++) {
            char *text = malloc(cut + 1); /* so that reading behind its end is seen */
            char masked[256];
            size_t length;

            assert_non_null(text);
            memcpy(text, rows[i].text, cut);
            text = realloc(text, cut == 0 ? 1 : cut);
            length = call_log_mask(slice_make(text, cut), masked, sizeof masked);
            for (size_t j = 0; j < sizeof hidden / sizeof *hidden; j++) {
                assert_null(memmem(masked, length, hidden[j], strlen(hidden[j])));
            }
            assert_true(length <= whole + 1);
            length = call_log_mask(slice_from(rows[i].text), masked, cut);
            assert_true(length <= cut);
            free(text);
            assert_true(memcmp(masked, rows[i].masked, length) == 0);
        }
    }
}

static void
a_nul_is_a_byte(void **state)
{
    static const char text[] = "a\0token\0:\0\"abc\"13800138000\0";
    char masked[64];
    size_t length = call_log_mask(slice_make(text, sizeof text - 1), masked, sizeof masked);

    (void)state;
    assert_int_equal(length, sizeof text - 1);
    assert_null(memmem(masked, length, "13800138000", 11));
}

/* Two million bytes of anything cost no more than reading them. */
static void
long_texts(void **state)
{
    static const char fillings[] = "a1\\\"{-: ";
    static char text[2000000];
    static char masked[CALL_LOG_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i + 1 < sizeof fillings; i++) {
        memset(text, fillings[i], sizeof text);
        assert_true(call_log_mask(slice_make(text, sizeof text), masked, sizeof masked) <= sizeof masked);
        memcpy(text, "\"token\":\"", 9);
        assert_true(call_log_mask(slice_make(text, sizeof text), masked, sizeof masked) <= sizeof masked);
    }
}

/* --- lines --- */

static struct fixed_clock fixed;

/* What is written to stderr meanwhile. */
static const char *
logged(void (*write_lines)(const void *argument), const void *argument)
{
    static char captured[65536];
    char path[] = "/tmp/test_call_log.XXXXXX";
    int file = mkostemp(path, O_CLOEXEC);
    int real = dup(STDERR_FILENO);
    ssize_t length;

    assert_true(file >= 0 && real >= 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(dup2(file, STDERR_FILENO), STDERR_FILENO);
    write_lines(argument);
    assert_int_equal(dup2(real, STDERR_FILENO), STDERR_FILENO);
    length = pread(file, captured, sizeof captured - 1, 0);
    assert_true(length >= 0);
    captured[length] = '\0';
    assert_int_equal(close(file), 0);
    assert_int_equal(close(real), 0);
    return captured;
}

static void
log_request(const void *argument)
{
    call_log_request(argument);
}

static void
log_answer(const void *argument)
{
    call_log_answer(slice_from("https://u:p@h.example:8/v1?token=abc"), argument);
}

static int
setup(void **state)
{
    (void)state;
    fixed_clock_init(&fixed, 1795269600000000000);
    log_setup(LOG_FORMAT_JSON, LOG_LEVEL_DEBUG, &fixed.clock);
    return 0;
}

#define LINE "{\"time\":\"2026-11-21T14:00:00.000Z\",\"level\":\"debug\",\"event\":"

static void
a_request(void **state)
{
    static const struct call_header headers[] = {
        {SLICE("m7-sign"), SLICE("lmww")},
        {SLICE("Content-Type"), SLICE("application/json")},
        {SLICE("Authorization"), SLICE("Token abc")},
    };
    struct call_request request = {
        .method = SLICE("POST"),
        .url = SLICE("http://h.example/call/13800138000?token=abc"),
        .headers = headers,
        .header_count = 3,
        .body = SLICE("{\"app_secret\":\"abc\",\"callee\":\"13800138000\"}"),
    };

    (void)state;
    assert_string_equal(logged(log_request, &request), LINE
                        "\"vendor_request\",\"method\":\"POST\",\"host\":\"h.example\",\"path\":\"/call/"
                        "*******8000\",\"headers\":\"m7-sign: *, Content-Type: application/json, Authorization: "
                        "*\",\"bytes\":43,\"body\":\"{\\\"app_secret\\\":*,\\\"callee\\\":\\\"*******8000\\\"}\"}\n");
    log_setup(LOG_FORMAT_JSON, LOG_LEVEL_INFO, &fixed.clock);
    assert_string_equal(logged(log_request, &request), "");
}

static void
an_answer(void **state)
{
    struct call_outcome outcome = {
        .end = CALL_ANSWERED,
        .status = 200,
        .body = SLICE("{\"token\":\"abc\"}"),
        .reason = "",
        .sent_ns = 1000000,
        .ended_ns = 43900000,
    };

    (void)state;
    assert_string_equal(logged(log_answer, &outcome),
                        LINE "\"vendor_answer\",\"end\":\"answered\",\"host\":\"h.example:8\",\"path\":\"/v1\","
                             "\"status\":200,\"ms\":42,\"reason\":\"\",\"bytes\":15,\"body\":\"{\\\"token\\\":*}\"}\n");
    outcome = (struct call_outcome){.end = CALL_NOT_SENT, .reason = "Couldn't connect", .ended_ns = 5};
    assert_string_equal(logged(log_answer, &outcome),
                        LINE "\"vendor_answer\",\"end\":\"not_sent\",\"host\":\"h.example:8\",\"path\":\"/v1\","
                             "\"status\":0,\"ms\":0,\"reason\":\"Couldn't connect\",\"bytes\":0,\"body\":\"\"}\n");
    log_setup(LOG_FORMAT_JSON, LOG_LEVEL_INFO, &fixed.clock);
    assert_string_equal(logged(log_answer, &outcome), "");
}

static void
what_is_long_is_cut(void **state)
{
    static char body[5000];
    static char name[2000];
    struct call_header header = {{name, sizeof name}, SLICE("secret-value")};
    struct call_request request = {.method = SLICE("POST"),
                                   .url = SLICE("http://h"),
                                   .headers = &header,
                                   .header_count = 1,
                                   .body = {body, sizeof body}};
    const char *line;

    (void)state;
    memset(body, 'x', sizeof body);
    memset(name, 'y', sizeof name);
    line = logged(log_request, &request);
    assert_true(strlen(line) < 2500);
    assert_non_null(strstr(line, "\"bytes\":5000,\"body\":\"xxx"));
    assert_non_null(strstr(line, "xxx…\"}\n"));
    assert_null(strstr(line, "secret-value"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(a_nul_is_a_byte),
        cmocka_unit_test(long_texts),
        cmocka_unit_test_setup(a_request, setup),
        cmocka_unit_test_setup(an_answer, setup),
        cmocka_unit_test_setup(what_is_long_is_cut, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
