/* How Airudder is called: the token, the request that is passed through, and what answers mean. */
#include "calling.h"

#define TOKEN "3Ksb9EkFDQHBhAbv+Q/aQ=="

#define assert_slice(slice, text) assert_true(slice_is((slice), (text)))

static struct calling bench;
static const struct code_rule *rules; /* of the account */

static int
open_bench(void **state)
{
    (void)state;
    rules = NULL;
    calling_open(&bench, adapter_find(slice_from("airudder")));
    return 0;
}

static int
close_bench(void **state)
{
    (void)state;
    calling_close(&bench);
    return 0;
}

static bool
compose(const char *data)
{
    return calling_compose(&bench, "airudder.request", "c-1", data);
}

static const struct vendor_answer *
answered(const char *name, unsigned status, const char *body)
{
    struct http_answer *http = arena_zalloc(bench.arena, 1, sizeof(*http));

    assert_non_null(http);
    *http = (struct http_answer){.status = status, .body = slice_from(body), .retry_after_ms = 7200000};
    return calling_interpret(&bench, name, http, rules);
}

/* --- requests --- */

static void
paths_have_their_method(void **state)
{
    static const struct {
        const char *path;
        bool get;
    } rows[] = {
        {"/service/cloud/task", false},
        {"/service/cloud/operation", false},
        {"/service/cloud/cancelphonecall", false},
        {"/service/cloud/workflow/taskdetail", false},
        {"/service/cloud/list", true},
        {"/service/cloud/list?page=1&size=20", true},
        {"/service/cloud/detail?TaskID=69a7-8d_53.2~f%20", true},
        {"/service/cloud/recording?TaskID=1", true},
        {"/service/cloud/case?TaskID=1&CallID=2", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(compose(arena_printf(bench.arena, "{\"path\":\"%s\"}", rows[i].path).data));
        assert_slice(bench.composition.path, rows[i].path);
        assert_int_equal(bench.composition.get, rows[i].get);
        assert_slice(bench.composition.body, rows[i].get ? "" : "{}");
        calling_sign(&bench, TOKEN);
        assert_slice(bench.request.method, rows[i].get ? "GET" : "POST");
        assert_slice(bench.request.path, rows[i].path);
        assert_slice(calling_header(&bench, "Authorization"), "Token " TOKEN);
        assert_slice(calling_header(&bench, "Content-Type"), rows[i].get ? "" : "application/json");
        assert_int_equal(bench.request.header_count, rows[i].get ? 1 : 2);
    }
}

static void
bodies_pass_through_digit_for_digit(void **state)
{
    static const struct {
        const char *given, *sent;
    } rows[] = {
        {"{\"a\" : [1.50, 9007199254740993, true, null ], \"b\":\"\\u53f7\"}",
         "{\"a\":[1.50,9007199254740993,true,null],\"b\":\"号\"}"},
        {"[1,{}]", "[1,{}]"},
        {"\"text\"", "\"text\""},
        {"-0.0", "-0.0"},
        {"false", "false"},
        {"null", "{}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_composed(&bench, "airudder.request",
                        arena_printf(bench.arena, "{\"path\":\"/service/cloud/task\",\"body\":%s}", rows[i].given).data,
                        rows[i].sent);
    }
}

#define UNKNOWN                                                                                                        \
    "data.path: must be one of /service/cloud/ task, operation, cancelphonecall, list, detail, recording, case, "      \
    "workflow/taskdetail"

static void
other_requests_are_refused(void **state)
{
    static const struct {
        const char *data, *error;
    } rows[] = {
        {NULL, "data.path: missing; airudder.request needs it"},
        {"{\"path\":7}", "data.path: must be a string; put the number in quotes, so that no digit of it is lost"},
        {"{\"path\":\"\"}", "data.path: is empty; give it a value"},
        {"{\"path\":\"?\"}", UNKNOWN},
        {"{\"path\":\"/service/cloud/auth\"}", UNKNOWN},
        {"{\"path\":\"/service/cloud/task/\"}", UNKNOWN},
        {"{\"path\":\"/service/cloud/../cloud/task\"}", UNKNOWN},
        {"{\"path\":\"/SERVICE/cloud/task\"}", UNKNOWN},
        {"{\"path\":\"https://evil.example/service/cloud/task\"}", UNKNOWN},
        {"{\"path\":\"@evil.example/service/cloud/task\"}", UNKNOWN},
        {"{\"path\":\"/service/cloud/task#x\"}", UNKNOWN},
        {"{\"path\":\"/service/cloud/task?\"}",
         "data.path: /service/cloud/task takes no query; what it asks for goes into data.body"},
        {"{\"path\":\"/service/cloud/operation?TaskID=1\"}",
         "data.path: /service/cloud/operation takes no query; what it asks for goes into data.body"},
        {"{\"path\":\"/service/cloud/detail\"}",
         "data.path: /service/cloud/detail needs the query ?TaskID=<id>, and that alone"},
        {"{\"path\":\"/service/cloud/detail?TaskID=\"}",
         "data.path: /service/cloud/detail needs the query ?TaskID=<id>, and that alone"},
        {"{\"path\":\"/service/cloud/detail?taskid=1\"}",
         "data.path: /service/cloud/detail needs the query ?TaskID=<id>, and that alone"},
        {"{\"path\":\"/service/cloud/detail?TaskID=1&x=2\"}",
         "data.path: /service/cloud/detail needs the query ?TaskID=<id>, and that alone"},
        {"{\"path\":\"/service/cloud/detail?TaskID=a b\"}",
         "data.path: byte 9 of the query may not stand there as it is; write %XX"},
        {"{\"path\":\"/service/cloud/list?a=1#b\"}",
         "data.path: byte 4 of the query may not stand there as it is; write %XX"},
        {"{\"path\":\"/service/cloud/list?名=1\"}",
         "data.path: byte 1 of the query may not stand there as it is; write %XX"},
        {"{\"path\":\"/service/cloud/list\\r\\nx: y\"}", "data.path: holds control characters; take them out"},
        {"{\"path\":\"/service/cloud/list\",\"body\":{}}",
         "data.body: /service/cloud/list is asked with GET and takes none; leave it out"},
        {"{\"path\":\"/service/cloud/task\",\"method\":\"GET\"}",
         "data.method: not a member of airudder.request; it takes path, body"},
        {"{\"path\":\"/service/cloud/task\",\"options\":{}}",
         "data.options: not a member of airudder.request; it takes path, body"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_refused(&bench, "airudder.request", rows[i].data, rows[i].error);
    }
    assert_refused(&bench, "airudder.request",
                   arena_printf(bench.arena, "{\"path\":\"/service/cloud/list?%01024d\"}", 0).data,
                   "data.path: has 1044 bytes; at most 1024 are allowed");
}

static void
the_token_is_asked_for_with_key_and_secret(void **state)
{
    (void)state;
    bench.settings[1] = slice_from("a\"b");
    assert_composed(&bench, "", NULL, "{\"APPKey\":\"the-app_key\",\"APPSecret\":\"a\\\"b\"}");
    calling_sign(&bench, "");
    assert_slice(bench.request.method, "POST");
    assert_slice(bench.request.path, "/service/cloud/auth");
    assert_slice(calling_header(&bench, "Authorization"), "");
    assert_slice(calling_header(&bench, "Content-Type"), "application/json");
}

/* --- answers --- */

static void
answers_mean_what_code_or_status_say(void **state)
{
    static const struct {
        unsigned status;
        const char *body;
        enum call_code meaning;
        enum call_acted acted;
        enum call_repeat repeat;
        const char *vendor_code;
    } rows[] = {
        {200, "{\"code\":200}", CALL_OK, ACTED_YES, REPEAT_NEVER, "200"},
        {200, "{\"code\":\"200\",\"status\":\"?\"}", CALL_OK, ACTED_YES, REPEAT_NEVER, "200"},
        {200, "{\"status\":\"OK\",\"data\":{}}", CALL_OK, ACTED_YES, REPEAT_NEVER, ""},
        {200, "{\"status\":\"OK\",\"code\":null}", CALL_OK, ACTED_YES, REPEAT_NEVER, ""},
        {200, "{\"status\":\"OK\",\"code\":500}", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, "500"},
        {200, "{\"status\":\"OK\",\"code\":{}}", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, ""},
        {200, "{\"status\":\"ok\"}", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, ""},
        {200, "{\"status\":true}", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, ""},
        {200, "{\"code\":401}", CALL_CREDENTIALS, ACTED_NO, REPEAT_FRESH_TOKEN, "401"},
        {200, "{\"code\":403}", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER, "403"},
        {200, "{\"code\":429}", CALL_LIMIT, ACTED_NO, REPEAT_AFTER_WINDOW, "429"},
        {401, "", CALL_CREDENTIALS, ACTED_NO, REPEAT_FRESH_TOKEN, "http_401"},
        {401, "{\"code\":200}", CALL_CREDENTIALS, ACTED_NO, REPEAT_FRESH_TOKEN, "http_401"},
        {401, "{\"code\":401}", CALL_CREDENTIALS, ACTED_NO, REPEAT_FRESH_TOKEN, "401"},
        {403, "<html>", CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER, "http_403"},
        {429, "", CALL_LIMIT, ACTED_NO, REPEAT_AFTER_WINDOW, "http_429"},
        {400, "{\"code\":400}", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, "400"},
        {301, "{\"code\":200}", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, "http_301"},
        {404, "{\"status\":\"OK\"}", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, "http_404"},
        {500, "{\"code\":200}", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, "http_500"},
        {500, "{\"code\":401}", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, "401"},
        {200, "", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, ""},
        {200, "OK", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, ""},
        {200, "[200]", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, ""},
        {200, "{\"code\":200,\"code\":200}", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, ""},
        {200, "{\"code\":200.0}", CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE, "200.0"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct vendor_answer *answer = answered("airudder.request", rows[i].status, rows[i].body);

        assert_meaning(answer, rows[i].meaning, rows[i].acted, rows[i].repeat);
        assert_slice(answer->vendor_code, rows[i].vendor_code);
        assert_int_equal(answer->wait_ms, rows[i].meaning == CALL_LIMIT ? 3600000 : 0);
        assert_null(answer->item_ids);
        assert_false(answer->items_missing);
        if (rows[i].meaning == CALL_OK) {
            assert_slice(answer->answer, rows[i].body);
        }
        if (rows[i].meaning == CALL_CREDENTIALS) {
            assert_slice(answer->answer, "");
        }
    }
}

static void
the_account_knows_better_than_the_table(void **state)
{
    static const struct code_rule overrides[] = {
        {"400", CALL_INVALID, ACTED_NO, REPEAT_NEVER},
        {"http_403", CALL_REFUSED, ACTED_NO, REPEAT_NEVER},
        {0},
    };

    (void)state;
    rules = overrides;
    assert_meaning(answered("airudder.request", 200, "{\"code\":400}"), CALL_INVALID, ACTED_NO, REPEAT_NEVER);
    assert_meaning(answered("airudder.request", 500, "{\"code\":400}"), CALL_INVALID, ACTED_NO, REPEAT_NEVER);
    assert_meaning(answered("airudder.request", 403, ""), CALL_REFUSED, ACTED_NO, REPEAT_NEVER);
    assert_meaning(answered("airudder.request", 401, ""), CALL_CREDENTIALS, ACTED_NO, REPEAT_FRESH_TOKEN);
}

static void
a_token_is_valid_for_a_day(void **state)
{
    const struct vendor_answer *answer = answered(
        "", 200, "{\"data\":{\"token\":\"" TOKEN "\"},\"status\":\"OK\",\"code\":200,\"message\":\"" TOKEN "\"}");

    (void)state;
    assert_meaning(answer, CALL_OK, ACTED_YES, REPEAT_NEVER);
    assert_slice(answer->token, TOKEN);
    assert_int_equal(answer->token_seconds, 86400);
    assert_slice(answer->answer, "");
    assert_slice(answer->vendor_message, "");
}

static void
what_is_no_token_is_refused(void **state)
{
    static const char *const bodies[] = {
        "{\"code\":200}",
        "{\"code\":200,\"data\":null}",
        "{\"code\":200,\"data\":\"" TOKEN "\"}",
        "{\"code\":200,\"token\":\"" TOKEN "\"}",
        "{\"code\":200,\"data\":{\"token\":7}}",
        "{\"code\":200,\"data\":{\"token\":\"\"}}",
        "{\"code\":200,\"data\":{\"token\":\"a\\r\\nx: y\"}}",
        "{\"code\":200,\"data\":{\"token\":\"a b\"}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        const struct vendor_answer *answer = answered("", 200, bodies[i]);

        assert_meaning(answer, CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE);
        assert_slice(answer->token, "");
        assert_slice(answer->answer, "");
        assert_int_equal(answer->token_seconds, 0);
    }
    assert_meaning(answered("", 401, "{\"data\":{\"token\":\"" TOKEN "\"}}"), CALL_CREDENTIALS, ACTED_NO, REPEAT_NEVER);
    assert_slice(bench.answer.token, "");
    assert_slice(bench.answer.answer, "");
}

static void
deep_and_long_answers_prove_nothing(void **state)
{
    char *deep = arena_alloc(bench.arena, 100001);

    (void)state;
    assert_non_null(deep);
    for (size_t i = 0; i < 100000; i += 5) {
        memcpy(deep + i, "{\"a\":", 5);
    }
    deep[100000] = '\0';
    assert_meaning(answered("airudder.request", 200, deep), CALL_INTERNAL, ACTED_MAYBE, REPEAT_IF_SAFE);
    assert_slice(bench.answer.answer, "");
    answered("airudder.request", 200,
             arena_printf(bench.arena, "{\"code\":\"%0100d\",\"message\":\"%0600d\"}", 0, 0).data);
    assert_int_equal(bench.answer.vendor_code.length, 64);
    assert_int_equal(bench.answer.vendor_message.length, 512);
}

static void
the_operation_is_never_repeated(void **state)
{
    const struct call_side *calls = bench.adapter->calls;

    (void)state;
    assert_false(calling_operation(&bench, "airudder.request")->safe_to_repeat);
    assert_false(calling_operation(&bench, "airudder.request")->rings_customer);
    assert_true(calling_operation(&bench, "")->safe_to_repeat);
    assert_int_equal(calls->token_ahead_ms, 3600000);
    assert_int_equal(calls->limits.requests, 0);
    assert_int_equal(calls->limits.concurrency, 4);
    assert_true(calls->account_settings[1].secret);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(paths_have_their_method),
        TEST(bodies_pass_through_digit_for_digit),
        TEST(other_requests_are_refused),
        TEST(the_token_is_asked_for_with_key_and_secret),
        TEST(answers_mean_what_code_or_status_say),
        TEST(the_account_knows_better_than_the_table),
        TEST(a_token_is_valid_for_a_day),
        TEST(what_is_no_token_is_refused),
        TEST(deep_and_long_answers_prove_nothing),
        TEST(the_operation_is_never_repeated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
