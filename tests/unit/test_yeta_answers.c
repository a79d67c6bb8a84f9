/* What the answers to calls of yeta mean. */
#include "calling.h"

#define TOKEN "08236d0aeeee4d5b566db5f4adc41a63"

#define assert_slice(slice, text) assert_true(slice_is((slice), (text)))

static struct calling bench;
static const struct code_rule *rules; /* of the account */

static int
open_bench(void **state)
{
    (void)state;
    rules = NULL;
    calling_open(&bench, adapter_find(slice_from("yeta")));
    return 0;
}

static int
close_bench(void **state)
{
    (void)state;
    calling_close(&bench);
    return 0;
}

/* body as the answer to a request that carried count commands. */
static const struct vendor_answer *
answered(const char *name, size_t count, unsigned status, const char *body)
{
    struct http_answer *http = arena_zalloc(bench.arena, 1, sizeof(*http));

    assert_non_null(http);
    *http = (struct http_answer){.status = status, .body = slice_from(body), .retry_after_ms = 7000};
    return calling_interpret_gathered(&bench, name, count, http, rules);
}

/* --- codes --- */

static void
every_code_means_what_the_table_says(void **state)
{
    static const struct {
        const char *code;
        enum call_code meaning;
        enum call_acted acted;
        enum call_repeat repeat, repeat_gathered;
    } rows[] = {
        {"0", CALL_OK, ACTED_YES, REPEAT_NEVER, REPEAT_NEVER},
        {"10001", CALL_CREDENTIALS, ACTED_NO, REPEAT_FRESH_TOKEN, REPEAT_FRESH_TOKEN},
        {"10002", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER, REPEAT_NEVER},
        {"10003", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER, REPEAT_NEVER},
        {"200101", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER, REPEAT_NEVER},
        {"200201", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER, REPEAT_NEVER},
        {"10004", CALL_UNAVAILABLE, ACTED_NO, REPEAT_BACKING_OFF, REPEAT_BACKING_OFF},
        {"10020", CALL_UNAVAILABLE, ACTED_NO, REPEAT_BACKING_OFF, REPEAT_BACKING_OFF},
        {"10005", CALL_INVALID, ACTED_NO, REPEAT_NEVER, REPEAT_HALVED},
        {"200200", CALL_INVALID, ACTED_NO, REPEAT_NEVER, REPEAT_NEVER},
        {"200202", CALL_INVALID, ACTED_NO, REPEAT_NEVER, REPEAT_NEVER},
        {"200203", CALL_INVALID, ACTED_NO, REPEAT_NEVER, REPEAT_HALVED},
        {"200204", CALL_INVALID, ACTED_NO, REPEAT_NEVER, REPEAT_NEVER},
        {"200205", CALL_INVALID, ACTED_NO, REPEAT_NEVER, REPEAT_NEVER},
        {"200206", CALL_INVALID, ACTED_NO, REPEAT_NEVER, REPEAT_NEVER},
        {"200210", CALL_INVALID, ACTED_NO, REPEAT_NEVER, REPEAT_NEVER},
        {"200211", CALL_INVALID, ACTED_NO, REPEAT_NEVER, REPEAT_NEVER},
        {"200212", CALL_INVALID, ACTED_NO, REPEAT_NEVER, REPEAT_HALVED},
        {"200213", CALL_INVALID, ACTED_NO, REPEAT_NEVER, REPEAT_NEVER},
        {"10021", CALL_REFUSED, ACTED_NO, REPEAT_NEVER, REPEAT_NEVER},
        {"200209", CALL_REFUSED, ACTED_NO, REPEAT_NEVER, REPEAT_NEVER},
        {"200222", CALL_REFUSED, ACTED_NO, REPEAT_NEVER, REPEAT_NEVER},
        {"3010101", CALL_REFUSED, ACTED_NO, REPEAT_NEVER, REPEAT_NEVER},
        {"3010102", CALL_REFUSED, ACTED_NO, REPEAT_NEVER, REPEAT_NEVER},
        {"3030002", CALL_BUSY, ACTED_NO, REPEAT_NEVER, REPEAT_NEVER},
        {"200207", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, REPEAT_IF_SAFE},
        {"1", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, REPEAT_IF_SAFE},
        {"-0", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, REPEAT_IF_SAFE},
        {"0.0", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, REPEAT_IF_SAFE},
        {"0e3", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, REPEAT_IF_SAFE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int quoted = 0; quoted < 2; quoted++) {
            const char *quote = quoted ? "\"" : "";
            struct slice body = arena_printf(bench.arena, " {\"code\":%s%s%s,\"message\":\"because\",\"result\":{}}\n",
                                             quote, rows[i].code, quote);
            const struct vendor_answer *answer = answered("call.dial", 1, 200, body.data);

            assert_meaning(answer, rows[i].meaning, rows[i].acted, rows[i].repeat);
            assert_slice(answer->vendor_code, rows[i].code);
            assert_slice(answer->vendor_message, "because");
            if (rows[i].meaning == CALL_CREDENTIALS) {
                assert_true(slice_empty(answer->answer));
            } else {
                assert_int_equal(answer->answer.length, body.length - 2);
            }
            answer = answered("call.dial", 3, 200, body.data);
            assert_meaning(answer, rows[i].meaning, rows[i].acted, rows[i].repeat_gathered);
        }
    }
}

static void
the_status_of_http_counts_too(void **state)
{
    static const struct {
        unsigned status;
        const char *body;
        enum call_code meaning;
        enum call_acted acted;
        enum call_repeat repeat;
        const char *vendor_code;
        int64_t wait_ms;
    } rows[] = {
        {201, "{\"code\":0}", CALL_OK, ACTED_YES, REPEAT_NEVER, "0", 0},
        {302, "{\"code\":0}", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, "http_302", 0},
        {400, "{\"code\":0}", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, "http_400", 0},
        {400, "{\"code\":200209}", CALL_REFUSED, ACTED_NO, REPEAT_NEVER, "200209", 0},
        {401, "{\"code\":10001}", CALL_CREDENTIALS, ACTED_NO, REPEAT_FRESH_TOKEN, "10001", 0},
        {404, "<html>", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, "http_404", 0},
        {429, "", CALL_LIMIT, ACTED_NO, REPEAT_AFTER_WINDOW, "http_429", 7000},
        {429, "{\"code\":10004}", CALL_LIMIT, ACTED_NO, REPEAT_AFTER_WINDOW, "10004", 7000},
        {500, "{\"code\":0}", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, "http_500", 0},
        {500, "{\"code\":200209}", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, "200209", 0},
        {502, "", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, "http_502", 0},
        {200, "", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, "", 0},
        {0, "{\"code\":0}", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, "http_0", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct vendor_answer *answer = answered("task.query", 1, rows[i].status, rows[i].body);

        assert_meaning(answer, rows[i].meaning, rows[i].acted, rows[i].repeat);
        assert_slice(answer->vendor_code, rows[i].vendor_code);
        assert_int_equal(answer->wait_ms, rows[i].wait_ms);
        assert_int_equal(slice_empty(answer->answer), rows[i].body[0] != '{' || rows[i].meaning == CALL_CREDENTIALS);
    }
}

static void
the_account_knows_better_than_the_table(void **state)
{
    static const struct code_rule overrides[] = {
        {"10004", CALL_BUSY, ACTED_MAYBE, REPEAT_NEVER},
        {"4711", CALL_REFUSED, ACTED_NO, REPEAT_HALVED},
        {"http_503", CALL_UNAVAILABLE, ACTED_NO, REPEAT_BACKING_OFF},
        {0},
    };

    (void)state;
    rules = overrides;
    assert_meaning(answered("call.dial", 1, 200, "{\"code\":10004}"), CALL_BUSY, ACTED_MAYBE, REPEAT_NEVER);
    assert_meaning(answered("call.dial", 2, 200, "{\"code\":4711}"), CALL_REFUSED, ACTED_NO, REPEAT_HALVED);
    assert_meaning(answered("call.dial", 2, 500, "{\"code\":4711}"), CALL_REFUSED, ACTED_NO, REPEAT_HALVED);
    assert_meaning(answered("call.dial", 1, 503, ""), CALL_UNAVAILABLE, ACTED_NO, REPEAT_BACKING_OFF);
    assert_meaning(answered("call.dial", 1, 200, "{\"code\":10021}"), CALL_REFUSED, ACTED_NO, REPEAT_NEVER);
}

static void
a_dial_gets_the_id_of_its_row(void **state)
{
    const struct vendor_answer *answer = answered(
        "call.dial", 3, 200,
        "{\"code\":0,\"result\":{\"total\":3,\"task_data_ids\":[9007199254740993,\"x-1\",123456789012345678901]}}");

    (void)state;
    assert_int_equal(answer->code, CALL_OK);
    assert_false(answer->items_missing);
    assert_non_null(answer->item_ids);
    assert_slice(answer->item_ids[0], "9007199254740993");
    assert_slice(answer->item_ids[1], "x-1");
    assert_slice(answer->item_ids[2], "123456789012345678901");
}

static void
without_one_id_a_row_there_is_none(void **state)
{
    static const char *const results[] = {
        "{}",
        "[]",
        "null",
        "{\"task_data_ids\":null}",
        "{\"task_data_ids\":12}",
        "{\"task_data_ids\":\"1,2\"}",
        "{\"task_data_ids\":{\"a\":1,\"b\":2}}",
        "{\"task_data_ids\":[]}",
        "{\"task_data_ids\":[1]}",
        "{\"task_data_ids\":[1,2,3]}",
        "{\"task_data_ids\":[1,1]}",
        "{\"task_data_ids\":[1,\"1\"]}",
        "{\"task_data_ids\":[1,null]}",
        "{\"task_data_ids\":[1,\"\"]}",
        "{\"task_data_ids\":[1,true]}",
        "{\"task_data_ids\":[1,[2]]}",
        "{\"task_data_ids\":[1,2.5]}",
        "{\"task_data_ids\":[1,2e5]}",
        "{\"task_data_ids\":[1,-2]}",
        "{\"task_data_ids\":[1,\"a b\"]}",
        "{\"task_data_ids\":[1,\"a\\nb\"]}",
        "{\"task_data_ids\":[1,12345678901234567890123456789012345678901234567890123456789012345]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        struct slice body = arena_printf(bench.arena, "{\"code\":0,\"result\":%s}", results[i]);
        const struct vendor_answer *answer = answered("call.dial", 2, 200, body.data);

        assert_meaning(answer, CALL_OK, ACTED_YES, REPEAT_NEVER);
        assert_null(answer->item_ids);
        assert_true(answer->items_missing);
    }
    answered("task.add", 1, 200, "{\"code\":0,\"result\":{\"task_data_ids\":[87]}}");
    assert_null(bench.answer.item_ids);
    assert_false(bench.answer.items_missing);
    assert_slice(bench.answer.answer, "{\"code\":0,\"result\":{\"task_data_ids\":[87]}}");
    answered("call.dial", 2, 200, "{\"code\":200203,\"result\":{}}");
    assert_false(bench.answer.items_missing);
}

/* --- the token --- */

static void
a_token_is_read_and_goes_nowhere_else(void **state)
{
    static const struct {
        const char *expire;
        int64_t seconds;
    } rows[] = {
        {"3600", 3600},   {"\"60\"", 60},     {"1", 1},       {"604800", 604800},
        {"604801", 3600}, {"0", 3600},        {"-1", 3600},   {"1e3", 3600},
        {"null", 3600},   {"\"soon\"", 3600}, {"[60]", 3600}, {"99999999999999999999", 3600},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice body = arena_printf(bench.arena,
                                         "{\"code\":0,\"message\":\"" TOKEN "\",\"result\":{\"token\":\"" TOKEN
                                         "\",\"time_expire\":%s}}",
                                         rows[i].expire);
        const struct vendor_answer *answer = answered("", 0, 200, body.data);

        assert_meaning(answer, CALL_OK, ACTED_YES, REPEAT_NEVER);
        assert_slice(answer->token, TOKEN);
        assert_int_equal(answer->token_seconds, rows[i].seconds);
        assert_true(slice_empty(answer->answer));
        assert_true(slice_empty(answer->vendor_message));
        assert_null(answer->item_ids);
        assert_false(answer->items_missing);
    }
}

static void
what_is_no_token_is_refused(void **state)
{
    static const char *const results[] = {
        "{}",
        "[]",
        "{\"token\":null}",
        "{\"token\":\"\"}",
        "{\"token\":12345}",
        "{\"token\":{\"token\":\"x\"}}",
        "{\"token\":\"a b\"}",
        "{\"token\":\"a\\r\\nx-header: b\"}",
        "{\"token\":\"a\\u007f\"}",
        "{\"token\":\"令牌\"}",
    };
    struct slice longest = arena_printf(bench.arena, "{\"code\":0,\"result\":{\"token\":\"%02048d\"}}", 0);
    struct slice too_long = arena_printf(bench.arena, "{\"code\":0,\"result\":{\"token\":\"%02049d\"}}", 0);

    (void)state;
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        struct slice body = arena_printf(bench.arena, "{\"code\":0,\"result\":%s}", results[i]);

        answered("", 0, 200, body.data);
        assert_meaning(&bench.answer, CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE);
        assert_true(slice_empty(bench.answer.token));
        assert_int_equal(bench.answer.token_seconds, 0);
        assert_true(slice_empty(bench.answer.answer));
    }
    assert_int_equal(answered("", 0, 200, longest.data)->code, CALL_OK);
    assert_int_equal(answered("", 0, 200, too_long.data)->code, CALL_INTERNAL);
}

static void
a_refused_token_is_not_asked_for_with_a_token(void **state)
{
    (void)state;
    answered("", 0, 200, "{\"code\":10001,\"message\":\"no\",\"result\":{\"token\":\"abc\"}}");
    assert_meaning(&bench.answer, CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER);
    assert_true(slice_empty(bench.answer.token));
    assert_true(slice_empty(bench.answer.answer));
    assert_slice(bench.answer.vendor_message, "no");
    answered("", 0, 503, "{\"code\":0,\"result\":{\"token\":\"abc\"}}");
    assert_meaning(&bench.answer, CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE);
    assert_true(slice_empty(bench.answer.token));
    assert_true(slice_empty(bench.answer.answer));
}

/* --- hostile answers --- */

static void
hostile_answers_are_internal_and_maybe_acted(void **state)
{
    static const char *const bodies[] = {
        "null",
        "0",
        "[]",
        "[{\"code\":0}]",
        "{",
        "{}",
        "{\"code\":0",
        "{\"code\":0}{\"code\":0}",
        "{\"code\":0,\"code\":0}",
        "{\"code\":null}",
        "{\"code\":\"\"}",
        "{\"code\":{\"code\":0}}",
        "{\"code\":[0]}",
        "{\"code\":false}",
        "{\"code\":\"ok\"}",
        "{\"Code\":0}",
        "{\"code\":\"0\\u0000\"}",
        "{\"code\":0,\"message\":\"\xff\"}",
        "<code>0</code>",
        "success",
    };
    const char *deep = "{\"code\":0,\"a\":";
    char *nested = arena_alloc(bench.arena, 200001);

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        answered("call.dial", 1, 200, bodies[i]);
        assert_meaning(&bench.answer, CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE);
        answered("", 0, 200, bodies[i]);
        assert_meaning(&bench.answer, CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE);
        assert_true(slice_empty(bench.answer.answer));
    }
    assert_non_null(nested);
    memset(nested, '[', 200000);
    nested[200000] = '\0';
    memcpy(nested, deep, strlen(deep));
    answered("call.dial", 1, 200, nested);
    assert_meaning(&bench.answer, CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE);
}

static void
codes_and_messages_are_cut_between_characters(void **state)
{
    struct slice number = arena_printf(bench.arena, "{\"code\":1%0999d,\"message\":\"", 0);
    char *body = arena_alloc(bench.arena, number.length + 3 * 1000 + 3);
    size_t length = number.length;

    (void)state;
    assert_non_null(body);
    memcpy(body, number.data, number.length);
    for (int i = 0; i < 1000; i++) {
        memcpy(body + length, "号", 3);
        length += 3;
    }
    memcpy(body + length, "\"}", 3);
    answered("call.dial", 1, 200, body);
    assert_meaning(&bench.answer, CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE);
    assert_int_equal(bench.answer.vendor_code.length, 64);
    assert_int_equal(bench.answer.vendor_message.length, 510);
    assert_memory_equal(bench.answer.vendor_message.data + 507, "号", 3);
}

static void
a_full_arena_proves_nothing(void **state)
{
    struct arena *small = arena_new(NULL, 64);
    struct arena *kept = bench.arena;
    struct http_answer answer = {.status = 200, .body = SLICE("{\"code\":0,\"result\":{\"task_data_ids\":[1]}}")};

    (void)state;
    assert_non_null(small);
    bench.arena = small;
    (void)calling_interpret(&bench, "call.dial", &answer, NULL);
    bench.arena = kept;
    assert_meaning(&bench.answer, CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE);
    arena_free(small);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_code_means_what_the_table_says),
        TEST(the_status_of_http_counts_too),
        TEST(the_account_knows_better_than_the_table),
        TEST(a_dial_gets_the_id_of_its_row),
        TEST(without_one_id_a_row_there_is_none),
        TEST(a_token_is_read_and_goes_nowhere_else),
        TEST(what_is_no_token_is_refused),
        TEST(a_refused_token_is_not_asked_for_with_a_token),
        TEST(hostile_answers_are_internal_and_maybe_acted),
        TEST(codes_and_messages_are_cut_between_characters),
        TEST(a_full_arena_proves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
