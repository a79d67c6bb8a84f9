/* A result as a CloudEvent, byte for byte, and back: what was read is written again as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/json.h"
#include "event/result.h"

#define ARENA_BYTES (16U << 20)
#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static struct arena *arena;

static int
open_arena(void **state)
{
    (void)state;
    arena = arena_new(NULL, ARENA_BYTES);
    return arena == NULL ? -1 : 0;
}

static int
close_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static const struct result full = {
    .status = RESULT_SUCCEEDED,
    .command = SLICE("c/1 \"x\""),
    .account = SLICE("north"),
    .command_name = SLICE("call.dial"),
    .vendor = SLICE("7moor"),
    .code = SLICE("ok"),
    .reason = SLICE("the vendor took the order"),
    .vendor_code = SLICE("200"),
    .vendor_message = SLICE("\xe6\x88\x90\xe5\x8a\x9f"),
    .attempts = 2,
    .queued = true,
    .ahead = 0,
    .expected_start_ms = 1620455988123,
    .received_ms = 1620455987000,
    .dispatched_ms = 1620455988123,
    .answered_ms = 1620455988999,
    .item_id = SLICE("9007199254740993"),
    .uncorrelated = true,
    .answer = SLICE("{\"code\" : \"200\",\"n\":1.50}"),
    .correlation_id = SLICE("order 7"),
    .traceparent = SLICE(TRACEPARENT),
    .time_ms = 1620455989000,
};

static struct slice
written(const struct result *result)
{
    struct record record = {0};

    assert_true(result_write(result, arena, &record));
    return record.value;
}

static void
assert_slice(struct slice slice, const char *text)
{
    if (!slice_is(slice, text)) {
        fail_msg("%.*s\nis not\n%s", SLICE_ARGS(slice), text);
    }
}

static void
test_every_member(void **state)
{
    struct record record = {0};

    (void)state;
    assert_true(result_write(&full, arena, &record));
    assert_slice(record.key, "north/c/1 \"x\"");
    assert_int_equal(record.header_count, 1);
    assert_slice(record.headers[0].name, "content-type");
    assert_slice(record.headers[0].value, "application/cloudevents+json");
    assert_slice(record.value,
                 "{\"specversion\":\"1.0\",\"id\":\"north/c/1 \\\"x\\\"/succeeded\",\"source\":\"/trunkline/egress\","
                 "\"type\":\"io.trunkline.command.succeeded.v1\",\"subject\":\"c/1 \\\"x\\\"\","
                 "\"time\":\"2021-05-08T06:39:49.000+00:00\","
                 "\"dataschema\":\"urn:trunkline:schema:command.succeeded:v1\","
                 "\"partitionkey\":\"north/c/1 \\\"x\\\"\",\"vendor\":\"7moor\",\"account\":\"north\","
                 "\"correlationid\":\"order 7\",\"traceparent\":\"" TRACEPARENT "\","
                 "\"datacontenttype\":\"application/json\",\"data\":{\"command\":\"c/1 \\\"x\\\"\","
                 "\"command_type\":\"io.trunkline.command.call.dial.v1\",\"account\":\"north\","
                 "\"status\":\"succeeded\",\"code\":\"ok\",\"reason\":\"the vendor took the order\","
                 "\"vendor_code\":\"200\",\"vendor_message\":\"\xe6\x88\x90\xe5\x8a\x9f\",\"attempts\":2,"
                 "\"queue\":{\"ahead\":0,\"expected_start\":\"2021-05-08T06:39:48.123+00:00\"},"
                 "\"times\":{\"received\":\"2021-05-08T06:39:47.000+00:00\","
                 "\"dispatched\":\"2021-05-08T06:39:48.123+00:00\",\"answered\":\"2021-05-08T06:39:48.999+00:00\"},"
                 "\"item_id\":\"9007199254740993\",\"correlated\":false,"
                 "\"answer\":{\"code\" : \"200\",\"n\":1.50}}}");
}

static void
test_least(void **state)
{
    static const struct result least = {
        .status = RESULT_LATE_ANSWER, .command = SLICE("c"), .account = SLICE("a"), .time_ms = 1};

    (void)state;
    assert_slice(written(&least),
                 "{\"specversion\":\"1.0\",\"id\":\"a/c/late_answer\",\"source\":\"/trunkline/egress\","
                 "\"type\":\"io.trunkline.command.late_answer.v1\",\"subject\":\"c\","
                 "\"time\":\"1970-01-01T00:00:00.001+00:00\","
                 "\"dataschema\":\"urn:trunkline:schema:command.late_answer:v1\",\"partitionkey\":\"a/c\","
                 "\"account\":\"a\",\"correlationid\":\"c\",\"datacontenttype\":\"application/json\","
                 "\"data\":{\"command\":\"c\",\"account\":\"a\",\"status\":\"late_answer\",\"attempts\":0}}");
}

static void
test_every_status(void **state)
{
    struct result result = full, back;

    (void)state;
    for (int i = 0; i < RESULT_STATUS_COUNT; i++) {
        result.status = (enum result_status)i;
        assert_non_null(result_statuses[i]);
        assert_true(result_read(written(&result), arena, &back));
        assert_int_equal(back.status, i);
    }
    for (int i = 0; i < RESULT_STATUS_COUNT; i++) {
        assert_int_equal(result_final((enum result_status)i), i >= RESULT_SUCCEEDED && i <= RESULT_UNKNOWN);
    }
}

static void
test_round_trip(void **state)
{
    struct slice value = written(&full);
    struct result back;

    (void)state;
    assert_true(result_read(value, arena, &back));
    assert_int_equal(back.status, full.status);
    assert_true(slice_equal(back.command, full.command));
    assert_true(slice_equal(back.account, full.account));
    assert_true(slice_equal(back.command_name, full.command_name));
    assert_true(slice_equal(back.vendor, full.vendor));
    assert_true(slice_equal(back.code, full.code));
    assert_true(slice_equal(back.reason, full.reason));
    assert_true(slice_equal(back.vendor_code, full.vendor_code));
    assert_true(slice_equal(back.vendor_message, full.vendor_message));
    assert_int_equal(back.attempts, 2);
    assert_true(back.queued);
    assert_int_equal(back.ahead, 0);
    assert_int_equal(back.expected_start_ms, full.expected_start_ms);
    assert_int_equal(back.received_ms, full.received_ms);
    assert_int_equal(back.dispatched_ms, full.dispatched_ms);
    assert_int_equal(back.answered_ms, full.answered_ms);
    assert_true(slice_equal(back.item_id, full.item_id));
    assert_true(back.uncorrelated);
    assert_true(slice_equal(back.answer, full.answer));
    assert_true(slice_equal(back.correlation_id, full.correlation_id));
    assert_true(slice_equal(back.traceparent, full.traceparent));
    assert_int_equal(back.time_ms, full.time_ms);
    assert_true(slice_equal(written(&back), value));
}

static void
test_answers_of_any_kind(void **state)
{
    static const char *const answers[] = {"{}", "[1, 2]", "\"a\\\"b\"", "17", "true", "null"};
    struct result result = full, back;

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        result.answer = slice_from(answers[i]);
        assert_true(result_read(written(&result), arena, &back));
        assert_slice(back.answer, answers[i]);
    }
}

/* As deep as vendors' replies are read. */
static void
test_deep_answer(void **state)
{
    char answer[65] = "";
    struct result result = full, back;

    (void)state;
    memset(answer, '[', 32);
    memset(answer + 32, ']', 32);
    result.answer = slice_make(answer, 64);
    assert_true(result_read(written(&result), arena, &back));
    assert_true(slice_equal(back.answer, result.answer));
}

static void
test_large_answer_is_left_out(void **state)
{
    struct result result = full, back;
    char *answer = malloc(RESULT_ANSWER_BYTES_MAX + 1);
    struct slice value;

    (void)state;
    assert_non_null(answer);
    memset(answer, 'x', RESULT_ANSWER_BYTES_MAX + 1);
    answer[0] = '"';
    answer[RESULT_ANSWER_BYTES_MAX - 1] = '"';
    result.answer = slice_make(answer, RESULT_ANSWER_BYTES_MAX);
    assert_true(result_read(written(&result), arena, &back));
    assert_true(slice_equal(back.answer, result.answer));
    assert_int_equal(back.answer_omitted, 0);

    result.answer.length++;
    value = written(&result);
    assert_true(value.length < 4096);
    assert_true(result_read(value, arena, &back));
    assert_int_equal(back.answer.length, 0);
    assert_int_equal(back.answer_omitted, RESULT_ANSWER_BYTES_MAX + 1);
    assert_true(slice_equal(written(&back), value));
    free(answer);
}

/* Texts that are too long end where a character ends; what is not UTF-8 never gets into the record. */
static void
test_texts_are_bounded(void **state)
{
    char text[RESULT_TEXT_BYTES_MAX + 2];
    struct result result = full, back;

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = "\xe6\x88\x90"[i % 3];
    }
    result.vendor_message = slice_make(text, 1023);
    assert_true(result_read(written(&result), arena, &back));
    assert_true(slice_equal(back.vendor_message, result.vendor_message));

    result.vendor_message = slice_make(text, 1026);
    assert_true(result_read(written(&result), arena, &back));
    assert_int_equal(back.vendor_message.length, 1020 + 3);
    assert_memory_equal(back.vendor_message.data, text, 1020);
    assert_memory_equal(back.vendor_message.data + 1020, "...", 3);
    assert_true(result_read(written(&back), arena, &back));
    assert_int_equal(back.vendor_message.length, 1023);

    result.vendor_message = (struct slice)SLICE("ab\xe6\x88");
    result.reason = (struct slice)SLICE("\xff");
    assert_true(result_read(written(&result), arena, &back));
    assert_slice(back.vendor_message, "ab...");
    assert_slice(back.reason, "...");
}

static void
test_record_stands_alone(void **state)
{
    char command[] = "c-1", account[] = "north", answer[] = "{\"a\":1}";
    struct result result = {.status = RESULT_FAILED,
                            .command = slice_from(command),
                            .account = slice_from(account),
                            .answer = slice_from(answer),
                            .time_ms = 1};
    struct record record = {0};
    struct result back;

    (void)state;
    assert_true(result_write(&result, arena, &record));
    memset(command, '?', sizeof(command) - 1);
    memset(account, '?', sizeof(account) - 1);
    memset(answer, '?', sizeof(answer) - 1);
    assert_slice(record.key, "north/c-1");
    assert_true(result_read(record.value, arena, &back));
    assert_slice(back.command, "c-1");
    assert_slice(back.account, "north");
    assert_slice(back.answer, "{\"a\":1}");
}

static void
test_not_a_result(void **state)
{
#define RESULT(type, data) "{\"type\":\"io.trunkline.command." type ".v1\",\"data\":" data "}"
    static const char *const values[] = {
        "",
        "{}",
        "[]",
        "{\"type\":\"io.trunkline.command.failed.v1\"}",
        RESULT("failed", "[]"),
        RESULT("failed", "{\"command\":\"c\",\"account\":\"a\"}"),
        RESULT("failed", "{\"command\":\"c\",\"status\":\"failed\"}"),
        RESULT("failed", "{\"account\":\"a\",\"status\":\"failed\"}"),
        RESULT("failed", "{\"command\":7,\"account\":\"a\",\"status\":\"failed\"}"),
        RESULT("failed", "{\"command\":\"c\",\"account\":\"a\",\"status\":\"succeeded\"}"),
        RESULT("failing", "{\"command\":\"c\",\"account\":\"a\",\"status\":\"failing\"}"),
        RESULT("failed", "{\"command\":\"c\",\"account\":\"a\",\"status\":\"failed\",\"attempts\":-1}"),
        RESULT("failed", "{\"command\":\"c\",\"account\":\"a\",\"status\":\"failed\",\"attempts\":4294967296}"),
        RESULT("failed",
               "{\"command\":\"c\",\"account\":\"a\",\"status\":\"failed\",\"attempts\":99999999999999999999}"),
        RESULT("failed", "{\"command\":\"c\",\"account\":\"a\",\"status\":\"failed\",\"code\":7}"),
        RESULT("failed", "{\"command\":\"c\",\"account\":\"a\",\"status\":\"failed\",\"command_type\":\"call.dial\"}"),
        RESULT("failed", "{\"command\":\"c\",\"account\":\"a\",\"status\":\"failed\",\"correlated\":\"no\"}"),
        RESULT("failed",
               "{\"command\":\"c\",\"account\":\"a\",\"status\":\"failed\",\"times\":{\"received\":\"now\"}}"),
    };
    struct result result;

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (result_read(slice_from(values[i]), arena, &result)) {
            fail_msg("taken: %s", values[i]);
        }
    }
    /* The least that is one; members of later versions do not hurt. */
    assert_true(result_read(slice_from(RESULT("failed", "{\"command\":\"c\",\"account\":\"a\",\"status\":\"failed\","
                                                        "\"weather\":[1]}")),
                            arena, &result));
}

static void
test_no_memory(void **state)
{
    size_t refused = 0;
    bool written_once = false;
    struct record record;

    (void)state;
    for (size_t limit = 64; limit < 65536 && !written_once; limit += 64) {
        struct arena *small = arena_new(NULL, limit);

        written_once = result_write(&full, small, &record);
        refused += written_once ? 0 : 1;
        arena_free(small);
    }
    assert_true(written_once);
    assert_true(refused > 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_member),
        cmocka_unit_test(test_least),
        cmocka_unit_test(test_every_status),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_answers_of_any_kind),
        cmocka_unit_test(test_deep_answer),
        cmocka_unit_test(test_large_answer_is_left_out),
        cmocka_unit_test(test_texts_are_bounded),
        cmocka_unit_test(test_record_stands_alone),
        cmocka_unit_test(test_not_a_result),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
